"""The mask of an inpainting: painted on the picture, or one of the named shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from lessons.lesson import Lesson
from lessons.loading import PictureGone
from lessons.masks import SHAPES, as_picture, mask_of
from pages.components.canvas import Drawing, canvas
from pages.server.runtime import blobs
from pages.server.session import LessonState
from pages.ui.controls import set_values
from pages.ui.sources import put_picture


def reference_of(mask: np.ndarray) -> str:
    """The shortest reference of a mask, bool (64, 64): a named shape where it is one, so that a link stays short."""
    for name, make in SHAPES.items():
        if np.array_equal(mask, make()):
            return name
    return put_picture(as_picture(mask))


def mask_field(lesson: Lesson, state: dict[str, Any], picture: np.ndarray) -> None:
    """The picture, uint8 (64, 64, 3), to paint the mask on; the reference goes into state["mask"]."""
    try:
        mask = mask_of(state["mask"], blobs())
    except PictureGone:
        st.warning(
            "The painted mask is no longer kept here; paint it again.", icon=":material/image_not_supported:"
        )
        state["mask"] = lesson.field("mask").default
        mask = mask_of(state["mask"], blobs())

    def use(drawing: Drawing) -> None:
        set_values(lesson, {"mask": reference_of(drawing.mask)})

    canvas(
        key=f"{lesson.slug}/mask", mode="mask", under=picture, start=mask, turn=LessonState(lesson).mask_turn,
        identity="mask", use_label="Use this mask", label="Mask, painted on the picture", on_use=use, max_side=288,
    )  # fmt: skip
    remark(mask)


def mask_shapes(lesson: Lesson) -> None:
    """The named masks, a button each."""
    with st.container(key="shapes", horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("Paint the mask, or take:", width="content")
        for name in SHAPES:
            st.button(
                name.capitalize(), key=f"{lesson.slug}/shape/{name}", type="tertiary",
                on_click=_choose, args=(lesson, name),
            )  # fmt: skip


def remark(mask: np.ndarray) -> None:
    """What holds for the two ends."""
    if not mask.any():
        st.info(
            "Nothing is painted: the result would be the original, so there is nothing to run. Paint what should change.",
            icon=":material/format_paint:",
        )
    elif mask.all():
        st.info(
            "Everything is painted: nothing of the picture is kept, and this is sampling from noise.",
            icon=":material/format_paint:",
        )


def _choose(lesson: Lesson, name: str) -> None:
    set_values(lesson, {"mask": name})
    LessonState(lesson).mask_turn += 1


def kept_share(values: Mapping[str, Any]) -> float:
    """The share of the picture that is kept, 0 .. 1."""
    return 1 - float(mask_of(values["mask"], blobs()).mean())
