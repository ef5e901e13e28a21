"""B3: one digit at noise levels that the network has not seen."""

import numpy as np

from core.media import unit_pixels
from core.trajectory import Trajectory
from lessons.networks import Network
from lessons.out_of_distribution import LESSON
from pages.components.curves import Series, curves
from pages.components.player import Film, Row
from pages.ui.digits import digit_control
from pages.ui.films import Films
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import controls_of, network_stage


def strip(levels: tuple[float, ...], ages: list[str], known: float) -> Films:
    """A column for each noise level; the scrubber is the checkpoint. `known`: the level that it was trained at."""

    def named(levels: tuple[float, ...]) -> list[str]:
        return [f"σ = {level:g}" + (", trained" if level == known else "") for level in levels]

    def turned(pixels: np.ndarray, networks: int = 1) -> np.ndarray:
        """(levels, networks, 28, 28, C) -> (networks, levels, 28, 28, C): frames are networks, columns are levels."""
        return np.moveaxis(pixels.reshape(len(pixels), networks, *pixels.shape[2:]), 0, 1)

    def finished(trajectory: Trajectory) -> Film:
        pixels = {name: unit_pixels(trajectory[name]) for name in ("z", "clean_hat", "oracle")}
        still = np.repeat(unit_pixels(trajectory["clean"]), len(levels), axis=0)[None]
        return Film(
            rows=[
                Row("z", "z", turned(pixels["z"]), "noisy"),
                Row("clean_hat", r"D_\theta(z)", turned(pixels["clean_hat"], len(ages)), "the network"),
                Row("oracle", "E[x|z]", turned(pixels["oracle"]), "the exact mean", shown=False),
                Row("clean", "x", still, "the digit itself", shown=False),
            ],
            steps=ages, columns=named(levels), clock="flow", name="b3",
        )  # fmt: skip

    def live(pixels: dict[str, np.ndarray], total: int) -> Film:
        done = len(pixels["z"])
        rows = [
            Row("z", "z", turned(pixels["z"]), "noisy"),
            Row("clean_hat", r"D_\theta(z)", turned(pixels["clean_hat"], len(ages)), "the network"),
            Row("oracle", "E[x|z]", turned(pixels["oracle"]), "the exact mean", shown=False),
        ]
        return Film(rows=rows, steps=ages, columns=named(levels[:done]), clock="flow", name="b3")

    return Films(finished, live)


def films(network: Network) -> Films:
    return strip(values["levels"], network.ages, network.settings.sigma)


def controls() -> bool:
    digit_control(LESSON)
    return controls_of(LESSON, ("levels", "seed"))


with lesson_page(LESSON) as values:
    network, trajectory, _ = network_stage(
        LESSON, values, "denoise", films, controls=controls, made_in=("B2", "one_step_denoiser.py"),
        says=lambda network: f"trained at σ = {network.settings.sigma:g}",
    )  # fmt: skip
    if trajectory is not None:
        error, axis = trajectory["error"], {"σ": list(values["levels"])}
        series = [Series(f"network, {age}", axis, error[:, k].tolist()) for k, age in enumerate(network.ages)]
        series.append(Series("exact mean", axis, error[:, len(network.ages)].tolist()))
        series.append(Series("z itself", axis, error[:, len(network.ages) + 1].tolist()))
        curves("RMS error against σ (pixels in [0, 1])", series, key="b3/error", points=True)
