"""Lessons B1 to B4 and B10: the exact answers against brute force, the network's walk and counts against formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.media import png
from lessons import (
    block_glossary,
    denoising_digits,
    denoising_pure_noise,
    one_step_denoiser,
    out_of_distribution,
    unet_blocks,
    unet_taken_apart,
)
from lessons.denoising_digits import DigitRef, DrawingGone
from lessons.fields import BadValue
from lessons.requests import BadRequest
from lessons.unet_blocks import PATH, TERMS
from tests.part_b import noise_of, values

# ---- B2, B3 -----------------------------------------------------------------------------------------


def brute_force_mean(z: np.ndarray, sigma: float, pictures: np.ndarray) -> tuple[np.ndarray, float]:
    """E[x | z] and 1 / sum w^2 in float64, every difference written out; z (784,), pictures (N, 784)."""
    logits = -((z[None] - pictures) ** 2).sum(axis=1) / (2 * sigma**2)
    weights = np.exp(logits - logits.max())
    weights /= weights.sum()
    return weights @ pictures, 1 / (weights**2).sum()


def test_digits_at_noise_levels_beside_the_exact_answer(bench):
    ref = bench.trained("denoise")
    levels = (0.2, 0.5, 1.0)
    spec = out_of_distribution.spec(values(out_of_distribution, digit="7", levels=levels, seed=4), [ref])
    result, frames = bench.run(denoising_digits.denoise, spec.params)
    assert len(frames) == 3 and set(frames[0].arrays) == {"z", "clean_hat", "oracle"}
    clean = bench.test.pictures[7:8] / 255
    train = bench.train.pictures.numpy().reshape(300, 784).astype(np.float64) / 255
    for k, sigma in enumerate(levels):
        z = clean + sigma * noise_of(1, 4)
        np.testing.assert_allclose(result["z"][k], z, atol=1e-6)
        with torch.no_grad():
            answer = bench.networks[ref["source"]](z)
        np.testing.assert_allclose(result["clean_hat"][k], answer, atol=1e-5)
        exact, mixed = brute_force_mean(z.double().numpy().ravel(), sigma, train)
        np.testing.assert_allclose(result["oracle"][k].ravel(), exact, atol=1e-3)
        assert result["mixed"][k] == pytest.approx(mixed, rel=1e-3)
        errors = [((x - clean.numpy().ravel()) ** 2).mean() ** 0.5 for x in (
            answer.numpy().ravel(), exact, z.numpy().ravel())]  # fmt: skip
        np.testing.assert_allclose(result["error"][k], errors, atol=1e-3)


def test_five_digits_follow_each_other_round_the_end():
    assert one_step_denoiser.digits_from("9998", 4) == ["9998", "9999", "0", "1"]
    drawing = "drawing-" + "a" * 64
    assert one_step_denoiser.digits_from(drawing, 4) == [drawing]
    assert one_step_denoiser.nearest_frame(0.52) == one_step_denoiser.SIGMAS.index(0.5)


def test_a_drawn_digit_is_denoised_like_any_other(bench):
    drawn = np.zeros((28, 28, 1), np.uint8)
    drawn[4:24, 13:16] = 255
    reference = "drawing-" + bench.store.blobs.put(png(drawn))
    spec = one_step_denoiser.spec(values(one_step_denoiser, digit=reference), [bench.trained("denoise")])
    result, _ = bench.run(denoising_digits.denoise, {**spec.params, "sigmas": [0.0, 0.1]})
    np.testing.assert_allclose(result["clean"][0, 0], drawn[..., 0] / 255, atol=1e-6)
    np.testing.assert_allclose(result["z"][0], result["clean"])
    with pytest.raises(DrawingGone, match="draw it again"):
        denoising_digits.pictures_of(["drawing-" + "0" * 64], bench.context)


@pytest.mark.parametrize("change", [{"sigmas": [-1.0]}, {"sigmas": [4.0]}, {"sigmas": []}, {"digits": []}])
def test_what_cannot_be_denoised_is_refused(bench, change):
    params = one_step_denoiser.spec(values(one_step_denoiser), [bench.trained("denoise")]).params
    with pytest.raises(BadRequest):
        next(denoising_digits.denoise({**params, **change}, bench.context))


@pytest.mark.parametrize(
    "text", ["-1", "10000", "99999999999999", "1.5", "", "drawing-x", "drawing-" + "g" * 64, "½"]
)
def test_no_other_text_names_a_digit(text):
    with pytest.raises(BadValue, match="0 to 9999"):
        DigitRef("digit", "Digit", "0").parse(text)


def test_digits_are_named_by_number_or_by_hash():
    field = DigitRef("digit", "Digit", "0")
    assert field.parse("0042") == "42" and field.parse("drawing-" + "0" * 64) == "drawing-" + "0" * 64


# ---- B4 ---------------------------------------------------------------------------------------------


def test_the_exact_answer_to_pure_noise_is_the_mean_digit(bench):
    refs = [bench.trained("pure_noise", f"epoch-{k}", seed=k) for k in (1, 5)]
    spec = denoising_pure_noise.spec(values(denoising_pure_noise, seed=3), refs)
    result, frames = bench.run(denoising_digits.pure_noise, spec.params)
    pixels = bench.train.pictures.numpy().reshape(300, 784).astype(np.float64) / 255
    np.testing.assert_allclose(result["mean"].ravel(), pixels.mean(axis=0), atol=1e-5)
    assert result.meta["floor"] == pytest.approx(pixels.var(axis=0).mean(), rel=1e-5)
    for k, ref in enumerate(refs):
        with torch.no_grad():
            answer = bench.networks[ref["source"]](noise_of(6, 3)).numpy()
        np.testing.assert_allclose(result["clean_hat"][k], answer, atol=1e-5)
        away = np.sqrt(((answer.reshape(6, 784) - pixels.mean(axis=0)) ** 2).mean())
        assert result["away"][k] == pytest.approx(away, rel=1e-4)
    assert len(frames) == 2


# ---- B1 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "width"), [("none", 16), ("time", 8), ("class", 8)])
def test_the_walk_is_the_network_s(bench, kind, width):
    spec = unet_taken_apart.spec(values(unet_taken_apart, network=kind, width=width, digit="7", t=0.25), None)
    result, frames = bench.run(unet_blocks.walk, spec.params)
    network = unet_blocks.network_of(spec.params["network"], bench.context)
    x_t = 0.75 * noise_of(1, 0) + 0.25 * bench.test.pictures[7:8] / 255
    np.testing.assert_allclose(result["x_t"][0], x_t, atol=1e-6)
    label = int(bench.test.labels[7])
    told = {
        "none": (),
        "time": (torch.tensor([0.25]),),
        "class": (torch.tensor([0.25]), torch.eye(10)[[label]]),
    }[kind]
    with torch.no_grad():
        np.testing.assert_allclose(result["clean_hat"][0], network(x_t, *told), atol=1e-5)
    blocks = {block["name"]: block for block in result.meta["blocks"]}
    assert list(blocks) == [block.name for block in PATH] and len(frames) == len(PATH)
    d = width
    assert [blocks[name]["shape"] for name in blocks] == [
        [d, 28, 28], [d, 14, 14], [2 * d, 7, 7], [2 * d, 1, 1], [2 * d, 7, 7], [d, 14, 14], [d, 28, 28], [d, 28, 28],
        [1, 28, 28],
    ]  # fmt: skip
    body = sum(block["parameters"] for block in blocks.values())
    assert body == 481 * d**2 + 81 * d + 1  # equation 2 of the lesson
    # FCBlock(i -> o) has i o + o + o o + o numbers
    fc = {"none": [], "time": [(1, 2 * d), (1, d)], "class": [(1, 2 * d), (1, d), (10, 2 * d), (10, d)]}[kind]
    assert sum(result.meta["conditioning"].values()) == sum(i * o + o + o * o + o for i, o in fc)
    assert result.meta["parameters"] == body + sum(result.meta["conditioning"].values())


def test_the_maps_are_those_that_vary_most(bench):
    output = torch.zeros(20, 4, 4)
    output[3, 0, 0], output[7] = 2.0, torch.linspace(-1, 1, 16).reshape(4, 4)
    maps, channels = unet_blocks.feature_maps(output)
    assert maps.shape == (16, 4, 4) and channels[:2].tolist() == [7, 3]
    assert maps[1, 0, 0] == 255 and maps[0].max() == 128 and maps[0, 0].tolist() == [0, 0, 0, 0]


def test_a_trained_network_is_walked_where_there_is_one(bench):
    ref = bench.trained("class_flow")
    assert unet_taken_apart.spec(values(unet_taken_apart), ref).params["network"] == ref
    fresh = unet_taken_apart.spec(values(unet_taken_apart), None).params["network"]
    assert fresh == {"source": "untrained", "kind": "time", "width": 64}
    drawn = "drawing-" + bench.store.blobs.put(png(np.zeros((28, 28, 1), np.uint8)))
    spec = unet_taken_apart.spec(values(unet_taken_apart, digit=drawn), ref)
    bench.run(unet_blocks.walk, spec.params)  # nobody says which class a drawing has


# ---- B10 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("i", "o"), [(1, 8), (6, 4)])
def test_every_term_has_the_count_that_its_formula_gives(bench, i, o):
    result, frames = bench.run(
        unet_blocks.glossary, block_glossary.spec(values(block_glossary, i=i, o=o)).params
    )
    assert len(frames) == len(TERMS)
    for term, found in zip(TERMS, result.meta["terms"], strict=True):
        assert found["parameters"] == eval(term.count.replace("·", "*"), {"i": i, "o": o}), term.name


def test_every_term_has_the_shape_that_its_rule_gives(bench):
    result, _ = bench.run(unet_blocks.glossary, block_glossary.spec(values(block_glossary, i=2, o=4)).params)
    for term, found in zip(TERMS, result.meta["terms"], strict=True):
        before, after = term.shape.split(" → ")
        sides = dict(zip("HW", found["shape_in"][1:], strict=False))
        rule = after.replace("2H", "2*H").replace("2W", "2*W").strip("()").split(", ")
        assert found["shape_out"] == [eval(part, {"i": 2, "o": 4, **sides}) for part in rule], term.name
        assert len(found["shape_in"]) == len(before.split(", "))


@pytest.mark.parametrize("change", [{"channels_in": 0}, {"channels_out": 65}])
def test_channels_outside_their_limits_are_refused(bench, change):
    with pytest.raises(ValueError, match="1 to 64 channels"):
        next(
            unet_blocks.glossary(
                {**block_glossary.spec(values(block_glossary)).params, **change}, bench.context
            )
        )
