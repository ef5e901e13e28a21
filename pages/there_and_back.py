"""A14: a picture to its noise and back; with how many steps, with another prompt, and between two noises."""

import numpy as np
import streamlit as st

from core.media import difference_pixels, to_pixels
from core.trajectory import Trajectory
from lessons.editing import rms
from lessons.there_and_back import (
    COLUMNS,
    COUNTS,
    SDEDIT,
    WEIGHTS,
    between_spec,
    errors_spec,
    turned,
)
from lessons.there_and_back import LESSON as WRITTEN
from pages.components.curves import Series, curves
from pages.components.plain import plain
from pages.components.player import Curve, Film, Number, Row
from pages.server.runtime import model_fingerprint, schedule
from pages.server.served.progress import Pixels
from pages.ui.controls import control
from pages.ui.films import Films
from pages.ui.fitted import here
from pages.ui.lesson_page import beside_the_figure, lesson_page
from pages.ui.sampling import Values, controls_of, sampling_stage
from pages.ui.sources import drawing, source_control
from pages.ui.stage import stage

LESSON = here(WRITTEN)


def films(values: Values) -> Films:
    """The way there and the way back, one after the other."""
    timesteps = turned(schedule().strided_timesteps(values["steps"]), values["turn"])
    steps = [*(f"there, t = {t}" for t in reversed(timesteps)), *(f"back, t = {t}" for t in timesteps)]

    def rows(pixels: Pixels) -> list[Row]:
        return [
            Row("x_t", "x_t", pixels["x_t"], "the picture on its way"),
            Row(
                "clean_hat",
                r"\hat{x}_0",
                pixels["clean_hat"],
                "the estimate of the clean picture",
                shown=False,
            ),
        ]

    def live(pixels: Pixels, total: int) -> Film:
        done = len(pixels["x_t"])
        return Film(rows=rows(pixels), steps=steps[:done], total=total, columns=COLUMNS, name="a14")

    def finished(trajectory: Trajectory) -> Film:
        away = rms(trajectory["clean_hat"].astype(np.float32) - trajectory["clean"])  # (2 K, columns)
        away[: len(steps) // 2, COLUMNS.index(SDEDIT)] = np.nan  # it begins where the others turn
        std, alike = np.array(trajectory.meta["std"]), np.array(trajectory.meta["alike"])

        def beside(name: str) -> np.ndarray:
            """A quantity, and the picture last."""
            picture = trajectory["clean"][None].repeat(len(steps), 0)  # (2 K, 1, 3, H, W)
            return np.concatenate([trajectory[name].astype(np.float32), picture], axis=1)

        half = len(steps) // 2
        marks = sorted({0, half // 2, half - 1, half + half // 2, 2 * half - 1})
        return Film(
            rows=rows({name: to_pixels(beside(name)) for name in ("x_t", "clean_hat")}), steps=steps,
            columns=[*COLUMNS, "the picture"], marks=marks, strip_row="x_t", name="a14",
            curves=[
                Curve(rf"\text{{{title}}}", away[:, k].tolist(), panel="distance",
                      meaning="from x̂₀ to the picture (RMS)" if k == 0 else "")
                for k, title in enumerate(COLUMNS)
            ],
            numbers=[
                Number(r"\text{std}(x_t)", "of the inverted picture", std[:, 0].tolist()),
                Number(r"\text{std}(x_t)", "of the noised one (SDEdit)", std[:, 2].tolist()),
                Number(r"\rho", "between neighbouring pixels, inverted", alike[:, 0].tolist()),
                Number(r"\rho", "between neighbouring pixels, noised", alike[:, 2].tolist()),
            ],
        )  # fmt: skip

    return Films(finished, live)


def errors_films() -> Films:
    """One frame for each number of steps."""
    steps = [f"{count} steps each way" for count in COUNTS]

    def film(back: np.ndarray, noise: np.ndarray, total: int, more: list[Row]) -> Film:
        return Film(
            rows=[
                Row("back", r"x_0", back, "there and back"),
                Row("noise", r"x_T", noise, "where it turned"),
                *more,
            ],
            steps=steps[: len(back)], total=total, name="a14-errors",
        )  # fmt: skip

    def live(pixels: Pixels, total: int) -> Film:
        return film(pixels["back"], pixels["noise"], total, [])

    def finished(trajectory: Trajectory) -> Film:
        missed = difference_pixels(trajectory["back"] - trajectory["clean"], 0.5)
        more = [Row("missed", r"\Delta", missed, "what is wrong: grey is nothing", limit=0.5)]
        return film(to_pixels(trajectory["back"]), to_pixels(trajectory["noise"]), len(COUNTS), more)

    return Films(finished, live)


def between_films() -> Films:
    """A column for each weight; above along the great circle, below along the straight line."""
    labels = [f"t = {t}" for t in schedule().strided_timesteps()]
    columns = [f"w = {weight:g}" for weight in WEIGHTS]

    def film(pixels: Pixels, total: int) -> Film:
        many = len(WEIGHTS)
        rows = [
            Row(f"{name}-{way}", label, pixels[name][:, part], f"{what}, {caption}", shown=name == "clean_hat")
            for name, label, what in (("clean_hat", r"\hat{x}_0", "the estimate"), ("x_t", "x_t", "the picture at t"))
            for way, part, caption in ((0, slice(many), "great circle"), (1, slice(many, None), "straight line"))
        ]  # fmt: skip
        return Film(
            rows=rows, steps=labels[: len(pixels["x_t"])], total=total, columns=columns, strip_row="clean_hat-0",
            strip_sample=2, name="a14-between",
        )  # fmt: skip

    def finished(trajectory: Trajectory) -> Film:
        return film({name: to_pixels(trajectory[name]) for name in ("x_t", "clean_hat")}, len(labels))

    return Films(finished, film)


def controls() -> bool:
    source_control(LESSON, values)
    ok = controls_of(LESSON, ("steps", "turn"))
    return all([control(LESSON, name) for name in ("prompt", "other", "gamma", "seed")]) and ok


def came_back(trajectory: Trajectory) -> None:
    """How far the way back misses, in a sentence."""
    st.caption(
        f"Back with the same prompt: {trajectory.meta['error'][0]:.3f} from the picture (root mean square, on a scale from "
        f"−1 to 1) after {len(trajectory['x_t']) // 2} steps each way."
    )


with lesson_page(LESSON) as values:
    trajectory = sampling_stage(
        LESSON, values, films, controls=controls, first=drawing(LESSON),
        forks_from=lambda trajectory: len(trajectory["x_t"]) // 2,
    )  # fmt: skip
    if trajectory is not None:
        with beside_the_figure():
            came_back(trajectory)
    error, between = st.tabs(["How many steps", "Between two noises"])
    with error:
        found = stage(LESSON, errors_spec(values, model_fingerprint()), errors_films(), name="errors")
        if found is not None:
            series = Series("there and back", {"steps each way": list(COUNTS)}, found["error"].tolist())
            curves(
                "Distance to the picture (RMS)",
                [series],
                key="a14/errors",
                points=True,
                log_x=True,
                log_y=True,
            )
    with between:
        st.caption(
            f"“{plain(values['other'])}”, drawn by DDIM from the noises between the seeds {values['seed']} and "
            f"{values['seed'] + 1}."
        )
        found = stage(LESSON, between_spec(values, model_fingerprint()), between_films(), name="between")
        if found is not None:
            many, std = len(WEIGHTS), found["std"]
            noise = [
                Series("great circle", {"weight of the second noise": list(WEIGHTS)}, std[:many].tolist()),
                Series("straight line", {"weight of the second noise": list(WEIGHTS)}, std[many:].tolist()),
            ]
            curves("Standard deviation of the noise", noise, key="a14/std", points=True, y_range=(0.0, 1.1))
