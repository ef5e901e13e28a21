"""A12's study: the exact mean by its formula, the noise against diffusers', and what the study says of both models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from core.compute.context import JobContext
from core.compute.store import Store
from core.model_folder import find_model_folder, fingerprint
from core.schedule import NoiseSchedule
from core.settings import MODELS
from core.trajectory import Trajectory
from lessons import two_students
from lessons.course import COURSE
from lessons.two_students import OPPONENTS, SETS, compared, errors, pictures_of

LESSON = next(lesson for lesson in COURSE if lesson.code == "A12")
EMOJI, STORY = (fingerprint(MODELS / name) for name in ("emoji64", "storybook64"))


def end_of(job) -> Trajectory:
    """What a job leaves."""
    while True:
        try:
            next(job)
        except StopIteration as end:
            return end.value


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> JobContext:
    return JobContext("cpu", Store(tmp_path_factory.mktemp("store")), {})


def test_the_exact_mean_is_that_of_its_formula(monkeypatch):
    """E[x₀ | x_t] = Σ wᵢ xᵢ, wᵢ ∝ exp(−‖x_t − √ᾱ xᵢ‖² / 2(1−ᾱ)), in NumPy's float64 from ᾱ of diffusers."""
    scheduler = DDPMScheduler.from_pretrained(MODELS / "emoji64" / "scheduler")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (30, 3, 64, 64), dtype=np.uint8)
    monkeypatch.setattr(two_students, "_shown", lambda: torch.from_numpy(pixels))
    x = pixels / 127.5 - 1
    t = 997  # where several of so different pictures still have weight
    abar = scheduler.alphas_cumprod[t].double().item()
    x_t = np.sqrt(abar) * x[:2] + np.sqrt(1 - abar) * rng.standard_normal((2, 3, 64, 64))
    logits = -(((x_t[:, None] - np.sqrt(abar) * x[None]) ** 2).sum(axis=(2, 3, 4))) / (2 * (1 - abar))
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    assert weights.max() < 0.9
    mean = np.einsum("bn,nchw->bchw", weights, x)
    estimate = two_students._exact(NoiseSchedule.from_diffusers(scheduler))
    found = estimate(torch.empty(0), torch.from_numpy(x_t).float(), t)
    np.testing.assert_allclose(found.numpy(), mean, atol=2e-3)


def test_all_are_shown_the_same_noise(context):
    """x_t as diffusers adds noise, from the seed's own generator; every opponent answers within the pictures' range."""
    params = dict(two_students.compared_spec({"other": "photo-dahlia"}, EMOJI).params) | {"seed": 3}
    found = end_of(compared(params, context))
    assert found["estimates"].shape[1] == len(OPPONENTS) and np.abs(found["estimates"]).max() <= 1
    scheduler = DDPMScheduler.from_pretrained(MODELS / "emoji64" / "scheduler")
    clean = torch.from_numpy(found["clean"])
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    for k in (0, 10, 20):
        t = torch.tensor([found.meta["timesteps"][k]])
        torch.testing.assert_close(
            torch.from_numpy(found["x_t"][k]), scheduler.add_noise(clean, noise, t), rtol=0, atol=1e-5
        )


def test_one_remembers_and_the_other_has_learnt(context):
    """The lesson's claim, on four pictures of each set at t = 400."""
    params = dict(two_students.errors_spec(EMOJI).params) | {"times": [400], "each": 4}
    error = dict(zip(SETS, end_of(errors(params, context))["error"][:, 0], strict=True))
    remembers, learns, blur, exact = range(4)
    assert error["training"][remembers] < error["training"][learns]
    assert error["heldout"][remembers] > 2 * error["training"][remembers]
    assert error["photographs"][remembers] > 5 * error["training"][remembers]
    assert error["heldout"][learns] == pytest.approx(error["training"][learns], rel=0.4)
    assert error["photographs"][learns] < error["photographs"][blur] < error["photographs"][remembers]
    assert error["training"][exact] < 1e-2 < error["heldout"][exact]


def test_the_sets_are_what_they_are_called():
    assert {name: len(pictures_of(name, 2000)) for name in SETS} == {
        "training": 1493, "heldout": 80, "photographs": 6,
    }  # fmt: skip
    assert len(pictures_of("heldout", 5)) == 5


def test_both_models_have_one_schedule_and_one_text_encoder():
    """So that one x_t is the same question to both; the encoder lies on the disk once."""
    one, other = (find_model_folder(MODELS / name) for name in ("emoji64", "storybook64"))
    schedules = [DDPMScheduler.from_pretrained(folder / "scheduler") for folder in (one, other)]
    assert torch.equal(schedules[0].alphas_cumprod, schedules[1].alphas_cumprod)
    for part in ("text_encoder", "tokenizer"):
        for path in (one / part).iterdir():
            assert (other / part / path.name).resolve() == path.resolve()


def test_what_ships_is_a_storybook_network_of_the_documented_size():
    from core.pretrained import load_pretrained

    model = load_pretrained(MODELS / "storybook64")
    assert type(model.unet).__name__ == "StorybookUNet"
    card = (MODELS / "storybook64" / "README.md").read_text(encoding="utf-8")
    assert f"{sum(p.numel() for p in model.unet.parameters()) / 1e6:.1f} million parameters" in card
    own = sum(
        p.stat().st_size for p in (MODELS / "storybook64").rglob("*") if p.is_file() and not p.is_symlink()
    )
    assert own < 100e6
