"""A5: several samples, each from its own noise."""

import streamlit as st

from lessons.sampling_from_noise import LESSON, spec
from pages.ui.controls import control
from pages.ui.films import denoising
from pages.ui.jobs import stage
from pages.ui.lesson_page import lesson_page, variant_toggle
from pages.ui.runtime import model_fingerprint, schedule
from pages.ui.takehome import take_home

with lesson_page(LESSON) as values:
    picture, side = st.columns([3, 1], gap="large")
    with side:
        ok = all([control(LESSON, field.name) for field in LESSON.fields])
        variant = variant_toggle(LESSON)
    columns = [f"seed {values['seed'] + k}" for k in range(values["count"])]
    films = denoising(schedule().strided_timesteps(), columns, name="a5")
    with picture:
        wanted = spec(values, model_fingerprint())
        trajectory = stage(LESSON, wanted, films, allowed=ok)
        if trajectory is not None:
            take_home(LESSON, trajectory, wanted)
    if variant is not None:
        st.subheader(f"Wrong: {variant.label}", anchor=False)
        stage(LESSON, spec(values, model_fingerprint(), variant.name), films, allowed=ok, name="wrong")
