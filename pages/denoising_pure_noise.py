"""B4: noises, the network's one answer, and the mean digit."""

import streamlit as st

from core.trajectory import Trajectory
from lessons.denoising_pure_noise import LESSON, spec
from lessons.networks import title_of
from pages.components.player import Curve, Film, Row, difference_to_uint8, unit_to_uint8
from pages.server.served.progress import Pixels
from pages.ui.controls import control
from pages.ui.films import Films
from pages.ui.lesson_page import lesson_page, picture_and_side
from pages.ui.networks import network_control, nothing_yet
from pages.ui.stage import stage
from pages.ui.takehome import take_home
from pages.ui.training import training_panel

DIFFERENCE = 0.25  # drawn as the strongest colour


def noise_films(ages: list[str]) -> Films:
    """One frame for each checkpoint."""

    def live(pixels: Pixels, total: int) -> Film:
        count = pixels["z"].shape[1]
        mean = pixels["mean"][:1].repeat(count, axis=1)
        rows = [
            Row("z", "z", pixels["z"][:1], "pure noise"),
            Row("clean_hat", r"D_\theta(z)", pixels["clean_hat"], "the network"),
            Row("mean", r"\bar{x}", mean, "the mean digit"),
        ]
        return Film(rows=rows, steps=ages[: len(pixels["clean_hat"])], total=total, clock="flow", name="b4")

    def finished(trajectory: Trajectory) -> Film:
        answers, count = trajectory["clean_hat"], trajectory["z"].shape[1]
        mean = trajectory["mean"][None].repeat(count, axis=1)  # (1, count, 1, 28, 28): a still
        return Film(
            rows=[
                Row("z", "z", unit_to_uint8(trajectory["z"]), "pure noise"),
                Row("clean_hat", r"D_\theta(z)", unit_to_uint8(answers), "the network"),
                Row("mean", r"\bar{x}", unit_to_uint8(mean), "the mean digit"),
                Row("away", r"D_\theta(z)-\bar{x}", difference_to_uint8(answers - mean, DIFFERENCE), "±0.25", shown=False),
            ],
            steps=ages, clock="flow", name="b4",
            curves=[Curve(r"\text{RMS}(D_\theta(z)-\bar{x})", trajectory["away"].tolist(), meaning="from the mean digit")],
        )  # fmt: skip

    return Films(finished, live)


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        network = network_control(LESSON, "pure_noise")
        ok = control(LESSON, "seed")
    trajectory = None
    with picture:
        if network is None:
            nothing_yet("B4")
        else:
            ages = [title_of(name) for name in network.names]
            st.caption(network.label)
            wanted = spec(values, network.refs())
            trajectory = stage(LESSON, wanted, noise_films(ages), allowed=ok)
            if trajectory is not None:
                take_home(LESSON, trajectory, wanted)
    floor = None if trajectory is None else ("the least possible loss", trajectory.meta["floor"])
    training_panel(LESSON, "b4", floor=floor)
