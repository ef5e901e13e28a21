"""The network in half precision, the sampler in float32: how far that leads from float32, and beside IFPipeline.

The tiny network is random, so its answers are noise that guidance multiplies by seven: a harder case than a trained one.
"""

from __future__ import annotations

import pytest
import torch
from diffusers import IFPipeline
from torch import Tensor

from core.batching import SharedBatch
from core.diffusion import draw_noise
from core.pretrained import load_pretrained
from tests.test_pipeline_parity import SEEDS, embeddings, estimator, like, pipeline, sample, seeded

STEPS, SCALE = 20, 7.0
# A relative error of 2^-11 an operation (float16 has 10 bits after the leading one), through some hundred operations and
# as many steps of a guided run; bfloat16 has 7 bits, so eight times as much.
LARGEST = {torch.float16: 0.03, torch.bfloat16: 0.24}

each_half = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])


def rms(x: Tensor) -> float:
    return x.double().square().mean().sqrt().item()


@each_half
def test_pictures_and_sampler_stay_float32(tiny_if_folder, dtype):
    model = load_pretrained(tiny_if_folder, dtype=dtype)
    assert {weight.dtype for weight in model.unet.parameters()} == {dtype}
    assert model.dtype == torch.float32
    assert model.schedule.alphas_cumprod.dtype == torch.float64
    x_t = draw_noise(like(model), seeded(SEEDS))
    estimate = estimator(model, SCALE)(x_t, 500)
    assert x_t.dtype == estimate.eps.dtype == estimate.variance.dtype == torch.float32


@each_half
def test_a_prompt_is_embedded_in_float32_and_rounded_once(tiny_if, tiny_if_folder, dtype):
    ours = load_pretrained(tiny_if_folder, dtype=dtype).embed(["a red apple", ""])
    assert torch.equal(ours, tiny_if.embed(["a red apple", ""]).to(dtype))


@each_half
def test_one_estimate_differs_by_little_more_than_the_rounding(tiny_if, tiny_if_folder, dtype):
    model, x_t = load_pretrained(tiny_if_folder, dtype=dtype), draw_noise(like(tiny_if), seeded(SEEDS))
    exact = estimator(tiny_if, 1.0)(x_t, 500).eps
    difference = rms(estimator(model, 1.0)(x_t, 500).eps - exact) / rms(exact)
    assert 0 < difference < 8 * torch.finfo(dtype).eps


@each_half
def test_a_whole_run_is_nearer_to_float32_than_the_if_pipelines_in_the_same_precision(
    tiny_if, tiny_if_folder, dtype
):
    """IFPipeline's pictures and its sampler are in half precision too; ours aren't, so we lose less."""
    model, timesteps = load_pretrained(tiny_if_folder, dtype=dtype), tiny_if.schedule.strided_timesteps(STEPS)
    theirs = pipeline(IFPipeline, tiny_if_folder, dtype=dtype)(
        timesteps=timesteps,
        guidance_scale=SCALE,
        generator=seeded(SEEDS),
        output_type="pt",
        **embeddings(model),
    ).images
    exact, ours = sample(tiny_if, timesteps, SCALE), sample(model, timesteps, SCALE)
    assert 0 < rms(ours - exact) < rms(theirs - exact)
    assert rms(ours - exact) < LARGEST[dtype]
    assert rms(ours - theirs) < LARGEST[dtype] + rms(theirs - exact)


@pytest.mark.journey
def test_the_model_that_ships_draws_the_same_picture_in_float16(emoji64, emoji64_folder):
    """Same object, same place: the pictures differ by less than a hundredth of their range."""
    model = load_pretrained(emoji64_folder, dtype=torch.float16)
    assert model.unet.alphas_cumprod.dtype == torch.float32  # 1e-5 at the end is no number of float16's
    timesteps = emoji64.schedule.strided_timesteps(6)
    ours, exact = sample(model, timesteps, SCALE), sample(emoji64, timesteps, SCALE)
    assert rms(ours - exact) < 0.02


def test_jobs_in_half_precision_share_calls(tiny_if_folder):
    """Each of a shared call's rows is computed from its own inputs, whatever their type."""
    model = load_pretrained(tiny_if_folder, dtype=torch.float16)
    shared = SharedBatch(model.evaluate, rows=4, jobs=lambda: 1)
    x_t, embedding = draw_noise(like(model), seeded(SEEDS)), model.embed(["a cat", ""])
    alone = model.evaluate(torch.cat([x_t, x_t[-1:].expand(2, -1, -1, -1)]), 500, embedding[[0, 1, 1, 1]])
    assert torch.equal(shared(x_t, 500, embedding), alone[:2])
