"""Part B's sampling run wrong on purpose: what becomes of the velocity before it is followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from core.flow import EstimateVelocity, Velocity
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
