"""The frame of every lesson: claim, question, prose, derivation, code, sources, previous and next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.jobs import JobId, JobSpec
from core.trajectory import Trajectory
from lessons.address import WRONG
from lessons.course import PARTS, THE_END, neighbours
from lessons.fields import BadValue
from lessons.lesson import Lesson, Variant
from pages.components.phrases import phrases
from pages.components.plain import plain
from pages.components.style import page_style
from pages.server.runtime import model_of
from pages.server.session import LessonState
from pages.ui.controls import preset_on, preset_row, set_texts, set_values, values, write_url
from pages.ui.elsewhere import elsewhere_line
from pages.ui.fitted import card
from pages.ui.follow import SHOWN_FROM_ELSEWHERE
from pages.ui.pins import keep_run


@dataclass(frozen=True)
class Rooms:
    """The parts of a lesson's page: the figure, which stays where it is; the words beside it, which scroll; and what
    comes below both.
    """

    figure: DeltaGenerator
    side: DeltaGenerator  # the controls, below the question at the head of the words
    beside: DeltaGenerator  # what is read beside the figure, below the controls


ROOMS: ContextVar[Rooms] = ContextVar("rooms")  # of this run's page


@contextmanager
def lesson_page(lesson: Lesson) -> Iterator[dict[str, Any]]:
    """Opens the page with its claim and hands over the controls' values; closes it with the prose.

    The body of the `with` draws the picture and the controls.
    """
    page_style()
    lesson_box = st.container(key="lesson")  # page.css lays its parts out
    left = lesson_box.container(key="left")
    with left.container(key="head"):
        st.title(f"{lesson.code} · {lesson.title}", anchor=False)
        st.markdown(lesson.prose["Claim"])
    figure = left.container(key="figure")
    words = lesson_box.container(key="words")
    below = st.container(key="below")
    with words:
        state = values(lesson)
        preset_row(lesson)
        with st.container():
            _question(lesson)  # before what can be moved
        side, origin, beside = st.container(key="side"), st.container(), st.container(key="beside")
        from_elsewhere: dict[JobId, Trajectory] = {}
        SHOWN_FROM_ELSEWHERE.set(from_elsewhere)
        ROOMS.set(Rooms(figure, side, beside))
    with below:
        yield state
    with origin:
        elsewhere_line(lesson, from_elsewhere)
    write_url(lesson, state)
    with words:
        phrases(lambda wanted: set_texts(lesson, wanted), on=preset_on(lesson))
        _prose(lesson)
        _folds(lesson)
        _neighbours(lesson)
        st.caption(" · ".join([PARTS[lesson.part], f"{lesson.minutes} minutes", *_other_model(lesson)]))


def _other_model(lesson: Lesson) -> list[str]:
    """In Part A: whose pictures these are, where it is not the model that ships."""
    if lesson.part != "A" or card().ours:
        return []
    return [f"Model: {plain(card().name)}, which sees {card().text_tokens} tokens of a prompt"]


def picture_and_side() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Where the picture is drawn, and where the controls are. What a page draws in neither stands below both."""
    rooms = ROOMS.get()
    return rooms.figure, rooms.side


def beside_the_figure() -> DeltaGenerator:
    """Where a page draws what is to be compared with its figure: among the words, so that both are seen."""
    return ROOMS.get().beside


def variant_toggle(lesson: Lesson) -> Variant | None:
    """“Break it”: which mistake to run beside the right way; kept in the URL as `wrong`."""
    names = [variant.name for variant in lesson.variants]
    key = LessonState(lesson).key(WRONG)
    if key not in st.session_state:
        asked = st.query_params.get(WRONG)
        st.session_state[key] = asked if asked in names else None
        _ask_for_wrong(lesson)
    chosen = st.pills(
        "Break it: run it wrong on purpose", names, key=key, wrap=True, persist_state="session",
        format_func={variant.name: variant.label for variant in lesson.variants}.get,
        on_change=_ask_for_wrong, args=(lesson,),
    )  # fmt: skip
    if chosen is None:
        st.query_params.pop(WRONG, None)
        return None
    st.query_params[WRONG] = chosen
    variant = next(v for v in lesson.variants if v.name == chosen)
    st.caption(f"{variant.what} {variant.see}")
    return variant


