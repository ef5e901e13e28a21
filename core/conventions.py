"""Diffusion and flow matching as one path in two clocks, and the five things that a network may be asked for.

Diffusion: x_t = signal clean + sigma noise with signal^2 + sigma^2 = 1, t = 0 clean. Flow: x = tau clean + (1 - tau) noise,
tau = 1 clean. A point of one is a point of the other, but for a factor, where signal : sigma is tau : (1 - tau). Sources:
Salimans, Ho, "Progressive Distillation" (2022), appendix D, for v; Lipman et al., "Flow Matching" (2023), for the velocity;
Song et al. (2021) for the score; Gao et al., "Diffusion Meets Flow Matching" (2024), for the change of variables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.diffusion import Step, estimate_clean
from core.guidance import NoiseEstimate
from core.samplers import implied_noise, without_noise
from core.schedule import NoiseSchedule


@dataclass(frozen=True)
class Clock:
    """One time in both conventions.

    Attributes:
        signal, sigma: the weights of the picture and the noise in diffusion; their squares sum to 1.
    """

    signal: float
    sigma: float

    @classmethod
    def at(cls, t: int | None, schedule: NoiseSchedule) -> Clock:
        """At diffusion's t; None is the clean end."""
        return cls(schedule.signal(t), schedule.sigma(t))

    @property
    def tau(self) -> float:
        """Flow's time, 0 noise to 1 clean: signal / (signal + sigma)."""
        return self.signal * self.scale

    @property
    def scale(self) -> float:
        """What diffusion's x_t is multiplied by to be flow's: 1 / (signal + sigma), between 0.71 and 1."""
        return 1 / (self.signal + self.sigma)


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network may be asked for, each (B, ...); any one of them, with x_t, gives the others."""

    clean_hat: Tensor  # the picture
    eps: Tensor  # the noise
    v: Tensor  # signal eps - sigma clean_hat: where x_t goes as the angle between the two grows
    velocity: Tensor  # clean_hat - eps: where flow's x goes as tau grows
    score: Tensor  # -eps / sigma, the gradient of log p_t(x_t)


ASKED = ("clean_hat", "eps", "v", "velocity", "score")


def convert(asked: str, answer: Tensor, x_t: Tensor, clock: Clock) -> Answers:
    """All five from the one that was asked for, of ASKED; x_t is diffusion's, (B, ...).

    Raises:
        ValueError: asked for something else; or where the answer says nothing: the picture from the noise where signal is
            0, the noise from the picture where sigma is 0.
    """
    s, sigma = clock.signal, clock.sigma
    if asked not in ASKED:
        raise ValueError(f"Ask for one of {', '.join(ASKED)}, not for {asked!r}.")
    if (s == 0 and asked in ("eps", "score")) or (sigma == 0 and asked == "clean_hat"):
        raise ValueError(f"From {asked} alone nothing follows at signal {s:g}, sigma {sigma:g}.")
    if asked == "clean_hat":
        clean_hat, eps = answer, (x_t - s * answer) / sigma
    elif asked == "v":
        clean_hat, eps = s * x_t - sigma * answer, sigma * x_t + s * answer
    elif asked == "velocity":
        x = clock.scale * x_t
        clean_hat, eps = x + (1 - clock.tau) * answer, x - clock.tau * answer
    else:
        eps = answer if asked == "eps" else -sigma * answer
        clean_hat = (x_t - sigma * eps) / s
    score = -eps / sigma if sigma else torch.full_like(eps, torch.nan)
    return Answers(clean_hat, eps, s * eps - sigma * clean_hat, clean_hat - eps, score)


def amplification(asked: str, clock: Clock) -> float:
    """How many times larger an error of the answer is in the picture that follows from it; infinite where it explodes."""
    s, sigma = clock.signal, clock.sigma
    weights = {"clean_hat": (1.0, 1.0), "eps": (sigma, s), "v": (sigma, 1.0), "velocity": (1 - clock.tau, 1.0),
               "score": (sigma**2, s)}  # fmt: skip
    above, below = weights[asked]
    return above / below if below else float("inf")


def flow_euler(
    x: Tensor,
    timesteps: Sequence[int],
    estimate_noise: Callable[[Tensor, int], NoiseEstimate],
    schedule: NoiseSchedule,
) -> Iterator[Step]:
    """Euler's method in flow's clock, x <- x + (tau' - tau) velocity, on a network that was trained on diffusion.

    `x` (B, C, H, W) is flow's, at the tau of timesteps[0]; so are `x_t` and `update.x_next` of the steps. The network is
    handed x / scale at the t that belongs to tau. With the same timesteps these are DDIM's pictures (eta = 0), step for
    step, times the scale.
    """
    for index, (t, t_next) in enumerate(schedule.steps(timesteps)):
        here, there = Clock.at(t, schedule), Clock.at(t_next, schedule)
        x_t = x / here.scale
        estimate = estimate_noise(x_t, t)
        clean_hat = estimate_clean(x_t, estimate.eps, t, schedule)
        velocity = clean_hat - implied_noise(x_t, clean_hat, t, schedule)
        x_next = x + (there.tau - here.tau) * velocity
        yield Step(index, t, t_next, x, clean_hat, estimate, without_noise(x_next))
        x = x_next
