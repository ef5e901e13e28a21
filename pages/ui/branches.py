"""“Go on from here”: the popover that forks a run, and the branch beside it under one cursor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from core.trajectory import Trajectory
from lessons.address import BRANCH, FRAME
from lessons.branching import CHANGES, Branch, branch_spec, read_branch, words, write_branch
from lessons.fields import BadValue, Choice
from lessons.lesson import Lesson
from pages.components.plain import plain, shortened
from pages.components.player import Film
from pages.server.session import LessonState
from pages.ui.controls import frame_of, in_address
from pages.ui.films import Films
from pages.ui.stage import Beside, Pins

AS_IT_WAS = "as it was"
SHORTEST = 40  # characters of a prompt in a label


def with_branch(lesson: Lesson, pins: Pins, own: Beside) -> tuple[Pins, Beside]:
    """The pinned runs, and behind them the branch of the page's own run, if there is one; the fork is marked in both."""
    branch = _branch(lesson)
    if branch is None:
        return pins, own
    try:
        spec = branch_spec(own.spec, branch)
    except BadValue as error:
        st.warning(f"The branch was left out: {plain(str(error))}", icon=":material/call_split:")
        return pins, own
    films = _marked(own.films, branch.at)
    forked = Beside(shortened(words(branch), SHORTEST), spec, films, f"From frame {branch.at + 1}")
    return Pins((*pins.runs, forked), pins.own or AS_IT_WAS), replace(own, films=films)


def _marked(films: Films, at: int) -> Films:
    def marked(film: Film) -> Film:
        return replace(film, marks=sorted({*film.marks, at}) if at < film.total else film.marks)

    return Films(
        lambda trajectory: marked(films.finished(trajectory)),
        lambda pixels, total: marked(films.live(pixels, total)),
        f"{films.key} fork {at}",
    )


def in_branch(lesson: Lesson) -> bool:
    """Whether the page shows a run beside a branch of it."""
    return bool(in_address(lesson, BRANCH))


def branch_row(lesson: Lesson, trajectory: Trajectory, first: int = 0) -> None:
    """The way to a branch from frame `first` on; where there is one, what it is, and how to be rid of it."""
    branch, steps = _branch(lesson), trajectory.meta["steps"]
    if branch is None:
        with st.popover(
            "Go on from here", icon=":material/call_split:", key=LessonState(lesson).key("branch")
        ):
            _form(lesson, steps, first)
        return
    at = min(branch.at, len(steps) - 1)
    st.button(
        "Take the branch away", icon=":material/call_merge:", type="tertiary",
        key=LessonState(lesson).key("branch/away"), on_click=_leave, args=(lesson,),
    )  # fmt: skip
    st.caption(
        f"One run up to frame {at + 1} (t = {steps[at]['t']:.3g}); from there one goes on as it was, the other with "
        f"{plain(shortened(words(branch), SHORTEST))}."
    )


def _form(lesson: Lesson, steps: list[Mapping[str, Any]], first: int) -> None:
    """What is to be otherwise, and from which frame on: where the player stands, unless another is chosen."""
    state = LessonState(lesson)
    here = frame_of(st.query_params.get(FRAME, ""))
    here = first + (len(steps) - first) // 3 if here is None else max(first, min(here, len(steps) - 1))
    st.markdown("From this frame on the run changes what you write here, and nothing else.")
    with st.form(state.key("branch/form"), border=False):
        boxes = [*st.columns(2), *st.columns(2)]  # the whole form is to be seen above its button
        frame = first + 1
        if (
            len(steps) > first + 1
        ):  # a slider needs two ends, and a run that begins at its last step has one frame
            frame = boxes.pop(0).slider(
                "From frame", first + 1, len(steps), here + 1, key=state.key(f"branch/at/{here}/{len(steps)}"),
                help=f"Frame {first + 1} has t = {steps[first]['t']:.3g}, frame {len(steps)} has t = {steps[-1]['t']:.3g}.",
            )  # fmt: skip
        typed = {}
        for name in lesson.branches:
            with boxes.pop(0) if boxes else st.container():
                typed[name] = _box(lesson, name)
        asked = st.form_submit_button("Go on", icon=":material/call_split:", type="primary")
    if not asked:
        return
    try:
        changes = {name: CHANGES[name].parse(text) for name, text in typed.items() if text}
    except BadValue as error:
        st.warning(plain(str(error)), icon=":material/edit:")
        return
    if not changes:
        st.warning(
            f"Change something: {', '.join(CHANGES[name].label for name in lesson.branches)}.",
            icon=":material/edit:",
        )
        return
    state.branch = write_branch(Branch(frame - 1, changes))
    state.stage().frame = frame - 1
    state.go = True
    st.rerun()


def _box(lesson: Lesson, name: str) -> str:
    """One change; "" where it is to stay as it was."""
    field, key = CHANGES[name], LessonState(lesson).key(f"branch/{name}")
    if isinstance(field, Choice):
        chosen = st.segmented_control(
            field.label, field.options, key=key, format_func=field.label_of, wrap=True
        )
        return chosen or ""
    return st.text_input(field.label, key=key, placeholder=AS_IT_WAS, help=field.help or None).strip()


# ---- in the session and in the address ---------------------------------------------------------------------


def _branch(lesson: Lesson) -> Branch | None:
    text = in_address(lesson, BRANCH)
    return read_branch(lesson, text) if text else None


def _leave(lesson: Lesson) -> None:
    LessonState(lesson).branch = ""
