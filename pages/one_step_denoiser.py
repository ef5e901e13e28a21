"""B2: digits under any noise, the network's answer and the exact one; and the network's training."""

from dataclasses import replace

import numpy as np

from core.media import unit_pixels
from core.trajectory import Trajectory
from lessons.denoising_digits import DRAWING
from lessons.networks import Network
from lessons.one_step_denoiser import COUNT, LESSON, SIGMAS, digits_from, nearest_frame
from pages.components.player import Curve, Film, Row
from pages.server.served.progress import Pixels
from pages.ui.digits import digit_control
from pages.ui.films import Films
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import controls_of, network_stage
from pages.ui.training_face import training_shown

STEPS = [f"σ = {sigma:g}" for sigma in SIGMAS]


def denoising_films(digits: list[str], ages: list[str]) -> Films:
    """One frame for each noise level; a row for the network, and behind a chip one for each earlier checkpoint."""
    columns = ["drawn" if digit.startswith(DRAWING) else f"test digit no. {digit}" for digit in digits]
    count = len(digits)

    def rows(pixels: dict[str, np.ndarray]) -> list[Row]:
        *earlier, last = (
            Row(f"clean_hat-{k}", r"D_\theta(z)", pixels["clean_hat"][:, k * count : (k + 1) * count], age)
            for k, age in enumerate(ages)
        )
        return [
            Row("z", "z", pixels["z"], "noisy"),
            last,
            Row("oracle", "E[x|z]", pixels["oracle"], "the exact mean", shown=False),
            *(
                replace(
                    row, label=rf"\text{{{row.caption}}}", caption="the same network, earlier", shown=False
                )
                for row in earlier
            ),
        ]

    def live(pixels: Pixels, total: int) -> Film:
        done = len(pixels["z"])
        return Film(
            rows=rows(pixels), steps=STEPS[:done], total=total, columns=columns, clock="flow", name="b2"
        )

    def finished(trajectory: Trajectory) -> Film:
        pixels = {name: unit_pixels(trajectory[name]) for name in ("z", "clean_hat", "oracle")}
        clean = Row("clean", "x", unit_pixels(trajectory["clean"][None]), "the digit itself")
        error = trajectory["error"]
        return Film(
            rows=[*rows(pixels), clean], steps=STEPS, columns=columns, clock="flow", name="b2",
            strip_row=f"clean_hat-{len(ages) - 1}",
            marks=[k for k, sigma in enumerate(SIGMAS) if sigma * 4 == int(sigma * 4)],
            curves=[
                *(
                    Curve(r"\text{RMS}", error[:, k].tolist(), panel="error", meaning=f"of the network, {age}; of [0, 1]")
                    for k, age in enumerate(ages)
                ),
                Curve(r"\text{RMS}", error[:, len(ages)].tolist(), panel="error", meaning="of the exact mean"),
                Curve("n", trajectory["mixed"].tolist(), log=True, panel="n", meaning="training digits in the exact mean"),
            ],
        )  # fmt: skip

    return Films(finished, live)


def films(network: Network) -> Films:
    return denoising_films(digits_from(values["digit"], COUNT), network.ages)


def controls() -> bool:
    digit_control(LESSON)
    return controls_of(LESSON, ("level", "seed"))


with lesson_page(LESSON) as values:
    if not training_shown(LESSON, "b2"):
        network_stage(
            LESSON, values, "denoise", films, controls=controls, made_in=("B2", None),
            at=lambda values: nearest_frame(values["level"]),
        )  # fmt: skip
