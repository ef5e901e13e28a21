"""Three people draw, an instructor and two students, each in a browser of their own; and what a closed room leaves."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core.handwriting import figures_of_numbers
from lessons.class_draws import LESSON
from tests.browser.class_people import (
    SLOW,
    ClassServer,
    at,
    class_server,
    join,
    open_room,
    patient,
    press,
    visit,
)

pytestmark = pytest.mark.browser
STROKES = (((8, 6), (8, 22)), ((8, 6), (20, 6), (12, 22)), ((6, 14), (22, 14)), ((20, 5), (8, 14), (20, 23)))


@pytest.fixture
def new_page(new_page: Callable[..., Page]) -> Callable[..., Page]:
    """As everywhere, and patient: three browsers, a server and a training share the machine."""

    # who is put out by the closing of the room is refused what the page still asks for
    return patient(new_page, errors_allowed=("Failed to load resource",))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClassServer]:
    with class_server(tmp_path_factory.mktemp("class")) as made:
        yield made


def surface(page: Page) -> Locator:
    return page.locator(".canvas[data-drawing] .surface")


def give(page: Page, stroke: tuple[tuple[int, int], ...]) -> None:
    """Draws a stroke, in pixels of the drawing, and gives it to the class."""
    before = page.locator(".canvas[data-drawing]").get_attribute("data-drawing")
    sheet = surface(page)
    for k, (x, y) in enumerate(
        stroke
    ):  # each place where the drawing lies just then: others' drawings move it
        box = sheet.bounding_box()
        sheet.hover(position={"x": x * box["width"] / 28, "y": y * box["height"] / 28})
        if k == 0:
            page.mouse.down()
    page.mouse.up()
    expect(page.locator(".canvas[data-drawing]")).not_to_have_attribute("data-drawing", before)
    page.get_by_role("button", name="Give it to the class").click()


def count(page: Page, drawings: int) -> None:
    words = "1 drawing" if drawings == 1 else f"{drawings} drawings"
    expect(page.get_by_text(re.compile(rf"^{words} by"))).to_be_visible(timeout=SLOW)


def files(server: ClassServer, below: str) -> list[Path]:
    return [path for path in (server.folder / "data" / below).rglob("*") if path.is_file()]


@pytest.mark.journey
def test_a_class_draws_is_trained_on_and_leaves_nothing(server: ClassServer, new_page: Callable[..., Page]):
    teacher, ada, bob = new_page(), new_page(), new_page(width=420, color_scheme="dark")
    code = open_room(teacher, server)
    visit(teacher, LESSON)
    for page, name in ((ada, "Ada"), (bob, "Bob")):
        join(page, server, code, name, path=LESSON.url_path)
        at(page, LESSON)
        expect(surface(page)).to_be_visible(timeout=SLOW)

    # the collection grows on every page; a name stands there only for who wants it
    for k, page in enumerate((ada, ada, bob, teacher)):
        give(page, STROKES[k])
        for each in (teacher, ada, bob):
            count(each, k + 1)
    ada.get_by_text("My name may stand with the drawings").click()
    ada.wait_for_timeout(2000)
    expect(teacher.get_by_role("button", name="Close the collection and train")).to_be_disabled()
    give(ada, STROKES[0])
    for each in (teacher, ada, bob):
        count(each, 5)
        expect(each.get_by_text("with a name: 5 Ada")).to_be_visible(timeout=SLOW)
        expect(each.get_by_text("Bob")).to_have_count(0)

    # what was drawn is what is kept: strokes of light on black, where the hand went
    with sqlite3.connect(server.folder / "data" / "rooms.sqlite3") as table:
        rows = table.execute("SELECT pixels, named FROM drawings ORDER BY id").fetchall()
    assert [named for _, named in rows] == [0, 0, 0, 0, 1]
    for (pixels, _), stroke in zip(rows, (*STROKES, STROKES[0]), strict=True):
        for x, y in stroke:
            assert max(pixels[28 * row + x] for row in (y - 1, y)) > 100
        assert pixels[0] == pixels[27] == pixels[-1] == 0

    # the instructor closes it, and everybody sees the same training
    press(
        teacher.get_by_role("button", name="Close the collection and train"),
        teacher.locator(".player[data-frame]"),
    )
    for student in (ada, bob):
        expect(student.get_by_text("The collection is closed.")).to_be_visible(timeout=SLOW)
        expect(student.locator(".player[data-frame]")).to_be_visible(timeout=SLOW)
        expect(student.get_by_role("button", name="Give it to the class")).to_have_count(0)
        expect(student.get_by_role("button", name="Close the collection")).to_have_count(0)
    [blob] = files(server, "blobs")
    assert len(figures_of_numbers(blob.read_bytes())) == 5
    deadline = time.monotonic() + SLOW / 1000
    while not files(server, "checkpoints") and time.monotonic() < deadline:
        teacher.wait_for_timeout(500)
    assert files(server, "checkpoints"), "so that there is something to erase"

    # the room is closed while the training runs: names, drawings and what was made of them are gone
    teacher.get_by_test_id("stSidebarNav").get_by_role("link", name="Class", exact=True).click()
    press(
        teacher.get_by_role("button", name="Close the room"),
        teacher.get_by_role("button", name="Close it for all"),
    )
    press(
        teacher.get_by_role("button", name="Close it for all"),
        teacher.get_by_role("heading", name="Join your class"),
    )
    with sqlite3.connect(server.folder / "data" / "rooms.sqlite3") as table:
        for name in ("drawings", "collections", "trained"):
            assert table.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,), name
    # a training that had not stopped in that moment is erased when the next room is opened
    deadline = time.monotonic() + SLOW / 1000
    while files(server, "checkpoints") and time.monotonic() < deadline:
        teacher.wait_for_timeout(500)
    open_room(teacher, server)
    for below in ("blobs", "checkpoints", "results"):
        assert files(server, below) == [], below
    with sqlite3.connect(server.folder / "data" / "rooms.sqlite3") as table:
        assert table.execute("SELECT count(*) FROM to_erase").fetchone() == (0,)
