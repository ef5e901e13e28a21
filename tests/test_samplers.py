"""The samplers against diffusers' schedulers given the same estimates, and against a Gaussian's closed forms."""

from __future__ import annotations

import itertools
import math
from functools import partial

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    HeunDiscreteScheduler,
)

from core.diffusion import iterative_denoise
from core.guidance import NoiseEstimate
from core.samplers import ddim, dpm_solver_pp, heun, implied_noise
from core.schedule import NoiseSchedule

BATCH, SIZE = 2, 8
COSINE = {"beta_schedule": "squaredcos_cap_v2"}


def wide(scheduler):
    """diffusers' scheduler with its table in float64, as ours."""
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    return scheduler


SCHEDULE = NoiseSchedule.from_diffusers(wide(DDPMScheduler(1000, **COSINE)))


def seeded(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def noise(seed: int = 7) -> torch.Tensor:
    return torch.randn(BATCH, 3, SIZE, SIZE, generator=seeded(seed)[0], dtype=torch.float64)


def fake_model(x_t: torch.Tensor, t: int) -> NoiseEstimate:
    """Any function would do; this one makes estimates within and beyond [-1, 1]."""
    return NoiseEstimate(x_t * t / (t + 1) + 0.1 * torch.cos(5 * x_t), torch.sin(3 * x_t + t))


def identity(clean_hat: torch.Tensor) -> torch.Tensor:
    return clean_hat


def end(steps) -> torch.Tensor:
    *_, last = steps
    return last.update.x_next


# ---- the same estimates into diffusers ---------------------------------------------------------------------


@pytest.mark.parametrize("eta", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("num_steps", [10, 25, 100])
def test_ddim_agrees_with_diffusers(eta, num_steps):
    """On diffusers' own timesteps, T/n apart: its DDIM can take no others. The noise is drawn alike."""
    scheduler = wide(DDIMScheduler(1000, **COSINE, clip_sample=True, set_alpha_to_one=True))
    scheduler.set_timesteps(num_steps)
    sample, generators = noise(), seeded(0, 1)
    timesteps = scheduler.timesteps.tolist()
    for step in ddim(sample, timesteps, fake_model, SCHEDULE, seeded(0, 1), eta=eta):
        torch.testing.assert_close(step.x_t, sample, rtol=0, atol=1e-10)
        theirs = scheduler.step(
            fake_model(sample, step.t).eps, step.t, sample, eta=eta, use_clipped_model_output=True,
            variance_noise=torch.stack([
                torch.randn(sample.shape[1:], generator=g, dtype=torch.float64) for g in generators
            ]) if eta and step.t_next is not None else torch.zeros_like(sample),
        )  # fmt: skip
        torch.testing.assert_close(step.clean_hat, theirs.pred_original_sample, rtol=0, atol=1e-10)
        torch.testing.assert_close(step.update.x_next, theirs.prev_sample, rtol=0, atol=1e-10)
        sample = theirs.prev_sample
    assert step.t == timesteps[-1] and step.t_next is None


@pytest.mark.parametrize("spacing", ["strided_timesteps", "karras_timesteps"])
@pytest.mark.parametrize("num_steps", [5, 20])
def test_dpm_solver_agrees_with_diffusers(num_steps, spacing):
    """diffusers' `step` rounds sigmas and samples to float32; so its parts are called here, in the order of `step`."""
    timesteps = getattr(SCHEDULE, spacing)(num_steps)
    scheduler = wide(
        DPMSolverMultistepScheduler(
            1000, **COSINE, algorithm_type="dpmsolver++", solver_order=2, final_sigmas_type="zero"
        )
    )
    scheduler.set_timesteps(timesteps=timesteps)
    table = SCHEDULE.alphas_cumprod[timesteps]
    scheduler.sigmas = torch.cat([((1 - table) / table).sqrt(), table.new_zeros(1)])
    sample, estimates = noise(), []
    for step in dpm_solver_pp(sample, timesteps, fake_model, SCHEDULE, limit=identity):
        torch.testing.assert_close(step.x_t, sample, rtol=0, atol=1e-10)
        scheduler._step_index = step.index
        estimates.append(scheduler.convert_model_output(fake_model(sample, step.t).eps, sample=sample))
        if step.index in (0, num_steps - 1):  # nothing before it; nothing after it
            sample = scheduler.dpm_solver_first_order_update(estimates[-1], sample=sample)
        else:
            sample = scheduler.multistep_dpm_solver_second_order_update(estimates[-2:], sample=sample)
        torch.testing.assert_close(step.update.x_next, sample, rtol=0, atol=1e-10)


def test_the_order_of_the_steps_is_that_of_diffusers_step():
    """The whole `step` of diffusers, in its float32: first order at both ends, second between."""
    timesteps = SCHEDULE.strided_timesteps(20)
    scheduler = DPMSolverMultistepScheduler(1000, **COSINE, final_sigmas_type="zero")
    scheduler.set_timesteps(timesteps=timesteps)
    sample = noise().float()
    for t in timesteps:
        sample = scheduler.step(gaussian(sample, t).eps, t, sample).prev_sample
    ours = end(dpm_solver_pp(noise(), timesteps, gaussian, SCHEDULE, limit=identity))
    torch.testing.assert_close(ours, sample.double(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("num_steps", [4, 20])
def test_heun_agrees_with_diffusers(num_steps, clip):
    """diffusers keeps y = x_t / signal, and its timesteps twice each: the start of a step, and where Euler's leads."""
    timesteps = SCHEDULE.strided_timesteps(num_steps)
    scheduler = wide(HeunDiscreteScheduler(1000, **COSINE, clip_sample=clip))
    scheduler.set_timesteps(timesteps=timesteps)
    table = SCHEDULE.alphas_cumprod[timesteps]
    spreads = ((1 - table) / table).sqrt()
    scheduler.sigmas = torch.cat([spreads[:1], spreads[1:].repeat_interleave(2), table.new_zeros(1)])
    limit = None if clip else identity
    steps = list(heun(noise(), timesteps, fake_model, SCHEDULE, limit=limit))
    assert len(steps) == 2 * num_steps - 1
    y = noise() / SCHEDULE.signal(timesteps[0])
    for step, t in zip(steps, scheduler.timesteps.tolist(), strict=True):
        assert step.t == t
        x_t = SCHEDULE.signal(step.t) * y
        torch.testing.assert_close(step.x_t, x_t, rtol=0, atol=1e-10)
        eps = fake_model(x_t, step.t).eps
        y = scheduler.step(eps, t, y).prev_sample
        torch.testing.assert_close(
            step.update.x_next, SCHEDULE.signal(step.t_next) * y, rtol=1e-10, atol=1e-10
        )


def test_the_comparisons_above_cover_clipped_and_unclipped_pixels():
    steps = ddim(noise(), SCHEDULE.strided_timesteps(20), fake_model, SCHEDULE, seeded(0, 1))
    clipped = (torch.stack([step.clean_hat for step in steps]).abs() == 1).double().mean().item()
    assert 0.05 < clipped < 0.95


# ---- a Gaussian, whose trajectories are closed forms ---------------------------------------------------------

WIDTH = 0.5  # the pictures' standard deviation


def gaussian(x_t: torch.Tensor, t: int) -> NoiseEstimate:
    """The exact noise estimate where pictures are N(0, WIDTH^2): x_t is N(0, v) with v = abar WIDTH^2 + 1 - abar."""
    v = SCHEDULE.abar(t) * WIDTH**2 + 1 - SCHEDULE.abar(t)
    return NoiseEstimate(SCHEDULE.sigma(t) / v * x_t, -torch.ones_like(x_t))


def exact(x_t: torch.Tensor, t: int) -> torch.Tensor:
    """Where the probability-flow ODE leads from t to t = 0: x keeps its quantile, so it is scaled with its deviation."""
    before, after = (SCHEDULE.abar(s) * WIDTH**2 + 1 - SCHEDULE.abar(s) for s in (t, 0))
    return x_t * math.sqrt(after / before)


def errors(sample, counts) -> list[float]:
    """RMS at t = 0. The step from there to the clean end is Euler's for all, and stays as long."""
    x = noise()
    found = []
    for count in counts:
        timesteps = [round(t) for t in np.linspace(896, 0, count)]
        *_, last = sample(x, timesteps, gaussian, SCHEDULE, seeded(0, 1), limit=identity)
        found.append((last.x_t - exact(x, 896)).square().mean().sqrt().item())
    return found


@pytest.mark.parametrize(
    ("sample", "order"), [(ddim, 1), (heun, 2), (dpm_solver_pp, 2)], ids=["ddim", "heun", "dpm"]
)
def test_orders_of_convergence(sample, order):
    """Twice the steps: half the error (order 1) or a quarter (order 2). Timesteps are whole, so they divide 896."""
    found = errors(sample, (57, 113, 225))
    orders = [math.log2(one / two) for one, two in itertools.pairwise(found)]
    assert orders == pytest.approx([order] * 2, abs=0.05), (found, orders)


def test_ddim_with_eta_one_is_ddpm_with_the_posteriors_variance():
    """Song et al., section 4.1. `gaussian` answers -1 for the variance: the posterior's."""
    timesteps = SCHEDULE.strided_timesteps(20)
    one = list(ddim(noise(), timesteps, gaussian, SCHEDULE, seeded(3, 4), eta=1.0))
    other = list(iterative_denoise(noise(), timesteps, gaussian, SCHEDULE, seeded(3, 4)))
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a.update.x_next, b.update.x_next, rtol=0, atol=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_every_eta_walks_through_the_marginals(eta):
    """With the true noise for an estimate, x_t ~ N(signal x_0, sigma^2) at every t, whatever eta is."""
    clean = torch.linspace(-1, 1, 64, dtype=torch.float64).expand(1, 3, 64, 64)

    def oracle(x_t: torch.Tensor, t: int) -> NoiseEstimate:
        return NoiseEstimate((x_t - SCHEDULE.signal(t) * clean) / SCHEDULE.sigma(t), torch.zeros_like(x_t))

    start = SCHEDULE.signal(990) * clean + SCHEDULE.sigma(990) * torch.randn(
        clean.shape, generator=seeded(0)[0], dtype=torch.float64
    )
    for step in ddim(start, SCHEDULE.strided_timesteps(), oracle, SCHEDULE, seeded(1), eta=eta):
        left = (step.x_t - SCHEDULE.signal(step.t) * clean) / SCHEDULE.sigma(step.t)
        assert left.mean().item() == pytest.approx(0, abs=5 / math.sqrt(clean.numel()))
        assert left.var().item() == pytest.approx(1, abs=5 * math.sqrt(2 / clean.numel()))
    torch.testing.assert_close(step.update.x_next, clean, rtol=0, atol=1e-12)


# ---- what they forget, and what they cost ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "forgets"),
    [(iterative_denoise, True), (ddim, False), (partial(ddim, eta=0.5), True), (heun, False), (dpm_solver_pp, False)],
    ids=["ddpm", "ddim", "ddim-half", "heun", "dpm"],
)  # fmt: skip
def test_who_forgets_the_first_noise(sample, forgets):
    """Other noise on the way: another picture, or the same to the last bit."""
    timesteps = SCHEDULE.strided_timesteps(10)
    one, other = (end(sample(noise(), timesteps, gaussian, SCHEDULE, seeded(*s))) for s in ((0, 1), (2, 3)))
    assert torch.equal(one, other) is not forgets


@pytest.mark.parametrize(("sample", "asked"), [(ddim, 10), (heun, 19), (dpm_solver_pp, 10)])
def test_a_step_is_yielded_for_each_evaluation(sample, asked):
    heard = []

    def counting(x_t: torch.Tensor, t: int) -> NoiseEstimate:
        heard.append(t)
        return gaussian(x_t, t)

    steps = list(sample(noise(), SCHEDULE.strided_timesteps(10), counting, SCHEDULE, seeded(0, 1)))
    assert len(heard) == len(steps) == asked
    assert [step.index for step in steps] == list(range(asked)) and [step.t for step in steps] == heard
    for one, two in itertools.pairwise(steps):
        assert torch.equal(one.update.x_next, two.x_t)
    torch.testing.assert_close(steps[-1].update.x_next, steps[-1].clean_hat, rtol=0, atol=1e-12)


def test_the_implied_noise_is_the_estimate_where_nothing_was_clipped():
    eps = fake_model(noise(), 500).eps
    clean_hat = (noise() - SCHEDULE.sigma(500) * eps) / SCHEDULE.signal(500)
    torch.testing.assert_close(implied_noise(noise(), clean_hat, 500, SCHEDULE), eps, rtol=0, atol=1e-12)


@pytest.mark.parametrize("eta", [-0.1, 1.1, math.nan])
def test_eta_beyond_its_range_is_refused(eta):
    with pytest.raises(ValueError, match="η must lie between 0 and 1"):
        end(ddim(noise(), [500, 0], gaussian, SCHEDULE, seeded(0, 1), eta=eta))


# ---- where the steps lie -------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_steps", [2, 4, 16, 34])
def test_karras_timesteps_lie_nearest_to_diffusers_sigmas(num_steps):
    """diffusers converts to continuous timesteps; ours are the nearest whole ones (no two are alike with so few)."""
    scheduler = wide(HeunDiscreteScheduler(1000, **COSINE))
    spreads = ((1 - SCHEDULE.alphas_cumprod) / SCHEDULE.alphas_cumprod).sqrt().numpy()
    theirs = scheduler._convert_to_karras(spreads[[990, 0]], num_steps)
    nearest = [int(np.abs(np.log(spreads) - np.log(s)).argmin()) for s in theirs]
    assert SCHEDULE.karras_timesteps(num_steps) == nearest


@pytest.mark.parametrize("num_steps", [2, 3, 60, 100, 200, 991])
def test_karras_timesteps_are_as_many_as_asked_and_fall(num_steps):
    timesteps = SCHEDULE.karras_timesteps(num_steps)
    assert len(timesteps) == num_steps and (timesteps[0], timesteps[-1]) == (990, 0)
    assert all(one > two for one, two in itertools.pairwise(timesteps))


@pytest.mark.parametrize("num_steps", [1, 992])
def test_karras_timesteps_beyond_the_schedule_are_refused(num_steps):
    with pytest.raises(ValueError, match="must lie between 2 and 991"):
        SCHEDULE.karras_timesteps(num_steps)
