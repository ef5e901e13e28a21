"""A3: one evaluation at every noise level."""

import numpy as np

from core.trajectory import Trajectory
from lessons.denoising import EPS_RANGE
from lessons.forward_process import nearest_frame
from lessons.one_step_denoising import LESSON, MARKED, TIMESTEPS, spec
from pages.components.player import Curve, Film, Row, difference_to_uint8, signed_to_uint8
from pages.server.runtime import model_fingerprint
from pages.server.served.progress import Pixels
from pages.ui.controls import control
from pages.ui.films import Films
from pages.ui.lesson_page import lesson_page, picture_and_side
from pages.ui.pins import pin_row, pinned
from pages.ui.stage import stage_beside
from pages.ui.takehome import take_home

STEPS = [f"t = {t}" for t in TIMESTEPS]
MARKS = [nearest_frame(t, TIMESTEPS) for t in MARKED]


def live(pixels: Pixels, total: int) -> Film:
    rows = [
        Row("x_t", "x_t", pixels["x_t"], "the noisy picture"),
        Row("clean_hat", r"\hat{x}_0", pixels["clean_hat"], "the estimate from one evaluation"),
        Row("eps", r"\hat{\varepsilon}", pixels["eps"], "the estimated noise"),
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
        Row("clean", "x_0", signed_to_uint8(clean), "the original"),
        Row("x_t", "x_t", signed_to_uint8(trajectory["x_t"]), "the noisy picture"),
        Row(
            "clean_hat",
            r"\hat{x}_0",
            signed_to_uint8(trajectory["clean_hat"]),
            "the estimate from one evaluation",
        ),
        Row("noise", r"\varepsilon", difference_to_uint8(noise, EPS_RANGE), "the true noise", shown=False),
        Row(
            "eps",
            r"\hat{\varepsilon}",
            difference_to_uint8(trajectory["eps"], EPS_RANGE),
            "the estimated noise",
            shown=False,
        ),
        Row(
            "miss",
            r"\hat{\varepsilon}-\varepsilon",
            difference_to_uint8(miss, 1.0),
            "what the estimate misses",
            shown=False,
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


def run(values: dict) -> tuple:
    """The job of these values, and its films."""
    return spec(values, model_fingerprint()), Films(finished, live)


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        ok = all([control(LESSON, field.name) for field in LESSON.fields])
    with picture:
        wanted, films = run(values)
        trajectory = stage_beside(
            LESSON, wanted, None, films, allowed=ok, at=nearest_frame(values["t"], TIMESTEPS),
            pins=pinned(LESSON, values, run),
        )  # fmt: skip
        pin_row(LESSON, values, trajectory is not None)
        if trajectory is not None:
            take_home(LESSON, trajectory, wanted)
