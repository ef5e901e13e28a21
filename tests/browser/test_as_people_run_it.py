"""Browsers as people run them: translated, embedded, zoomed, on phones, with their storage switched off."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from lessons.course import COURSE
from tests.browser.cancelling import cancel_everything
from tests.browser.canvas_hand import Hand
from tests.browser.hostile_browser import NO_STORAGE, TRANSLATES

pytestmark = pytest.mark.browser
HERE = Path(__file__).parent
LESSON = {lesson.code: lesson for lesson in COURSE}
DRAWN = 120_000  # milliseconds
COMPUTED = 300_000


@pytest.fixture(scope="module")
def canvas_app(shared) -> str:
    return shared("tests/browser/canvas_app.py")


def opened(page: Page, address: str) -> Locator:
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=DRAWN)
    return page.locator(".player[data-frame]")


# ---- translation -------------------------------------------------------------------------------------------


def original(text: str) -> str:
    """What the emulated translation made its words of: it puts an accent on every letter."""
    return text.replace("\u0301", "")


def heading(page: Page, begins: str) -> None:
    """The page's title begins so, and is translated."""
    for _ in range(DRAWN // 200):
        said = page.locator("h1").first.inner_text()
        if original(said).startswith(begins) and said != original(said):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"The title is {original(said)!r}, not {begins!r}, or is not translated.")


@pytest.mark.journey
def test_a_translated_page_goes_on_being_the_page(page, app):
    """Titles, words that change with a control, and what a run leaves behind; the code stays code."""
    expect(opened(page, f"{app}/{LESSON['A1'].url_path}")).to_be_visible(timeout=DRAWN)
    page.evaluate(TRANSLATES)
    heading(page, "A1")
    claim = page.locator(".st-key-head p").first
    first = original(claim.inner_text())
    assert first == LESSON["A1"].prose["Claim"]
    page.get_by_test_id("stSidebarNav").get_by_role("link").nth(
        6
    ).click()  # Start, Kept, Class, A0, A1, A2, A3
    heading(page, "A3")
    for _ in range(100):  # the claim too
        if original(claim.inner_text()) == LESSON["A3"].prose["Claim"]:
            break
        page.wait_for_timeout(200)
    assert original(claim.inner_text()) == LESSON["A3"].prose["Claim"]
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=COMPUTED)
    page.get_by_test_id("stSlider").get_by_role("slider").first.press("ArrowRight")
    page.wait_for_timeout(2000)
    cancel_everything_translated(page)
    heading(page, "A3")
    page.get_by_test_id("stSidebarNav").get_by_role("link").nth(4).click()
    heading(page, "A1")
    page.get_by_test_id("stExpander").nth(0).locator("summary").click()
    expect(page.locator(".katex").first).to_be_visible(timeout=DRAWN)
    page.get_by_test_id("stExpander").nth(1).locator("summary").click()
    code = page.locator("code").filter(has_text="def ").first
    expect(code).to_be_visible(timeout=DRAWN)
    for untouched in (code, page.locator(".katex").first):
        assert "\u0301" not in untouched.inner_text()
    page.get_by_test_id("stSidebarNav").get_by_role("link").nth(
        0
    ).click()  # away: what was translated is taken out
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=COMPUTED)
    cancel_everything_translated(page)


def cancel_everything_translated(page: Page) -> None:
    for _ in range(100):
        pressed = page.evaluate(
            """() => [...document.querySelectorAll("button")]
            .filter((b) => b.innerText.replaceAll("\\u0301", "").trim().endsWith("Cancel")).map((b) => b.click()).length"""
        )
        state = page.get_by_test_id("stApp").get_attribute("data-test-script-state")
        if not pressed and state == "notRunning":
            return
        page.wait_for_timeout(300)
    raise AssertionError("There is still something to cancel.")


# ---- storage, frames ---------------------------------------------------------------------------------------


