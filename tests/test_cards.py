"""The small films on the lessons' cards: which picture, which steps, and that they end on the finished one."""

from __future__ import annotations

import numpy as np
import pytest

from core.trajectory import Trajectory
from lessons.cards import FRAMES, card_frames

STEPS, BATCH = 30, 3


@pytest.fixture
def run() -> Trajectory:
    """x_t is one grey in each picture, the step, as a share, and the sample; but for one white corner."""
    grey = np.linspace(-1, 0.5, STEPS)[:, None] + 0.1 * np.arange(BATCH)
    pictures = np.broadcast_to(grey[:, :, None, None, None], (STEPS, BATCH, 3, 4, 4)).astype(np.float32)
    pictures[..., 3, 3] = 1
    return Trajectory({"x_t": pictures, "result": np.full((BATCH, 3, 4, 4), 1.0, np.float32)})


def test_a_card_goes_from_the_first_step_to_the_finished_picture(run):
    frames = card_frames(run, black=-1.0)
    assert frames.shape == (FRAMES, 4, 4, 3) and frames.dtype == np.uint8
    assert (frames[0, :3, :3] == 0).all() and (frames[-1] == 255).all()
    greys = frames[:, 0, 0, 0].astype(int)
    assert (np.diff(greys) > 0).all()


def test_a_card_shows_the_sample_that_its_lesson_names(run):
    assert (card_frames(run, -1.0, sample=1)[0, :3, :3] == 13).all()  # −0.9 between −1 and 1 is 12.75 of 255
    np.testing.assert_array_equal(
        card_frames(run, -1.0, sample=9), card_frames(run, -1.0, sample=2)
    )  # the last there is


def test_a_sample_that_begins_later_than_others_begins_its_card():
    rng = np.random.default_rng(0)
    x_t = rng.standard_normal((10, 1, 3, 4, 4)).astype(np.float32)
    x_t[:6] = 0  # not begun
    x_t[9] *= 0.1
    frames = card_frames(Trajectory({"x_t": x_t}), black=-1.0)
    assert len(frames) == 4 and np.ptp(frames[0]) > 100


def test_digits_are_black_at_0_and_a_short_run_has_as_many_frames_as_steps():
    z = np.stack([np.full((1, 1, 4, 4), value, np.float32) for value in (0.0, 0.5, 1.0)])
    z[..., 3, 3] = 1
    frames = card_frames(Trajectory({"z": z}), black=0.0)
    assert [frame[0, 0, 0] for frame in frames] == [0, 128, 255]


def test_of_blocks_the_card_shows_the_map_with_most_to_see_of_each_from_small_to_large():
    up = np.full((8, 6, 6), 9, np.uint8)
    up[5, :, 3:] = 200  # an edge
    up[6] = np.random.default_rng(0).integers(0, 255, (6, 6))  # noise
    down = np.array([[[0, 1], [2, 3]]], np.uint8)
    arrays = {"maps/up": up, "maps/down": down, "maps/flat": np.zeros((8, 1, 1), np.uint8)}
    frames = card_frames(Trajectory(arrays), black=0.0)
    assert frames.shape == (2, 6, 6, 1)
    np.testing.assert_array_equal(frames[0, :, :, 0], np.kron([[0, 1], [2, 3]], np.ones((3, 3))))
    np.testing.assert_array_equal(frames[1, :, :, 0], up[5])


def test_a_result_without_pictures_of_steps_has_no_card():
    assert card_frames(Trajectory({"distance": np.ones(3)}), black=0.0) is None
