"""A class in real browsers: an instructor and students, each with cookies of their own, and a server that dies between.

The first test is the story of one lesson, since every new browser costs seconds; the second is of what is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from lessons.course import COURSE
from tests.browser.class_people import (
    SLOW,
    ClassServer,
    at,
    class_server,
    fill,
    join,
    open_room,
    patient,
    press,
    visit,
)

pytestmark = pytest.mark.browser
LESSON = {lesson.code: lesson for lesson in COURSE}
A1, A2 = LESSON["A1"], LESSON["A2"]
# What the server's death makes a browser say.
OF_A_DEAD_SERVER = (
    "Failed to load resource", "WebSocket", "ERR_CONNECTION_REFUSED", "Failed to fetch", "reaching server endpoint",
    "server is not responding", "DoInitPings timed out", "Connection timed out",
)  # fmt: skip


@pytest.fixture
def new_page(new_page: Callable[..., Page]) -> Callable[..., Page]:
    """As everywhere, and patient: two browsers and a server share the machine."""

    return patient(new_page)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClassServer]:
    with class_server(tmp_path_factory.mktemp("class")) as made:
        yield made


def player(page: Page) -> Locator:
    return page.locator(".player[data-frame]")


def bar(page: Page) -> Locator:
    return page.locator(".bar")


@pytest.mark.parametrize(
    "dies",
    [False, pytest.param(True, marks=pytest.mark.journey)],
    ids=["with its server", "though its server dies"],
)
def test_a_class_follows_lets_go_and_answers(server: ClassServer, new_page: Callable[..., Page], dies: bool):
    teacher = new_page(errors_allowed=OF_A_DEAD_SERVER)
    student = new_page(errors_allowed=OF_A_DEAD_SERVER, width=420, color_scheme="dark")
    code = open_room(teacher, server)
    expect(teacher.get_by_test_id("stImage").get_by_role("img")).to_be_visible(timeout=SLOW)
    # who has no code sees no lesson, and after joining is where the link led to
    join(student, server, code.lower(), "Ada", path=A2.url_path)
    at(student, A2)
    expect(bar(student)).to_contain_text("Dr. Kim is not leading", timeout=SLOW)
    expect(teacher.get_by_role("button", name="Ada")).to_be_visible(timeout=SLOW)
    expect(bar(teacher)).to_contain_text("1 student is here", timeout=SLOW)

    # page, parameters, cursor
    visit(teacher, A1)
    press(
        teacher.get_by_role("button", name="Lead the class"),
        teacher.get_by_text("The class follows this tab."),
    )
    at(student, A1)
    expect(bar(student)).to_contain_text("You follow Dr. Kim.")
    expect(player(student)).to_be_visible(timeout=SLOW)
    scrubber = player(teacher).locator(".timeline .range")
    scrubber.press("Home")
    scrubber.press("ArrowRight")
    expect(player(student)).to_have_attribute("data-frame", "1", timeout=SLOW)
    sent = student.traffic
    sent.reset()
    scrubber.press("ArrowRight")
    expect(player(student)).to_have_attribute("data-frame", "2", timeout=SLOW)
    assert sent.sent == 0, "the cursor moves in the browser alone"
    teacher.get_by_role("slider", name="Timestep t").press("Home")
    expect(student).to_have_url(re.compile(r"[?&]t=0(&|$)"), timeout=SLOW)
    expect(student.get_by_role("slider", name="Timestep t")).to_have_value("0", timeout=SLOW)

    # let go, and follow again
    press(student.get_by_role("button", name="Let go"), student.get_by_text("You are on your own."))
    visit(teacher, A2)
    expect(bar(student)).to_contain_text(f"is at A2 · {A2.title}", timeout=SLOW)
    at(student, A1)
    student.get_by_role("button", name="Follow again").click()
    at(student, A2)

    # a question
    press(teacher.get_by_role("button", name="Ask the class"), teacher.get_by_text("The class is asked."))
    expect(student.get_by_text("Your class is asked.")).to_be_visible(timeout=SLOW)
    choices = A2.question.choices
    student.locator(".st-key-classroom-bar").get_by_text(choices[0], exact=True).click(timeout=SLOW)
    expect(student.get_by_text("Your answer is in.")).to_be_visible(timeout=SLOW)
    expect(teacher.get_by_text(f"{choices[0]}: 1")).to_be_visible(timeout=SLOW)
    expect(student.get_by_text(f"{choices[0]}: 1")).to_have_count(0)

    if dies:  # the server, and not the room
        server.kill()
        expect(bar(student)).to_contain_text("The connection to the class is lost.", timeout=SLOW)
        server.start()
    expect(bar(student)).to_contain_text("You follow Dr. Kim.", timeout=SLOW)
    expect(teacher.get_by_text(f"{choices[0]}: 1")).to_be_visible(timeout=SLOW)
    press(
        teacher.get_by_role("button", name="Show the answers to all"),
        teacher.get_by_text(f"{choices[A2.question.answer]}: 0 ✓ right"),
    )
    expect(student.get_by_text(f"{choices[0]}: 1 · your answer")).to_be_visible(timeout=SLOW)
    expect(student.locator(".st-key-classroom-bar").get_by_text(A2.question.because)).to_be_visible(
        timeout=SLOW
    )

    # the room is closed: who was in it is out
    teacher.get_by_test_id("stSidebarNav").get_by_role("link", name="Class", exact=True).click()
    press(
        teacher.get_by_role("button", name="Close the room"),
        teacher.get_by_role("button", name="Close it for all"),
    )
    press(
        teacher.get_by_role("button", name="Close it for all"),
        teacher.get_by_role("heading", name="Join your class"),
    )
    expect(student.get_by_role("heading", name="Join your class")).to_be_visible(timeout=SLOW)


@pytest.mark.journey
def test_what_cannot_be_had_gets_one_sentence(server: ClassServer, new_page: Callable[..., Page]):
    page = new_page()
    code = open_room(page, server)
    for name in ("Ada", "Bob", "Cid"):
        join(new_page(), server, code, name)
        expect(page.get_by_role("button", name=name)).to_be_visible(timeout=SLOW)
    late = new_page()
    alert = late.get_by_test_id("stAlert")
    for typed, name, sentence in (
        ("BBBBBB" if code != "BBB BBB" else "CCCCCC", "Dan", "There is no open room with this code"),
        (code, "", "Give a name"),
        (code, "x" * 10_000, "This name is too long"),
        (code, "Dan", "This room is full: it has 3 places"),
    ):
        join(late, server, typed, name)
        expect(alert).to_contain_text(sentence, timeout=SLOW)
        expect(alert).to_have_count(1)
    late.get_by_text("I am the instructor").click()
    fill(late, "Name that students see", "Dr. Evil")
    late.get_by_label("Instructor’s secret").fill("let me in, please")
    late.wait_for_timeout(500)
    press(
        late.get_by_role("button", name="Open the room"),
        late.get_by_text("This is not the instructor’s secret").or_(
            late.get_by_text("This is not the instructor's secret")
        ),
    )