def _ask_for_wrong(lesson: Lesson) -> None:
    """A mistake that is chosen is run at once."""
    LessonState(lesson).run_wrong = True


def _question(lesson: Lesson) -> None:
    """Predict, then reveal: the answer comes after a choice, and the picture shows it."""
    question = lesson.question
    if question is None:
        return
    with st.container(border=True, key="question"):
        st.markdown(f"**Before you move anything.** {question.text}")
        choice = st.radio(
            "Your guess",
            question.choices,
            index=None,
            key=f"{lesson.slug}/guess",
            label_visibility="collapsed",
            horizontal=True,
        )
        if choice is None:
            return
        right = question.choices.index(choice) == question.answer
        (st.success if right else st.info)(
            f"{'Yes.' if right else f'The answer is: {question.choices[question.answer]}.'} {question.because}"
        )
        if question.reveal:
            st.button(
                "Show it", icon=":material/visibility:", key=f"{lesson.slug}/reveal",
                on_click=_reveal, args=(lesson, dict(question.reveal)),
            )  # fmt: skip


def _reveal(lesson: Lesson, wanted: dict[str, Any]) -> None:
    """Answers with both runs side by side: the one that the question was asked of stays, pinned."""
    now = dict(LessonState(lesson).values)
    if lesson.pinnable and _job(lesson, now) != _job(lesson, now | wanted):
        keep_run(lesson, now)
    set_values(lesson, wanted)


def _job(lesson: Lesson, values: dict[str, Any]) -> JobSpec | None:
    """What would be computed; None where the values allow nothing."""
    try:
        return lesson.job(values, model_of(values))
    except BadValue:
        return None


def _prose(lesson: Lesson) -> None:
    with st.container(key="prose"):
        st.header("What to look for", anchor=False)
        st.markdown(lesson.prose["What to look for"])


def _folds(lesson: Lesson) -> None:
    _fold(lesson, "The derivation", ":material/function:", lambda: st.markdown(lesson.prose["Derivation"]))
    _fold(lesson, "The code that ran", ":material/code:", lambda: _code(lesson))
    _fold(
        lesson, "Where this comes from", ":material/menu_book:",
        lambda: st.markdown(lesson.prose["Where this comes from"]),
    )  # fmt: skip


@st.fragment
def _fold(lesson: Lesson, title: str, icon: str, draw: Callable[[], None]) -> None:
    """Filled when it is opened: formulas and coloured code are most of what a browser has to lay out on a page, and it
    would do so before it shows the first picture.
    """
    with st.expander(title, icon=icon, key=f"{lesson.slug}/fold/{title}", on_change="rerun") as fold:
        if fold.open:
            draw()


def _code(lesson: Lesson) -> None:
    sources = lesson.sources()
    for tab, (place, source) in zip(st.tabs([place for place, _ in sources]), sources, strict=True):
        tab.caption(place.split(":")[0].replace(".", "/") + ".py")
        tab.code(source, language="python")


def _neighbours(lesson: Lesson) -> None:
    before, after = neighbours(lesson)
    if after is None:
        with st.container(border=True):
            st.markdown(THE_END)
    left, right = st.columns(2)
    if before:
        left.page_link(
            f"{before.slug}.py", label=f"{before.code} · {before.title}", icon=":material/arrow_back:"
        )
    if after:
        with right, st.container(horizontal_alignment="right"):
            st.page_link(
                f"{after.slug}.py", label=f"{after.code} · {after.title}",
                icon=":material/arrow_forward:", icon_position="right",
            )  # fmt: skip
