"""What has to hold on a GPU. scripts/measure/on_gpu.sh runs them; without CUDA they are skipped.

`DIFFUSION_TEST_DEVICE=cpu` rehearses them on the CPU. The tolerances are those of the precision, and have not been tried
on a GPU yet: convolutions there may round float32 to TF32, 10 bits, as float16 does.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest
import torch
from diffusers import IFPipeline
from torch import Tensor

from core.batching import SharedBatch
from core.datasets import load_mnist
from core.diffusion import draw_noise
from core.pretrained import TextToImageModel, load_pretrained
from core.streamed_encoder import StreamedT5
from core.training import train_mnist
from core.training_settings import MnistSettings
from tests.test_pipeline_parity import embeddings, estimator, like, pipeline, sample, seeded

DEVICE = os.environ.get("DIFFUSION_TEST_DEVICE", "cuda")
STEPS, SCALE = 12, 7.0
HALF = 0.03  # root mean square, of a range of 2: float16 through a guided run (test_half_precision.py)

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(DEVICE == "cuda" and not torch.cuda.is_available(), reason="there is no CUDA device"),
]


def rms(x: Tensor) -> float:
    return x.double().square().mean().sqrt().item()


@pytest.fixture(scope="module")
def exact(emoji64) -> Tensor:
    """Two pictures in float32 on the CPU."""
    return sample(emoji64, emoji64.schedule.strided_timesteps(STEPS), SCALE)


@pytest.fixture(scope="module", params=["float32", "float16"])
def model(request, emoji64_folder) -> TextToImageModel:
    return load_pretrained(emoji64_folder, DEVICE, getattr(torch, request.param))


def on_device(model: TextToImageModel) -> Tensor:
    return like(model).to(model.device)


def test_the_noise_is_the_cpus_whatever_computes(model):
    there = draw_noise(on_device(model), seeded([3, 4])).cpu()
    assert torch.equal(there, torch.stack([torch.randn(3, 64, 64, generator=g) for g in seeded([3, 4])]))


def test_the_pictures_are_those_of_the_cpu(model, exact, monkeypatch):
    monkeypatch.setattr("tests.test_pipeline_parity.like", on_device)
    found = sample(model, model.schedule.strided_timesteps(STEPS), SCALE)
    assert found.device.type == DEVICE and found.dtype == torch.float32
    assert rms(found.cpu() - exact) < HALF


def test_a_run_agrees_with_the_if_pipeline_on_the_device(model, emoji64_folder, monkeypatch):
    monkeypatch.setattr("tests.test_pipeline_parity.like", on_device)
    timesteps = model.schedule.strided_timesteps(STEPS)
    theirs = pipeline(IFPipeline, emoji64_folder, dtype=model.unet.dtype, wide=False, unet=model.unet).to(DEVICE)(
        timesteps=timesteps, guidance_scale=SCALE, generator=seeded([3, 4]), output_type="pt", **embeddings(model),
    ).images  # fmt: skip
    assert rms(sample(model, timesteps, SCALE) - theirs) < (
        1e-3 if model.unet.dtype == torch.float32 else 2 * HALF
    )


def test_eight_jobs_in_shared_calls_get_their_own_pictures(model):
    """Every call has 16 rows, filled or not: a job gets the same bits alone as among eight."""
    shared = replace(model, together=SharedBatch(model.evaluate, 16, lambda: jobs))
    conditional = model.embed(["a red apple", "a cat"])
    found: dict[tuple[int, int], Tensor] = {}

    def job(seed: int) -> None:
        x_t = draw_noise(on_device(model), seeded([seed, seed + 100]))
        found[jobs, seed] = shared(x_t, 500, conditional)

    jobs = 8
    threads = [threading.Thread(target=job, args=(seed,)) for seed in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    jobs = 1
    for seed in range(8):
        job(seed)
        assert torch.equal(found[8, seed], found[1, seed])


def test_guidance_stays_on_the_device_and_in_float32(model):
    estimate = estimator(model, SCALE)(draw_noise(on_device(model), seeded([3, 4])), 500)
    assert estimate.eps.device.type == DEVICE and estimate.eps.dtype == torch.float32


def test_a_layer_of_the_encoder_at_a_time_gives_the_cpus_embeddings(tiny_if, tiny_if_folder):
    found = StreamedT5(tiny_if_folder, 77, DEVICE)(["A Red Apple", ""])
    torch.testing.assert_close(found, tiny_if.embed(["A Red Apple", ""]), rtol=0, atol=1e-3)


def test_training_learns_on_the_device():
    """Twenty steps of lesson B8's network, narrower: the loss falls from about 1.2 of an untrained one."""
    digits = load_mnist("train", device=DEVICE)
    settings = MnistSettings(objective="class_flow", width=16, batch_size=64, learning_rate=1e-2, epochs=1)
    losses = []
    for event in train_mnist(settings, digits):
        if "loss" in getattr(event, "values", {}):
            losses.append(event.values["loss"])
        if len(losses) == 20:
            break
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
