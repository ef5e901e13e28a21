"""Other ways down from noise than the DDPM step: DDIM, Heun, DPM-Solver++(2M). One readable function each.

All of them see the network as a denoiser, x_t -> clean_hat, and all take the same noise to the same picture in the limit of
many steps, unless they add noise of their own. Their arguments are those of `core.diffusion.iterative_denoise`; each yields
a `Step` for every evaluation of the network, and the picture is the last step's `update.x_next`. The notation is this
course's: signal = sqrt(abar), sigma = sqrt(1 - abar), signal^2 + sigma^2 = 1; the estimate is `estimate_clean`, which clips
it to [-1, 1] unless `limit` does something else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from core.diffusion import Step, Update, draw_noise, estimate_clean
from core.guidance import NoiseEstimate
from core.schedule import NoiseSchedule

EstimateNoise = Callable[[Tensor, int], NoiseEstimate]
Limit = Callable[[Tensor], Tensor] | None


def implied_noise(x_t: Tensor, clean_hat: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    """The noise that lies in x_t if `clean_hat` is the picture: (x_t - signal clean_hat) / sigma.

    Where `clean_hat` was not clipped, this is the network's own estimate eps.
    """
    return (x_t - schedule.signal(t) * clean_hat) / schedule.sigma(t)


def without_noise(x_next: Tensor) -> Update:
    """The update of a step that adds no noise."""
    zero = torch.zeros_like(x_next)
    return Update(x_next, zero, zero)


def ddim(
    x_t: Tensor,
    timesteps: Sequence[int],
    estimate_noise: EstimateNoise,
    schedule: NoiseSchedule,
    generators: Sequence[torch.Generator],
    eta: float = 0.0,
    limit: Limit = None,
) -> Iterator[Step]:
    """DDIM (Song, Meng, Ermon, "Denoising Diffusion Implicit Models", 2021, eq. 12 and 16).

    x_t (B, C, H, W) lies at timesteps[0]; one evaluation a step. `eta` = 0 adds no noise and forgets none: the first x_t
    decides everything. `eta` = 1 adds as much as DDPM with the posterior's variance.

    Raises:
        ValueError: eta lies outside [0, 1], where the direction to x_t could have no real weight.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"η must lie between 0 and 1, not {eta}.")
    for index, (t, t_next) in enumerate(schedule.steps(timesteps)):
        estimate = estimate_noise(x_t, t)
        clean_hat = estimate_clean(x_t, estimate.eps, t, schedule, limit)
        eps = implied_noise(x_t, clean_hat, t, schedule)
        alpha = schedule.abar(t) / schedule.abar(t_next)
        fresh = eta * schedule.sigma(t_next) / schedule.sigma(t) * math.sqrt(1 - alpha)  # eq. 16
        kept = math.sqrt(schedule.sigma(t_next) ** 2 - fresh**2)
        update = without_noise(schedule.signal(t_next) * clean_hat + kept * eps)
        if fresh > 0:
            noise = draw_noise(x_t, generators)
            update = Update(
                update.x_next + fresh * noise, torch.full_like(x_t, fresh), noise
            )  # eq. 12, third term
        yield Step(index, t, t_next, x_t, clean_hat, estimate, update)
        x_t = update.x_next


def heun(
    x_t: Tensor,
    timesteps: Sequence[int],
    estimate_noise: EstimateNoise,
    schedule: NoiseSchedule,
    generators: Sequence[torch.Generator] = (),
    limit: Limit = None,
) -> Iterator[Step]:
    """Heun's method on the probability-flow ODE (Karras et al., "Elucidating the Design Space", 2022, algorithm 1).

    With y = x_t / signal and s = sigma / signal the ODE is dy/ds = eps(x_t, t) (their eq. 1 with s(t) = 1). Each step goes
    along the slope at its start, looks at the slope where that leads, and takes the mean of both: two evaluations a step,
    each yielded as a `Step`, the second with the trial point for its x_t and t_next = t. The step to the clean end, s = 0,
    has no slope there and is Euler's: K timesteps cost 2 K - 1 evaluations. `generators` are not asked for anything.
    """
    index = 0
    for t, t_next in schedule.steps(timesteps):
        estimate = estimate_noise(x_t, t)
        clean_hat = estimate_clean(x_t, estimate.eps, t, schedule, limit)
        slope = implied_noise(x_t, clean_hat, t, schedule)
        y, length = x_t / schedule.signal(t), spread(t_next, schedule) - spread(t, schedule)
        trial = schedule.signal(t_next) * (y + length * slope)
        yield Step(index, t, t_next, x_t, clean_hat, estimate, without_noise(trial))
        index, x_t = index + 1, trial
        if t_next is None:
            return
        estimate = estimate_noise(trial, t_next)
        clean_hat = estimate_clean(trial, estimate.eps, t_next, schedule, limit)
        there = implied_noise(trial, clean_hat, t_next, schedule)
        x_t = schedule.signal(t_next) * (y + length * (slope + there) / 2)
        yield Step(index, t_next, t_next, trial, clean_hat, estimate, without_noise(x_t))
        index += 1


def dpm_solver_pp(
    x_t: Tensor,
    timesteps: Sequence[int],
    estimate_noise: EstimateNoise,
    schedule: NoiseSchedule,
    generators: Sequence[torch.Generator] = (),
    limit: Limit = None,
) -> Iterator[Step]:
    """DPM-Solver++(2M) (Lu et al., "DPM-Solver++", 2022, algorithm 2 with the midpoint of eq. 13).

    In lambda = log(signal / sigma) the ODE is linear but for clean_hat, so the linear part is solved exactly, and clean_hat
    is continued along a straight line through this estimate and the one before: order 2 for one evaluation a step. The
    first step has no estimate before it, and the last, to lambda = infinity, takes clean_hat as it is: both are DDIM's.
    `generators` are not asked for anything.
    """
    before, h_before = None, math.nan
    for index, (t, t_next) in enumerate(schedule.steps(timesteps)):
        estimate = estimate_noise(x_t, t)
        clean_hat = estimate_clean(x_t, estimate.eps, t, schedule, limit)
        if t_next is None:
            yield Step(index, t, None, x_t, clean_hat, estimate, without_noise(clean_hat))
            return
        h = log_ratio(t_next, schedule) - log_ratio(t, schedule)
        ahead = clean_hat
        if before is not None:
            ahead = clean_hat + h / (2 * h_before) * (clean_hat - before)
        ratio = schedule.sigma(t_next) / schedule.sigma(t)
        x_next = ratio * x_t - schedule.signal(t_next) * math.expm1(-h) * ahead
        yield Step(index, t, t_next, x_t, clean_hat, estimate, without_noise(x_next))
        x_t, before, h_before = x_next, clean_hat, h


def spread(t: int | None, schedule: NoiseSchedule) -> float:
    """sigma / signal: the noise in x_t in units of the picture; 0 at the clean end."""
    return schedule.sigma(t) / schedule.signal(t)


def log_ratio(t: int, schedule: NoiseSchedule) -> float:
    """lambda = log(signal / sigma), half the logarithm of the signal-to-noise ratio; it grows as t falls."""
    return math.log(schedule.signal(t)) - math.log(schedule.sigma(t))
