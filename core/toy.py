"""Flow matching in two dimensions, where everything is known exactly.

The data are N points x1; x0 ~ N(0, I); x_t = (1 - t) x0 + t x1. Given x1, x_t is Gaussian with mean t x1
and standard deviation 1 - t, so the marginal is a mixture of N Gaussians and its velocity and score have
closed forms: eq. 8 of Lipman et al., "Flow Matching for Generative Modeling" (2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.flow import Velocity

SHORTEST_REMAINDER = 1e-4  # 1 - t is not taken smaller: at t = 1 the field off the data is infinite


# ---------------------------------------------------------------- data sets, standard deviation about 1


def moons(count: int, generator: torch.Generator) -> Tensor:
    """Two interleaved half circles: (count, 2)."""
    angle = math.pi * torch.rand(count, generator=generator)
    lower = torch.arange(count) % 2 == 1
    x = torch.where(lower, 1 - angle.cos(), angle.cos()) - 0.5
    y = torch.where(lower, 0.5 - angle.sin(), angle.sin()) - 0.25
    points = torch.stack([x, y], dim=1) * torch.tensor([1.2, 1.8])
    return points + 0.06 * torch.randn(count, 2, generator=generator)


def rings(count: int, generator: torch.Generator) -> Tensor:
    """Two concentric circles of radius 0.7 and 1.7: (count, 2)."""
    angle = 2 * math.pi * torch.rand(count, generator=generator)
    radius = torch.where(
        torch.arange(count) % 3 == 0, 0.7, 1.7
    )  # twice as many outside, where there is more room
    radius = radius + 0.05 * torch.randn(count, generator=generator)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def checkerboard(count: int, generator: torch.Generator) -> Tensor:
    """The eight black squares of a 4 x 4 board that spans [-2, 2]: (count, 2)."""
    column = torch.randint(4, (count,), generator=generator)
    row = 2 * torch.randint(2, (count,), generator=generator) + column % 2
    corner = torch.stack([column, row], dim=1) - 2.0
    return corner + torch.rand(count, 2, generator=generator)


DATA_SETS: dict[str, Callable[[int, torch.Generator], Tensor]] = {
    "moons": moons,
    "rings": rings,
    "checkerboard": checkerboard,
}


@dataclass(frozen=True, eq=False)
class Points:
    """A set of points as training data. points: float (N, 2)."""

    points: Tensor

    def __len__(self) -> int:
        return len(self.points)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """int64 (B,) -> points float (B, 2), labels (B,): all 0, since points have no class."""
        return self.points[indices], torch.zeros(len(indices), dtype=torch.uint8)


# ---------------------------------------------------------------- the exact field


@dataclass(frozen=True, eq=False)
class ExactField:
    """The marginal path of a finite set of points, in closed form.

    An instance is an `EstimateVelocity`: it can be given to `core.flow.integrate`. Euler's last step ends
    on E[x1 | x]. Heun and RK4 also ask for the field at t = 1, where it is infinite off the data, so they
    miss at the very end: Karras et al. (2022, algorithm 1) take the last step by Euler for this reason.

    Attributes:
        points: float (N, D), the data; the precision of the answers is theirs.
    """

    points: Tensor

    def squared_distances(self, x: Tensor, t: float) -> Tensor:
        """|x - t x1|^2 for every pair: x (B, D) -> (B, N).

        Taken from differences: |x|^2 - 2 t x.x1 + t^2 |x1|^2 would lose every digit near t = 1.
        """
        return torch.cdist(x, t * self.points, compute_mode="donot_use_mm_for_euclid_dist").square()

    def weights(self, x: Tensor, t: float) -> Tensor:
        """p(x1 | x_t = x), the probability that each data point is where x came from: (B, D) -> (B, N).

        A softmax over the points of -|x - t x1|^2 / (2 (1 - t)^2).
        """
        return torch.softmax(-self.squared_distances(x, t) / (2 * remainder(t) ** 2), dim=1)

    def clean_mean(self, x: Tensor, t: float) -> Tensor:
        """E[x1 | x_t = x], the best guess of the clean point: (B, D) -> (B, D)."""
        return self.weights(x, t) @ self.points

    def velocity(self, x: Tensor, t: float) -> Tensor:
        """E[x1 - x0 | x_t = x] = (E[x1 | x] - x) / (1 - t): (B, D) -> (B, D)."""
        return (self.clean_mean(x, t) - x) / remainder(t)

    def score(self, x: Tensor, t: float) -> Tensor:
        """The gradient of log p_t at x, (t E[x1 | x] - x) / (1 - t)^2: (B, D) -> (B, D)."""
        return (t * self.clean_mean(x, t) - x) / remainder(t) ** 2

    def log_density(self, x: Tensor, t: float) -> Tensor:
        """log p_t(x) of the mixture of N Gaussians: (B, D) -> (B,)."""
        count, dimension = self.points.shape
        exponents = -self.squared_distances(x, t) / (2 * remainder(t) ** 2)
        normaliser = math.log(count) + dimension * (math.log(remainder(t)) + 0.5 * math.log(2 * math.pi))
        return torch.logsumexp(exponents, dim=1) - normaliser

    def __call__(self, x_t: Tensor, t: float) -> Velocity:
        return Velocity(self.velocity(x_t, t))


def remainder(t: float) -> float:
    """1 - t, but never less than 0.0001, so that the field stays finite at t = 1."""
    return max(1 - t, SHORTEST_REMAINDER)
