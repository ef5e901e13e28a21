"""A13: four samplers from one noise, with few evaluations and with many; and the way of each."""

import numpy as np
import streamlit as st

from core.media import difference_pixels, to_pixels
from core.trajectory import Trajectory
from lessons.editing import rms
from lessons.samplers import LESSON as WRITTEN
from lessons.samplers import LIMIT, SAMPLERS, opened, paths_spec
from pages.components.player import Curve, Film, Number, Row
from pages.server.runtime import model_fingerprint
from pages.server.served.progress import Pixels
from pages.server.session import LessonState
from pages.ui.films import Films
from pages.ui.fitted import here
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import Values, sampling_stage
from pages.ui.stage import stage

LESSON = here(WRITTEN)
CLEAN_HAT = r"\hat{x}_0"


def titles(values: Values) -> list[str]:
    """The columns: DDIM with its η."""
    return [f"DDIM, η = {values['eta']:g}" if name == "ddim" else title for name, title in SAMPLERS.items()]


def films(values: Values) -> Films:
    """One frame for each number of evaluations, one row for each noise on the way."""
    counts = sorted(set(values["evaluations"]))
    steps = [f"{count} evaluations" for count in counts]
    start, columns = counts.index(opened(values)), titles(values)

    def rows(one: np.ndarray, other: np.ndarray) -> list[Row]:
        return [
            Row("one", "x_0", one, f"noise on the way: seed {values['way']}"),
            Row("other", "x_0", other, f"noise on the way: seed {values['way'] + 1}"),
        ]

    def live(pixels: Pixels, total: int) -> Film:
        done = len(pixels["one"])
        return Film(
            rows=rows(pixels["one"], pixels["other"]), steps=steps[:done], total=total, columns=columns, name="a13"
        )  # fmt: skip

    def finished(trajectory: Trajectory) -> Film:
        limit = trajectory["limit"][None].repeat(len(counts), 0)  # (counts, 1, 3, H, W)
        one, other = (np.concatenate([trajectory[name], limit], axis=1) for name in ("clean_hat", "other"))
        away = Row(
            "away", r"\Delta", difference_pixels(one - limit, 0.5), "from the limit: grey is none", shown=False, limit=0.5
        )  # fmt: skip
        curves = [
            Curve(
                rf"\text{{{title}}}", trajectory["distance"][:, k].tolist(), log=True, panel="distance",
                meaning="from the picture to the limit (RMS)" if k == 0 else "",
            )
            for k, title in enumerate(SAMPLERS.values())
        ]  # fmt: skip
        numbers = [
            Number(rf"\text{{{title}}}", "between the two rows (RMS)", trajectory["apart"][:, k].tolist())
            for k, title in enumerate(SAMPLERS.values())
        ]
        return Film(
            rows=[*rows(to_pixels(one), to_pixels(other)), away], steps=steps, columns=[*columns, f"{LIMIT} evaluations"],
            curves=curves, numbers=numbers, start=start, marks=range(len(counts)), strip_row="one", strip_sample=3,
            name="a13",
        )  # fmt: skip

    return Films(finished, live)


def path_films(values: Values, count: int) -> Films:
    """One frame for each evaluation."""
    steps = [f"evaluation {k + 1}" for k in range(count)]

    def rows(pixels: Pixels) -> list[Row]:
        return [
            Row("x_t", "x_t", pixels["x_t"], "what the network is asked about"),
            Row("clean_hat", CLEAN_HAT, pixels["clean_hat"], "the estimate of the clean picture"),
        ]

    def live(pixels: Pixels, total: int) -> Film:
        return Film(
            rows=rows(pixels), steps=steps[: len(pixels["x_t"])], total=total, columns=titles(values), name="a13-inside"
        )  # fmt: skip

    def finished(trajectory: Trajectory) -> Film:
        away = rms(
            trajectory["clean_hat"].astype(np.float32) - trajectory["result"]
        )  # (evaluations, samplers)
        times = list(zip(*trajectory.meta["times"], strict=True))  # for each sampler
        return Film(
            rows=rows({name: to_pixels(trajectory[name]) for name in ("x_t", "clean_hat")}), steps=steps,
            columns=titles(values), strip_row="clean_hat", strip_sample=3, name="a13-inside",
            curves=[
                Curve(rf"\text{{{title}}}", away[:, k].tolist(), panel="distance",
                      meaning="from x̂₀ to its own result (RMS)" if k == 0 else "")
                for k, title in enumerate(SAMPLERS.values())
            ],
            numbers=[
                Number("t", "where DDPM, DDIM and DPM-Solver++ ask", times[0]),
                Number("t", "where Heun asks", times[list(SAMPLERS).index("heun")]),
            ],
        )  # fmt: skip

    return Films(finished, live)


def inside(values: Values) -> None:
    """The way of every sampler, with a count that is chosen here."""
    st.header("The way there, one evaluation after the other", anchor=False)
    counts, state = sorted(set(values["evaluations"])), LessonState(LESSON)
    key = state.key("count")
    if st.session_state.get(key) not in counts:
        st.session_state[key] = opened(values)
    count = st.segmented_control("Evaluations", counts, required=True, key=key, label_visibility="collapsed")
    stage(LESSON, paths_spec(values, model_fingerprint(), count), path_films(values, count), name="inside")


with lesson_page(LESSON) as values:
    if sampling_stage(LESSON, values, films) is not None:
        inside(values)
