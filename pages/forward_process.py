"""A1: the forward process, scrubbed. Everything here is a closed form, so nothing is queued."""

import numpy as np
import streamlit as st

from core.media import from_pixels, to_pixels
from core.trajectory import Trajectory
from lessons.forward_process import LESSON, MARKED, TIMESTEPS, compute, nearest_frame
from pages.components.player import Curve, Film, Number, Row, pack, side_by_side
from pages.server.runtime import model_fingerprint, schedule
from pages.server.session import LessonState
from pages.ui.controls import control
from pages.ui.lesson_page import lesson_page, picture_and_side, variant_toggle
from pages.ui.origin import signed
from pages.ui.pictures import pixels_of
from pages.ui.stage import show

STEPS = [f"t = {t}" for t in TIMESTEPS]


def film_of(trajectory: Trajectory) -> Film:
    numbers = trajectory.meta["steps"]
    signal, sigma, snr = ([n[name] for n in numbers] for name in ("signal", "sigma", "snr"))
    return Film(
        rows=[
            Row("x_t", "x_t", to_pixels(trajectory["x_t"]), "the noisy picture"),
            Row("signal", r"\sqrt{\bar{\alpha}_t}\,x_0", to_pixels(trajectory["signal"]), "the picture's part", sign="="),
            Row("noise", r"\sqrt{1-\bar{\alpha}_t}\,\varepsilon", to_pixels(trajectory["noise"]), "the noise in it",
                sign="+"),
        ],
        steps=STEPS,
        curves=[
            Curve(r"\sqrt{\bar{\alpha}_t}", signal, panel="weights", meaning="weight of the picture"),
            Curve(r"\sqrt{1-\bar{\alpha}_t}", sigma, panel="weights", meaning="weight of the noise"),
            Curve(r"\text{SNR}", snr, log=True, panel="snr", meaning="signal-to-noise ratio"),
        ],
        numbers=[
            Number(r"\sqrt{\bar{\alpha}_t}", "weight of the picture", signal),
            Number(r"\sqrt{1-\bar{\alpha}_t}", "weight of the noise", sigma),
            Number(r"\text{SNR}", "ᾱ / (1 − ᾱ)", snr),
        ],
        formula=r"x_t = \sqrt{\bar{\alpha}_t}\,x_0 + \sqrt{1-\bar{\alpha}_t}\,\varepsilon",
        marks=[nearest_frame(t) for t in MARKED], strip_row="x_t", name="a1",
    )  # fmt: skip


@st.cache_data(max_entries=16, show_spinner=False)  # a film of 1 MB each; t only chooses a frame of it
def film_bytes(model: str, pixels: np.ndarray, picture: str, seed: int, variant: str | None) -> bytes:
    """The run, beside the same with the mistake; the page's script runs at every touch of a control."""
    names = {"right": None, **({"wrong": variant} if variant else {})}
    runs = [compute(from_pixels(pixels), schedule(), seed, name) for name in names.values()]
    film = side_by_side([film_of(run) for run in runs], list(names)) if variant else film_of(runs[0])
    spec = LESSON.job({"picture": picture, "seed": seed}, model, variant)
    return pack(signed(film, LESSON, spec, runs[0].meta))


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        for field in LESSON.fields:
            control(LESSON, field.name)
        variant = variant_toggle(LESSON)
    film = film_bytes(
        model_fingerprint(), pixels_of(values["picture"]), values["picture"], values["seed"],
        variant.name if variant else None,
    )  # fmt: skip
    with picture:
        show(LessonState(LESSON).stage(), film, at=nearest_frame(values["t"]))
