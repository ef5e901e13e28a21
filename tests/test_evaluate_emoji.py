"""The evaluation of emoji64: its measures on pictures and networks whose figures are known beforehand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from PIL import Image

from core.schedule import NoiseSchedule
from scripts.emoji import denoising
from scripts.emoji.card import write_card
from scripts.emoji.dataset import FIRST, INK, EmojiSet
from scripts.emoji.evaluate import BATCH, Cache, Sampler, evaluate, summary_of_log
from scripts.emoji.features import gradients, pixels16
from scripts.emoji.fidelity import (
    Asked,
    Known,
    choose_prompts,
    closeness,
    diversity,
    fidelity,
    to_float,
)
from scripts.emoji.vocabulary import captions_of

SCHEDULE = NoiseSchedule.from_diffusers(DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2"))
NAMES = ("cat", "dog", "car", "bus", "pear", "plum", "hat")
GROUPS = {
    "cat": "animal",
    "dog": "animal",
    "car": "vehicle",
    "bus": "vehicle",
    "pear": "fruit",
    "plum": "fruit",
}


def blocks(seed: int) -> torch.Tensor:
    """uint8 (3, 64, 64): a picture of 8×8 random colours."""
    colours = torch.randint(0, 256, (3, 8, 8), generator=torch.Generator().manual_seed(seed))
    return colours.repeat_interleave(8, 1).repeat_interleave(8, 2).to(torch.uint8)


def small_set() -> EmojiSet:
    """Seven objects in two styles; the second is grey."""
    pictures, names, styles = [], [], []
    for k, name in enumerate(NAMES):
        coloured = blocks(k)
        pictures += [coloured, coloured.float().mean(0).byte().expand(3, -1, -1)]
        names += [name] * 2
        styles += [FIRST, INK]
    captions = [captions_of(style, (f"a {name}",)) for name, style in zip(names, styles, strict=True)]
    return EmojiSet(torch.stack(pictures), names, names, styles, captions, torch.ones(len(names)))


@pytest.fixture
def known() -> Known:
    return Known.of(small_set(), [{"name": name, "subgroup": group} for name, group in GROUPS.items()])


class Remembers:
    """A model that answers every prompt with its training picture; counts how often it is asked."""

    schedule, picture_shape = SCHEDULE, (3, 64, 64)

    def __init__(self, data: EmojiSet):
        self.clean, self.asked = to_float(data.pictures), 0
        self.rows = {caption: row for row, list_ in enumerate(data.captions) for caption, _ in list_}

    def embed(self, prompts):
        """(B, 1, 1): the row of the picture; an unknown prompt is the first."""
        return torch.tensor([float(self.rows.get(prompt, 0)) for prompt in prompts]).view(-1, 1, 1)

    def __call__(self, x_t, t, embedding):
        self.asked += 1
        clean = self.clean[embedding.flatten().long()]
        eps = (x_t - SCHEDULE.signal(t) * clean) / SCHEDULE.sigma(t)
        return torch.cat([eps, torch.full_like(eps, -1.0)], dim=1)


# ---- the judges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["pixels16", "gradients"])
def test_training_pictures_are_what_was_asked_for(known, space):
    data = known.data
    asked = [Asked("", name, style) for name, style in zip(data.names, data.styles, strict=True)]
    found = fidelity(to_float(data.pictures), asked, known, space)
    assert (found["top1"], found["top5"], found["subgroup1"], found["style"]) == (1, 1, 1, 1)
    assert found["ranks"] == [0] * 14


@pytest.mark.parametrize("space", ["pixels16", "gradients"])
def test_a_mirrored_training_picture_is_what_was_asked_for(known, space):
    """Training shows every picture in its mirror image as often."""
    data = known.data
    asked = [Asked("", name, style) for name, style in zip(data.names, data.styles, strict=True)]
    found = fidelity(to_float(data.pictures).flip(-1), asked, known, space)
    assert (found["top1"], found["style"]) == (1, 1)


def test_pictures_of_the_other_one_of_the_subgroup(known):
    """A dog for a cat, a car for a bus: the object is wrong, the subgroup right, and so is the style."""
    wrong = [2, 0, 6, 4, 10, 8]  # rows of dog, cat, bus, car, plum, pear in the first style
    asked = [Asked("", name, FIRST) for name in NAMES[:6]]
    found = fidelity(to_float(known.data.pictures[wrong]), asked, known, "pixels16")
    assert (found["top1"], found["subgroup1"], found["style"]) == (0, 1, 1)


def test_pictures_in_the_wrong_style(known):
    asked = [Asked("", name, FIRST) for name in NAMES]
    found = fidelity(to_float(known.data.pictures[1::2]), asked, known, "pixels16")
    assert found["style"] == 0
    assert found["style_by_style"] == {FIRST: 0}


def test_distances_in_colours_are_rms_differences():
    grey = torch.full((1, 3, 64, 64), 0.25)
    distance = torch.cdist(pixels16(grey), pixels16(-grey)).item()
    assert distance == pytest.approx(0.5, abs=1e-4)


def test_gradients_see_edges_and_no_colours():
    upright = torch.zeros(1, 3, 64, 64)
    upright[..., 32:] = 0.9
    red, blue = upright.clone(), upright.clone()
    red[:, 1:], blue[:, :2] = red[:, 1:] * 0, blue[:, :2] * 0
    lying = upright.transpose(2, 3)
    assert torch.allclose(gradients(upright), gradients(upright - 0.5), atol=1e-6)
    assert torch.allclose(gradients(red), gradients(blue), atol=1e-6)
    assert (gradients(upright) * gradients(lying)).sum() == pytest.approx(0, abs=1e-6)
    assert gradients(upright * 0).abs().max() == 0


def test_diversity_of_two_flat_pictures_is_their_difference():
    flat = torch.tensor([0.5, -0.5]).view(2, 1, 1, 1).expand(2, 3, 64, 64)
    assert diversity(flat) == pytest.approx(1, abs=1e-4)
    assert diversity(flat[:1].expand(4, -1, -1, -1)) == pytest.approx(0, abs=1e-4)


def test_closeness_of_a_copy_and_of_a_shade(known):
    clean = to_float(known.data.pictures[:2]) * 0.8
    shaded = replace(known, pixels=clean.flatten(1) / 12288**0.5)
    found = closeness(clean[:1] + 0.1, shaded)
    assert found.distance.item() == pytest.approx(0.1, abs=1e-5)
    apart = (clean[0] - clean[1]).square().mean().sqrt().item()  # the only neighbour of the nearest
    assert found.relative.item() == pytest.approx(0.1 / apart, rel=1e-4)
    assert closeness(clean[:1], shaded, leave_out=[0]).nearest.tolist() == [1]


def test_prompts_are_drawn_once_each_and_always_the_same(known):
    asked = choose_prompts(known.data, 14, seed=3)
    assert len({(a.name, a.style) for a in asked}) == 14
    assert all(a.name in a.prompt for a in asked)
    assert asked == choose_prompts(known.data, 14, seed=3) != choose_prompts(known.data, 14, seed=4)
    with pytest.raises(ValueError, match="between 1 and 14"):
        choose_prompts(known.data, 15, seed=3)


# ---- one step -----------------------------------------------------------------------------------------

SPREAD = 0.2  # standard deviation of Gaussian "pictures", whose best denoiser is known


def gaussian(factor: float):
    """The best denoiser of N(0, SPREAD²) pixels, which predicts `factor` times the right variance."""

    def network(x_t, t, start):
        t_next = TIMES[TIMES.index(t) + 1] if t != TIMES[-1] else None
        a, s = SCHEDULE.signal(t), SCHEDULE.sigma(t)
        total = a**2 * SPREAD**2 + s**2
        clean_hat, left = a * SPREAD**2 / total * x_t, SPREAD**2 * s**2 / total
        c = SCHEDULE.coefficients(t, t_next)
        wanted = np.log(factor * (c.clean**2 * left + np.exp(c.log_variance_min)))
        mix = (wanted - c.log_variance_min) / (c.log_variance_max - c.log_variance_min)
        eps = (x_t - a * clean_hat) / s
        return torch.cat([eps, torch.full_like(eps, 2 * mix - 1)], dim=1)

    return network


TIMES = [900, 600, 300, 30]


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_calibration_of_a_gaussian_with_known_variance(factor):
    clean = SPREAD * torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    found = denoising.measure(gaussian(factor), clean, blocks(0)[None, :, :32, :32], SCHEDULE, TIMES, seed=1)
    assert found["ratio"][:-1] == pytest.approx([1 / factor] * 3, rel=0.03)
    assert np.isnan(found["ratio"][-1])
    for t, error in zip(TIMES, found["network"], strict=True):
        a2 = SCHEDULE.abar(t)
        left = SPREAD**2 * (1 - a2) / (a2 * SPREAD**2 + 1 - a2)
        assert error == pytest.approx(left, rel=0.04)
        assert found["network"][TIMES.index(t)] <= found["identity"][TIMES.index(t)]


def test_the_best_blur_of_flat_pictures_averages_the_noise_away():
    """Pixels of ±0.5, flat: what is left of white noise is its variance over 4πσ² pixels, σ the largest tried."""
    flat = torch.tensor([0.5, -0.5]).view(2, 1, 1, 1).expand(2, 3, 64, 64)
    noise = torch.randn(flat.shape, generator=torch.Generator().manual_seed(2))
    left = 1 / (4 * np.pi * denoising.SIGMAS[-1] ** 2)
    assert denoising.best_blur_error(flat + noise, flat) == pytest.approx(
        0.25 * left / (0.25 + left), rel=0.5
    )
    assert denoising.best_blur_error(flat, flat) == pytest.approx(0, abs=1e-6)


def test_a_memory_answers_with_the_weighted_mean_of_its_pictures():
    training = torch.stack([blocks(k) for k in range(3)])
    clean = to_float(training).double().flatten(1)
    t = 995  # so much noise that all three count
    x_t = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    a, s = SCHEDULE.signal(t), SCHEDULE.sigma(t)
    weights = torch.softmax(-(x_t.double().flatten(1) - a * clean).square().sum(1) / (2 * s**2), dim=0)
    expected = (weights[:, None] * clean).sum(0).view(1, 3, 64, 64)
    assert 0.02 < weights.max() < 0.98
    found = denoising.memory_answer(x_t, t, training, SCHEDULE)
    assert torch.allclose(found.double(), expected, atol=1e-3)


def test_bins_of_t():
    found = denoising.in_bins([250, 240, 30], np.array([1.0, 3.0, float("nan")]))
    assert found == {"200-299": 2.0}


# ---- all of it, on a model that remembers --------------------------------------------------------------


def test_a_model_that_remembers_has_full_marks_and_is_found_out(known, tmp_path):
    data = known.data
    model = Remembers(data)
    heldout = to_float(torch.stack([blocks(100 + k) for k in range(3)]))
    options = {"count": 14, "scales": [0.0, 1.0], "seed": 0}
    report = evaluate(model, "remembers", known, heldout, ["a", "b", "c"], tmp_path, **options)
    asked = choose_prompts(data, 14, seed=0)
    without, prompted = report["fidelity"]["by_guidance"]
    assert (prompted["pixels16"]["top1"], prompted["gradients"]["top1"]) == (1, 1)
    assert prompted["pixels16"]["style"] == 1
    cats = sum(a.name == "cat" for a in asked[:3])  # without a prompt it is always the first picture, a cat
    assert (without["prompts"], without["pixels16"]["top1"]) == (3, cats / 3)
    assert report["memory"]["extracted"] == 1
    assert report["memory"]["samples"]["95%"] < 0.01 < report["memory"]["heldout"]["5%"]
    assert report["diversity"]["guidance_4"]["mean"] < 0.01
    assert max(report["denoising"]["training"]["network"]["bins"].values()) < 1e-5
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (8 * 128, 2 * 154)

    calls = model.asked  # a second run takes everything from the cache
    assert evaluate(model, "remembers", known, heldout, ["a", "b", "c"], tmp_path, **options) == report
    assert model.asked == calls

    recipe = {"config": {"sketch": {"seed": 0}, "refine": {"seed": 0}, "threads": 1}}
    report |= {"megabytes": 99.6, "parameters": 35_000_000, "recipe": recipe}
    (tmp_path / "report.json").write_text(json.dumps(report))
    write_card(tmp_path, tmp_path / "model" / "README.md", tmp_path / "img")
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| 1 | 14 | 100 % | 100 % | 100 % | 100 % |" in card
    assert "35.0 million" in card
    assert "../img/emoji64-sheet.webp" in card
    assert "$" not in card
    assert (tmp_path / "img" / "emoji64-course.webp").exists()


def test_an_interrupted_measurement_goes_on(known, tmp_path):
    """Batches that were drawn before the interruption are not drawn again."""
    prompts = [caption for captions in known.data.captions for caption, _ in captions][: 2 * BATCH]
    whole = Remembers(known.data)
    expected = Sampler(whole, "m", Cache(tmp_path / "whole"))(prompts, 1.0, range(2 * BATCH))
    first = Remembers(known.data)
    Sampler(first, "m", Cache(tmp_path / "parts"))(prompts[:BATCH], 1.0, range(BATCH))
    rest = Remembers(known.data)
    found = Sampler(rest, "m", Cache(tmp_path / "parts"))(prompts, 1.0, range(2 * BATCH))
    assert torch.equal(found, expected)
    assert first.asked == rest.asked == whole.asked // 2


def test_the_hours_of_an_interrupted_training_add_up():
    log = [{"step": k, "seconds": s, "loss": 0.5} for k, s in [(20, 1800), (40, 3600), (60, 900), (80, 1800)]]
    assert summary_of_log(log) == {"steps": 80, "hours": 1.5, "last_loss": 0.5}
