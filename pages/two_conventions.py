"""B0: one path in two clocks, and the five answers that a network may give."""

import numpy as np
import streamlit as st

from core.conventions import ASKED, Clock, amplification
from core.trajectory import Trajectory
from lessons.editing import rms
from lessons.two_conventions import LESSON as WRITTEN
from lessons.two_conventions import RANGES, frame_pixels
from pages.components.curves import Series, curves
from pages.components.player import Curve, Film, Number, Row
from pages.server.runtime import schedule
from pages.server.served.progress import Pixels
from pages.ui.films import Films
from pages.ui.fitted import here
from pages.ui.lesson_page import beside_the_figure, lesson_page
from pages.ui.sampling import Values, sampling_stage

LESSON = here(WRITTEN)
ROWS = {
    "x_t": ("x_t", "where DDIM stands", True),
    "scaled": (r"c\,x_t", "the same, rescaled", True),
    "x_flow": (r"x_\tau", "where Euler stands", True),
    "clean_hat": (r"\hat{x}_0", "the estimate of the picture", False),
    "eps": (r"\hat{\varepsilon}", "the noise", False),
    "v": ("v", "along the circle", False),
    "velocity": ("u", "along the line", False),
}
SIGNS = {"scaled": "→", "x_flow": "="}
SYMBOLS = {
    "clean_hat": r"\hat{x}_0", "eps": r"\varepsilon", "v": "v", "velocity": "u", "score": r"\text{score}"
}  # fmt: skip
ANSWERS = {"clean_hat": "x̂₀", "eps": "ε", "v": "v", "velocity": "velocity", "score": "score"}


def films(values: Values) -> Films:
    """Both clocks at once."""
    table = schedule()
    clocks = [(t, Clock.at(t, table)) for t in table.strided_timesteps(values["steps"])]
    steps = [f"t = {t}, τ = {clock.tau:.3f}" for t, clock in clocks]

    def rows(pixels: Pixels) -> list[Row]:
        return [
            Row(
                name,
                label,
                pixels[name],
                caption,
                shown=shown,
                limit=RANGES.get(name, 0.0),
                sign=SIGNS.get(name, ""),
            )
            for name, (label, caption, shown) in ROWS.items()
        ]

    def live(pixels: Pixels, total: int) -> Film:
        return Film(
            rows=rows(pixels), steps=steps[: len(pixels["x_t"])], total=total, strip_row="x_flow", name="b0"
        )

    def finished(trajectory: Trajectory) -> Film:
        numbers = trajectory.meta["steps"]
        scale = np.array([n["scale"] for n in numbers], dtype=np.float32).reshape(-1, 1, 1, 1, 1)
        arrays = dict(trajectory.arrays) | {"scaled": scale * trajectory["x_t"]}
        return Film(
            rows=rows(frame_pixels({name: arrays[name] for name in ROWS})), steps=steps,
            start=round(0.7 * len(steps)), marks=range(0, len(steps), max(1, len(steps) // 7)), strip_row="x_flow",
            name="b0",
            formula=r"x_\tau = \frac{x_t}{\sqrt{\bar{\alpha}_t} + \sqrt{1-\bar{\alpha}_t}}",
            curves=[
                Curve(r"\tau", [n["tau"] for n in numbers], panel="clocks", meaning="flow’s clock"),
                Curve(r"1 - t/1000", [1 - t / 1000 for t, _ in clocks], panel="clocks", meaning="diffusion’s, turned round"),
                *(
                    Curve(SYMBOLS[name], size, panel="size", log=True, meaning="size (RMS)")
                    for name, size in sizes(trajectory).items()
                ),
            ],
            numbers=[
                Number(r"\sqrt{\bar{\alpha}_t}", "weight of the picture in xₜ", [n["signal"] for n in numbers]),
                Number(r"\tau", "weight of the picture in flow’s x", [n["tau"] for n in numbers]),
                Number(r"c", "from one x to the other", [n["scale"] for n in numbers]),
                Number(r"\Delta", "largest difference of flow’s x and c xₜ", [n["gap"] for n in numbers]),
            ],
        )  # fmt: skip

    return Films(finished, live)


def sizes(trajectory: Trajectory) -> dict[str, list[float]]:
    """RMS of each answer at each step, over all pictures."""
    found = {name: rms(trajectory[name]).mean(axis=1) for name in ("clean_hat", "eps", "v", "velocity")}
    sigma = np.array([step["sigma"] for step in trajectory.meta["steps"]])
    return {name: size.tolist() for name, size in (found | {"score": found["eps"] / sigma}).items()}


def explosions() -> None:
    """How an error of each answer comes out in the picture, over the whole schedule."""
    st.header("Where each explodes", anchor=False)
    st.caption(
        "The network answers with one of the five, and is wrong by 1. How wrong is the picture that follows? Towards noise "
        "the picture cannot be told from ε or the score, because xₜ hardly contains it; v and the velocity always tell."
    )
    table = schedule()
    clocks = [Clock.at(t, table) for t in range(0, table.num_train_timesteps, 5)]
    axis = {"τ, from noise to clean": [clock.tau for clock in clocks]}
    lines = [Series(ANSWERS[name], axis, [amplification(name, clock) for clock in clocks]) for name in ASKED]
    curves("Error of x̂₀ for an error of 1", lines, key="b0/explosions", log_y=True)


with lesson_page(LESSON) as values:
    trajectory = sampling_stage(LESSON, values, films)
    if trajectory is not None:
        with beside_the_figure():
            st.caption(
                f"The two runs end in the same picture: they differ by {trajectory.meta['end_gap']:.0e} at most, which is "
                "what numbers of 24 bits leave."
            )
    explosions()
