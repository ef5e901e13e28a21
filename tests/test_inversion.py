"""DDIM run backwards: against diffusers, against a Gaussian's closed forms; and the ways between two noises."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from diffusers import DDIMInverseScheduler

from core.inversion import invert_ddim, neighbours_alike, slerp, straight
from core.samplers import ddim
from tests.test_samplers import COSINE, SCHEDULE, WIDTH, end, fake_model, gaussian, identity, noise, wide


@pytest.mark.parametrize("num_steps", [10, 50])
def test_inversion_agrees_with_diffusers(num_steps):
    """The same estimates into DDIMInverseScheduler.step, which names a step by where it leads."""
    scheduler = wide(DDIMInverseScheduler(1000, **COSINE, clip_sample=False, set_alpha_to_one=True))
    scheduler.initial_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    scheduler.set_timesteps(num_steps)
    sample = noise().clamp(-1, 1)
    steps = list(invert_ddim(sample, scheduler.timesteps.tolist()[::-1], fake_model, SCHEDULE, identity))
    assert [step.t_next for step in steps] == scheduler.timesteps.tolist()
    for step in steps:
        torch.testing.assert_close(step.x_t, sample, rtol=0, atol=1e-10)
        sample = scheduler.step(step.estimate.eps, step.t_next, sample).prev_sample
        torch.testing.assert_close(step.update.x_next, sample, rtol=0, atol=1e-10)


def test_the_network_is_told_where_a_step_starts():
    heard = []

    def counting(x_t: torch.Tensor, t: int):
        heard.append(t)
        return gaussian(x_t, t)

    steps = list(invert_ddim(noise(), [90, 60, 30, 0], counting, SCHEDULE))
    assert heard == [0, 0, 30, 60] and [step.t for step in steps] == heard
    assert [step.t_next for step in steps] == [0, 30, 60, 90]
    for one, two in itertools.pairwise(steps):
        assert torch.equal(one.update.x_next, two.x_t)


# ---- a Gaussian: every step is a factor ----------------------------------------------------------------------


def variance(t: int) -> float:
    return SCHEDULE.abar(t) * WIDTH**2 + 1 - SCHEDULE.abar(t)


def factor(t: int, t_next: int) -> float:
    """A step's numerator: with eps = sigma x / v and clean_hat = signal WIDTH^2 x / v, x_next = factor / v(start) x."""
    return SCHEDULE.signal(t) * SCHEDULE.signal(t_next) * WIDTH**2 + SCHEDULE.sigma(t) * SCHEDULE.sigma(
        t_next
    )


def there_and_back(timesteps: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    there = end(invert_ddim(noise(), timesteps, gaussian, SCHEDULE, identity))
    return there, end(ddim(there, timesteps, gaussian, SCHEDULE, [], limit=identity))


@pytest.mark.parametrize("num_steps", [3, 10, 34])
def test_there_and_back_is_the_product_of_its_factors(num_steps):
    """There divides by the variance at a step's start, back by that at its end: the error is known exactly."""
    timesteps = SCHEDULE.strided_timesteps(num_steps)
    there, back = there_and_back(timesteps)
    out = SCHEDULE.signal(0) + SCHEDULE.sigma(0) ** 2 / variance(0)  # from the clean end to t = 0
    home = SCHEDULE.signal(0) * WIDTH**2 / variance(0)  # and from t = 0 to the clean end
    for high, low in itertools.pairwise(timesteps):
        out *= factor(low, high) / variance(low)
        home *= factor(low, high) / variance(high)
    torch.testing.assert_close(there, out * noise(), rtol=1e-12, atol=0)
    torch.testing.assert_close(back, out * home * noise(), rtol=1e-12, atol=0)


def test_with_more_steps_it_comes_to_the_noise_of_the_closed_form_and_back_exactly():
    """The error of both is of first order: twice the steps, half of it. The limit is x sqrt(v(T)) / WIDTH, and x itself."""
    missed = []
    for count in (57, 113, 225):
        timesteps = [round(t) for t in np.linspace(896, 0, count)]
        there, back = there_and_back(timesteps)
        limit = noise() * math.sqrt(variance(896)) / WIDTH
        missed.append([(there - limit).abs().mean().item(), (back - noise()).abs().mean().item()])
    for which in (0, 1):
        orders = [math.log2(one[which] / two[which]) for one, two in itertools.pairwise(missed)]
        assert orders == pytest.approx([1, 1], abs=0.1), missed
    assert missed[-1][1] < 0.02


# ---- between two noises --------------------------------------------------------------------------------------


def of_norm_one(seed: int) -> torch.Tensor:
    x = noise(seed)
    return x / x.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


@pytest.mark.parametrize("weight", [0.0, 0.1, 0.5, 1.0])
def test_slerp_keeps_the_norm_and_shares_the_angle(weight):
    one, other = of_norm_one(1), of_norm_one(2)
    between = slerp(one, other, weight)
    torch.testing.assert_close(
        between.flatten(1).norm(dim=1), torch.ones(2, dtype=torch.float64), rtol=0, atol=1e-12
    )

    def angle(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """From the chord, which is exact for small angles, too."""
        return 2 * torch.asin((a - b).flatten(1).norm(dim=1) / 2)

    torch.testing.assert_close(angle(one, between), weight * angle(one, other), rtol=0, atol=1e-9)


def test_the_ends_are_the_noises_themselves():
    for way in (slerp, straight):
        torch.testing.assert_close(way(noise(1), noise(2), 0.0), noise(1), rtol=0, atol=1e-12)
        torch.testing.assert_close(way(noise(1), noise(2), 1.0), noise(2), rtol=0, atol=1e-12)


def test_a_straight_line_between_independent_noises_shrinks():
    """sqrt((1/2)^2 + (1/2)^2) = 0.707 in the middle, sqrt(1/16 + 9/16) = 0.791 at a quarter; five standard errors."""
    n = 200_000
    one, other = (torch.randn(1, n, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    for weight, expected in ((0.5, 0.7071), (0.25, 0.7906)):
        bound = 5 * expected / math.sqrt(2 * n)
        assert straight(one, other, weight).std().item() == pytest.approx(expected, abs=bound)
        assert slerp(one, other, weight).std().item() == pytest.approx(1, abs=5 / math.sqrt(2 * n))


@pytest.mark.parametrize("scale", [1.0, -2.0])
def test_there_is_no_great_circle_along_one_line(scale):
    with pytest.raises(ValueError, match="choose two others"):
        slerp(noise(1), scale * noise(1), 0.5)


def test_how_alike_neighbours_are():
    flat = torch.ones(1, 3, 8, 8)
    assert neighbours_alike(flat) == pytest.approx(1)
    assert neighbours_alike(flat * torch.tensor([1.0, -1.0]).repeat(4)) == pytest.approx(-1)
    white = torch.randn(1, 1, 300, 300, generator=torch.Generator().manual_seed(0))
    assert neighbours_alike(white) == pytest.approx(0, abs=5 / 300)
