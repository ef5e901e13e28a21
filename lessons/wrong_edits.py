"""A8, A10 and A11 run wrong on purpose, so that a student sees what each part of the edit is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.guidance import Estimator, NoiseEstimate
from core.views import View


def kept_but_not_noised(mask: Tensor, clean: Tensor) -> Callable[[Tensor, int | None], Tensor]:
    """The inpainting constraint without forward(): the clean picture is put back at every step, whatever t."""
    return lambda x_next, t_next: torch.where(mask > 0.5, x_next, clean)


def pasted_at_the_end(mask: Tensor, clean: Tensor) -> Callable[[Tensor, int | None], Tensor]:
    """No constraint until the last step: the loop never sees what surrounds the hole."""
    return lambda x_next, t_next: torch.where(mask > 0.5, x_next, clean) if t_next is None else x_next


@dataclass(frozen=True)
class NotTurnedBack:
    """An anagram whose second estimate is averaged as it is, in the turned picture's own places."""

    upright: Estimator
    turned: Estimator
    view: View

    def __call__(self, x_t: Tensor, t: int) -> NoiseEstimate:
        one, two = self.upright(x_t, t), self.turned(self.view.forward(x_t), t)
        parts = {"eps_1": one.eps, "eps_2": two.eps}
        return NoiseEstimate((one.eps + two.eps) / 2, (one.variance + two.variance) / 2, parts)


@dataclass(frozen=True)
class NotCut:
    """A hybrid whose bands are not cut: both estimates whole, so twice the noise."""

    far: Estimator
    near: Estimator
    lowpass: Callable[[Tensor], Tensor]

    def __call__(self, x_t: Tensor, t: int) -> NoiseEstimate:
        one, two = self.far(x_t, t), self.near(x_t, t)
        parts = {"eps_1": one.eps, "eps_2": two.eps, "low": one.eps, "high": two.eps}
        return NoiseEstimate(one.eps + two.eps, (one.variance + two.variance) / 2, parts)
