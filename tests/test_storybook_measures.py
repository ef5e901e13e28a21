"""The scoreboard's measures, against closed forms and pictures whose answer is known."""

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from core.schedule import NoiseSchedule
from scripts.storybook import measures
from scripts.storybook.blur import best_blur_error
from scripts.storybook.grounds import plain, white
from scripts.storybook.textures import dead_leaves
from scripts.storybook.unseen import KINDS, photographs, scenery, to_float
from scripts.storybook.world import reduced


def schedule() -> NoiseSchedule:
    return NoiseSchedule.from_diffusers(DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2"))


class Model:
    """A model that knows the clean pictures and answers with the noise that leads to a share of them."""

    def __init__(self, clean: torch.Tensor, share: float):
        self.schedule, self.clean, self.share = schedule(), clean, share

    def embed(self, prompts):
        return torch.zeros(len(prompts), 1, 1)

    def __call__(self, x_t, t, embedding):
        abar = self.schedule.alphas_cumprod[t].float()
        eps = (x_t - abar.sqrt() * self.share * self.clean[: len(x_t)]) / (1 - abar).sqrt()
        return torch.cat([eps, torch.zeros_like(eps)], dim=1)


def test_the_error_is_that_of_the_estimate_over_the_blurs():
    """x̂₀ = 0.5 x₀: the error is a quarter of the mean square of x₀, whatever t is."""
    clean = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    noise = torch.stack(
        [torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(k)) for k in range(4)]
    )
    assert measures.error_over_blur(Model(clean, 1.0), clean, 550) == pytest.approx(0, abs=1e-6)
    found = measures.error_over_blur(Model(clean, 0.5), clean, 550)
    expected = 0.25 * clean.square().mean().item() / best_blur_error(clean, 550, noise, schedule())
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("k", "n", "interval"), [(9, 10, (0.5958, 0.9821)), (0, 10, (0.0, 0.2775)), (50, 100, (0.4038, 0.5962))]
)
def test_intervals_are_wilsons(k, n, interval):
    """Values of Wilson's interval as statistics tables give them."""
    found = measures.share(torch.tensor([True] * k + [False] * (n - k)))
    assert found["share"] == k / n and found["of"] == n
    assert found["interval"] == pytest.approx(interval, abs=2e-4)


def test_copies_are_told_from_pictures_that_are_as_far_as_their_neighbours():
    g = torch.Generator().manual_seed(1)
    shown = torch.randn(120, 3, 64, 64, generator=g)
    copy, mirrored = shown[3] + 0.2 * torch.randn(3, 64, 64, generator=g), shown[5].flip(-1)
    fresh = torch.randn(3, 64, 64, generator=g)
    assert measures.near_copies(torch.stack([copy, mirrored, fresh]), shown).tolist() == [True, True, False]


def test_variety_is_the_distance_of_two_pictures():
    """Two independent pictures of unit variance differ by √2."""
    pictures = torch.randn(6, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    assert measures.variety(pictures) == pytest.approx(2**0.5, rel=0.02)
    assert measures.variety(pictures[:1].expand(3, -1, -1, -1)) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("ground", measures.GROUND_RULES)
def test_the_rule_of_a_ground_knows_the_worlds_own_and_refuses_most_others(ground):
    rng = np.random.default_rng(0)
    draw = white if ground == "white" else KINDS[ground]

    def tiles(draw) -> torch.Tensor:
        return to_float(np.stack([reduced(draw(rng).image) for _ in range(25)]))

    assert measures.on_ground(tiles(draw), ground).float().mean() >= 0.84
    others = [
        d
        for name, d in {**KINDS, "white": white, "plain": plain, "leaves": dead_leaves}.items()
        if name != ground
    ]
    wrong = torch.cat([measures.on_ground(tiles(d)[:8], ground) for d in others]).float().mean()
    assert wrong < 0.35


@pytest.mark.parametrize(
    ("rgb", "colour"), [((230, 40, 40), "red"), ((40, 80, 230), "blue"), ((40, 200, 60), "green")]
)
def test_the_colour_of_the_middle_is_named(rgb, colour):
    pixels = np.full((1, 64, 64, 3), 255, np.uint8)
    pixels[:, 20:44, 20:44] = rgb
    assert measures.in_colour(to_float(pixels), colour).tolist() == [True]
    assert measures.in_colour(to_float(pixels), "yellow").tolist() == [False]
    assert measures.in_colour(torch.ones(1, 3, 64, 64), colour).tolist() == [False]


def test_filling_with_the_mean_colour_is_the_yardstick_of_inpainting():
    clean = scenery(4)
    around = torch.ones(64, 64, dtype=torch.bool)
    around[measures.HIDDEN, measures.HIDDEN] = False
    filled = clean.clone()
    filled[..., measures.HIDDEN, measures.HIDDEN] = clean[..., around].mean(dim=2)[..., None, None]
    assert measures.hidden_error(filled, clean) == pytest.approx(1)
    assert measures.hidden_error(clean, clean) == 0
    flat = torch.zeros(1, 3, 64, 64)
    flat[..., measures.HIDDEN, measures.HIDDEN] = 0.5
    assert measures.seam(flat) == pytest.approx(0.5)


def test_an_edit_is_found_among_the_others():
    g = torch.Generator().manual_seed(3)
    originals = torch.randn(10, 40, generator=g)
    results = originals + 0.1 * torch.randn(10, 40, generator=g)
    assert measures.nearest_is_own(results, originals).all()
    assert not measures.nearest_is_own(results.roll(1, dims=0), originals).any()


def test_both_readings_of_an_illusion_are_what_a_viewer_sees():
    picture = torch.randn(2, 3, 64, 64)
    upright, turned = measures.readings(picture, "anagram")
    assert torch.equal(upright, picture) and torch.equal(turned, picture.flip(-2))
    afar, near = measures.readings(picture, "hybrid")
    assert torch.equal(near, picture) and afar.std() < 0.3 * picture.std()


def test_photographs_ship():
    pictures = photographs()
    assert len(pictures) >= 13 and pictures.shape[1:] == (3, 64, 64) and pictures.abs().max() <= 1
    assert pictures.std(dim=(1, 2, 3)).min() > 0.05
