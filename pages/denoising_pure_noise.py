"""B4: noises, the network's one answer, and the mean digit."""

import numpy as np

from core.media import difference_pixels, unit_pixels
from core.trajectory import Trajectory
from lessons.denoising_pure_noise import LESSON
from lessons.networks import Network
from pages.components.player import Curve, Film, Row
from pages.server import runtime
from pages.server.served.progress import Pixels
from pages.ui.films import Films
from pages.ui.follow import ask, done, look, result
from pages.ui.lesson_page import lesson_page
from pages.ui.networks import choices
from pages.ui.sampling import controls_of, network_stage
from pages.ui.training_face import training_shown

DIFFERENCE = 0.25  # drawn as the strongest colour
WHITE = 0.6  # a level that no pixel of the mean digit reaches is drawn as white: of all digits together each is dark


def answers(of: np.ndarray, mean: np.ndarray) -> list[Row]:
    """The network's answers and the mean digit, uint8 of [0, 1], both brightened alike; the mean is of all columns."""
    bright = [np.minimum(np.rint(pixels / WHITE), 255).astype(np.uint8) for pixels in (of, mean)]
    return [
        Row("clean_hat", r"D_\theta(z)", bright[0], "the network", drawn=True),
        Row(
            "mean",
            r"\bar{x}",
            bright[1],
            f"the mean of all digits; in both rows {WHITE:g} is white",
            once=True,
            drawn=True,
        ),
    ]


def noise_films(ages: list[str]) -> Films:
    """One frame for each checkpoint."""

    def live(pixels: Pixels, total: int) -> Film:
        count = pixels["z"].shape[1]
        mean = pixels["mean"][:1].repeat(count, axis=1)
        rows = [
            Row("z", "z", pixels["z"][:1], "pure noise"),
            *answers(pixels["clean_hat"], mean),
        ]
        return Film(rows=rows, steps=ages[: len(pixels["clean_hat"])], total=total, clock="flow", name="b4")

    def finished(trajectory: Trajectory) -> Film:
        found, count = trajectory["clean_hat"], trajectory["z"].shape[1]
        mean = trajectory["mean"][None].repeat(count, axis=1)  # (1, count, 1, 28, 28): a still
        return Film(
            rows=[
                Row("z", "z", unit_pixels(trajectory["z"]), "pure noise"),
                *answers(unit_pixels(found), unit_pixels(mean)),
                Row("away", r"D_\theta(z)-\bar{x}", difference_pixels(found - mean, DIFFERENCE), "±0.25", shown=False,
                    limit=DIFFERENCE),
            ],
            steps=ages, clock="flow", name="b4",
            curves=[Curve(r"\text{RMS}(D_\theta(z)-\bar{x})", trajectory["away"].tolist(), meaning="from the mean digit")],
        )  # fmt: skip

    return Films(finished, live)


def films(network: Network) -> Films:
    return noise_films(network.ages)


def floor() -> tuple[str, float] | None:
    """The loss of the exact answer, which the run that the controls describe has found; None while there is none."""
    networks = choices(LESSON.field("network"), "pure_noise")
    for network in networks.values():
        spec = LESSON.job(values, network.refs())
        if done(ask(spec) if runtime.executor().at_hand(spec) else look(runtime.job_id(spec))):
            return "the least possible loss", result(runtime.job_id(spec)).meta["floor"]
    return None


with lesson_page(LESSON) as values:
    if not training_shown(LESSON, "b4", floor):
        network_stage(
            LESSON,
            values,
            "pure_noise",
            films,
            controls=lambda: controls_of(LESSON, ["seed"]),
            made_in=("B4", None),
        )
