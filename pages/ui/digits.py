"""Choosing a digit: one of the test set by its number, or one drawn here."""

from __future__ import annotations

import io
import random

import numpy as np
import streamlit as st
from PIL import Image

from core.datasets import DamagedDataFile, load_mnist
from core.media import png
from lessons.denoising_digits import DRAWING, TEST_DIGITS, DigitRef
from lessons.fields import BadValue
from lessons.lesson import Lesson
from pages.components.canvas import Drawing, canvas
from pages.components.plain import plain
from pages.server.runtime import blobs
from pages.server.session import LessonState
from pages.ui.controls import read_out
from pages.ui.still import still

SIDE = 28


@st.cache_resource(show_spinner=False)
def _test_pictures() -> np.ndarray:
    """uint8 (10000, 28, 28)."""
    return load_mnist("test").pictures[:, 0].numpy()


def digit_pixels(reference: str) -> np.ndarray | None:
    """uint8 (28, 28, 1); None for a drawing that is not kept any more."""
    if not reference.startswith(DRAWING):
        return _test_pictures()[int(reference)][..., None]
    data = blobs().get(reference.removeprefix(DRAWING))
    if data is None:
        return None
    return np.asarray(Image.open(io.BytesIO(data), formats=["PNG"]).convert("L"))[..., None]


def digit_control(lesson: Lesson, name: str = "digit") -> None:
    """Draws the choice; the reference goes into the lesson's values."""
    field = lesson.field(name)
    state = LessonState(lesson).values
    key = LessonState(lesson).control(name)
    try:
        pixels = digit_pixels(state[name])
        if pixels is None:
            st.warning(
                "The drawn digit is no longer kept here; a test digit is shown.", icon=":material/draw:"
            )
            state[name] = field.default
            pixels = digit_pixels(field.default)
    except DamagedDataFile as error:
        st.error(str(error), icon=":material/broken_image:")
        pixels = np.zeros(
            (SIDE, SIDE, 1), np.uint8
        )  # what is computed from the file says the same in its place
    drawn = state[name].startswith(DRAWING)
    with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="xsmall"):
        still(pixels, "The digit", 56)
        typed = _number(lesson, field, key, None if drawn else state[name])
        st.button("Another digit", icon=":material/casino:", key=f"{key}/roll", on_click=_choose,
                  args=(lesson, name, str(random.randrange(TEST_DIGITS))), help="Another digit")  # fmt: skip
    _remark(field, typed, drawn)
    with st.popover("Draw one", icon=":material/draw:"):
        _draw(lesson, name, key)


def _number(lesson: Lesson, field: DigitRef, key: str, value: str | None) -> str:
    """A text box, as for a seed; `value` is the digit that is chosen, None for a drawn one. Returns what is typed."""
    widget, shown = f"{key}/number", f"{key}/shown"
    if widget not in st.session_state or st.session_state.get(shown) != value:
        st.session_state[shown] = value  # chosen elsewhere, or typed: then it stays as it was written
        if value is None or _accepted(field, st.session_state.get(widget, "")) != value:
            st.session_state[widget] = value or ""

    def typed() -> None:
        if (digit := _accepted(field, st.session_state[widget])) is not None:
            _choose(lesson, field.name, digit)

    return st.text_input(
        field.label, value or "", key=widget, on_change=typed, placeholder="drawn", help=field.help
    )


def _accepted(field: DigitRef, typed: str) -> str | None:
    """The digit that is typed; None for what is none."""
    try:
        return field.parse(typed)
    except BadValue:
        return None


def _remark(field: DigitRef, typed: str, drawn: bool) -> None:
    """What is wrong with what is typed, or how it was read."""
    if drawn and not typed:
        return
    try:
        field.parse(typed)
    except BadValue as error:
        st.warning(plain(str(error)), icon=":material/edit:")
    else:
        read_out(field, typed)


def _choose(lesson: Lesson, name: str, reference: str) -> None:
    state = LessonState(lesson)
    state.values[name] = reference
    state.go = True


def _draw(lesson: Lesson, name: str, key: str) -> None:
    """White on black, as MNIST; kept as a PNG under its own hash, so that a link finds it again on this server."""

    def used(drawing: Drawing) -> None:
        if not drawing.blank:
            _choose(lesson, name, DRAWING + blobs().put(png(drawing.pixels)))

    drawing = canvas(
        key=f"{key}/canvas", mode="grey", size=SIDE, paper="black", use_label="Denoise this",
        label="Draw a digit", on_use=used, max_side=280,
    )  # fmt: skip
    if drawing is not None and drawing.blank:
        st.info("The drawing is empty: draw a digit first, large and in the middle.", icon=":material/draw:")
