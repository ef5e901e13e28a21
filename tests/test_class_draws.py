"""Lesson B12's training: what begins it, what it is given, what it shows, and that it goes on where it was stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.handwriting import packed
from core.jobs import Checkpoint, Frame
from core.settings import ROOT
from core.training_settings import InvalidSettings
from core.trajectory import Trajectory
from lessons.class_draws import (
    LESSON,
    MORE,
    SAMPLE_STEPS,
    SAMPLES,
    NoDrawings,
    apart,
    beside,
    load_drawings,
    run,
    shown_after,
)
from tests.part_b import noise_of


@pytest.fixture(scope="module")
def bars() -> np.ndarray:
    """Twelve figures: upright and lying bars in the middle, of several lengths."""
    found = np.zeros((12, 28, 28), np.uint8)
    for k in range(12):
        half = 5 + k // 2
        across, along = slice(12, 16), slice(14 - half, 14 + half)
        found[k][(along, across) if k % 2 else (across, along)] = 255
    return found


@pytest.fixture(scope="module")
def asked(bench, bars) -> dict:
    name = bench.context.store.blobs.put(packed(bars))
    return {"drawings": name, "start": bench.trained("flow"), "steps": 40, "seed": 3, "variant": None}


def trained(bench, params: dict, checkpoint: Checkpoint | None = None, stop: int | None = None):
    """The result, the frames, the checkpoints; with `stop` only until so many checkpoints are there."""
    events = run(params, replace(bench.context, checkpoint=checkpoint))
    frames: list[Frame] = []
    kept: list[Checkpoint] = []
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value, frames, kept
        (kept if isinstance(event, Checkpoint) else frames).append(event)
        if stop is not None and len(kept) == stop:
            return None, frames, kept


@pytest.fixture(scope="module")
def whole(bench, asked):
    return trained(bench, asked)


def test_the_samples_begin_as_those_of_the_flow_that_it_begins_with(bench, asked, whole):
    result, frames, _ = whole
    network, x = bench.networks[asked["start"]["source"]], noise_of(SAMPLES, 3)
    with torch.no_grad():
        for k in range(SAMPLE_STEPS):
            x = x + network(x, torch.full((SAMPLES,), k / SAMPLE_STEPS)) / SAMPLE_STEPS
    expected = np.rint(255 * x.clamp(0, 1).numpy()).astype(np.int16)
    assert np.abs(result["samples"][0].transpose(0, 3, 1, 2) - expected).max() <= 1
    assert len(frames) == len(shown_after(40)) + 1 == len(result.meta["steps"])
    assert (frames[-1].arrays["samples"] == result["samples"][-1]).all()


def test_a_training_leaves_the_flow_that_it_began_with_as_it_was(bench, asked, whole):
    again, _, _ = trained(bench, {**asked, "steps": 20})
    assert (again["samples"][0] == whole[0]["samples"][0]).all()


def test_what_it_draws_comes_nearer_to_the_drawings(whole):
    result, _, _ = whole
    distance = result["distance"].mean(axis=1)
    assert distance[-1] < distance[0]
    assert result["losses"].shape == (40,) and result["losses"][-10:].mean() < result["losses"][:10].mean()
    assert result["more"].shape == (MORE, 28, 28, 1) == result["more_nearest"].shape


def test_the_nearest_drawings_are_the_nearest_by_brute_force(bars, whole):
    result, _, _ = whole
    sheet = np.zeros((12, 40, 40))
    sheet[:, 6:34, 6:34] = bars / 255
    shifted = np.stack([
        np.roll(one, (down, right), (0, 1))[6:34, 6:34] for one in sheet for down in range(-2, 3) for right in range(-2, 3)
    ])  # fmt: skip
    for k in range(MORE):
        gaps = np.sqrt(((shifted - result["more"][k, ..., 0] / 255) ** 2).mean(axis=(1, 2)))
        assert gaps.min() == pytest.approx(
            result["more_distance"][k], abs=3e-3
        )  # the result is rounded to bytes
        own = np.sqrt(
            ((result["more_nearest"][k, ..., 0] / 255.0 - result["more"][k, ..., 0] / 255) ** 2).mean()
        )
        assert own == pytest.approx(gaps.min(), abs=1e-3)


def test_how_far_drawings_are_apart_leaves_a_drawing_itself_out():
    """Two bars that are shifts of each other by 2 pixels, and one of another kind."""
    figures = np.zeros((3, 1, 28, 28), np.uint8)
    figures[0, 0, 5:20, 10:12] = 255
    figures[1, 0, 7:22, 10:12] = 255
    figures[2, 0, 10:12, 5:20] = 255
    gaps = []
    sheet = np.zeros((3, 40, 40))
    sheet[:, 6:34, 6:34] = figures[:, 0] / 255
    for k in range(3):
        gaps.append(min(
            np.sqrt(((np.roll(sheet[j], (d, r), (0, 1))[6:34, 6:34] - figures[k, 0] / 255) ** 2).mean())
            for j in range(3) if j != k for d in range(-2, 3) for r in range(-2, 3)
        ))  # fmt: skip
    assert gaps[0] == gaps[1] == 0 and gaps[2] > 0.1
    assert apart(torch.from_numpy(figures)) == pytest.approx(np.median(gaps), abs=1e-3)
    nearest, distance = beside(torch.from_numpy(figures / 255.0).float(), torch.from_numpy(figures))
    assert (nearest[..., 0] == figures[:, 0]).all() and np.abs(distance).max() < 1e-3


def test_a_training_that_was_stopped_goes_on_with_the_same_numbers(bench, asked, whole):
    """At a checkpoint in its middle, as by a pause or a server that died."""
    _, before, kept = trained(bench, asked, stop=10)
    assert kept[-1].step == 20
    result, frames, _ = trained(bench, asked, checkpoint=kept[-1])
    expected, _, _ = whole
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(result[name], array, err_msg=name)
    assert [frame.index for frame in frames] == list(range(len(expected["samples"]))), (
        "none is missing for late visitors"
    )
    assert len(before) < len(frames)


def test_without_shifts_it_is_another_training(bench, asked, whole):
    result, _, _ = trained(bench, {**asked, "variant": "unshifted"})
    assert (result["samples"][0] == whole[0]["samples"][0]).all()
    assert (result["losses"] != whole[0]["losses"]).any()


def test_it_may_begin_with_nothing(bench, asked, monkeypatch):
    monkeypatch.setattr("lessons.class_draws.WIDTH", 8)  # as any other: only slower
    result, _, _ = trained(bench, {**asked, "start": None, "steps": 20})
    again, _, _ = trained(bench, {**asked, "start": None, "steps": 20})
    assert (result["samples"] == again["samples"]).all(), "its first weights are those of the seed"
    other, _, _ = trained(bench, {**asked, "start": None, "steps": 20, "seed": 4})
    assert (result["samples"] != other["samples"]).any()


def test_what_cannot_be_trained_on_is_refused(bench, asked, bars):
    few = bench.context.store.blobs.put(packed(bars[:4]))
    for params, said in (
        ({"drawings": few}, "draw some more"),
        ({"drawings": ""}, "draw some more"),
        ({"steps": 3}, "training steps"),
        ({"variant": "sideways"}, "no mistake"),
    ):
        with pytest.raises(InvalidSettings, match=said):
            next(run({**asked, **params}, bench.context))
    with pytest.raises(NoDrawings, match="no longer kept"):
        load_drawings("0" * 64, bench.context.store.blobs)


def test_what_the_answer_says_of_the_example_is_what_ships():
    [shipped] = (ROOT / "assets" / "openings").glob("B12-handwriting-*.safetensors")
    found = Trajectory.from_bytes(shipped.read_bytes())
    assert found.meta["count"] == 25 and found.meta["steps"][-1] == 1200
    said = LESSON.question.because
    assert f"lay {np.median(found['more_distance']):.3f} from" in said
    assert f"drawings {found.meta['apart']:.3f} from each other" in said
