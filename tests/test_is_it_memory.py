"""Lesson A12: the distances to the training pictures, computed again by other means; and the pictures that ship."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from core.emoji_pictures import EmojiPicturesMissing, load_emoji_pictures
from lessons.is_it_memory import LESSON, nearest, reference_distances, relative, spec, training
from scripts.emoji.heldout import FAR, LIST, nearest_training
from scripts.emoji.vocabulary import STYLES, entries
from tests.lesson_runs import result_of, shortened


def mirrored_rms(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The same, to one of the two mirrored if that is nearer."""
    return np.minimum(rms(one, other), rms(one[..., ::-1], other))


def rms(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Root mean square over the last three axes, in float64."""
    return np.sqrt(np.square(one.astype(np.float64) - other.astype(np.float64)).mean(axis=(-3, -2, -1)))


def floats(pixels: np.ndarray) -> np.ndarray:
    """uint8 (..., 64, 64, 3) → (..., 3, 64, 64) in [−1, 1]."""
    return np.moveaxis(pixels.astype(np.float64), -1, -3) / 127.5 - 1


# ---- what ships -----------------------------------------------------------------------------------------


def test_every_object_ships_in_its_styles():
    known = training()
    assert {entry.name for entry in entries()} <= set(known.names)
    assert set(known.styles) == set(STYLES)
    assert len(known.pixels) == len(known.names) == len(known.styles) == 1493


def test_held_out_pictures_are_far_from_the_training_pictures():
    """By the rule of the list, computed again from what ships."""
    heldout, known = load_emoji_pictures("heldout"), training()
    listed = json.loads(LIST.read_text())["pictures"]
    assert len(heldout.names) >= 60 and not set(heldout.names) & set(known.names)
    assert list(heldout.names) == [row["name"] for row in listed]

    class Data:
        pictures = torch.from_numpy(known.pixels).permute(0, 3, 1, 2)

    for space, (distance, index) in nearest_training(heldout.pixels, Data).items():
        assert distance.min() > FAR[space]
        said = [row["nearest"][space] for row in listed]
        assert [known.names[i] for i in index] == [row["name"] for row in said]


def test_a_damaged_folder_is_named(tmp_path):
    with pytest.raises(EmojiPicturesMissing, match=r"Restore .* from the repository"):
        load_emoji_pictures("training", tmp_path)
    with pytest.raises(ValueError, match='"training" or "heldout"'):
        load_emoji_pictures("test")


# ---- distances ------------------------------------------------------------------------------------------


def test_a_training_picture_is_nearest_to_itself_and_then_to_another():
    pictures = torch.from_numpy(floats(training().pixels[[5, 700]])).float()
    distance, found, mirrored = nearest(pictures, 2)
    assert not mirrored[:, 0].any()
    assert found[:, 0].tolist() == [5, 700]
    assert distance[:, 0].tolist() == pytest.approx([0, 0], abs=1e-5)
    other = mirrored_rms(floats(training().pixels[found[:, 1].numpy()]), floats(training().pixels[[5, 700]]))
    assert distance[:, 1].numpy() == pytest.approx(other, rel=1e-3)


def test_a_mirrored_training_picture_is_recognised_and_listed_once():
    """The distances to all, mirrored or not, sorted: the four nearest pictures are four different ones."""
    known = floats(training().pixels)
    distance, found, mirrored = nearest(torch.from_numpy(known[[5, 700], ..., ::-1].copy()).float(), 4)
    assert found[:, 0].tolist() == [5, 700] and mirrored[:, 0].all()
    for k, row in enumerate((5, 700)):
        assert distance[k].numpy() == pytest.approx(
            np.sort(mirrored_rms(known, known[row]))[:4], rel=1e-3, abs=1e-5
        )
        assert len(set(found[k].tolist())) == 4


def test_relative_is_the_mean_distance_of_fifty_neighbours():
    known = floats(training().pixels)
    distances = np.sort(mirrored_rms(known, known[40]))[1:51]
    assert relative(torch.tensor([40])).item() == pytest.approx(distances.mean(), rel=1e-3)


def test_reference_distances_ascend():
    for values in reference_distances().values():
        assert len(values) >= 60 and values.min() > 0
        assert (np.diff(values) >= 0).all()


@pytest.mark.parametrize("variant", [None, "raw"])
def test_the_job_finds_the_nearest_of_every_step(variant, job_context, emoji64_fingerprint):
    run = shortened(spec(LESSON.defaults(), emoji64_fingerprint, variant))
    trajectory, frames = result_of(LESSON, run, job_context)
    assert len(frames) == 4
    known = floats(training().pixels)
    compared = trajectory["x_t" if variant == "raw" else "clean_hat"]
    for step, sample in ((0, 1), (3, 0)):
        distances = mirrored_rms(known, compared[step, sample])
        assert trajectory["step_distance"][step, sample] == pytest.approx(distances.min(), rel=1e-3)
        assert distances[trajectory["step_nearest"][step, sample]] == pytest.approx(distances.min(), rel=1e-3)
    ends = known[trajectory["nearest"][:, 0]]
    ends = np.where(trajectory["mirrored"][:, 0, None, None, None], ends[..., ::-1], ends)
    assert trajectory["final_distance"][2] == pytest.approx(rms(ends, compared[2]), rel=1e-3)
    assert trajectory["distance"][:, 0] == pytest.approx(rms(ends, trajectory["result"]), rel=1e-3)
