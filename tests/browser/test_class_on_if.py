"""A class that is taught with another model: a folder in the DeepFloyd IF format, an instructor and a student."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from lessons.course import COURSE
from tests.browser.class_people import SECRET, SLOW, at, join, open_room, press, visit
from tests.browser.test_classroom import player

pytestmark = pytest.mark.browser
FOLDER = os.environ.get("IF_FOLDER", "")  # a larger one, for make if-rehearsal
FIRST = 1_800_000 if FOLDER else SLOW  # milliseconds: A0 computed anew
LESSON = {lesson.code: lesson for lesson in COURSE}
A0, A6, A12 = LESSON["A0"], LESSON["A6"], LESSON["A12"]


@dataclass
class Served:
    """What the class's helpers ask of a server."""

    address: str


@pytest.fixture
def server(serve: Callable[..., str], course_if_folder: Path) -> Served:
    folder = FOLDER or str(course_if_folder)
    return Served(serve("streamlit_app.py", DIFFUSION_MODEL=folder, DIFFUSION_CLASS_SECRET=SECRET))


@pytest.mark.journey
def test_a_class_is_taught_with_a_folder_in_the_if_format(server, new_page: Callable[..., Page]):
    teacher, student = new_page(), new_page(width=420)
    for page in (teacher, student):
        page.set_default_timeout(SLOW)
    code = open_room(teacher, server)
    join(student, server, code, "Ada", path=A0.url_path)
    at(student, A0)

    # A0 on the course's own prompts: computed for the one, there for the other
    visit(teacher, A0)
    name = Path(FOLDER).name or "IF-I-tiny"
    for page in (teacher, student):
        expect(player(page)).to_be_visible(timeout=FIRST)
        expect(page.get_by_text(re.compile("frame 20 of 20"))).to_be_visible(timeout=FIRST)
        expect(page.get_by_text(name).first).to_be_visible(timeout=SLOW)
        expect(page.get_by_role("textbox", name="Prompt 2").first).to_have_value("a man wearing a hat")

    # a question that has nothing to do with training pictures is put to the class
    visit(teacher, A6)
    press(
        teacher.get_by_role("button", name="Lead the class"),
        teacher.get_by_text("The class follows this tab."),
    )
    at(student, A6)
    press(teacher.get_by_role("button", name="Ask the class"), teacher.get_by_text("The class is asked."))
    choice = A6.question.choices[A6.question.answer]
    student.locator(".st-key-classroom-bar").get_by_text(choice, exact=True).click(timeout=SLOW)
    expect(teacher.get_by_text(f"{choice}: 1")).to_be_visible(timeout=SLOW)
    press(
        teacher.get_by_role("button", name="Put the question away"),
        teacher.get_by_role("button", name="Ask the class"),
    )

    # A12 is about pictures that are not here: it says so to both, and asks nothing
    visit(teacher, A12)
    at(student, A12)
    for page in (teacher, student):
        expect(page.get_by_text("trained on pictures that are not here").first).to_be_visible(timeout=SLOW)
    expect(teacher.get_by_role("button", name="Ask the class")).to_have_count(0)
