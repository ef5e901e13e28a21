"""Editing: where a run starts, what is kept of it, and what the low pass lets through."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from torch import Tensor

from core.diffusion import draw_noise, iterative_denoise
from core.edits import GaussianLowpass, keep_outside, sdedit_start
from core.guidance import ClassifierFree, Hybrid, NoiseEstimate
from core.schedule import NoiseSchedule

SCHEDULER = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2", variance_type="learned_range")
SCHEDULE = NoiseSchedule.from_diffusers(SCHEDULER)
TIMESTEPS = SCHEDULE.strided_timesteps()


def seeded(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def pictures(side: int = 16, seed: int = 0, batch: int = 2) -> Tensor:
    return torch.rand(batch, 3, side, side, generator=seeded(seed)[0], dtype=torch.float64) * 2 - 1


def fake_model(x_t: Tensor, t: int) -> NoiseEstimate:
    return NoiseEstimate(x_t * t / (t + 1), torch.sin(3 * x_t + t))


def left_half(side: int = 16) -> Tensor:
    """A mask that regenerates the left half."""
    mask = torch.zeros(2, 1, side, side, dtype=torch.float64)
    mask[..., : side // 2] = 1
    return mask


# ---- image to image ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("i_start", "t"), [(0, 990), (1, 960), (5, 840), (10, 690), (20, 390), (33, 0)])
def test_sdedit_starts_at_its_timestep_as_diffusers_would_noise_it(i_start, t):
    clean, noise = pictures(), draw_noise(pictures(), seeded(1, 2))
    x_t, left = sdedit_start(clean, noise, TIMESTEPS, i_start, SCHEDULE)
    assert left == list(range(t, -1, -30))
    expected = SCHEDULER.add_noise(clean, noise, torch.full((2,), t))
    torch.testing.assert_close(x_t, expected, rtol=0, atol=1e-6)  # diffusers' table is float32


@pytest.mark.parametrize("i_start", [-1, 34])
def test_i_start_outside_the_timesteps_is_refused(i_start):
    with pytest.raises(ValueError, match=f"between 0 and 33, not {i_start}"):
        sdedit_start(pictures(), pictures(), TIMESTEPS, i_start, SCHEDULE)


def test_the_last_i_start_returns_almost_the_original(tiny_if):
    """At t = 0, x_0_hat - x_0 = sigma / signal (eps - eps_hat): sigma is 0.6 %, whatever the network says."""
    clean = pictures().float()
    noise = draw_noise(clean, seeded(1, 2))
    timesteps = tiny_if.schedule.strided_timesteps()
    x_t, left = sdedit_start(clean, noise, timesteps, len(timesteps) - 1, tiny_if.schedule)
    guided = ClassifierFree(tiny_if, tiny_if.embed(["a", "b"]), tiny_if.embed(["", ""]), 1.0)
    (step,) = iterative_denoise(x_t, left, guided, tiny_if.schedule, seeded(1, 2))
    assert (step.update.x_next - clean).square().mean().sqrt() < 0.01


# ---- inpainting --------------------------------------------------------------------------------------------


def inpaint(mask: Tensor, clean: Tensor, estimate=fake_model) -> list:
    """Every run starts from the same noise; the constraint draws from generators of its own."""
    constrain = keep_outside(mask, clean, SCHEDULE, seeded(11, 12))
    x_t = draw_noise(clean, seeded(1, 2))
    return list(iterative_denoise(x_t, TIMESTEPS, estimate, SCHEDULE, seeded(3, 4), constrain))


def test_a_mask_of_ones_is_sampling_bit_for_bit():
    clean = pictures()
    painted = inpaint(torch.ones_like(left_half()), clean)
    free = iterative_denoise(draw_noise(clean, seeded(1, 2)), TIMESTEPS, fake_model, SCHEDULE, seeded(3, 4))
    for one, two in zip(painted, free, strict=True):
        assert torch.equal(one.update.x_next, two.update.x_next)


def test_a_mask_of_zeros_returns_the_original_bit_for_bit():
    clean = pictures()
    assert torch.equal(inpaint(torch.zeros_like(left_half()), clean)[-1].update.x_next, clean)


def test_outside_the_mask_the_result_is_the_original_bit_for_bit():
    clean, mask = pictures(), left_half()
    result = inpaint(mask, clean)[-1].update.x_next
    kept = mask.expand_as(clean) == 0
    assert torch.equal(result[kept], clean[kept])
    assert not torch.isclose(result[~kept], clean[~kept]).any(dim=0).all()


def test_during_the_run_the_kept_region_is_the_original_at_the_noise_of_the_next_step():
    """(1 - m) forward(x_0, t_next), by diffusers' add_noise, with the constraint's own noise; inside, x_next."""
    clean, mask = pictures(), left_half()
    constrain = keep_outside(mask, clean, SCHEDULE, seeded(11, 12))
    noise = draw_noise(clean, seeded(11, 12))
    x_next = pictures(seed=5)
    result = constrain(x_next, 660)
    expected = SCHEDULER.add_noise(clean, noise, torch.full((2,), 660))
    torch.testing.assert_close(result, mask * x_next + (1 - mask) * expected, rtol=0, atol=1e-6)


def test_every_step_noises_the_original_afresh():
    clean = pictures(side=64)
    constrain = keep_outside(torch.zeros(2, 1, 64, 64), clean, SCHEDULE, seeded(11, 12))
    first, second = (
        (constrain(clean, t) - SCHEDULE.signal(t) * clean) / SCHEDULE.sigma(t) for t in (660, 630)
    )
    assert abs((first * second).mean().item()) < 5 / clean.numel() ** 0.5  # uncorrelated
    assert first.var().item() == pytest.approx(1, abs=5 * (2 / clean.numel()) ** 0.5)


def test_the_kept_region_reaches_the_network():
    """Inpainting is more than pasting at the end: inside the mask the picture depends on what is outside."""
    neighbours = torch.nn.Conv2d(3, 3, 3, padding=1, dtype=torch.float64)
    torch.nn.init.constant_(neighbours.weight, 1 / 27)

    @torch.no_grad()
    def looking_around(x_t: Tensor, t: int) -> NoiseEstimate:
        return NoiseEstimate(neighbours(x_t), torch.zeros_like(x_t))

    inside = left_half().expand(2, 3, 16, 16) == 1
    bright, dark = (
        inpaint(left_half(), torch.full((2, 3, 16, 16), v, dtype=torch.float64), looking_around)
        for v in (1, -1)
    )
    assert not torch.equal(bright[-1].update.x_next[inside], dark[-1].update.x_next[inside])


# ---- low pass and hybrids ----------------------------------------------------------------------------------


def blur_by_hand(picture: np.ndarray, size: int, sigma: float) -> np.ndarray:
    """A Gaussian blur as its definition says, with a two-dimensional kernel: slow, and hard to get wrong."""
    r = size // 2
    y, x = np.mgrid[-r : r + 1, -r : r + 1]
    kernel = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    padded = np.pad(picture, r, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    return np.einsum("ijkl,kl->ij", windows, kernel)


@pytest.mark.parametrize(("size", "sigma"), [(33, 2.0), (33, 5.0), (5, 0.7), (1, 1.0)])
def test_the_low_pass_is_a_gaussian_blur(size, sigma):
    x = pictures(side=24)
    blurred = GaussianLowpass(size, sigma)(x)
    for b in range(2):
        for c in range(3):
            expected = blur_by_hand(x[b, c].numpy(), size, sigma)
            np.testing.assert_allclose(blurred[b, c].numpy(), expected, rtol=0, atol=1e-12)


def test_the_low_pass_follows_its_transfer_function():
    """A wave of frequency w comes out exp(-sigma^2 w^2 / 2) as high (away from the border)."""
    column = torch.arange(64, dtype=torch.float64)
    for cycles in (2, 4, 8):
        w = 2 * np.pi * cycles / 64
        wave = torch.cos(w * column).expand(1, 1, 64, 64)
        blurred = GaussianLowpass(33, 2.0)(wave)
        gain = (blurred / wave)[0, 0, 32, 32].item()
        assert gain == pytest.approx(np.exp(-(2.0**2) * w**2 / 2), rel=1e-6)


def test_the_low_pass_keeps_constants_and_is_linear():
    lowpass = GaussianLowpass()
    assert lowpass.taps().sum().item() == pytest.approx(1, abs=1e-15)
    flat = torch.full((1, 3, 20, 20), 0.3, dtype=torch.float64)
    torch.testing.assert_close(lowpass(flat), flat, rtol=0, atol=1e-14)
    one, two = pictures(20), pictures(20, seed=1)
    torch.testing.assert_close(lowpass(2 * one - two), 2 * lowpass(one) - lowpass(two), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_low_pass_keeps_shape_and_type(dtype):
    x = pictures(20).to(dtype)
    assert (GaussianLowpass()(x).shape, GaussianLowpass()(x).dtype) == (x.shape, dtype)


@pytest.mark.parametrize(
    ("size", "sigma", "message"),
    [
        (32, 2.0, "odd"),
        (0, 2.0, "odd"),
        (-3, 2.0, "odd"),
        (33, 0.0, "greater than 0"),
        (33, float("nan"), "greater"),
    ],
)
def test_a_kernel_that_cannot_be_is_refused(size, sigma, message):
    with pytest.raises(ValueError, match=message):
        GaussianLowpass(size, sigma)


def test_a_kernel_too_wide_for_the_picture_is_refused():
    GaussianLowpass(31)(pictures(16))
    with pytest.raises(ValueError, match="33 is too wide for a 16 x 16 picture"):
        GaussianLowpass(33)(pictures(16))


def fixed(eps: Tensor, variance: Tensor):
    return lambda x_t, t: NoiseEstimate(eps, variance)


def test_low_and_high_of_the_same_estimate_are_the_estimate():
    x = pictures(side=24)
    hybrid = Hybrid(fixed(x, x), fixed(x, x), GaussianLowpass())(x, 500)
    torch.testing.assert_close(hybrid.eps, x, rtol=0, atol=1e-15)
    assert torch.equal(hybrid.variance, x)


def test_a_hybrid_is_low_frequencies_of_the_far_and_high_ones_of_the_near_prompt():
    far, near = pictures(side=24, seed=1), pictures(side=24, seed=2)
    hybrid = Hybrid(fixed(far, far), fixed(near, near), GaussianLowpass())(pictures(side=24), 500)
    for b in range(2):
        for c in range(3):
            low = blur_by_hand(far[b, c].numpy(), 33, 2.0)
            high = near[b, c].numpy() - blur_by_hand(near[b, c].numpy(), 33, 2.0)
            np.testing.assert_allclose(hybrid.parts["low"][b, c].numpy(), low, rtol=0, atol=1e-12)
            np.testing.assert_allclose(hybrid.parts["high"][b, c].numpy(), high, rtol=0, atol=1e-12)
            np.testing.assert_allclose(hybrid.eps[b, c].numpy(), low + high, rtol=0, atol=1e-12)
    assert torch.equal(hybrid.variance, (far + near) / 2)
    assert torch.equal(hybrid.parts["eps_1"], far) and torch.equal(hybrid.parts["eps_2"], near)
