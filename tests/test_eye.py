"""The eye that was trained on ImageNet: it sees what photographs show, and class means are told apart in its features."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from scripts.storybook.eye import ClassMeans, Eye, class_means, means_of_sprites, on_white, vocabulary_sprites
from scripts.storybook.photographs import TO as PHOTOGRAPHS

# places of classes in ImageNet's list, as published: cats; a cup of coffee; a space shuttle; a tripod
SHOWN = {"cat": {281, 282, 285}, "coffee": {967}, "shuttle": {812}, "photographer": {872}}


@pytest.fixture(scope="module")
def eye() -> Eye:
    return Eye()


def photographs(names) -> torch.Tensor:
    pictures = [np.asarray(Image.open(PHOTOGRAPHS / f"{name}.png"), np.float32) for name in names]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 127.5 - 1


def test_it_names_what_photographs_show(eye):
    named = eye.classes(photographs(SHOWN)).argmax(dim=1).tolist()
    assert [place in SHOWN[name] for place, name in zip(named, SHOWN, strict=True)] == [True] * 4


def test_features_are_those_that_its_classes_are_read_from(eye):
    pictures = photographs(SHOWN)
    features = eye.features(pictures, batch=3)
    assert features.shape == (4, 1280) and features.min() >= 0
    with torch.inference_mode():
        torch.testing.assert_close(eye.network._fc(features), eye.classes(pictures), rtol=1e-3, atol=1e-3)


def test_the_nearest_mean_by_arithmetic():
    """Six features of length 1 by their angles in a plane, around a third direction that all share."""
    angles = torch.tensor([0.0, 20.0, 100.0, 120.0, 240.0, 250.0]).deg2rad()
    features = 3 * torch.stack([angles.cos(), angles.sin(), torch.full((6,), 4.0)], dim=1)
    means = class_means(features, ["a", "a", "b", "b", "c", "c"])
    assert means.names == ("a", "b", "c")
    middle = torch.stack([angles.cos(), angles.sin(), torch.full((6,), 4.0)], dim=1) / math.sqrt(17)
    torch.testing.assert_close(means.means, middle.reshape(3, 2, 3).mean(dim=1))
    asked = torch.tensor([15.0, 115.0, 200.0]).deg2rad()
    seen = torch.stack([asked.cos(), asked.sin(), torch.full((3,), 4.0)], dim=1)
    assert means.ranked(seen).tolist() == [[0, 1, 2], [1, 0, 2], [2, 1, 0]]
    assert means.named(seen, ["a", "c", "c"]).tolist() == [True, False, True]
    assert means.named(seen, ["b", "a", "b"], k=2).tolist() == [True, True, True]
    with pytest.raises(ValueError, match="Ask for one of the 3 classes: d is none"):
        means.named(seen, ["a", "d", "c"])


def test_means_are_kept(tmp_path):
    means = ClassMeans(("red apple", "man"), torch.rand(2, 5))
    means.save(tmp_path / "means.safetensors")
    kept = ClassMeans.load(tmp_path / "means.safetensors")
    assert kept.names == means.names and torch.equal(kept.means, means.means)
    with pytest.raises(FileNotFoundError):
        ClassMeans.load(tmp_path / "none.safetensors")


def test_sprites_are_laid_on_white():
    rgba = np.zeros((1, 2, 2, 4), np.uint8)
    rgba[0, 0, 0] = (255, 0, 0, 255)
    rgba[0, 0, 1] = (0, 0, 0, 51)  # a fifth of black
    found = on_white(rgba)
    assert found.shape == (1, 3, 2, 2)
    expected = torch.tensor([[[1, 0.6], [1, 1]], [[-1, 0.6], [1, 1]], [[-1, 0.6], [1, 1]]])
    torch.testing.assert_close(found[0], expected)


class Two:
    """What the eye needs of a sprite set: two objects, one of them with a further picture."""

    def __init__(self):
        y, x = np.mgrid[:64, :64] - 31.5
        disc, bar = np.hypot(x, y) < 30, abs(y) < 6
        self.pictures = np.stack(
            [
                np.dstack([np.full((64, 64, 3), grey), 255 * drawn])
                for grey in (0, 90)
                for drawn in (disc, bar)
            ]
        ).astype(np.uint8)
        self.of_name = {"disc": [0, 2], "bar": [1], "stick": [3]}
        entry = type("Entry", (), {})
        self.vocabulary = [entry(), entry(), entry()]
        for found, (name, others) in zip(
            self.vocabulary, [("disc", ()), ("bar", ("stick", "bar")), ("ball", ())], strict=True
        ):
            found.name, found.others = name, others


def test_means_over_all_designs_of_all_objects(eye):
    sprites = Two()
    assert vocabulary_sprites(sprites) == ([0, 2, 1, 3], ["disc", "disc", "bar", "bar"])
    means = means_of_sprites(eye, sprites)
    assert means.names == ("disc", "bar") and means.means.shape == (2, 1280)
    mirrored = on_white(sprites.pictures[[1, 2]]).flip(-1)
    assert means.named(eye.features(mirrored), ["bar", "disc"]).tolist() == [True, True]
