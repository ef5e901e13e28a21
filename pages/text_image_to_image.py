"""A9: image to image with a prompt; the slider goes from unlike to like."""

import streamlit as st

from lessons.text_image_to_image import LESSON as WRITTEN
from pages.server.runtime import model_fingerprint, schedule
from pages.ui.controls import control
from pages.ui.edit_films import grid, morph
from pages.ui.films import Films
from pages.ui.fitted import here
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import Values, controls_of, sampling_stage
from pages.ui.sources import drawing, source_control
from pages.ui.stage import stage

LESSON = here(WRITTEN)


def runs(values: Values) -> Films:
    """All runs at the same t."""
    i_starts = LESSON.job(values, model_fingerprint()).params["i_starts"]
    return grid(schedule().strided_timesteps()[i_starts[0] :], i_starts, "a9")


def films(values: Values) -> Films:
    """Of the results, and of the runs while they go on."""
    i_starts = LESSON.job(values, model_fingerprint()).params["i_starts"]
    return Films(lambda trajectory: morph(trajectory, i_starts, "a9"), runs(values).live, key="morph")


def controls() -> bool:
    ok = control(LESSON, "prompt")
    source_control(LESSON, values)
    return controls_of(LESSON, ("i_starts", "gamma", "seed")) and ok


with lesson_page(LESSON) as values:
    trajectory = sampling_stage(LESSON, values, films, controls=controls, first=drawing(LESSON))
    if trajectory is not None:
        st.header("The runs behind it, all at the same t", anchor=False)
        stage(LESSON, LESSON.job(values, model_fingerprint()), runs(values), name="runs")
