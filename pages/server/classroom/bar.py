"""The bar over every page of a class: who is followed, and the question that the class is asked."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import streamlit as st

from core.classroom.rooms import Person, RoomState
from core.classroom.words import ClassroomError, spaced
from lessons.address import FRAME, NOT_FOLLOWED
from lessons.course import COURSE
from lessons.lesson import Lesson
from pages.components.address import base
from pages.components.common import joined
from pages.server.classroom.ask import lead_question, student_question
from pages.server.classroom.identity import account, person, rooms, token
from pages.server.classroom.routes import question_shown
from pages.server.session import LessonState, enter_anew

HERE = Path(__file__).parent
COMMON = ("leaving", "tab_storage")
KEY = "classroom/bar"
BY_PATH: dict[str, Lesson] = {lesson.url_path: lesson for lesson in COURSE}

_mount = st.components.v2.component(
    "classroom_bar",
    html=(HERE / "bar.html").read_text(encoding="utf-8"),
    css=(HERE / "bar.css").read_text(encoding="utf-8"),
    js=joined(HERE / "js", ("bar",), common=COMMON),
)


def class_bar(url_path: str, lesson: Lesson | None = None) -> None:
    """Drawn above the page at `url_path`. Who has logged in and is in no class may join one; others see nothing.

    `lesson` is the page's, as it is under the model of the settings: its question can be put to the class.
    """
    who = person()
    if who is not None:
        _draw(who, lesson)
    elif (somebody := account()) and url_path != "class":  # where the door stands
        from pages.server.classroom.login_entry import choose_room

        choose_room(somebody)


@st.fragment  # a question, an answer redraw this much, and not the lesson below
def _draw(who: Person, lesson: Lesson | None) -> None:
    try:
        state = rooms().state(token())
        with st.container(key="classroom-bar", gap="small"):
            _bar(who, state)
            if state.question is not None:
                (lead_question if who.leads else student_question)(state.question)
            elif who.leads and lesson and lesson.question:
                lead_question(None, lesson)
    except (
        ClassroomError
    ):  # removed, or the room was closed, also in between: the page begins anew with the way in
        st.rerun()
    if wanted := (st.session_state.get(KEY) or {}).get("go"):
        _go(wanted)


def _bar(who: Person, state: RoomState) -> None:
    _mount(
        key=KEY,
        data={
            "leads": who.leads,
            "code": who.code,
            "spaced": spaced(who.code),
            "base": base(),
            "not_followed": NOT_FOLLOWED,
            "instructor": state.instructor,
            "pages": {path: f"{lesson.code} · {lesson.title}" for path, lesson in BY_PATH.items()},
            "question_shown": question_shown(
                state.question,
                rooms().tally(token(), state.question.id) if who.leads and state.question else None,
            ),
        },
        on_go_change=lambda: None,
        on_redraw_change=lambda: None,
    )


def _go(wanted: dict) -> None:
    """Moves this session to where the instructor is: the page as its address describes it, and nothing else."""
    page, frame = wanted.get("page"), wanted.get("frame")
    lesson = BY_PATH.get(page)
    if lesson is None and page != "":
        return
    parameters = dict(parse_qsl(str(wanted.get("query", "")), max_num_fields=100))
    if lesson is not None:
        LessonState(lesson).forget()  # what the address does not name is at its default again
        if isinstance(frame, int):
            parameters[FRAME] = str(frame)
    enter_anew()
    st.switch_page(f"{lesson.slug}.py" if lesson else "home.py", query_params=parameters)
