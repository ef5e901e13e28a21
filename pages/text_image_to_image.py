"""A9: image to image with a prompt; the slider goes from unlike to like."""

import streamlit as st

from lessons.text_image_to_image import LESSON, spec
from pages.server.runtime import model_fingerprint, schedule
from pages.ui.controls import control
from pages.ui.edit_films import grid, morph
from pages.ui.films import Films
from pages.ui.lesson_page import lesson_page, picture_and_side, variant_toggle
from pages.ui.pins import pin_row, pinned
from pages.ui.sources import sketch, source_control
from pages.ui.stage import stage, stage_beside
from pages.ui.takehome import take_home


def run(values: dict) -> tuple:
    """The job of these values, and its films: of the results, and of the runs while they go on."""
    wanted = spec(values, model_fingerprint())
    i_starts = wanted.params["i_starts"]
    live = grid(schedule().strided_timesteps()[i_starts[0] :], i_starts, "a9").live
    return wanted, Films(lambda trajectory: morph(trajectory, i_starts, "a9"), live, key="morph")


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        ok = control(LESSON, "prompt")
        source = source_control(LESSON, values)
        ok = all([ok, *(control(LESSON, name) for name in ("i_starts", "gamma", "seed"))])
        variant = variant_toggle(LESSON)
    wanted, films = run(values)
    with picture:
        if source != "picture":
            sketch(LESSON, source)
        wrong = variant and (variant.label, spec(values, model_fingerprint(), variant.name))
        trajectory = stage_beside(LESSON, wanted, wrong, films, allowed=ok, pins=pinned(LESSON, values, run))
        pin_row(LESSON, values, trajectory is not None)
        if trajectory is not None:
            take_home(LESSON, trajectory, wanted)
    if trajectory is not None:
        st.subheader("The runs behind it, all at the same t", anchor=False)
        i_starts = wanted.params["i_starts"]
        runs = grid(schedule().strided_timesteps()[i_starts[0] :], i_starts, "a9")
        stage(LESSON, wanted, runs, allowed=ok, name="runs")
