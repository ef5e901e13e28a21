"""Pinned runs: kept beside the page's own, under one cursor, and in the address as a part of the state.

A pin is the values of the controls with which its run was made, so a link brings it back on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from lessons.address import PIN
from lessons.characters import visible
from lessons.fields import BadValue, Field, PictureRef, Text
from lessons.lesson import Lesson
from lessons.loading import UPLOAD
from lessons.pins import MOST, read_pins, write_pins
from pages.components.plain import plain, shortened
from pages.server.session import LessonState
from pages.ui.stage import NO_PINS, Beside, Pins

SHORTEST = 28  # characters of a prompt in a label

Values = dict[str, Any]
Run = Callable[[Values], Beside]  # of the controls' values: the job, and how it is shown


def pinned(lesson: Lesson, values: Values, run: Run) -> Pins:
    """The pinned runs, named by what they differ in; one that the controls are set to now stands once."""
    pins = _pins(lesson)
    others = [pin for pin in pins if pin != values]
    if not others:
        return NO_PINS
    differing = [f for f in lesson.fields if any(pin[f.name] != values[f.name] for pin in others)]
    runs = []
    for pin in others:
        try:
            runs.append(replace(run(pin), label=_label(differing, pin)))
        except BadValue as error:
            st.warning(f"A pinned run was left out: {plain(str(error))}", icon=":material/keep_off:")
    return Pins(tuple(runs), _label(differing, values))


def pin_row(lesson: Lesson, values: Values, there: bool) -> None:
    """The button that pins the run, which waits until one is `there`, and one for each pin that takes it away."""
    pins = _pins(lesson)
    names = [f for f in lesson.fields if any(pin[f.name] != values[f.name] for pin in pins)]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if values not in pins:
            st.button(
                "Pin to compare", icon=":material/keep:", key=f"{lesson.slug}/pin", on_click=keep_run,
                args=(lesson, dict(values)), disabled=not there or len(pins) >= MOST,
                help=f"{MOST} runs are pinned; take one away first." if len(pins) >= MOST else
                "Keeps this run beside the next ones. Then change a control or take a preset.",
            )  # fmt: skip
        for k, pin in enumerate(pins):
            st.button(
                f"Unpin {plain(_label(names, pin)) or 'this run'}", icon=":material/keep_off:",
                key=f"{lesson.slug}/unpin/{k}", on_click=_unpin, args=(lesson, k), type="tertiary",
            )  # fmt: skip
        if pins == [values]:
            st.caption("Pinned. Change a control or take a preset: both runs will stand side by side.")


# ---- in the session and in the address ---------------------------------------------------------------------


def _pins(lesson: Lesson) -> list[Values]:
    """The pins of this page; its address is read when the page is entered, and follows afterwards."""
    state = LessonState(lesson)
    if state.pins is None:
        state.pins = []
        if text := st.query_params.get(PIN):  # which controls.py has taken out if it cannot be followed
            state.pins = read_pins(lesson, text)
            state.go = True
    text = write_pins(lesson, state.pins)
    if not state.pins:
        st.query_params.pop(PIN, None)
    elif st.query_params.get(PIN) != text:
        st.query_params[PIN] = text
    return state.pins


def keep_run(lesson: Lesson, values: Values) -> None:
    """Keeps the run of these values beside the next ones, while there is room for one more."""
    pins = _pins(lesson)
    if values not in pins and len(pins) < MOST:
        LessonState(lesson).pins = [*pins, values]


def _unpin(lesson: Lesson, k: int) -> None:
    state = LessonState(lesson)
    state.pins = [pin for n, pin in enumerate(state.pins) if n != k]


def _label(fields: list[Field], values: Mapping[str, Any]) -> str:
    """“Seed 3, Steps 100”: these fields alone."""
    return ", ".join(_word(field, values[field.name]) for field in fields)


def _word(field: Field, value: Any) -> str:
    text = field.encode(value)
    if isinstance(field, Text):
        text = visible(text)  # what cannot be seen would make two labels look alike
        return f"“{shortened(text, SHORTEST)}”"
    if isinstance(field, PictureRef) or field.name == "mask":
        return f"own {field.label.lower()}" if text.startswith(UPLOAD) else text
    return f"{field.label} {text}"
