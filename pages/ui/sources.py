"""Where an edit starts: a picture that is there, a drawing, or what another lesson made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.media import png, to_pixels
from lessons.course import COURSE
from lessons.lesson import Lesson
from lessons.loading import UPLOAD
from pages.components.canvas import Drawing, canvas
from pages.server.runtime import blobs
from pages.server.session import LessonState
from pages.ui.controls import control, set_values
from pages.ui.fitted import here
from pages.ui.pictures import pixels_of
from pages.ui.still import still
from pages.ui.ways import go

RESULTS = "results"  # in the session: what the lessons have made, newest last
KEPT_RESULTS = 6
SHOWN = 64  # CSS pixels of a thumbnail

SOURCE = "source"  # the control that says what to start from
SOURCES = {"picture": "A picture", "sheet": "A drawing", "over": "Draw over it"}


def put_picture(pixels: np.ndarray) -> str:
    """Keeps pixels, uint8 (H, W, 1 or 3), in the store; returns the reference that fields and links hold."""
    return UPLOAD + blobs().put(png(pixels))


# ---- drawing -----------------------------------------------------------------------------------------------


def source_control(lesson: Lesson, state: Mapping[str, Any]) -> None:
    """What to start from; for a picture, also the choice of one."""
    key = LessonState(lesson).key(SOURCE)
    st.session_state.setdefault(key, "picture")
    kind = st.segmented_control(
        "Start from", tuple(SOURCES), key=key, required=True, format_func=SOURCES.get, wrap=True
    )
    kept = LessonState(lesson)
    if kind == "picture":
        control(lesson, "picture")
        from_lessons(lesson)
        kept.base = state["picture"]
    elif kind == "over" and kept.base is None:
        kept.base = state["picture"]


def drawing(lesson: Lesson) -> Callable[[], None] | None:
    """What draws the canvas, where one is to start from a drawing; None where one starts from a picture."""
    if st.session_state.get(LessonState(lesson).key(SOURCE), "picture") == "picture":
        return None
    return partial(_sketch, lesson)


def _sketch(lesson: Lesson) -> None:
    """The canvas, on white or over the picture; a drawing that is used becomes the lesson's picture."""
    state = LessonState(lesson)
    kind = st.session_state[state.key(SOURCE)]
    under = pixels_of(state.base) if kind == "over" else None

    def use(drawing: Drawing) -> None:
        state.empty = drawing.blank
        if not drawing.blank:
            set_values(lesson, {"picture": put_picture(drawing.pixels)})

    drawn = canvas(key=f"{lesson.slug}/{kind}", under=under, on_use=use, label="Sketch", max_side=288)
    if (drawn is not None and drawn.blank) or state.empty:
        st.warning("The sheet is empty: draw a few strokes, then use the drawing.", icon=":material/draw:")
    elif drawn is None:
        st.caption("Until a drawing is used, the results beside it are those of the picture before.")


# ---- what other lessons made -------------------------------------------------------------------------------


def remember(lesson: Lesson, result: np.ndarray) -> None:
    """Keeps a finished run's pictures (N, 3, H, W) in the session, for other lessons to start from."""
    results = st.session_state.setdefault(RESULTS, {})
    pictures = to_pixels(result)
    results.pop((lesson.code, pictures.tobytes()), None)
    results[lesson.code, pictures.tobytes()] = pictures
    while len(results) > KEPT_RESULTS:
        del results[next(iter(results))]


def from_lessons(lesson: Lesson) -> None:
    """Offers what other lessons made in this session."""
    results = st.session_state.get(RESULTS, {})
    if not results:
        return
    with st.popover("From another lesson", icon=":material/history:"):
        for row, ((code, _), pictures) in enumerate(reversed(results.items())):
            st.caption(f"Made in {code}")
            with st.container(horizontal=True):
                for k, pixels in enumerate(pictures):
                    with st.container(width=SHOWN + 16, gap="xsmall"):
                        still(pixels, f"Picture {k + 1} of {code}", SHOWN)
                        st.button(
                            "Use", key=f"{lesson.slug}/made/{row}/{k}", type="tertiary",
                            on_click=_use_result, args=(lesson, pixels),
                        )  # fmt: skip


def _use_result(lesson: Lesson, pixels: np.ndarray) -> None:
    set_values(lesson, {"picture": put_picture(pixels)})


def go_on(lesson: Lesson, result: np.ndarray) -> None:
    """“Continue from this picture”: takes one of the pictures (N, 3, H, W) to a lesson that edits pictures."""
    remember(lesson, result)
    pictures = to_pixels(result)
    targets = [other for other in COURSE if other.takes_pictures]
    if not targets:
        return
    with st.popover("Continue from this picture", icon=":material/arrow_forward:"):
        for k, pixels in enumerate(pictures):
            with st.container(horizontal=True, vertical_alignment="center"):
                still(pixels, f"Picture {k + 1}", SHOWN)
                for other in targets:
                    key = f"{lesson.slug}/continue/{k}/{other.slug}"
                    st.button(
                        f"{other.code} · {other.title}", key=key, type="tertiary", on_click=_take_to, args=(other, pixels)
                    )  # fmt: skip


def _take_to(lesson: Lesson, pixels: np.ndarray) -> None:
    state = LessonState(here(lesson))
    state.values["picture"] = put_picture(pixels)
    st.session_state[state.key(SOURCE)] = "picture"
    go(f"{lesson.slug}.py")
