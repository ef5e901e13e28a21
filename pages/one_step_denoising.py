"""A3: one evaluation at every noise level."""

import numpy as np

from core.media import difference_pixels, to_pixels
from core.trajectory import Trajectory
from lessons.denoising import EPS_RANGE
from lessons.forward_process import nearest_frame
from lessons.one_step_denoising import LESSON as WRITTEN
from lessons.one_step_denoising import MARKED, TIMESTEPS
from pages.components.player import Curve, Film, Row
from pages.server.served.progress import Pixels
from pages.ui.films import Films
from pages.ui.fitted import here
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import Values, sampling_stage

LESSON = here(WRITTEN)

STEPS = [f"t = {t}" for t in TIMESTEPS]
MARKS = [nearest_frame(t, TIMESTEPS) for t in MARKED]


def live(pixels: Pixels, total: int) -> Film:
    rows = [
        Row("x_t", "x_t", pixels["x_t"], "the noisy picture"),
        Row("clean_hat", r"\hat{x}_0", pixels["clean_hat"], "the estimate from one evaluation"),
        Row("eps", r"\hat{\varepsilon}", pixels["eps"], "the estimated noise", limit=EPS_RANGE),
    ]
    return Film(
        rows=rows,
        steps=STEPS[: len(pixels["x_t"])],
        total=total,
        marks=MARKS,
        strip_row="clean_hat",
        name="a3",
    )


def finished(trajectory: Trajectory) -> Film:
    clean, noise = trajectory["clean"][None], trajectory["noise"][None]  # (1, 1, 3, H, W): stills
    miss = trajectory["eps"] - noise  # (steps, 1, 3, H, W)
    rows = [
        Row("clean", "x_0", to_pixels(clean), "the original"),
        Row("x_t", "x_t", to_pixels(trajectory["x_t"]), "the noisy picture"),
        Row(
            "clean_hat",
            r"\hat{x}_0",
            to_pixels(trajectory["clean_hat"]),
            "the estimate from one evaluation",
        ),
        Row(
            "noise",
            r"\varepsilon",
            difference_pixels(noise, EPS_RANGE),
            "the true noise",
            shown=False,
            limit=EPS_RANGE,
        ),
        Row(
            "eps",
            r"\hat{\varepsilon}",
            difference_pixels(trajectory["eps"], EPS_RANGE),
            "the estimated noise",
            shown=False,
            limit=EPS_RANGE,
        ),
        Row(
            "miss",
            r"\hat{\varepsilon}-\varepsilon",
            difference_pixels(miss, 1.0),
            "what the estimate misses",
            shown=False,
            limit=1.0,
        ),
    ]
    away = trajectory["clean_hat"] - clean
    return Film(
        rows=rows, steps=STEPS, marks=MARKS, strip_row="clean_hat", name="a3",
        curves=[
            Curve(r"\text{RMS}(\hat{x}_0 - x_0)", _rms(away), panel="picture", meaning="error of the picture"),
            Curve(r"\text{RMS}(\hat{\varepsilon} - \varepsilon)", _rms(miss), panel="noise", meaning="error of the noise"),
        ],
    )  # fmt: skip


def _rms(x: np.ndarray) -> list[float]:
    return np.sqrt((x**2).mean(axis=(1, 2, 3, 4))).tolist()


def films(values: Values) -> Films:
    return Films(finished, live)


with lesson_page(LESSON) as values:
    sampling_stage(LESSON, values, films, at=lambda values: nearest_frame(values["t"], TIMESTEPS))
