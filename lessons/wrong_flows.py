"""Part B's sampling run wrong on purpose: what becomes of the velocity before it is followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from core.conventions import Clock
from core.flow import EstimateVelocity, Velocity
from core.guidance import Estimator
from core.schedule import NoiseSchedule
from lessons.lesson import Variant


def frozen_clock(estimate: EstimateVelocity) -> EstimateVelocity:
    """The network is told t = 0 at every step."""
    return lambda x_t, t: estimate(x_t, 0.0)


def other_clock(estimate: EstimateVelocity) -> EstimateVelocity:
    """The network is told 1 - t: the direction of time of Part A."""
    return lambda x_t, t: estimate(x_t, 1.0 - t)


def wrong_sign(estimate: EstimateVelocity) -> EstimateVelocity:
    """u_u - gamma (u_c - u_u): away from the class instead of towards it."""

    def away(x_t: Tensor, t: float) -> Velocity:
        right = estimate(x_t, t)
        if right.unconditional is None:
            return right
        return replace(right, velocity=torch.lerp(right.velocity, right.unconditional, 2.0))

    return away


OTHER_CLOCK = Variant(
    "other_clock", "t counted the other way", "The network is told 1 − t, the direction of Part A.",
    "At first it is told that the picture is finished, and at the end that it is all noise.",
)  # fmt: skip

WRONG_FLOWS: dict[str, Callable[[EstimateVelocity], EstimateVelocity]] = {
    "frozen_clock": frozen_clock,
    "other_clock": other_clock,
    "wrong_sign": wrong_sign,
}


# ---- a network of diffusion, asked in flow's clock: (the network, its schedule) -> how it is asked -------------------


def unscaled(estimator: Estimator, schedule: NoiseSchedule) -> Estimator:
    """The network is handed flow's x, not divided by the scale."""
    return lambda x_t, t: estimator(x_t * Clock.at(t, schedule).scale, t)


def linear_clock(estimator: Estimator, schedule: NoiseSchedule) -> Estimator:
    """The network is told the t that would belong to tau if both clocks ran evenly."""
    last = schedule.num_train_timesteps - 1
    return lambda x_t, t: estimator(x_t, round(last * (1 - Clock.at(t, schedule).tau)))


WRONG_CLOCKS: dict[str, Callable[[Estimator, NoiseSchedule], Estimator]] = {
    "unscaled": unscaled,
    "linear_clock": linear_clock,
}
