"""The blurs of lesson A2 and of the scoreboard, held against what a Gaussian does to waves."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core.schedule import NoiseSchedule
from lessons import classical_denoising
from scripts.storybook.blur import SIGMAS, best_blur_error

SCHEDULE = NoiseSchedule(torch.tensor([0.9, 0.5, 0.2], dtype=torch.float64))


def wave(half_periods: int) -> torch.Tensor:
    """cos along a row of 64 pixels, its own mirror image at both ends: a blur only scales it, (1, 1, 64, 64)."""
    x = torch.arange(64, dtype=torch.float64)
    return torch.cos(math.pi * half_periods * x / 63).expand(1, 1, 64, 64)


@pytest.mark.parametrize("t", [0, 1, 2])
@pytest.mark.parametrize(("slow", "fast"), [(2, 30), (5, 21), (9, 10)])
def test_a_blur_scales_waves_as_its_transform_says(t, slow, fast):
    """A Gaussian of σ pixels scales cos(ω x) by exp(−ω² σ² / 2): the picture is one wave, the noise another."""
    clean, noise = 0.8 * wave(slow), wave(fast)
    ratio = math.sqrt((1 - SCHEDULE.abar(t)) / SCHEDULE.abar(t))
    expected = []
    for sigma in (0, 1, 2, 3, 4):
        keep = [math.exp(-((math.pi * k / 63 * sigma) ** 2) / 2) for k in (slow, fast)]
        expected.append(((keep[0] - 1) * clean + ratio * keep[1] * noise).square().mean().item())
    found = best_blur_error(clean, t, noise, SCHEDULE, sigmas=(1, 2, 3, 4))
    assert found == pytest.approx(min(expected), rel=1e-3)


def test_a_flat_picture_takes_the_widest_blur_and_one_without_noise_none():
    """White noise of variance v keeps v times the sum of the squared weights, here with mirrored borders."""
    generator = torch.Generator().manual_seed(1)
    flat, noise = torch.zeros(64, 3, 64, 64), torch.randn(64, 3, 64, 64, generator=generator)
    taps = np.exp(-(np.arange(-31, 32) ** 2) / (2 * 2.0**2))
    weights = np.zeros((64, 64))
    for pixel, seen in enumerate(
        np.pad(np.arange(64), 31, mode="reflect")[np.arange(64)[:, None] + np.arange(63)]
    ):
        np.add.at(weights[pixel], seen, taps / taps.sum())
    kept = np.square(weights).sum(axis=1).mean() ** 2  # rows and columns
    assert kept == pytest.approx(1 / (4 * math.pi * 2**2), rel=0.12)  # without borders, by Parseval's theorem
    found = best_blur_error(flat, 2, noise, SCHEDULE, sigmas=(0.5, 2.0))
    assert found == pytest.approx((1 - 0.2) / 0.2 * kept, rel=0.02)
    picture = torch.rand(2, 3, 64, 64, generator=generator)
    assert best_blur_error(picture, 1, torch.zeros_like(picture), SCHEDULE) == pytest.approx(0, abs=1e-12)


def test_one_blur_serves_the_whole_set():
    """A flat and a busy picture want different blurs; together they get one, which is worse than two."""
    generator = torch.Generator().manual_seed(2)
    noise = torch.randn(1, 3, 64, 64, generator=generator)
    flat, busy = torch.zeros(1, 3, 64, 64), torch.randn(1, 3, 64, 64, generator=generator)
    together = best_blur_error(torch.cat([flat, busy]), 1, torch.cat([noise, noise]), SCHEDULE)
    apart = (best_blur_error(flat, 1, noise, SCHEDULE) + best_blur_error(busy, 1, noise, SCHEDULE)) / 2
    assert together > 1.05 * apart
    assert min(SIGMAS) > 0


def test_every_blur_of_a2_takes_from_a_wave_what_its_transform_says():
    """Also of the picture without noise, in the page's first column."""
    found = classical_denoising.blurs(wave(6).float().expand(1, 3, -1, -1))
    for sigma, picture in zip(classical_denoising.SIGMAS, found, strict=True):
        # Narrower ones are sampled coarsely, of wider ones the kernel sees a part.
        if sigma == 0 or 0.8 <= sigma <= 3:
            kept = math.exp(-((math.pi * 6 / 63 * sigma) ** 2) / 2)
            np.testing.assert_allclose(picture[0, 0].numpy(), kept * wave(6)[0, 0].numpy(), atol=5e-3)
