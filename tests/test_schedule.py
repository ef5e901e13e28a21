"""The schedule against closed forms: the cosine formula, Bayes' rule, and what makes a chain consistent."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr

from core.schedule import NoiseSchedule

STEPS = [(990, 960), (690, 660), (500, 499), (30, 0), (990, 0), (1, 0)]


@pytest.fixture(scope="module")
def scheduler() -> DDPMScheduler:
    return DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2", variance_type="learned_range")


@pytest.fixture(scope="module")
def schedule(scheduler: DDPMScheduler) -> NoiseSchedule:
    return NoiseSchedule.from_diffusers(scheduler)


def linear_table(steps: int) -> torch.Tensor:
    return torch.linspace(0.99, 0.01, steps, dtype=torch.float64)


def test_the_table_is_diffusers_own_in_float64(schedule, scheduler):
    assert schedule.alphas_cumprod.dtype == torch.float64
    assert schedule.num_train_timesteps == 1000
    assert torch.equal(schedule.alphas_cumprod.float(), scheduler.alphas_cumprod)


def test_abar_follows_the_cosine_formula(schedule):
    """Nichol, Dhariwal 2021, eq. 17, with beta capped at 0.999; diffusers multiplies it up in float32."""
    f = [math.cos((i / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(1001)]
    abar = np.cumprod([1 - min(1 - f[i + 1] / f[i], 0.999) for i in range(1000)])
    np.testing.assert_allclose(schedule.alphas_cumprod.numpy(), abar, rtol=2e-4)


@pytest.mark.parametrize("timesteps", [1000, 50, 4000])
def test_the_cosine_schedule_is_diffusers_own_to_the_bit(timesteps):
    scheduler = DDPMScheduler(timesteps, beta_schedule="squaredcos_cap_v2")
    theirs, ours = scheduler.alphas_cumprod, NoiseSchedule.cosine(timesteps)
    assert torch.equal(ours.alphas_cumprod, theirs.double())


def test_signal_sigma_and_snr(schedule, scheduler):
    for t in (0, 30, 250, 500, 750, 990):
        assert schedule.signal(t) ** 2 + schedule.sigma(t) ** 2 == pytest.approx(1, abs=1e-14)
        assert schedule.snr(t) == pytest.approx((schedule.signal(t) / schedule.sigma(t)) ** 2, rel=1e-12)
        assert schedule.snr(t) == pytest.approx(compute_snr(scheduler, torch.tensor([t])).item(), rel=1e-3)
    assert (schedule.abar(None), schedule.signal(None), schedule.sigma(None)) == (1, 1, 0)


def test_strided_timesteps_of_the_course(schedule):
    assert schedule.strided_timesteps() == list(range(990, -1, -30))
    assert len(schedule.strided_timesteps()) == 34
    assert schedule.strided_timesteps(100) == list(range(990, -1, -10))
    assert schedule.strided_timesteps(2) == [990, 0]


def test_strided_timesteps_are_even_and_fall_for_every_number(schedule):
    for steps in range(2, 992):
        timesteps = np.array(schedule.strided_timesteps(steps))
        assert len(timesteps) == steps
        assert (np.diff(timesteps) < 0).all()
        assert np.abs(timesteps - np.linspace(990, 0, steps)).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("length", [2, 5, 20, 49, 50, 51, 4000])
def test_strided_timesteps_stay_inside_a_table_of_any_length(length):
    schedule = NoiseSchedule(linear_table(length))
    timesteps = schedule.strided_timesteps(2)
    assert 0 < timesteps[0] < length
    assert timesteps[1] == 0


@pytest.mark.parametrize("steps", [-3, 0, 1, 992])
def test_a_number_of_steps_that_cannot_be_is_refused(schedule, steps):
    with pytest.raises(ValueError, match=rf"between 2 and 991, not {steps}\."):
        schedule.strided_timesteps(steps)


def test_steps_end_at_the_clean_end():
    assert list(NoiseSchedule.steps([60, 30, 0])) == [(60, 30), (30, 0), (0, None)]
    assert list(NoiseSchedule.steps([0])) == [(0, None)]


@pytest.mark.parametrize(("t", "t_next"), STEPS)
def test_a_step_given_the_true_picture_keeps_the_marginals(schedule, t, t_next):
    """If x_t is distributed as the forward process says, x_t_next is as well.

    x_t = sqrt(abar) x_0 + sqrt(1 - abar) eps in eq. 7 gives mean sqrt(abar_next) x_0 and variance 1 - abar_next.
    """
    c = schedule.coefficients(t, t_next)
    assert c.clean + c.x_t * schedule.signal(t) == pytest.approx(schedule.signal(t_next), rel=1e-12)
    variance = c.x_t**2 * schedule.sigma(t) ** 2 + math.exp(c.log_variance_min)
    assert variance == pytest.approx(schedule.sigma(t_next) ** 2, rel=1e-10)


@pytest.mark.parametrize(("t", "t_next"), STEPS)
def test_log_variance_bounds(schedule, t, t_next):
    """Above: the noise that the forward step adds. Below: Bayes' rule, where precisions add up."""
    c = schedule.coefficients(t, t_next)
    alpha = (schedule.signal(t) / schedule.signal(t_next)) ** 2
    assert c.alpha == pytest.approx(alpha, rel=1e-12)
    assert math.exp(c.log_variance_max) == pytest.approx(1 - alpha, rel=1e-9)
    posterior = 1 / (1 / schedule.sigma(t_next) ** 2 + alpha / (1 - alpha))
    assert math.exp(c.log_variance_min) == pytest.approx(posterior, rel=1e-9)
    assert c.log_variance_min < c.log_variance_max


