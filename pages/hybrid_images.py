"""A11: low frequencies from one prompt, high ones from another, and a slider for the distance."""

import numpy as np
import streamlit as st
import torch

from core.edits import GaussianLowpass
from core.provenance import Provenance
from core.trajectory import Trajectory
from lessons.exporting import slides
from lessons.hybrid_images import LESSON as WRITTEN
from lessons.hybrid_images import crossover, gains
from pages.components.curves import Series, curves
from pages.components.distance import distance
from pages.server.runtime import model_fingerprint, schedule
from pages.ui.edit_films import hybrid
from pages.ui.films import Films
from pages.ui.fitted import here
from pages.ui.lesson_page import lesson_page
from pages.ui.origin import origin
from pages.ui.sampling import Values, sampling_stage, seeds
from pages.ui.takehome import File

LESSON = here(WRITTEN)
APART = 1.5  # the eye's blur at the opening distance, in σ of the low pass: little is left of the other band there


def bands(kernel: int, sigma: float) -> None:
    """What each band lets through, over the wavelength."""
    waves = np.geomspace(2, 64, 129)  # pixels
    low = np.array(gains(kernel, sigma, (1 / waves).tolist()))
    axis = {"wavelength in pixels": waves.tolist()}
    shares = {"low, from p₁": low, "high, from p₂": 1 - low}
    series = [Series(name, axis, share.tolist()) for name, share in shares.items()]
    half = (crossover(sigma),)
    curves(
        "Share let through", series, key="a11/bands", log_x=True, y_range=(0, 1), verticals=half, height=240
    )
    st.caption(f"Both bands get half of a wave of {crossover(sigma):.1f} pixels.")


def receding(pictures: np.ndarray) -> np.ndarray:
    """Pictures (B, 3, H, W) blurred more and more, and back: (steps, B, 3, H, W)."""
    sharp = torch.from_numpy(pictures.copy())  # the result itself is read-only
    away = [sharp, *(GaussianLowpass(33, sigma)(sharp) for sigma in np.geomspace(0.5, 4, 8))]
    return torch.stack([sharp, sharp, *away, *away[::-1]]).numpy()


def remarks(values: dict) -> None:
    if values["p1"] == values["p2"] and values["gamma1"] == values["gamma2"]:
        st.info(
            "Both prompts are equal: the bands add up to plain guidance. Write another one to get a hybrid.",
            icon=":material/equal:",
        )
    if int(values["kernel"]) < 4 * values["sigma"]:
        st.info(
            f"A kernel of {values['kernel']} pixels cuts a Gaussian of σ = {values['sigma']:g} off: the low band is "
            "wider than σ says.",
            icon=":material/content_cut:",
        )  # fmt: skip


def films(values: Values) -> Films:
    lowpass = GaussianLowpass(int(values["kernel"]), values["sigma"])
    return hybrid(schedule().strided_timesteps(), seeds(values), lowpass, "a11")


def slider(trajectory: Trajectory) -> None:
    about = origin(LESSON, LESSON.job(values, model_fingerprint()), trajectory.meta)
    distance(
        trajectory["result"], (values["p1"], values["p2"]), seeds(values), sigma=APART * values["sigma"], about=about,
        key="a11/distance",
    )  # fmt: skip


def afar(trajectory: Trajectory) -> list[File]:
    def make(about: Provenance) -> bytes:
        return slides(receding(trajectory["result"]), 300, about)

    return [("From near to afar (GIF)", "afar.gif", "image/gif", make)]


with lesson_page(LESSON) as values:
    sampling_stage(LESSON, values, films, remarks=remarks, top=slider, files=afar)
    with st.expander("What each band lets through", icon=":material/graphic_eq:"):
        bands(int(values["kernel"]), values["sigma"])
