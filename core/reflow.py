"""Reflow: join each noise to the sample that a flow makes of it, and learn again from these pairs.

Liu, Gong, Liu, "Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified Flow" (2022,
arXiv:2209.03003). Noise and data that were drawn apart from each other are joined by lines that cross; the pairs that a flow
makes are joined by lines that cross less, so that the next flow's paths are straighter and need fewer steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.flow import EstimateVelocity, integrate


def carry(estimate: EstimateVelocity, noise: Tensor, num_steps: int, solver: str = "euler") -> Tensor:
    """Where the flow takes each noise, Z1: (B, ...) -> (B, ...). `num_steps` and `solver` as in `core.flow.integrate`."""
    x = noise
    for step in integrate(estimate, noise, num_steps, solver):
        x = step.x_next
    return x


@dataclass(frozen=True, eq=False)
class Pairs:
    """Noises and what they are joined to, as training data. noise, clean: float (N, ...), of one shape."""

    noise: Tensor
    clean: Tensor

    def __post_init__(self) -> None:
        if self.noise.shape != self.clean.shape:
            raise ValueError(
                f"Give each noise one partner of its shape: {tuple(self.noise.shape)} noises do not pair with "
                f"{tuple(self.clean.shape)}."
            )

    def __len__(self) -> int:
        return len(self.noise)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """int64 (B,) -> pairs float (B, 2, ...), the noise first; labels (B,): all 0, as pairs have no class."""
        pairs = torch.stack([self.noise[indices], self.clean[indices]], dim=1)
        return pairs, torch.zeros(len(indices), dtype=torch.uint8)


def straightness(estimate: EstimateVelocity, noise: Tensor, num_steps: int) -> Tensor:
    """S of each path, the integral over t of |(Z1 - Z0) - u(Z_t, t)|^2: (B, ...) -> (B,).

    0 exactly for a straight path that is followed at an even speed; its mean is S(Z) of Liu et al., section 2.2, the squares
    summed over all pixels. Taken along Euler's path, on which Z1 - Z0 is the mean of the velocities, S is their variance
    over time.
    """
    mean, square = torch.zeros_like(noise), torch.zeros(len(noise), dtype=noise.dtype, device=noise.device)
    for count, step in enumerate(integrate(estimate, noise, num_steps), 1):
        off = step.estimate.velocity - mean
        mean = mean + off / count  # Welford (1962): the sum of squares about a mean that is still changing
        square = square + (off * (step.estimate.velocity - mean)).flatten(1).sum(dim=1)
    return square / num_steps


def transport_cost(noise: Tensor, clean: Tensor) -> Tensor:
    """|Z1 - Z0|^2 of each pair: (B, ...) -> (B,). Its mean never grows by reflow (Liu et al., theorem 3.5)."""
    return (clean - noise).flatten(1).square().sum(dim=1)


def steps_needed(counts: Sequence[int], errors: Sequence[float], tolerance: float) -> int | None:
    """The fewest of `counts` (rising) from which on no error is above the tolerance; None if the last one still is."""
    enough = None
    for count, error in zip(counts, errors, strict=True):
        if error > tolerance:
            enough = None
        elif enough is None:
            enough = count
    return enough
