"""What a class fetches from the server's own routes, below a path as behind a proxy; and what the WebSocket is spared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Response, Route, expect

from lessons.course import COURSE
from tests.browser.class_people import SECRET, SLOW, open_room

pytestmark = pytest.mark.browser
LESSON = {lesson.code: lesson for lesson in COURSE}
FILM_BYTES = 400_000  # at least, of A1’s film, deflated
FETCHED = """() => performance.getEntriesByType("resource").filter((entry) => entry.name.includes("/films/"))
    .map((entry) => [entry.name, entry.transferSize])"""


@dataclass
class Server:
    address: str


@pytest.fixture(scope="module")
def server(serve) -> Server:
    return Server(serve("streamlit_app.py", below="course", DIFFUSION_CLASS_SECRET=SECRET))


@pytest.fixture
def member(new_page: Callable[..., Page], server: Server) -> Iterator[Callable[..., Page]]:
    """`member()` is a page of somebody in the class. `page.films` are the answers with films that it has got."""

    def make(**options: object) -> Page:
        page = new_page(**options)
        page.set_default_timeout(SLOW)
        open_room(page, server)
        page.films = []

        def note(answer: Response) -> None:
            if "/films/" in answer.url:
                page.films.append(answer)

        page.on("response", note)
        return page

    return make


def visit(page: Page, server: Server, code: str, query: str = ""):
    """Opens a lesson by its address; returns its player once it shows a frame."""
    page.goto(f"{server.address}/{LESSON[code].url_path}{query}")
    player = page.locator(".player[data-frame]")
    expect(player).to_be_visible(timeout=SLOW)
    settled(page)
    return player


def settled(page: Page) -> None:
    """Waits until the page's script has ended, and a little longer."""
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=SLOW
    )
    page.wait_for_timeout(1500)


def test_a_finished_film_is_fetched_once_and_spares_the_websocket(member, server):
    page = member()
    page.traffic.reset()
    player = visit(page, server, "A1")
    (film,) = page.films
    assert urlsplit(film.url).path.startswith("/course/films/")
    assert film.status == 200
    size = int(film.headers["content-length"])
    assert size > FILM_BYTES
    assert len(film.body()) == size
    assert page.traffic.received_bytes < size / 2
    ((name, sent),) = page.evaluate(FETCHED)
    assert sent > size

    # a second visit: the browser has it
    page.traffic.reset()
    page.reload()
    expect(player).to_be_visible(timeout=SLOW)
    settled(page)
    assert page.evaluate(FETCHED) == [[name, 0]], "the film was sent again"
    assert page.traffic.received_bytes < size / 2

    # and scrubbing is the browser's own business
    canvas = player.locator("canvas[data-row=x_t]")
    before = canvas.evaluate("c => c.toDataURL()")
    box = player.locator(".timeline .range").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.traffic.reset()
    page.mouse.down()
    for step in range(12):
        page.mouse.move(box["x"] + (0.5 + 0.03 * step) * box["width"], box["y"] + box["height"] / 2)
        page.wait_for_timeout(30)
    page.wait_for_timeout(900)
    assert canvas.evaluate("c => c.toDataURL()") != before
    assert page.traffic.sent == 0
    page.mouse.up()


@pytest.mark.journey
def test_a_film_that_has_left_the_server_is_asked_for_again_unseen(member, server):
    page = member(errors_allowed=("Failed to load resource",))
    asked = []

    def gone_at_first(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=404, json={"error": "This film is not here, or no longer."})
        else:
            route.continue_()

    page.route("**/films/*", gone_at_first)
    player = visit(page, server, "A1")
    assert len(asked) == 2 and asked[0] == asked[1]
    expect(player.locator(".problem")).to_be_hidden()


@pytest.mark.journey
def test_a_film_that_cannot_be_had_gets_one_sentence(member, server):
    page = member(errors_allowed=("Failed to load resource",))
    page.route("**/films/*", lambda route: route.fulfill(status=404, json={"error": "gone"}))
    page.goto(f"{server.address}/{LESSON['A1'].url_path}")
    problem = page.locator(".player .problem")
    expect(problem).to_contain_text("the server does not keep it. Reload the page", timeout=SLOW)