@pytest.mark.journey
def test_pages_work_with_storage_switched_off(new_page, app):
    page = new_page(reduced_motion="reduce")
    page.add_init_script(NO_STORAGE)
    player = opened(page, f"{app}/{LESSON['A1'].url_path}")
    expect(player).to_be_visible(timeout=DRAWN)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Class", exact=True).click()
    present = page.get_by_role("button", name="Present in this tab")
    present.click()  # whether this tab presents is kept in it
    expect(page.get_by_role("button", name="End presenting")).to_be_visible()
    page.get_by_role("button", name="End presenting").click()
    expect(present).to_be_visible()


def test_a_drawing_is_used_and_said_not_to_be_kept_with_storage_switched_off(new_page, canvas_app):
    page = new_page()
    page.add_init_script(NO_STORAGE)
    hand = Hand(page, canvas_app, mode="mask", size=32)
    hand.draw((4, 4), (20, 20))
    expect(hand.part("problem")).to_contain_text("cannot keep the drawing over a refresh")
    hand.part("use").click()
    expect(page.get_by_text("uses: 1")).to_be_visible()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """`elsewhere(body)`: the address of a page of another server, as a learning platform's, with this in its body."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def make(body: str) -> str:
        (tmp_path / "index.html").write_text(f"<!doctype html><title>Course</title><body>{body}</body>")
        return f"http://localhost:{server.server_port}/"

    yield make
    server.shutdown()
    server.server_close()


def test_a_lesson_works_embedded_in_a_page_of_another_site(browser, app, elsewhere):
    """“localhost” is another site than 127.0.0.1, so that the frame has no cookies of its own to begin with."""
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    lesson = LESSON["A1"]
    page.goto(
        elsewhere(
            f'<iframe src="{app}/{lesson.url_path}?embed=true&t=250" width="1000" height="700"></iframe>'
        )
    )
    frame = page.frame_locator("iframe")
    player = frame.locator(".player[data-frame]")
    expect(player).to_be_visible(timeout=DRAWN)
    slider = frame.get_by_test_id("stSlider").get_by_role("slider").first
    expect(slider).to_have_value("250")
    frame.get_by_role("button", name="t = 750", exact=True).click()
    expect(slider).to_have_value("750")
    assert not errors
    context.close()


# ---- screens -----------------------------------------------------------------------------------------------


def ratio(page: Page, value: float, width: int = 1400, height: int = 900) -> None:
    """As when a window is zoomed or moved to another screen: other pixels, the same room."""
    page.context.new_cdp_session(page).send(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": value, "mobile": False},
    )
    page.wait_for_function("(value) => Math.abs(devicePixelRatio - value) < 1e-3", arg=value)
    page.wait_for_timeout(2500)  # the page looks once a second


SCREEN_PIXELS = """(canvas) => [canvas.width, canvas.getBoundingClientRect().width * devicePixelRatio]"""


@pytest.mark.parametrize("value", [1.5, *(pytest.param(v, marks=pytest.mark.journey) for v in (0.67, 2, 3))])
def test_the_outline_of_a_mask_is_as_fine_as_the_screen_after_its_pixels_have_changed(
    page, canvas_app, value
):
    hand = Hand(page, canvas_app, mode="mask", size=64, under=1)
    hand.draw((10, 10), (50, 50))
    ratio(page, value)
    drawn, there = page.locator(".canvas .outline").evaluate(SCREEN_PIXELS)
    assert abs(drawn - there) <= 1
    contents = hand.contents
    for corner in ((2, 2), (61, 2), (2, 61), (61, 61)):  # ink lies under the pointer still
        hand.draw(corner, corner)
    assert hand.contents != contents
    mask = hand.use()[..., 0]
    assert all(mask[y, x] == 255 for x, y in ((2, 2), (61, 2), (2, 61), (61, 61)))


@pytest.mark.parametrize("value", [1.5, *(pytest.param(v, marks=pytest.mark.journey) for v in (0.67, 3))])
def test_pictures_are_laid_out_anew_for_the_pixels_of_another_screen(page, app, value):
    """Each pixel of a picture is a whole number of the screen's, or fills the room where that would waste a quarter."""
    player = opened(page, f"{app}/{LESSON['A1'].url_path}")
    expect(player).to_be_visible(timeout=DRAWN)
    ratio(page, value)
    side = player.locator("canvas[data-row=x_t]").first.evaluate(
        "(canvas) => canvas.getBoundingClientRect().width * devicePixelRatio / canvas.width"
    )
    room = player.locator(".stage").first.evaluate(
        "(stage) => stage.getBoundingClientRect().width * devicePixelRatio"
    )
    assert abs(side - round(side)) < 0.02 or np.isclose(64 * side, np.round(64 * side), atol=0.02), (
        side,
        room,
    )


