"""The forward process and its reversal, as the course writes them.

Pictures are float tensors (batch, channels, height, width) in [-1, 1]; t counts from 0 (clean) to
T-1 (noise). Equations: Ho, Jain, Abbeel (2020), "DDPM"; Nichol, Dhariwal (2021), "Improved DDPM".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.guidance import NoiseEstimate
from core.schedule import NoiseSchedule


@dataclass(frozen=True)
class Update:
    """x_next, and the two terms that only chance and the network know."""

    x_next: Tensor  # (B, C, H, W)
    sigma: Tensor  # (B, C, H, W): the standard deviation of the step's noise; 0 at the last step
    noise: Tensor  # (B, C, H, W): z, standard normal; 0 at the last step


@dataclass(frozen=True)
class Step:
    """One evaluation of the network and what was made of it."""

    index: int
    t: int
    t_next: int | None  # None: the clean end
    x_t: Tensor  # (B, C, H, W)
    clean_hat: Tensor  # (B, C, H, W), within [-1, 1]
    estimate: NoiseEstimate
    update: Update


def draw_noise(like: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Standard normal noise of the shape of `like`, one CPU generator per picture of the batch.

    One generator a picture means that a picture does not depend on its neighbours in the batch, and
    two pictures with the same seed get the same noise. The CPU draws, whatever the device computes.
    """
    if len(generators) != len(like):
        raise ValueError(f"{len(like)} pictures need {len(like)} generators, not {len(generators)}.")
    noise = [torch.randn(like.shape[1:], generator=g, dtype=like.dtype) for g in generators]
    return torch.stack(noise).to(like.device)  # (B, C, H, W)


def add_noise(clean: Tensor, noise: Tensor, t: int | None, schedule: NoiseSchedule) -> Tensor:
    """x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps (DDPM, eq. 4); t = None returns `clean`."""
    if t is None:
        return clean
    return schedule.signal(t) * clean + schedule.sigma(t) * noise


@dataclass(frozen=True)
class DynamicThreshold:
    """Scales an estimate into [-1, 1] in place of clipping it: clean_hat <- clip(clean_hat, -s, s) / s.

    s is the `ratio`-quantile of |clean_hat| over all of a picture, within [1, largest]; with s = 1 this is clipping.
    Source: Saharia et al. (2022), "Photorealistic Text-to-Image Diffusion Models", section 2.3; the values are those of
    DeepFloyd IF's first stage, whose pipeline does this where ours clips.
    """

    ratio: float = 0.95
    largest: float = 1.5

    def __call__(self, clean_hat: Tensor) -> Tensor:
        sizes = clean_hat.flatten(1).abs()  # (B, C H W)
        s = torch.quantile(sizes, self.ratio, dim=1).clamp(1, self.largest).view(-1, 1, 1, 1)
        return clean_hat.clamp(-s, s) / s


def estimate_clean(
    x_t: Tensor,
    eps: Tensor,
    t: int,
    schedule: NoiseSchedule,
    limit: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """x0_hat = (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t) (DDPM, eq. 15), clipped to [-1, 1] unless `limit` does it."""
    clean_hat = (x_t - schedule.sigma(t) * eps) / schedule.signal(t)
    return clean_hat.clamp(-1, 1) if limit is None else limit(clean_hat)


def denoise_step(
    x_t: Tensor,
    clean_hat: Tensor,
    variance: Tensor,
    t: int,
    t_next: int | None,
    schedule: NoiseSchedule,
    generators: Sequence[torch.Generator],
) -> Update:
    """One step t -> t_next (DDPM, eq. 7), with the learned variance (Improved DDPM, eq. 15).

    `variance` (B, C, H, W) are the network's interpolation channels: -1 asks for the posterior's
    variance, +1 for beta. At the clean end no noise is added.
    """
    c = schedule.coefficients(t, t_next)
    mean = c.clean * clean_hat + c.x_t * x_t
    if t_next is None:
        return Update(mean, torch.zeros_like(mean), torch.zeros_like(mean))
    mix = (variance + 1) / 2  # [-1, 1] -> [0, 1]
    sigma = torch.exp((mix * c.log_variance_max + (1 - mix) * c.log_variance_min) / 2)
    noise = draw_noise(x_t, generators)
    return Update(mean + sigma * noise, sigma, noise)


def keep(x_next: Tensor, t_next: int | None) -> Tensor:
    """The constraint that constrains nothing."""
    return x_next


def iterative_denoise(
    x_t: Tensor,
    timesteps: Sequence[int],
    estimate_noise: Callable[[Tensor, int], NoiseEstimate],
    schedule: NoiseSchedule,
    generators: Sequence[torch.Generator],
    constrain: Callable[[Tensor, int | None], Tensor] = keep,
    take_step: Callable[..., Update] = denoise_step,
    limit: Callable[[Tensor], Tensor] | None = None,
) -> Iterator[Step]:
    """Denoises x_t (B, C, H, W) along `timesteps`, the first of which is the noise level of x_t.

    Yields a `Step` after every evaluation; the result is the last step's `update.x_next`. What is
    sampled, edited or combined is decided by `x_t`, `estimate_noise` and `constrain` alone. `take_step` has the arguments
    of `denoise_step`, and stands in for it where the loop is run wrong on purpose.
    """
    for index, (t, t_next) in enumerate(schedule.steps(timesteps)):
        estimate = estimate_noise(x_t, t)
        clean_hat = estimate_clean(x_t, estimate.eps, t, schedule, limit)
        update = take_step(x_t, clean_hat, estimate.variance, t, t_next, schedule, generators)
        update = Update(constrain(update.x_next, t_next), update.sigma, update.noise)
        yield Step(index, t, t_next, x_t, clean_hat, estimate, update)
        x_t = update.x_next
