"""From a picture to the noise that draws it, and ways between two noises.

Pictures are (B, C, H, W) in [-1, 1]; the notation is that of `core.samplers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from core.diffusion import Step, estimate_clean
from core.guidance import NoiseEstimate
from core.samplers import implied_noise, without_noise
from core.schedule import NoiseSchedule


def invert_ddim(
    clean: Tensor,
    timesteps: Sequence[int],
    estimate_noise: Callable[[Tensor, int], NoiseEstimate],
    schedule: NoiseSchedule,
    limit: Callable[[Tensor], Tensor] | None = None,
) -> Iterator[Step]:
    """DDIM's equation run towards larger t: `clean` to the noise from which DDIM (eta = 0) draws it.

    `timesteps` are those of the way back, falling; they are walked from the last to the first. A step t -> t_next knows
    clean_hat and eps at its start only, where the way back will ask at t_next: this is Euler's method for the same ODE in
    the other direction, so there and back misses by an error of first order (Song, Meng, Ermon, "DDIM", 2021, section 4.3
    and eq. 14; Dhariwal, Nichol, 2021, appendix F). The first step starts from the clean end, t = None in words of
    `schedule`: it asks at the smallest timestep, and takes the picture itself for clean_hat.

    Yields a `Step` for each evaluation, `t` where the network is told to be; the noise is the last one's `update.x_next`.
    """
    rising = list(reversed(timesteps))
    x_t, t = clean, rising[0]
    for index, t_next in enumerate(rising):
        estimate = estimate_noise(x_t, t)
        if index == 0:
            clean_hat, eps = clean, estimate.eps
        else:
            clean_hat = estimate_clean(x_t, estimate.eps, t, schedule, limit)
            eps = implied_noise(x_t, clean_hat, t, schedule)
        x_next = schedule.signal(t_next) * clean_hat + schedule.sigma(t_next) * eps
        yield Step(index, t, t_next, x_t, clean_hat, estimate, without_noise(x_next))
        x_t, t = x_next, t_next


def straight(one: Tensor, other: Tensor, weight: float) -> Tensor:
    """(1 - w) one + w other. Between independent noises the standard deviation shrinks to sqrt((1 - w)^2 + w^2)."""
    return (1 - weight) * one + weight * other


def slerp(one: Tensor, other: Tensor, weight: float) -> Tensor:
    """Along the great circle from `one` to `other`, (B, ...), each picture by itself (Shoemake, 1985, section 3.3).

    sin((1 - w) theta)/sin(theta) one + sin(w theta)/sin(theta) other, theta the angle between them: where both have one
    norm, all between them have it. Two noises of many pixels are nearly at right angles.
    """
    a, b = one.flatten(1), other.flatten(1)
    cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    theta = torch.acos(cosine.clamp(-1, 1)).view(-1, *[1] * (one.ndim - 1))
    if bool((theta.sin() < 1e-6).any()):
        raise ValueError("There is no one great circle between noises that lie on a line: choose two others.")
    return (torch.sin((1 - weight) * theta) * one + torch.sin(weight * theta) * other) / theta.sin()


def neighbours_alike(x: Tensor) -> float:
    """The correlation of horizontally neighbouring pixels, (B, C, H, W) -> -1 to 1; of white noise about 0."""
    return ((x[..., 1:] * x[..., :-1]).mean() / x.square().mean()).item()
