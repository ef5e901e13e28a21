"""How far a Gaussian blur gets against noise: what a network's error is divided by on the scoreboard."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.diffusion import add_noise
from core.edits import GaussianLowpass
from core.schedule import NoiseSchedule

SIGMAS = (0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)  # pixels
KERNEL = (
    63  # the widest that a picture of 64 pixels can reflect: nearly four of the largest standard deviations
)


def best_blur_error(
    clean: Tensor, t: int, noise: Tensor, schedule: NoiseSchedule, sigmas: Sequence[float] = SIGMAS
) -> float:
    """The mean squared error of the best blur of x_t / √ᾱ, the same blur for all pictures of the set.

    Not to blur at all counts, too. The choice is made with the answer known, which makes it hard to beat. No gain and no
    offset is fitted, as in lesson A2; `scripts.emoji.denoising` fits both, which on photographs changes 2 % at most.

    Args:
        clean: (N, C, H, W) in [−1, 1].
        t: the timestep that the noise stands for.
        noise: (N, C, H, W), standard normal.
        sigmas: standard deviations that are tried, pixels.
    """
    x = add_noise(clean, noise, t, schedule) / schedule.signal(t)
    tried = [x, *(GaussianLowpass(KERNEL, sigma)(x) for sigma in sigmas)]
    return min(torch.mean((blurred - clean).square()).item() for blurred in tried)