def test_nobody_outside_the_class_gets_the_film(member, new_page, server):
    page = member()
    visit(page, server, "A1")
    outsider = new_page(errors_allowed=("Failed to load resource",))
    outsider.goto(server.address)
    expect(outsider.get_by_role("heading", name="Join your class")).to_be_visible(timeout=SLOW)
    status, text = outsider.evaluate(
        "async (url) => { const answer = await fetch(url); return [answer.status, await answer.text()]; }",
        page.films[0].url,
    )
    assert status == 403
    assert re.search("join it with its code", text)


@pytest.mark.journey
def test_a_running_job_is_watched_over_http_and_the_page_is_told_once(member, server):
    page = member()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/progress?" in request.url else None)
    player = visit(page, server, "A0", "?steps=50")
    page.get_by_role("slider", name="Steps").press("End")
    run, cancel = (page.get_by_role("button", name=name, exact=True) for name in ("Run", "Cancel"))
    run.click(timeout=SLOW)
    live = page.get_by_text(re.compile(r"\d+ of 100 frames computed"))
    expect(live).to_be_visible(timeout=SLOW)
    settled(page)

    page.traffic.reset()
    asked.clear()
    before = int(live.inner_text().split()[0])
    page.wait_for_timeout(4000)
    now = int(live.inner_text().split()[0])
    assert now > before
    assert len(asked) >= 4
    assert page.traffic.received == 0, "the WebSocket is not asked"
    lacked = [int(url.split("after=")[1]) for url in asked]
    assert lacked == sorted(lacked) and lacked[0] >= before - 1 and lacked[-1] > lacked[0]
    expect(player.locator(".told")).to_contain_text(re.compile(r"Step \d+ of 100"))

    # an earlier frame is the same picture afterwards; the hand stays where it is while frames arrive
    scrubber = player.locator(".timeline .range")
    scrubber.press("Home")
    expect(player).to_have_attribute("data-frame", "0")
    first = player.locator("canvas[data-row=x_t]").first.evaluate("c => c.toDataURL()")
    settled(page)
    page.traffic.reset()
    page.wait_for_timeout(1500)
    expect(player).to_have_attribute("data-frame", "0")

    expect(player.locator(".live")).to_be_hidden(timeout=SLOW)
    expect(page.get_by_role("button", name="Pin to compare")).to_be_enabled(timeout=SLOW)
    settled(page)
    assert page.traffic.sent == 1, "the end of the job is told once"
    expect(player).to_have_attribute("data-frame", "0")
    assert player.locator("canvas[data-row=x_t]").first.evaluate("c => c.toDataURL()") == first
    expect(cancel).to_be_hidden()
    count = len(asked)
    page.wait_for_timeout(1500)
    assert len(asked) == count, "a job that has ended is not asked for"


@pytest.mark.journey
def test_a_watched_job_can_be_cancelled_and_left_and_found_again(member, server):
    page = member()
    player = visit(page, server, "A0", "?steps=50")
    slider = page.get_by_role("slider", name="Steps")
    slider.press("End")
    slider.press("ArrowLeft")
    run, cancel = (page.get_by_role("button", name=name, exact=True) for name in ("Run", "Cancel"))
    run.click(timeout=SLOW)
    expect(player).to_be_visible(timeout=SLOW)
    page.reload()
    expect(player).to_be_visible(timeout=SLOW)
    settled(page)
    expect(page.get_by_text(re.compile(r"\d+ of \d+ frames computed"))).to_be_visible()
    cancel.click(timeout=SLOW)
    expect(run).to_be_visible(timeout=SLOW)
    expect(cancel).to_be_hidden()
    expect(page.locator(".player")).to_have_count(0)


@pytest.mark.journey
def test_a_view_that_has_left_the_server_is_registered_again_unseen(member, server):
    page = member(errors_allowed=("Failed to load resource",))
    asked = []

    def gone_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 3:
            route.fulfill(status=404, json={"error": "Nobody has shown this job here."})
        else:
            route.continue_()

    page.route("**/progress?*", gone_once)
    player = visit(page, server, "A0", "?steps=50")
    page.get_by_role("slider", name="Steps").press("Home")
    expect(page.get_by_role("button", name="Pin to compare")).to_be_enabled(timeout=SLOW)
    expect(player).to_be_visible(timeout=SLOW)
    expect(player.locator(".problem")).to_be_hidden()
    assert len(asked) >= 3  # of which one was told that it is gone; the job may have ended by the next look
