"""Noise estimators: who is asked for the noise, and how several answers become one.

An estimator is a callable (x_t, t) -> NoiseEstimate. `Network` is the DeepFloyd-IF contract:
(x_t (B, 3, H, W), t, embeddings (B, tokens, width)) -> (B, 6, H, W), noise and variance channels.
Guidance is eps_u + gamma (eps_c - eps_u) everywhere: gamma = 0 unconditional, 1 conditional
(Ho, Salimans, "Classifier-Free Diffusion Guidance", 2022, eq. 6 with gamma = 1 + w).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.views import View

Network = Callable[[Tensor, int, Tensor], Tensor]


@dataclass(frozen=True)
class NoiseEstimate:
    """eps and the variance interpolation, (B, C, H, W) each, and the estimates they were made of."""

    eps: Tensor
    variance: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Conditional:
    """One evaluation, conditioned on `embedding` (B, tokens, width)."""

    network: Network
    embedding: Tensor

    def __call__(self, x_t: Tensor, t: int) -> NoiseEstimate:
        eps, variance = self.network(x_t, t, self.embedding).chunk(
            2, dim=1
        )  # (B, 6, H, W) -> 2 x (B, 3, H, W)
        return NoiseEstimate(eps, variance)


@dataclass(frozen=True)
class ClassifierFree:
    """Guidance between an unconditional and a conditional estimate, in one network call.

    `guidance_scale` is a number, or a tensor (B,) with a scale for each picture. The variance is the
    conditional branch's, as in diffusers' IFPipeline; at scale 0, where that pipeline does not guide at all, it is the
    unconditional one's, so that nothing of the prompt is left.
    """

    network: Network
    conditional: Tensor  # (B, tokens, width)
    unconditional: Tensor  # (B, tokens, width)
    guidance_scale: float | Tensor

    def __call__(self, x_t: Tensor, t: int) -> NoiseEstimate:
        both = torch.cat([self.unconditional, self.conditional])  # (2B, tokens, width)
        output = self.network(torch.cat([x_t, x_t]), t, both)  # (2B, 6, H, W)
        (eps_u, variance_u), (eps_c, variance_c) = (branch.chunk(2, dim=1) for branch in output.chunk(2))
        scale = self.guidance_scale
        if isinstance(scale, Tensor):
            scale = scale.to(x_t).view(-1, 1, 1, 1)
            variance = torch.where(scale == 0, variance_u, variance_c)
        else:
            variance = variance_u if scale == 0 else variance_c
        return NoiseEstimate(eps_u + scale * (eps_c - eps_u), variance, {"eps_u": eps_u, "eps_c": eps_c})


Estimator = Callable[[Tensor, int], NoiseEstimate]


@dataclass(frozen=True)
class Anagram:
    """Two readings of one picture: as it stands, and through a view (Geng, Park, Owens, 2023, "Visual Anagrams").

    eps = (eps_1(x_t) + view^-1(eps_2(view(x_t)))) / 2, and the variances likewise.
    """

    upright: Estimator
    turned: Estimator
    view: View

    def __call__(self, x_t: Tensor, t: int) -> NoiseEstimate:
        one = self.upright(x_t, t)
        two = self.turned(self.view.forward(x_t), t)
        eps_2 = self.view.inverse(two.eps)
        # The variance is a size, not a direction: it moves with its pixel but does not change sign.
        variance_2 = self.view.inverse_places(two.variance)
        parts = {"eps_1": one.eps, "eps_2": eps_2}
        return NoiseEstimate((one.eps + eps_2) / 2, (one.variance + variance_2) / 2, parts)


@dataclass(frozen=True)
class Hybrid:
    """Low frequencies of one estimate, high frequencies of another (Geng, Park, Owens, 2024, "Factorized Diffusion").

    `lowpass` is a linear map on (B, C, H, W); the high pass is what it leaves.
    """

    far: Estimator
    near: Estimator
    lowpass: Callable[[Tensor], Tensor]

    def __call__(self, x_t: Tensor, t: int) -> NoiseEstimate:
        one, two = self.far(x_t, t), self.near(x_t, t)
        low, high = self.lowpass(one.eps), two.eps - self.lowpass(two.eps)
        parts = {"eps_1": one.eps, "eps_2": two.eps, "low": low, "high": high}
        return NoiseEstimate(low + high, (one.variance + two.variance) / 2, parts)
