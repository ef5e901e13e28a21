"""The small films on the lessons' cards: which picture, which steps, and that they end on the finished one."""

from __future__ import annotations

import numpy as np
import pytest

from core.trajectory import Trajectory
from lessons.cards import FRAMES, card_frames

STEPS, BATCH = 30, 3


@pytest.fixture
def run() -> Trajectory:
    """x_t is one grey in each picture: the step, as a share, and the sample."""
    grey = np.linspace(-1, 0.5, STEPS)[:, None] + 0.1 * np.arange(BATCH)
    pictures = np.broadcast_to(grey[:, :, None, None, None], (STEPS, BATCH, 3, 4, 4)).astype(np.float32)
    return Trajectory({"x_t": pictures, "result": np.full((BATCH, 3, 4, 4), 1.0, np.float32)})


def test_a_card_goes_from_the_first_step_to_the_finished_picture(run):
    frames = card_frames(run, black=-1.0)
    assert frames.shape == (FRAMES, 4, 4, 3) and frames.dtype == np.uint8
    assert (frames[0] == 0).all() and (frames[-1] == 255).all()
    greys = frames[:, 0, 0, 0].astype(int)
    assert (np.diff(greys) > 0).all()


def test_a_card_shows_the_sample_that_its_lesson_names(run):
    assert (card_frames(run, -1.0, sample=2)[0] == round(0.1 * 255)).all()  # −0.8 between −1 and 1
    np.testing.assert_array_equal(
        card_frames(run, -1.0, sample=9), card_frames(run, -1.0, sample=2)
    )  # the last there is


def test_digits_are_black_at_0_and_a_short_run_has_as_many_frames_as_steps():
    z = np.stack([np.full((1, 1, 4, 4), value, np.float32) for value in (0.0, 0.5, 1.0)])
    frames = card_frames(Trajectory({"z": z}), black=0.0)
    assert [frame[0, 0, 0] for frame in frames] == [0, 128, 255]


def test_of_blocks_the_card_shows_the_first_map_of_each_from_small_to_large():
    maps = {
        "maps/up": np.full((8, 6, 6), 9, np.uint8),
        "maps/down": np.arange(4, dtype=np.uint8).reshape(1, 2, 2),
    }
    frames = card_frames(Trajectory({**maps, "maps/flat": np.zeros((8, 1, 1), np.uint8)}), black=0.0)
    assert frames.shape == (2, 6, 6, 1)
    np.testing.assert_array_equal(frames[0, :, :, 0], np.kron([[0, 1], [2, 3]], np.ones((3, 3))))
    assert (frames[1] == 9).all()


def test_a_result_without_pictures_of_steps_has_no_card():
    assert card_frames(Trajectory({"distance": np.ones(3)}), black=0.0) is None
