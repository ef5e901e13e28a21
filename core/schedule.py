"""The noise schedule: how much of the clean picture is left at time t.

t = 0 is clean, large t is noise. Tables are float64; the coefficients come out as Python floats.
Equation numbers are those of Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models" (2020).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Coefficients:
    """The numbers of one step t -> t_next (eq. 7, for a stride of any length).

    x_t_next = clean * clean_hat + x_t * x_t + sigma * z, with log sigma^2 between the two bounds.
    """

    alpha: float  # alphas_cumprod[t] / alphas_cumprod[t_next]
    clean: float  # the weight of the estimate of the clean picture
    x_t: float  # the weight of the noisy picture
    log_variance_min: float  # of the posterior, beta (1 - abar_next) / (1 - abar_t)
    log_variance_max: float  # beta = 1 - alpha


@dataclass(frozen=True)
class NoiseSchedule:
    """alphas_cumprod[t] for t = 0 .. T-1: float64 tensor (T,), falling, within (0, 1]."""

    alphas_cumprod: Tensor

    def __post_init__(self) -> None:
        table = self.alphas_cumprod
        if table.ndim != 1 or table.dtype != torch.float64:
            raise ValueError(
                f"alphas_cumprod must be a float64 vector, not {table.dtype} {tuple(table.shape)}."
            )
        if not (bool((table > 0).all()) and bool((table <= 1).all()) and bool((table.diff() < 0).all())):
            raise ValueError("alphas_cumprod must fall strictly and stay within (0, 1].")

    @classmethod
    def from_diffusers(cls, scheduler: Any) -> NoiseSchedule:
        """From any diffusers scheduler that has `alphas_cumprod`.

        diffusers keeps the table in float32; widening it keeps the very numbers the model was
        trained with, and every product from here on is float64.
        """
        return cls(scheduler.alphas_cumprod.detach().to("cpu", torch.float64))

    @classmethod
    def cosine(cls, num_train_timesteps: int = 1000) -> NoiseSchedule:
        """The schedule of DeepFloyd IF and of the models that ship, without diffusers: importing that takes seconds.

        abar(u) = cos^2((u + 0.008) / 1.008 * pi / 2), u = t / T, beta_t at most 0.999 (Nichol, Dhariwal, "Improved Denoising
        Diffusion Probabilistic Models", 2021, eq. 17). In float32 where diffusers' is, so that both are the same to the bit.
        """

        def abar(u: float) -> float:
            return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

        ends = [abar(t / num_train_timesteps) for t in range(num_train_timesteps + 1)]
        betas = [min(1 - after / before, 0.999) for before, after in pairwise(ends)]
        return cls((1 - torch.tensor(betas, dtype=torch.float32)).cumprod(0).double())

    @property
    def num_train_timesteps(self) -> int:
        """T, the number of timesteps that the model was trained on."""
        return len(self.alphas_cumprod)

    def abar(self, t: int | None) -> float:
        """The share of the clean picture's variance that is left at t; 1 at the clean end (t = None)."""
        if t is None:
            return 1.0
        if not 0 <= t < self.num_train_timesteps:
            raise ValueError(f"t = {t} lies outside 0 .. {self.num_train_timesteps - 1}.")
        return self.alphas_cumprod[t].item()

    def signal(self, t: int | None) -> float:
        """sqrt(abar_t): what multiplies the clean picture."""
        return math.sqrt(self.abar(t))

    def sigma(self, t: int | None) -> float:
        """sqrt(1 - abar_t): what multiplies the noise."""
        return math.sqrt(1 - self.abar(t))

    def snr(self, t: int) -> float:
        """Signal-to-noise ratio abar_t / (1 - abar_t)."""
        return self.abar(t) / (1 - self.abar(t))

    def strided_timesteps(self, num_steps: int = 34) -> list[int]:
        """`num_steps` timesteps, evenly spaced from 0.99 T down to 0: [990, 960, ..., 30, 0] for 34.

        Raises:
            ValueError: fewer than 2 steps, or more than there are timesteps.
        """
        start = min(round(0.99 * self.num_train_timesteps), self.num_train_timesteps - 1)
        if not 2 <= num_steps <= start + 1:
            raise ValueError(f"The number of steps must lie between 2 and {start + 1}, not {num_steps}.")
        return [round(start * (1 - k / (num_steps - 1))) for k in range(num_steps)]

    def karras_timesteps(self, num_steps: int, rho: float = 7.0) -> list[int]:
        """`num_steps` timesteps from 0.99 T down to 0, close together where there is little noise or nearly only noise.

        The rho-th root of sigma / signal falls evenly (Karras et al., "Elucidating the Design Space of Diffusion-Based
        Generative Models", 2022, eq. 5). The network knows whole timesteps only, so each is the nearest of those in
        log(sigma / signal), moved on where two would be the same.

        Raises:
            ValueError: fewer than 2 steps, or more than there are timesteps.
        """
        start = self.strided_timesteps(num_steps)[0]
        table = self.alphas_cumprod[: start + 1]
        spreads = ((1 - table) / table).log() / 2  # of every timestep: log(sigma / signal), rising with t
        ramp = torch.linspace(0, 1, num_steps, dtype=torch.float64)
        largest, smallest = (spreads[t].exp() ** (1 / rho) for t in (-1, 0))
        wanted = rho * (largest + ramp * (smallest - largest)).log()
        chosen = (spreads[None] - wanted[:, None]).abs().argmin(dim=1).tolist()
        for k in range(1, num_steps):
            chosen[k] = min(chosen[k], chosen[k - 1] - 1)
        for k in range(num_steps):
            chosen[-1 - k] = max(chosen[-1 - k], k)
        return chosen

    @staticmethod
    def steps(timesteps: Sequence[int]) -> Iterator[tuple[int, int | None]]:
        """Pairs (t, t_next); the last goes to the clean end, t_next = None."""
        yield from zip(timesteps, [*timesteps[1:], None], strict=True)

    def coefficients(self, t: int, t_next: int | None) -> Coefficients:
        """The step from t to t_next (eq. 7): see `Coefficients`.

        Raises:
            ValueError: unless t_next is earlier than t.
        """
        if t_next is not None and t_next >= t:
            raise ValueError(f"A denoising step goes down in t; {t} -> {t_next} does not.")
        abar, abar_next = self.abar(t), self.abar(t_next)
        alpha = abar / abar_next
        beta = 1 - alpha
        posterior_variance = beta * (1 - abar_next) / (1 - abar)
        return Coefficients(
            alpha=alpha,
            clean=math.sqrt(abar_next) * beta / (1 - abar),
            x_t=math.sqrt(alpha) * (1 - abar_next) / (1 - abar),
            # At the clean end the posterior variance is 0; the floor keeps the logarithm finite there.
            log_variance_min=math.log(max(posterior_variance, 1e-20)),
            log_variance_max=math.log(beta),
        )
