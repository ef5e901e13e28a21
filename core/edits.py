"""What editing adds to sampling: another starting point, a constraint after every step, a low pass.

Pictures are (B, C, H, W) in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.diffusion import add_noise, draw_noise
from core.schedule import NoiseSchedule


def sdedit_start(
    clean: Tensor, noise: Tensor, timesteps: Sequence[int], i_start: int, schedule: NoiseSchedule
) -> tuple[Tensor, list[int]]:
    """The picture noised to timesteps[i_start], and the timesteps that are left (Meng et al., "SDEdit", 2021).

    A small i_start is much noise: 0 keeps next to nothing of the picture, the last index nearly all.

    Raises:
        ValueError: i_start is no index of `timesteps`.
    """
    if not 0 <= i_start < len(timesteps):
        raise ValueError(f"i_start must lie between 0 and {len(timesteps) - 1}, not {i_start}.")
    left = list(timesteps[i_start:])
    return add_noise(clean, noise, left[0], schedule), left


def keep_outside(
    mask: Tensor,
    clean: Tensor,
    schedule: NoiseSchedule,
    generators: Sequence[torch.Generator],
) -> Callable[[Tensor, int | None], Tensor]:
    """The inpainting constraint x_t <- m x_t + (1 - m) forward(clean, t), mask (B, 1, H, W) with 1 = regenerate.

    Every step noises the original afresh (Lugmayr et al., "RePaint", 2022, eq. 8, without resampling).
    At the clean end forward() adds no noise: outside the mask the result is the original itself.

    `clean` is (B, C, H, W). `generators`, one a picture, must not be those of the loop: with its own, the
    constraint leaves the loop's noise as it is, and a mask of ones gives exactly what sampling gives.
    """

    def constrain(x_next: Tensor, t_next: int | None) -> Tensor:
        noise = draw_noise(clean, generators)
        return torch.where(mask > 0.5, x_next, add_noise(clean, noise, t_next, schedule))

    return constrain


@dataclass(frozen=True)
class GaussianLowpass:
    """A separable Gaussian blur, `kernel_size` taps, standard deviation `sigma` pixels, reflected at the border.

    Raises:
        ValueError: an even kernel, sigma that is not positive; in use, a kernel wider than twice the picture.
    """

    kernel_size: int = 33
    sigma: float = 2.0

    def __post_init__(self) -> None:
        if self.kernel_size % 2 == 0 or self.kernel_size < 1:
            raise ValueError(f"The kernel size must be odd and positive, not {self.kernel_size}.")
        if not self.sigma > 0:
            raise ValueError(f"sigma must be greater than 0, not {self.sigma}.")

    def taps(self) -> Tensor:
        """The kernel (kernel_size,), float64, sum 1."""
        x = torch.arange(self.kernel_size, dtype=torch.float64) - self.kernel_size // 2
        weights = torch.exp(-(x**2) / (2 * self.sigma**2))
        return weights / weights.sum()

    def __call__(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        r = self.kernel_size // 2
        if r >= min(h, w):
            raise ValueError(f"A kernel of {self.kernel_size} is too wide for a {h} x {w} picture.")
        taps = self.taps().to(x)
        x = F.pad(x.reshape(b * c, 1, h, w), (r, r, r, r), mode="reflect")  # (B*C, 1, H+2r, W+2r)
        x = F.conv2d(F.conv2d(x, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))  # (B*C, 1, H, W)
        return x.reshape(b, c, h, w)
