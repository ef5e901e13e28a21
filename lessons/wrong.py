"""Part A run wrong on purpose, so that a student sees what each term of the update is for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from core.diffusion import Update, denoise_step
from core.guidance import Estimator, NoiseEstimate
from core.schedule import NoiseSchedule


def wrong_schedule(schedule: NoiseSchedule) -> NoiseSchedule:
    """alpha_t where alpha-bar_t belongs: the per-step factor instead of the product of all of them.

    alpha_t = abar_t / abar_(t-1) stays close to 1 until the very end, so hardly any noise is expected.
    """
    table = schedule.alphas_cumprod
    alphas = table / torch.cat([table.new_ones(1), table[:-1]])
    return NoiseSchedule(
        torch.cummin(alphas, 0).values - 1e-9 * torch.arange(len(alphas), dtype=torch.float64)
    )


def unscaled_noise(
    x_t: Tensor, clean_hat: Tensor, variance: Tensor, t: int, t_next: int | None, *rest: Any
) -> Update:
    """A step with z in place of sigma z: every one adds noise of variance 1."""
    right = denoise_step(x_t, clean_hat, variance, t, t_next, *rest)
    mean = right.x_next - right.sigma * right.noise
    return Update(mean + right.noise, torch.ones_like(mean), right.noise)


def no_noise(
    x_t: Tensor, clean_hat: Tensor, variance: Tensor, t: int, t_next: int | None, *rest: Any
) -> Update:
    """A step without its last term: the mean, and no noise at all."""
    right = denoise_step(x_t, clean_hat, variance, t, t_next, *rest)
    mean = right.x_next - right.sigma * right.noise
    return Update(mean, torch.zeros_like(mean), right.noise)


def root_over_beta(
    x_t: Tensor,
    clean_hat: Tensor,
    variance: Tensor,
    t: int,
    t_next: int | None,
    schedule: NoiseSchedule,
    *rest: Any,
) -> Update:
    """A step with sqrt(abar_t' beta) where sqrt(abar_t') beta belongs: the root is drawn over one sign too many.

    beta lies below 1, so its root is larger, and the estimate of the clean picture gets too much weight.
    """
    right = denoise_step(x_t, clean_hat, variance, t, t_next, schedule, *rest)
    c = schedule.coefficients(t, t_next)
    excess = c.clean / math.sqrt(1 - c.alpha) - c.clean
    return Update(right.x_next + excess * clean_hat, right.sigma, right.noise)


# In place of `core.diffusion.denoise_step`, whose arguments they take.
WRONG_STEPS: dict[str, Callable[..., Update]] = {
    "unscaled_noise": unscaled_noise,
    "no_noise": no_noise,
    "root_over_beta": root_over_beta,
}


@dataclass
class StaleClock:
    """An estimator that hears every second time the t of the call before: Heun's second look, told the step's start."""

    estimator: Estimator
    heard: list[int] = field(default_factory=list)

    def __call__(self, x_t: Tensor, t: int) -> NoiseEstimate:
        told = self.heard[-1] if len(self.heard) % 2 else t
        self.heard.append(told)
        return self.estimator(x_t, told)
