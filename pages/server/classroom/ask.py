"""“Ask the class”: a lesson's question, answered by everybody, counted live at the instructor's, then shown to all."""

from __future__ import annotations

import streamlit as st

from core.classroom.rooms import Question
from core.classroom.words import ClassroomError
from lessons.course import COURSE
from lessons.lesson import Lesson
from pages.server.classroom.identity import or_say, rooms, token

BY_SLUG = {lesson.slug: lesson for lesson in COURSE}


def lead_question(question: Question | None, lesson: Lesson | None = None) -> None:
    """The instructor's part: ask the question of `lesson`; see the answers come in; show them; put them away."""
    if question is None:
        st.button(
            "Ask the class", icon=":material/front_hand:", key="classroom/ask", help=lesson.question.text,
            on_click=or_say, args=(rooms().ask, token(), lesson.slug, len(lesson.question.choices)),
        )  # fmt: skip
        return
    if (asked := _asked(question)) is None:
        return
    counts = rooms().tally(token(), question.id)
    with st.container(border=True):
        st.markdown(f"**The class is asked.** {asked.question.text}")
        _histogram(asked, counts, show_answer=question.revealed)
        with st.container(horizontal=True, vertical_alignment="center"):
            if not question.revealed:
                st.button(
                    "Show the answers to all", type="primary", key="classroom/reveal",
                    on_click=or_say, args=(rooms().reveal, token()),
                )  # fmt: skip
            st.button(
                "Put the question away",
                key="classroom/away",
                on_click=or_say,
                args=(rooms().put_away, token()),
            )
            st.caption(f"{sum(counts)} of {rooms().present(token())} have answered")


def student_question(question: Question) -> None:
    """A student's part: answer, wait, see what the others thought."""
    if (asked := _asked(question)) is None:
        return
    with st.container(border=True):
        st.markdown(f"**Your class is asked.** {asked.question.text}")
        if question.revealed:
            _histogram(asked, rooms().tally(token(), question.id), show_answer=True, mine=_mine(question))
            return
        choices = asked.question.choices
        choice = st.radio(
            "Your answer", range(len(choices)), index=_mine(question), format_func=choices.__getitem__,
            key=f"classroom/answer/{question.id}", label_visibility="collapsed",
        )  # fmt: skip
        if choice is None:
            return
        try:
            rooms().answer(token(), question.id, choice)
            st.caption("Your answer is in. You can change it until the answers are shown.")
        except ClassroomError as error:
            st.warning(str(error), icon=":material/timer_off:")


def _asked(question: Question) -> Lesson | None:
    """The lesson whose question it is; None if another version of this app has asked it."""
    lesson = BY_SLUG.get(question.subject)
    fits = lesson is not None and lesson.question and len(lesson.question.choices) == question.choices
    return lesson if fits else None


def _mine(question: Question) -> int | None:
    return rooms().my_answer(token(), question.id)


def _histogram(lesson: Lesson, counts: list[int], *, show_answer: bool, mine: int | None = None) -> None:
    """A bar for each choice, as long as its share of the answers."""
    question, total = lesson.question, sum(counts)
    for k, (choice, count) in enumerate(zip(question.choices, counts, strict=True)):
        marks = ("  ✓ right" if show_answer and k == question.answer else "") + (
            "  · your answer" if k == mine else ""
        )
        st.progress(count / total if total else 0.0, text=f"{choice}: **{count}**{marks}")
    if show_answer:
        st.markdown(question.because)
