"""A7: a picture or a sketch, noised more and less, and what the loop makes of it."""

import streamlit as st

from lessons.image_to_image import LESSON, spec
from pages.components.player import pack
from pages.server.runtime import model_fingerprint, schedule
from pages.ui.controls import control
from pages.ui.edit_films import grid, inside
from pages.ui.lesson_page import lesson_page, picture_and_side, variant_toggle
from pages.ui.pins import pin_row, pinned
from pages.ui.sources import sketch, source_control
from pages.ui.stage import show, stage_beside
from pages.ui.takehome import take_home


def run(values: dict) -> tuple:
    """The job of these values, and its films."""
    wanted = spec(values, model_fingerprint())
    i_starts = wanted.params["i_starts"]
    return wanted, grid(schedule().strided_timesteps()[i_starts[0] :], i_starts, "a7")


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        source = source_control(LESSON, values)
        ok = all([control(LESSON, name) for name in ("i_starts", "gamma", "seed")])
        variant = variant_toggle(LESSON)
    with picture:
        if source != "picture":
            sketch(LESSON, source)
        wanted, films = run(values)
        i_starts = wanted.params["i_starts"]
        wrong = variant and (variant.label, spec(values, model_fingerprint(), variant.name))
        trajectory = stage_beside(LESSON, wanted, wrong, films, allowed=ok, pins=pinned(LESSON, values, run))
        pin_row(LESSON, values, trajectory is not None)
        if trajectory is not None:
            take_home(LESSON, trajectory, wanted)
    if trajectory is not None:
        st.subheader("Inside one of the runs", anchor=False)
        if st.session_state.get("image_to_image/column") not in range(len(i_starts)):
            st.session_state["image_to_image/column"] = 0
        column = st.segmented_control(
            "Which start", range(len(i_starts)), required=True, key="image_to_image/column",
            format_func=lambda k: f"i_start = {i_starts[k]}", label_visibility="collapsed",
        )  # fmt: skip
        show("image_to_image/inside", pack(inside(trajectory, column, "a7-inside")))
