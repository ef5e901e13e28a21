"""The oracle: the exact answer that a denoiser is trained to give, computed from the data set itself.

If the clean picture is one of N pictures x_i with equal probability and the network sees
z = a x + s noise, the best answer in the squared error is the posterior mean

    E[x | z] = sum_i w_i x_i,   w = softmax_i( -|z - a x_i|^2 / (2 s^2) ).

A network that reached its training objective exactly would say this, and would only ever repeat what it
has seen: eq. 3 of Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models"
(2022), appendix B.3; see also Kamb and Ganguli (2024) on why real networks do better than that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from core.datasets import to_unit
from core.toy import remainder

CHUNK = 4096  # pictures at a time: 13 MB as float32
SMALLEST_SIGMA = 1e-3  # of noise, in units of the pixel range; less is a comparison of bytes


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the data set says about B noisy pictures.

    Attributes:
        mean: float (B, C, H, W), E[x | z].
        likeliest: int64 (B,), the picture of the data set with the largest weight.
        largest_weight: float (B,) in (0, 1], its weight: near 1, the oracle simply repeats that picture.
        effective_count: float (B,) from 1 to N: 1 / sum w^2, how many pictures are mixed.
    """

    mean: Tensor
    likeliest: Tensor
    largest_weight: Tensor
    effective_count: Tensor


def denoise_exactly(z: Tensor, sigma: float, pictures: Tensor, chunk: int = CHUNK) -> Posterior:
    """The oracle of lessons B2 and B3: z = x + sigma noise.

    Args:
        z: float (B, C, H, W).
        sigma: from 0; at 0 the answer is the nearest picture.
        pictures: uint8 (N, C, H, W), shown to the network as [0, 1].
        chunk: how many pictures are compared at a time. Memory: 4 bytes x chunk x (C H W + B).

    Raises:
        ValueError: sigma is negative or not finite.
    """
    if not 0 <= sigma < math.inf:
        raise ValueError(f"Choose a noise level σ of at least 0; {sigma} is none.")
    return posterior(z, 1.0, max(sigma, SMALLEST_SIGMA), pictures, chunk)


def flow_oracle(x_t: Tensor, t: float, pictures: Tensor, chunk: int = CHUNK) -> Posterior:
    """The oracle along the flow: x_t = (1 - t) x0 + t x1, and `mean` is E[x1 | x_t].

    The exact velocity is (mean - x_t) / (1 - t). At t = 0, x_t is pure noise, which says nothing about
    the picture, and the mean is that of the whole data set (lesson B4).

    Raises:
        ValueError: t lies outside [0, 1].
    """
    if not 0 <= t <= 1:
        raise ValueError(f"Choose a time t from 0 to 1; {t} lies outside.")
    return posterior(x_t, t, max(remainder(t), SMALLEST_SIGMA), pictures, chunk)


@torch.no_grad()
def posterior(z: Tensor, a: float, s: float, pictures: Tensor, chunk: int = CHUNK) -> Posterior:
    """The posterior for z = a x + s noise, one chunk of the data set after another.

    |z|^2 is the same for every picture and drops out of the softmax, so one matrix product gives all the
    logits. The softmax is taken online (Milakov and Gimelshein, "Online normalizer calculation for
    softmax", 2018): keep the largest logit so far, and rescale the sums whenever it grows. The two
    largest intermediate results are one chunk of pictures and one chunk of logits.
    """
    query = z.flatten(1)  # (B, P)
    batch = len(query)
    largest = query.new_full((batch,), -math.inf)  # logit
    likeliest = torch.zeros(batch, dtype=torch.int64, device=z.device)
    total = query.new_zeros(batch)  # sum of exp(logit - largest)
    total_squares = query.new_zeros(batch)
    weighted = torch.zeros_like(query)  # sum of exp(logit - largest) x_i
    for start in range(0, len(pictures), chunk):
        x = to_unit(pictures[start : start + chunk]).flatten(1).to(query.dtype)  # (chunk, P)
        logits = (a * (query @ x.T) - 0.5 * a**2 * x.square().sum(dim=1)) / s**2  # (B, chunk)
        highest, position = logits.max(dim=1)
        likeliest = torch.where(highest > largest, start + position, likeliest)
        grown = torch.maximum(largest, highest)
        shrink = torch.exp(largest - grown)  # 0 for the first chunk
        weights = torch.exp(logits - grown[:, None])
        total = total * shrink + weights.sum(dim=1)
        total_squares = total_squares * shrink**2 + weights.square().sum(dim=1)
        weighted = weighted * shrink[:, None] + weights @ x
        largest = grown
    mean = (weighted / total[:, None]).reshape(z.shape)
    return Posterior(mean, likeliest, 1 / total, total**2 / total_squares)


def posterior_mean_naive(z: Tensor, a: float, s: float, pictures: Tensor) -> Tensor:
    """E[x | z], written as the formula is: every difference at once, (B, N, C, H, W) of memory."""
    x = to_unit(pictures).to(z.dtype)
    difference = z[:, None] - a * x[None]  # (B, N, C, H, W)
    weights = torch.softmax(-difference.square().flatten(2).sum(dim=2) / (2 * s**2), dim=1)  # (B, N)
    return torch.einsum("bn,nchw->bchw", weights, x)


@torch.no_grad()
def nearest_pictures(
    queries: Tensor, pictures: Tensor, count: int = 5, chunk: int = CHUNK
) -> tuple[Tensor, Tensor]:
    """The pictures of the data set that lie nearest: is the sample a memory?

    Args:
        queries: float (B, C, H, W) in [0, 1].
        pictures: uint8 (N, C, H, W).

    Returns:
        distances: float (B, count), Euclidean, over all pixels, in units of the pixel range; ascending.
        indices: int64 (B, count).
    """
    query = queries.flatten(1)
    squares = query.square().sum(dim=1, keepdim=True)  # (B, 1)
    best, found = (
        query.new_empty(len(query), 0),
        torch.empty(len(query), 0, dtype=torch.int64, device=query.device),
    )
    for start in range(0, len(pictures), chunk):
        x = to_unit(pictures[start : start + chunk]).flatten(1).to(query.dtype)  # (chunk, P)
        distances = squares - 2 * query @ x.T + x.square().sum(dim=1)  # (B, chunk)
        positions = torch.arange(start, start + len(x), device=query.device).expand_as(distances)
        candidates, places = torch.cat([best, distances], dim=1), torch.cat([found, positions], dim=1)
        best, order = candidates.topk(min(count, candidates.shape[1]), dim=1, largest=False)
        found = places.gather(1, order)
    return best.clamp(min=0).sqrt(), found
