"""Part A run wrong on purpose, so that a student sees what each term of the update is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from core.diffusion import Step, Update, denoise_step, estimate_clean
from core.guidance import NoiseEstimate
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
    x_t: Tensor,
    timesteps: Sequence[int],
    estimate_noise: Callable[[Tensor, int], NoiseEstimate],
    schedule: NoiseSchedule,
    generators: Sequence[torch.Generator],
) -> Iterator[Step]:
    """The loop with z in place of sigma z: every step adds noise of variance 1."""
    for index, (t, t_next) in enumerate(schedule.steps(timesteps)):
        estimate = estimate_noise(x_t, t)
        clean_hat = estimate_clean(x_t, estimate.eps, t, schedule)
        right = denoise_step(x_t, clean_hat, estimate.variance, t, t_next, schedule, generators)
        mean = right.x_next - right.sigma * right.noise
        update = Update(mean + right.noise, torch.ones_like(mean), right.noise)
        yield Step(index, t, t_next, x_t, clean_hat, estimate, update)
        x_t = update.x_next


def no_noise(
    x_t: Tensor,
    timesteps: Sequence[int],
    estimate_noise: Callable[[Tensor, int], NoiseEstimate],
    schedule: NoiseSchedule,
    generators: Sequence[torch.Generator],
) -> Iterator[Step]:
    """The loop without its last term: the mean of every step, and no noise at all."""
    for index, (t, t_next) in enumerate(schedule.steps(timesteps)):
        estimate = estimate_noise(x_t, t)
        clean_hat = estimate_clean(x_t, estimate.eps, t, schedule)
        right = denoise_step(x_t, clean_hat, estimate.variance, t, t_next, schedule, generators)
        mean = right.x_next - right.sigma * right.noise
        yield Step(
            index, t, t_next, x_t, clean_hat, estimate, Update(mean, torch.zeros_like(mean), right.noise)
        )
        x_t = mean


WRONG_UPDATES = {"unscaled_noise": unscaled_noise, "no_noise": no_noise}
