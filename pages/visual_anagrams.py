"""A10: two prompts, one picture, and a button that turns it."""

import numpy as np
import streamlit as st

from core.provenance import Provenance
from core.trajectory import Trajectory
from core.views import VIEWS
from lessons.exporting import slides
from lessons.visual_anagrams import CALLED, VIEW_LABELS, order, seen
from lessons.visual_anagrams import LESSON as WRITTEN
from pages.components.turner import turner
from pages.server.runtime import model_fingerprint, schedule
from pages.ui.edit_films import anagram
from pages.ui.films import Films
from pages.ui.fitted import here
from pages.ui.lesson_page import lesson_page
from pages.ui.origin import origin
from pages.ui.sampling import Values, sampling_stage, seeds
from pages.ui.takehome import File

LESSON = here(WRITTEN)


def remarks(values: dict) -> None:
    """What holds for these controls in particular."""
    same, plain = values["p1"] == values["p2"], values["view"] == "identity"
    if same and plain and values["gamma1"] == values["gamma2"]:
        st.info(
            "Equal prompts and the identity: this is plain guided sampling, bit for bit.",
            icon=":material/equal:",
        )
    elif same:
        st.info(
            "Both prompts are equal, so both readings should show the same thing: write another one to get an anagram.",
            icon=":material/equal:",
        )  # fmt: skip
    elif plain:
        st.info(
            "The identity turns nothing: the picture is halfway between both prompts.",
            icon=":material/equal:",
        )
    if not VIEWS[values["view"]].preserves_noise:
        st.warning(
            f"{VIEW_LABELS[values['view']].split(':')[0]} does not preserve Gaussian noise: it is here to be seen failing.",
            icon=":material/science:",
        )  # fmt: skip


def films(values: Values) -> Films:
    return anagram(schedule().strided_timesteps(), seeds(values), values["view"], "a10")


def turned(trajectory: Trajectory) -> np.ndarray:
    return seen(trajectory["result"], VIEWS[values["view"]])


def button(trajectory: Trajectory) -> None:
    """The one that turns the pictures."""
    turner(
        trajectory["result"], turned(trajectory), values["view"], (values["p1"], values["p2"]), seeds(values),
        order=order(VIEWS[values["view"]]), called=CALLED[values["view"]], key="a10/turner",
        about=origin(LESSON, LESSON.job(values, model_fingerprint()), trajectory.meta),
    )  # fmt: skip


def both(trajectory: Trajectory) -> list[File]:
    def make(about: Provenance) -> bytes:
        return slides(np.stack([trajectory["result"], turned(trajectory)]), 1200, about)

    return [("Both readings (GIF)", "readings.gif", "image/gif", make)]


with lesson_page(LESSON) as values:
    sampling_stage(LESSON, values, films, remarks=remarks, top=button, files=both)
