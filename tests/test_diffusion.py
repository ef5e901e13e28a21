"""The forward process and its reversal, against diffusers' DDPMScheduler and closed forms, in float64."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.utils.torch_utils import randn_tensor

from core.diffusion import (
    DynamicThreshold,
    add_noise,
    denoise_step,
    draw_noise,
    estimate_clean,
    iterative_denoise,
)
from core.guidance import NoiseEstimate
from core.schedule import NoiseSchedule

BATCH, SIZE = 3, 8
T = 500


def make_scheduler(beta_schedule: str = "squaredcos_cap_v2") -> DDPMScheduler:
    """diffusers' scheduler with its table widened to float64, as ours: the same numbers, more digits from there."""
    scheduler = DDPMScheduler(1000, beta_schedule=beta_schedule, variance_type="learned_range")
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    return scheduler


SCHEDULE = NoiseSchedule.from_diffusers(make_scheduler())


def seeded(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def pictures(seed: int = 0, spread: float = 1.0) -> torch.Tensor:
    return spread * torch.randn(BATCH, 3, SIZE, SIZE, generator=seeded(seed)[0], dtype=torch.float64)


def fake_model(x_t: torch.Tensor, t: int) -> NoiseEstimate:
    """Any function would do; this one needs no weights, and its variance channels go from -1 to 1."""
    return NoiseEstimate(x_t * t / (t + 1) + 0.3 * torch.cos(5 * x_t), torch.sin(3 * x_t + t))


def run(estimate, x_t, timesteps, seeds=(0, 1, 2), **options):
    return list(iterative_denoise(x_t, timesteps, estimate, SCHEDULE, seeded(*seeds), **options))


# ---- the forward process -----------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0, 250, 500, 750, 990])
def test_add_noise_agrees_with_diffusers(t):
    clean, noise = pictures(1), pictures(2)
    expected = make_scheduler().add_noise(clean, noise, torch.full((BATCH,), t))
    torch.testing.assert_close(add_noise(clean, noise, t, SCHEDULE), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("t", [100, 500, 900])
def test_add_noise_has_the_mean_and_the_variance_of_the_closed_form(t):
    """x_t ~ N(sqrt(abar) x_0, 1 - abar). The bounds are five standard errors of the sample's mean and variance."""
    n = 200_000
    noise = torch.randn(n, generator=seeded(0)[0], dtype=torch.float64)
    abar = SCHEDULE.alphas_cumprod[t].item()
    x_t = add_noise(torch.full((n,), 0.7, dtype=torch.float64), noise, t, SCHEDULE)
    assert x_t.mean().item() == pytest.approx(0.7 * abar**0.5, abs=5 * ((1 - abar) / n) ** 0.5)
    assert x_t.var().item() == pytest.approx(1 - abar, abs=5 * (1 - abar) * (2 / n) ** 0.5)


def test_add_noise_at_the_clean_end_returns_the_picture():
    clean = pictures(1)
    assert torch.equal(add_noise(clean, pictures(2), None, SCHEDULE), clean)


# ---- the estimate of the clean picture ---------------------------------------------------------------------


@pytest.mark.parametrize("t", [0, 250, 690, 990])
def test_estimate_clean_inverts_add_noise(t):
    clean, noise = pictures(1).clamp(-1, 1), pictures(2)
    estimate = estimate_clean(add_noise(clean, noise, t, SCHEDULE), noise, t, SCHEDULE)
    torch.testing.assert_close(estimate, clean, rtol=0, atol=1e-12)


def test_estimate_clean_is_clipped():
    clean, noise = pictures(1, spread=2), pictures(2)
    estimate = estimate_clean(add_noise(clean, noise, T, SCHEDULE), noise, T, SCHEDULE)
    assert (clean.abs() > 1).any()
    torch.testing.assert_close(estimate, clean.clamp(-1, 1), rtol=0, atol=1e-12)
    assert (estimate.amin(), estimate.amax()) == (-1, 1)


# ---- noise -------------------------------------------------------------------------------------------------


def test_a_picture_does_not_depend_on_its_neighbours():
    many = draw_noise(torch.empty(3, 3, SIZE, SIZE), seeded(5, 6, 5))
    assert torch.equal(many[1:2], draw_noise(torch.empty(1, 3, SIZE, SIZE), seeded(6)))
    assert torch.equal(many[0], many[2])
    assert not torch.equal(many[0], many[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_is_what_diffusers_draws_from_a_list_of_generators(dtype):
    like = torch.empty(2, 3, SIZE, SIZE, dtype=dtype)
    assert torch.equal(draw_noise(like, seeded(5, 6)), randn_tensor(like.shape, seeded(5, 6), dtype=dtype))


def test_noise_needs_one_generator_a_picture():
    with pytest.raises(ValueError, match="2 pictures need 2 generators, not 3"):
        draw_noise(torch.empty(2, 3, SIZE, SIZE), seeded(0, 1, 2))


# ---- one step ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [-1.0, 0.0, 0.5, 1.0])
def test_the_variance_channels_go_from_the_posterior_to_beta(answer):
    """-1 the posterior's variance, +1 beta, and between them powers: the mean is taken of the logarithms."""
    t, t_next = 690, 660
    variance = torch.full((BATCH, 3, SIZE, SIZE), answer, dtype=torch.float64)
    update = denoise_step(pictures(1), pictures(2), variance, t, t_next, SCHEDULE, seeded(0, 1, 2))
    abar, abar_next = SCHEDULE.alphas_cumprod[t].item(), SCHEDULE.alphas_cumprod[t_next].item()
    beta = 1 - abar / abar_next
    posterior = beta * (1 - abar_next) / (1 - abar)
    expected = (posterior ** ((1 - answer) / 2) * beta ** ((1 + answer) / 2)) ** 0.5
    torch.testing.assert_close(update.sigma, torch.full_like(update.sigma, expected), rtol=1e-12, atol=0)


def test_a_step_is_its_mean_plus_sigma_times_the_generators_noise():
    x_t, clean_hat, variance = pictures(1), pictures(2), torch.sin(pictures(3))
    update = denoise_step(x_t, clean_hat, variance, 690, 660, SCHEDULE, seeded(0, 1, 2))
    c = SCHEDULE.coefficients(690, 660)
    assert torch.equal(update.noise, draw_noise(x_t, seeded(0, 1, 2)))
    mean = c.clean * clean_hat + c.x_t * x_t
    torch.testing.assert_close(update.x_next, mean + update.sigma * update.noise, rtol=0, atol=1e-12)


def test_the_last_step_adds_no_noise_and_draws_none():
    generators = seeded(0, 1, 2)
    before = [g.get_state() for g in generators]
    clean_hat = pictures(2)
    update = denoise_step(pictures(1), clean_hat, torch.ones_like(clean_hat), 0, None, SCHEDULE, generators)
    assert torch.equal(update.x_next, clean_hat)
    assert not update.sigma.any() and not update.noise.any()
    assert all(torch.equal(a, g.get_state()) for a, g in zip(before, generators, strict=True))


# ---- the loop ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta_schedule", ["squaredcos_cap_v2", "linear"])
@pytest.mark.parametrize(("num_steps", "i_start"), [(34, 0), (20, 0), (100, 0), (34, 10)])
def test_the_strided_loop_agrees_with_diffusers_scheduler(beta_schedule, num_steps, i_start):
    """The same estimates and the same noise into DDPMScheduler.step: every x_t, every estimate, 1e-10."""
    scheduler = make_scheduler(beta_schedule)
    schedule = NoiseSchedule.from_diffusers(scheduler)
    timesteps = schedule.strided_timesteps(num_steps)[i_start:]
    scheduler.set_timesteps(timesteps=timesteps)
    sample, generators = pictures(7), seeded(0, 1, 2)
    ours = iterative_denoise(sample, timesteps, fake_model, schedule, seeded(0, 1, 2))
    for step, t in zip(ours, scheduler.timesteps, strict=True):
        assert step.t == t
        torch.testing.assert_close(step.x_t, sample, rtol=0, atol=1e-10)
        output = torch.cat([step.estimate.eps, step.estimate.variance], dim=1)
        theirs = scheduler.step(output, t, sample, generator=generators)
        torch.testing.assert_close(step.clean_hat, theirs.pred_original_sample, rtol=0, atol=1e-10)
        torch.testing.assert_close(step.update.x_next, theirs.prev_sample, rtol=0, atol=1e-10)
        sample = theirs.prev_sample
    assert step.t_next is None


def test_the_comparison_above_covers_clipped_and_unclipped_pixels():
    estimates = torch.stack(
        [step.clean_hat for step in run(fake_model, pictures(7), SCHEDULE.strided_timesteps())]
    )
    clipped = (estimates.abs() == 1).double().mean().item()
    assert 0.05 < clipped < 0.95


def test_a_network_that_knows_the_picture_finds_it():
    """With the true noise as the estimate, and the posterior's variance, the loop walks through the marginals.

    Then x_t ~ N(sqrt(abar_t) x_0, 1 - abar_t) at every t (see test_schedule), and the end is x_0 itself.
    """
    clean = torch.linspace(-1, 1, 64, dtype=torch.float64).expand(1, 3, 64, 64)

    def oracle(x_t: torch.Tensor, t: int) -> NoiseEstimate:
        eps = (x_t - SCHEDULE.signal(t) * clean) / SCHEDULE.sigma(t)
        return NoiseEstimate(eps, -torch.ones_like(x_t))

    noise = draw_noise(clean, seeded(0))
    steps = run(oracle, add_noise(clean, noise, 990, SCHEDULE), SCHEDULE.strided_timesteps(), seeds=(1,))
    n = clean.numel()
    for step in steps[1:]:
        left = (step.x_t - SCHEDULE.signal(step.t) * clean) / SCHEDULE.sigma(step.t)
        assert left.mean().item() == pytest.approx(0, abs=5 / math.sqrt(n))
        assert left.var().item() == pytest.approx(1, abs=5 * math.sqrt(2 / n))
    torch.testing.assert_close(steps[-1].update.x_next, clean, rtol=0, atol=1e-12)


def test_the_loop_evaluates_only_what_is_asked_for():
    asked = []

    def counting(x_t: torch.Tensor, t: int) -> NoiseEstimate:
        asked.append(t)
        return fake_model(x_t, t)

    loop = iterative_denoise(pictures(), [60, 30, 0], counting, SCHEDULE, seeded(0, 1, 2))
    assert asked == []
    first = next(loop)
    assert (first.index, first.t, first.t_next, asked) == (0, 60, 30, [60])
    assert [step.index for step in loop] == [1, 2]
    assert asked == [60, 30, 0]


def test_what_the_constraint_returns_is_what_goes_on():
    seen = []

    def halve(x_next: torch.Tensor, t_next: int | None) -> torch.Tensor:
        seen.append(t_next)
        return x_next / 2

    free = next(iter(run(fake_model, pictures(), [60, 30, 0])))
    steps = run(fake_model, pictures(), [60, 30, 0], constrain=halve)
    assert seen == [30, 0, None]
    assert torch.equal(steps[0].update.x_next, free.update.x_next / 2)
    assert torch.equal(steps[1].x_t, steps[0].update.x_next)
    assert torch.equal(steps[0].update.noise, free.update.noise)


def test_dynamic_thresholding_divides_by_what_95_percent_keep_to():
    """100 values 0.01, ..., 1.00 times 2: the 0.95-quantile lies at 1.901, which is held to 1.5; times 1.2 at 1.1406."""
    ramp = torch.linspace(0.01, 1, 100, dtype=torch.float64).view(1, 1, 10, 10)
    limit = DynamicThreshold()
    torch.testing.assert_close(limit(2 * ramp), (2 * ramp).clamp(max=1.5) / 1.5)
    torch.testing.assert_close(limit(-1.2 * ramp), -(1.2 * ramp).clamp(max=1.1406) / 1.1406)
    assert torch.equal(limit(ramp), ramp)  # within the range nothing changes
    both = limit(torch.cat([2 * ramp, ramp]))  # each picture has a size of its own
    assert torch.equal(both[1], ramp[0])