# Streamlit's own page scrolls in its main section, not in the window.
TOO_WIDE = """() => {
  const main = document.querySelector('[data-testid="stMain"]');
  return [document.documentElement, main].map((e) => e.scrollWidth - e.clientWidth);
}"""


@pytest.mark.journey
@pytest.mark.parametrize("width", [320, 768])
def test_no_lesson_is_wider_than_the_window(new_page, app, width):
    page = new_page(width=width, height=800)
    wide = {}
    for lesson in COURSE:
        opened(page, f"{app}/{lesson.url_path}")
        expect(page.get_by_text("Where this comes from")).to_be_visible(timeout=DRAWN)
        page.wait_for_timeout(500)
        cancel_everything(page)
        if max(found := page.evaluate(TOO_WIDE)) > 0:
            wide[lesson.code] = found
    assert not wide, f"at {width} pixels: {wide}"


def test_a_finger_draws_under_itself_after_scrolling(new_page, canvas_app):
    page = new_page(width=390, height=500, has_touch=True, is_mobile=True)
    hand = Hand(page, canvas_app, mode="mask", size=64)
    hand.set_size(5)
    hand.surface.evaluate("(surface) => surface.scrollIntoView({ block: 'end' })")
    page.wait_for_timeout(300)
    page.touchscreen.tap(*hand.at((31.5, 12.5)))
    mask = hand.use()[..., 0]
    assert np.allclose(np.argwhere(mask).mean(axis=0), (12, 31), atol=0.51), "not under the finger"


# ---- paper -------------------------------------------------------------------------------------------------


@pytest.mark.journey
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_lesson_prints_as_a_handout(new_page, app, scheme):
    """Figure, prose and all that the folds hold, dark on white; nothing that a hand would use."""
    page = new_page(color_scheme=scheme)
    page.add_init_script("window.printed = 0; window.print = () => { window.printed++; };")
    lesson = LESSON["A1"]
    player = opened(page, f"{app}/{lesson.url_path}")
    expect(player).to_be_visible(timeout=DRAWN)
    expect(page.get_by_text("Where this comes from")).to_be_visible(timeout=DRAWN)
    page.wait_for_timeout(1500)
    page.keyboard.press("Control+p")
    page.wait_for_function("window.printed === 1", timeout=DRAWN)
    page.emulate_media(media="print")
    expect(page.locator("h1")).to_be_visible()
    expect(player.locator("canvas[data-row=x_t]").first).to_be_visible()
    expect(page.get_by_role("heading", name="What to look for")).to_be_visible()
    for words in ("The derivation", "The code that ran", "Where this comes from"):
        fold = page.get_by_test_id("stExpander").filter(has_text=words)
        expect(fold.get_by_test_id("stExpanderDetails")).to_be_visible()
    expect(page.locator(".katex").first).to_be_visible()
    expect(page.locator("code").filter(has_text="def ").first).to_be_visible()
    hidden = ("stSidebar", "stHeader", "stButton", "stSlider", "stPopover", "stPageLink")
    for test_id in hidden:
        assert page.get_by_test_id(test_id).filter(visible=True).count() == 0, test_id
    expect(player.locator(".transport .buttons")).to_be_hidden()
    for selector in ("h1", ".st-key-head p", ".katex"):
        ink = page.locator(selector).first.evaluate("(e) => getComputedStyle(e).color")
        assert ink == "rgb(0, 0, 0)", (selector, ink)
    assert (
        page.evaluate("window.printed") == 1
    )  # and a page that is open altogether is printed by the browser itself
    page.keyboard.press("Control+p")
    page.wait_for_timeout(500)
    assert page.evaluate("window.printed") == 1
