"""Two clocks and five answers: against closed forms, diffusers' schedulers and the exact field of a set of points."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler

from core.conventions import ASKED, Clock, amplification, convert, flow_euler
from core.diffusion import add_noise
from core.flow import interpolate
from core.samplers import ddim
from core.toy import ExactField
from tests.test_samplers import COSINE, SCHEDULE, fake_model, noise, wide

TIMES = [0, 30, 495, 750, 990]
CLEAN, NOISE = noise(1).clamp(-1, 1), noise(2)


@pytest.mark.parametrize("t", TIMES)
def test_a_point_of_diffusion_is_a_point_of_flow(t):
    """The same mixture by core.flow: (1 - tau) noise + tau clean."""
    clock = Clock.at(t, SCHEDULE)
    ours = clock.scale * add_noise(CLEAN, NOISE, t, SCHEDULE)
    torch.testing.assert_close(ours, interpolate(NOISE, CLEAN, clock.tau), rtol=0, atol=1e-12)


def test_the_clocks_at_their_ends_and_in_the_middle():
    """Equal weights are one half of flow's clock; of diffusion's, where abar is 1/2."""
    assert Clock(1.0, 0.0).tau == 1 and Clock(0.0, 1.0).tau == 0
    assert Clock(math.sqrt(0.5), math.sqrt(0.5)).tau == pytest.approx(0.5, abs=1e-15)
    assert Clock(math.sqrt(0.5), math.sqrt(0.5)).scale == pytest.approx(math.sqrt(0.5), abs=1e-15)
    assert Clock.at(None, SCHEDULE) == Clock(1.0, 0.0)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("t", TIMES)
def test_each_answer_gives_all_the_others(asked, t):
    """Picture and noise are known, so every answer is: by its definition."""
    s, sigma = SCHEDULE.signal(t), SCHEDULE.sigma(t)
    known = {
        "clean_hat": CLEAN, "eps": NOISE, "v": s * NOISE - sigma * CLEAN, "velocity": CLEAN - NOISE, "score": -NOISE / sigma
    }  # fmt: skip
    found = convert(asked, known[asked], s * CLEAN + sigma * NOISE, Clock.at(t, SCHEDULE))
    for name, expected in known.items():
        torch.testing.assert_close(getattr(found, name), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("t", TIMES)
def test_v_is_diffusers_velocity(t):
    scheduler = wide(DDPMScheduler(1000, **COSINE))
    theirs = scheduler.get_velocity(CLEAN, NOISE, torch.tensor([t, t]))
    found = convert("eps", NOISE, add_noise(CLEAN, NOISE, t, SCHEDULE), Clock.at(t, SCHEDULE))
    torch.testing.assert_close(found.v, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("t", TIMES)
def test_an_error_of_the_answer_is_multiplied_as_said(asked, t):
    clock, x_t = Clock.at(t, SCHEDULE), noise(3)
    answer = noise(4)
    moved = convert(asked, answer + 1, x_t, clock).clean_hat - convert(asked, answer, x_t, clock).clean_hat
    torch.testing.assert_close(
        moved.abs(), torch.full_like(moved, amplification(asked, clock)), rtol=1e-9, atol=1e-9
    )


def test_where_answers_explode():
    noisy, clean = Clock(0.0, 1.0), Clock(1.0, 0.0)
    assert [amplification(name, noisy) for name in ASKED] == [1, math.inf, 1, 1, math.inf]
    assert [amplification(name, clean) for name in ASKED] == [1, 0, 0, 0, 0]
    for asked, clock in (("eps", noisy), ("score", noisy), ("clean_hat", clean)):
        with pytest.raises(ValueError, match="alone nothing follows"):
            convert(asked, noise(), noise(), clock)
    with pytest.raises(ValueError, match="Ask for one of"):
        convert("u", noise(), noise(), clean)


# ---- flow's own tools ---------------------------------------------------------------------------------------------


def test_a_step_of_diffusers_flow_scheduler_is_ours():
    """Its sigma is 1 - tau, and its network answers noise minus picture: the velocity with its sign turned."""
    scheduler = FlowMatchEulerDiscreteScheduler(1000)
    scheduler.set_timesteps(sigmas=[1.0, 0.75, 0.5, 0.125])
    x = interpolate(NOISE, CLEAN, 0.25)
    scheduler._step_index = 1
    theirs = scheduler.step(NOISE - CLEAN, scheduler.timesteps[1], x).prev_sample
    torch.testing.assert_close(
        x + (0.5 - 0.25) * (CLEAN - NOISE), theirs, rtol=0, atol=1e-6
    )  # it rounds to float32
    torch.testing.assert_close(interpolate(NOISE, CLEAN, 0.5), theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("t", [30, 495, 750, 990])
def test_the_exact_field_of_a_set_of_points_in_diffusions_words(t):
    """Its best picture, asked as clean_hat, has its velocity and its score; a density over x_t has c times the gradient."""
    points = torch.randn(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    field, clock = ExactField(points), Clock.at(t, SCHEDULE)
    x_t = torch.randn(9, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x, tau = clock.scale * x_t, clock.tau
    found = convert("clean_hat", field.clean_mean(x, tau), x_t, clock)
    torch.testing.assert_close(found.velocity, field.velocity(x, tau), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found.score, clock.scale * field.score(x, tau), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("num_steps", [3, 20])
def test_eulers_method_on_the_flow_is_ddim(num_steps):
    """Step for step, times the scale; also where the picture was clipped."""
    timesteps, start = SCHEDULE.strided_timesteps(num_steps), noise()
    flow = flow_euler(start * Clock.at(timesteps[0], SCHEDULE).scale, timesteps, fake_model, SCHEDULE)
    for one, other in zip(ddim(start, timesteps, fake_model, SCHEDULE, []), flow, strict=True):
        scale = Clock.at(one.t, SCHEDULE).scale
        torch.testing.assert_close(other.x_t, scale * one.x_t, rtol=0, atol=1e-10)
        scale = Clock.at(one.t_next, SCHEDULE).scale
        torch.testing.assert_close(other.update.x_next, scale * one.update.x_next, rtol=0, atol=1e-10)
    assert other.t_next is None
