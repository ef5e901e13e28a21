"""A2: every Gaussian blur of three noisy pictures; the scrubber is the blur's sigma."""

import numpy as np
import streamlit as st
import torch

from core.media import from_pixels, to_pixels
from core.trajectory import Trajectory
from lessons.classical_denoising import LESSON, SIGMAS, TIMESTEPS, blurs, compute
from pages.components.player import Curve, Film, Row, pack
from pages.server.runtime import model_fingerprint, schedule
from pages.server.session import LessonState
from pages.ui.controls import control
from pages.ui.lesson_page import lesson_page, picture_and_side
from pages.ui.origin import signed
from pages.ui.pictures import pixels_of
from pages.ui.stage import show


def film_of(trajectory: Trajectory) -> Film:
    psnr = trajectory.meta["psnr"]
    clean = trajectory["clean"]  # (1, 3, H, W)
    without_noise = blurs(torch.from_numpy(clean)).numpy()  # what the blur alone takes away
    titles = ["the original", *(f"t = {t}" for t in TIMESTEPS)]

    def beside(first: np.ndarray, others: np.ndarray) -> np.ndarray:
        return to_pixels(np.concatenate([first, others], axis=1))

    return Film(
        rows=[
            Row("noisy", "x_t", beside(clean[None], trajectory["noisy"][None]), "the picture, ever noisier"),
            Row("blurred", r"G_\sigma * x_t", beside(without_noise, trajectory["blurred"]), "the same, blurred"),
        ],
        steps=[f"σ = {sigma:.1f}" for sigma in SIGMAS], columns=titles,
        curves=[
            Curve(rf"\text{{PSNR}},\ t={t}", values, panel="psnr", meaning="dB")
            for t, values in zip(TIMESTEPS, psnr, strict=True)
        ],
        name="a2",
    )  # fmt: skip


@st.cache_data(max_entries=8, show_spinner=False)  # a film of 3 MB each; σ only chooses a frame of it
def film_bytes(model: str, pixels: np.ndarray, picture: str, scale: str, seed: int) -> bytes:
    """The 61 blurs take half a second; the page's script runs at every touch of a control."""
    spec = LESSON.job({"picture": picture, "scale": scale, "seed": seed}, model)
    blurs = compute(from_pixels(pixels), schedule(), spec.params)
    return pack(signed(film_of(blurs), LESSON, spec, {"timesteps": TIMESTEPS}))


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        for field in LESSON.fields:
            control(LESSON, field.name)
    film = film_bytes(
        model_fingerprint(), pixels_of(values["picture"]), values["picture"], values["scale"], values["seed"]
    )
    with picture:
        show(LessonState(LESSON).stage(), film, at=SIGMAS.index(round(values["sigma"], 1)))
