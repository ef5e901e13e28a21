"""B3: one digit at noise levels that the network has not seen."""

import numpy as np
import streamlit as st

from core.trajectory import Trajectory
from lessons.networks import title_of
from lessons.out_of_distribution import LESSON, spec
from pages.components.curves import Series, curves
from pages.components.player import Film, Row, unit_to_uint8
from pages.ui.controls import control
from pages.ui.digits import digit_control
from pages.ui.films import Films
from pages.ui.lesson_page import lesson_page, picture_and_side
from pages.ui.networks import network_control, nothing_yet
from pages.ui.stage import stage
from pages.ui.takehome import take_home


def strip(levels: tuple[float, ...], ages: list[str]) -> Films:
    """A column for each noise level; the scrubber is the checkpoint."""

    def turned(pixels: np.ndarray, networks: int = 1) -> np.ndarray:
        """(levels, networks, 28, 28, C) -> (networks, levels, 28, 28, C): frames are networks, columns are levels."""
        return np.moveaxis(pixels.reshape(len(pixels), networks, *pixels.shape[2:]), 0, 1)

    def finished(trajectory: Trajectory) -> Film:
        pixels = {name: unit_to_uint8(trajectory[name]) for name in ("z", "clean_hat", "oracle")}
        still = np.repeat(unit_to_uint8(trajectory["clean"]), len(levels), axis=0)[None]
        return Film(
            rows=[
                Row("z", "z", turned(pixels["z"]), "noisy"),
                Row("clean_hat", r"D_\theta(z)", turned(pixels["clean_hat"], len(ages)), "the network"),
                Row("oracle", "E[x|z]", turned(pixels["oracle"]), "exact"),
                Row("clean", "x", still, "the digit itself", shown=False),
            ],
            steps=ages, columns=[f"σ = {level:g}" for level in levels], clock="flow", name="b3",
        )  # fmt: skip

    def live(pixels: dict[str, np.ndarray], total: int) -> Film:
        done = len(pixels["z"])
        columns = [f"σ = {level:g}" for level in levels[:done]]
        rows = [
            Row("z", "z", turned(pixels["z"]), "noisy"),
            Row("clean_hat", r"D_\theta(z)", turned(pixels["clean_hat"], len(ages)), "the network"),
            Row("oracle", "E[x|z]", turned(pixels["oracle"]), "exact"),
        ]
        return Film(rows=rows, steps=ages, columns=columns, clock="flow", name="b3")

    return Films(finished, live)


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        network = network_control(LESSON, "denoise")
        digit_control(LESSON)
        ok = all([control(LESSON, name) for name in ("levels", "seed")])
    trajectory = None
    with picture:
        if network is None:
            nothing_yet("B2", "one_step_denoiser.py")
        else:
            ages = [title_of(name) for name in network.names]
            st.caption(f"{network.label} · trained at σ = {network.settings.sigma:g}")
            wanted = spec(values, network.refs())
            trajectory = stage(LESSON, wanted, strip(values["levels"], ages), allowed=ok)
            if trajectory is not None:
                take_home(LESSON, trajectory, wanted)
    if trajectory is not None:
        error, axis = trajectory["error"], {"σ": list(values["levels"])}
        series = [Series(f"network, {age}", axis, error[:, k].tolist()) for k, age in enumerate(ages)]
        series.append(Series("exact mean", axis, error[:, len(ages)].tolist()))
        series.append(Series("z itself", axis, error[:, len(ages) + 1].tolist()))
        curves("RMS error against σ", series, key="b3/error", points=True)