def test_stride_one_is_the_textbook_step():
    """DDPM, eq. 7, in the paper's own letters, on the paper's linear betas."""
    betas = np.linspace(1e-4, 0.02, 1000)
    abar = np.cumprod(1 - betas)
    schedule = NoiseSchedule(torch.from_numpy(abar))
    for t in (1, 10, 500, 999):
        c = schedule.coefficients(t, t - 1)
        assert c.clean == pytest.approx(np.sqrt(abar[t - 1]) * betas[t] / (1 - abar[t]), rel=1e-9)
        assert c.x_t == pytest.approx(np.sqrt(1 - betas[t]) * (1 - abar[t - 1]) / (1 - abar[t]), rel=1e-9)
        assert c.log_variance_min == pytest.approx(
            np.log((1 - abar[t - 1]) / (1 - abar[t]) * betas[t]), rel=1e-9
        )
        assert c.log_variance_max == pytest.approx(np.log(betas[t]), rel=1e-9)


@pytest.mark.parametrize("t", [0, 30, 990])
def test_the_step_to_the_clean_end_is_the_estimate_itself(schedule, t):
    c = schedule.coefficients(t, None)
    assert (c.clean, c.x_t) == (1, 0)
    assert math.isfinite(c.log_variance_min)


@pytest.mark.parametrize(("t", "t_next"), [(30, 30), (30, 60)])
def test_a_step_that_does_not_go_down_is_refused(schedule, t, t_next):
    with pytest.raises(ValueError, match=f"{t} -> {t_next}"):
        schedule.coefficients(t, t_next)


@pytest.mark.parametrize("t", [-1, 1000])
def test_t_outside_the_table_is_refused(schedule, t):
    with pytest.raises(ValueError, match=rf"t = {t} lies outside 0 \.\. 999"):
        schedule.signal(t)


@pytest.mark.parametrize(
    "table",
    [
        linear_table(5).float(),
        linear_table(6).view(2, 3),
        linear_table(5).flip(0),
        torch.tensor([0.9, 0.9], dtype=torch.float64),
        torch.tensor([1.1, 0.9], dtype=torch.float64),
        torch.tensor([0.9, 0.0], dtype=torch.float64),
        torch.tensor([0.9, math.nan], dtype=torch.float64),
    ],
    ids=["float32", "matrix", "rising", "level", "above 1", "zero", "nan"],
)
def test_a_table_that_is_no_schedule_is_refused(table):
    with pytest.raises(ValueError, match="alphas_cumprod must"):
        NoiseSchedule(table)
