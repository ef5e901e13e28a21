"""A7: a picture or a sketch, noised more and less, and what the loop makes of it."""

import streamlit as st

from core.jobs import JobSpec
from lessons.image_to_image import LESSON as WRITTEN
from pages.components.player import pack
from pages.server.runtime import computed_elsewhere, job_id, model_of, schedule, shared_result
from pages.server.session import LessonState
from pages.ui.edit_films import grid, inside
from pages.ui.films import Films
from pages.ui.fitted import here
from pages.ui.lesson_page import lesson_page
from pages.ui.origin import signed
from pages.ui.sampling import Values, controls_of, model_control, sampling_stage
from pages.ui.sources import drawing, source_control
from pages.ui.stage import show

LESSON = here(WRITTEN)


def starts(values: Values) -> list[int]:
    """Where the runs begin, unlike the picture first."""
    return LESSON.job(values, model_of(values)).params["i_starts"]


def films(values: Values) -> Films:
    return grid(schedule().strided_timesteps()[starts(values)[0] :], starts(values), "a7")


def controls() -> bool:
    source_control(LESSON, values)
    return all([controls_of(LESSON, ("i_starts", "gamma", "seed")), model_control(LESSON)])


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs={JobSpec: job_id})
def inside_bytes(spec: JobSpec, column: int, here: bool) -> bytes:
    """The film of one of the runs of a job that is done; the page's script runs at every touch of a control.

    `here`: a result may ship, and then be computed on this machine, too.
    """
    trajectory = shared_result(job_id(spec))
    film = inside(trajectory, column, "a7-inside")
    return pack(signed(film, LESSON, spec, trajectory.meta, i_start=spec.params["i_starts"][column]))


with lesson_page(LESSON) as values:
    trajectory = sampling_stage(LESSON, values, films, controls=controls, first=drawing(LESSON))
    if trajectory is not None:
        st.header("Inside one of the runs", anchor=False)
        i_starts, state = starts(values), LessonState(LESSON)
        key = state.key("column")
        if st.session_state.get(key) not in range(len(i_starts)):
            st.session_state[key] = 0
        column = st.segmented_control(
            "Which start", range(len(i_starts)), required=True, key=key,
            format_func=lambda k: f"i_start = {i_starts[k]}", label_visibility="collapsed",
        )  # fmt: skip
        spec = LESSON.job(values, model_of(values))
        show(state.stage("inside"), inside_bytes(spec, column, computed_elsewhere(trajectory) is None))
