"""Folding a run's pictures: what is rounded and by how much, what is kept to the bit, and what it saves."""

from __future__ import annotations

import numpy as np
import pytest

from core.compact import FOR_THE_EYE, BadFold, Rounding, fold, off_by, unfold
from core.trajectory import BadTrajectory, Trajectory

STEPS, BATCH, SIDE = 8, 2, 32
SLACK = 1.05  # the noise's standard deviation is estimated, and float16 rounds once more


@pytest.fixture(scope="module")
def run() -> dict[str, np.ndarray]:
    """Arrays as a guided run of diffusion leaves them: x_t = √ᾱ x₀ + √(1-ᾱ) ε, estimates near them, smooth x̂₀."""
    rng = np.random.default_rng(0)
    across = np.linspace(-3, 3, SIDE)
    clean = np.stack([np.sin(across[:, None] + k) * np.cos(across) for k in range(3 * BATCH)])
    clean = clean.reshape(BATCH, 3, SIDE, SIDE)
    alphas = np.linspace(0.05, 0.95, STEPS).reshape(-1, 1, 1, 1, 1)
    noise = rng.standard_normal((STEPS, BATCH, 3, SIDE, SIDE))
    pull = 0.1 * clean
    return {
        "x_t": (np.sqrt(alphas) * clean + np.sqrt(1 - alphas) * noise).astype(np.float32),
        "clean_hat": (clean * np.sqrt(alphas)).astype(np.float16),
        "eps": (noise + pull).astype(np.float16),
        "eps_u": noise.astype(np.float16),
        "result": clean.astype(np.float32),
        "nearest": np.arange(6).reshape(2, 3),
        "distance": rng.standard_normal((STEPS, BATCH)),
    }


def test_what_is_measured_and_what_is_finished_is_kept_to_the_bit(run):
    back = unfold(*fold(run, FOR_THE_EYE))
    for name in ("result", "nearest", "distance"):
        assert back[name].dtype == run[name].dtype
        np.testing.assert_array_equal(back[name], run[name])


def test_pictures_keep_their_shapes_and_types_and_are_off_by_no_more_than_is_said(run):
    """A smooth picture by one grey level of 255, a noisy one by an eighth of the standard deviation of its noise."""
    back = unfold(*fold(run, FOR_THE_EYE))
    assert {name: (a.shape, a.dtype) for name, a in back.items()} == {
        name: (a.shape, a.dtype) for name, a in run.items()
    }

    def apart(name: str) -> np.ndarray:
        return np.abs(back[name].astype(float) - run[name].astype(float)).max(axis=(1, 2, 3, 4))

    assert (apart("clean_hat") <= SLACK / 128).all()
    alphas = np.linspace(0.05, 0.95, STEPS)
    assert (apart("x_t") <= SLACK * np.maximum(np.sqrt(1 - alphas) / 8 + 0.02, 1 / 128)).all()
    assert (apart("eps") <= SLACK * 1 / 8 + 0.02).all()


def test_the_small_difference_of_two_estimates_is_kept_better_than_they_are(run):
    back = unfold(*fold(run, FOR_THE_EYE))
    pull, kept = ((a["eps"].astype(float) - a["eps_u"].astype(float)) for a in (run, back))
    assert np.abs(pull - kept).max() < 0.035 < np.abs(back["eps"].astype(float) - run["eps"]).max()


def test_errors_do_not_add_up_from_step_to_step():
    """A walk: each picture is the one before plus something new. The last is as near as the first."""
    rng = np.random.default_rng(1)
    walk = rng.standard_normal((60, 1, 1, 16, 16)).cumsum(axis=0).astype(np.float32)
    back = unfold(*fold({"z": walk}, Rounding(least=0.1, of_noise=0.0)))["z"]
    apart = np.abs(back - walk).max(axis=(1, 2, 3, 4))
    assert apart.max() <= 0.05 * SLACK
    assert apart[-10:].mean() < 1.2 * apart[:10].mean()


def test_what_follows_from_other_arrays_takes_next_to_no_room(run):
    """The velocity of flow matching is a weighted sum of x_t and ε at every step; alone, it is noise."""
    weights = np.linspace(0.2, 0.9, STEPS).reshape(-1, 1, 1, 1, 1)
    velocity = (weights * run["x_t"] - run["eps"].astype(np.float32)).astype(np.float32)
    together, _ = fold({"x_t": run["x_t"], "eps": run["eps"], "velocity": velocity}, FOR_THE_EYE)
    alone, _ = fold({"velocity": velocity}, FOR_THE_EYE)
    assert together["velocity"].nbytes < alone["velocity"].nbytes / 2
    assert alone["velocity"].nbytes < velocity.nbytes / 6


def test_what_cannot_be_foretold_is_kept_all_the_same():
    """One step, no numbers, other axes, whole numbers: as they were. Pictures one pixel wide are folded, too."""
    odd = {
        "one": np.ones((1, 2, 3, 4, 4), np.float32),
        "gaps": np.full((3, 1, 1, 4, 4), np.nan, np.float32),
        "curve": np.arange(5.0),
        "pixels": np.zeros((3, 1, 1, 4, 4), np.uint8),
    }
    kept, groups = fold(odd, FOR_THE_EYE)
    assert groups == []
    for name, array in odd.items():
        assert kept[name] is array
    thin = {"z": np.linspace(0, 1, 3 * 5, dtype=np.float32).reshape(3, 1, 1, 5, 1)}
    np.testing.assert_allclose(unfold(*fold(thin, FOR_THE_EYE))["z"], thin["z"], atol=SLACK / 128)


def test_large_numbers_are_kept_within_the_same_bound():
    """More than 127 multiples of q from what was foretold."""
    far = np.zeros((2, 1, 1, 4, 4), np.float32)
    far[1, 0, 0, 2, 2] = 1000
    back = unfold(*fold({"z": far}, Rounding(least=0.5, of_noise=0.0)))["z"]
    np.testing.assert_allclose(back, far, atol=0.2501)


def test_how_far_two_runs_lie_apart_is_told_in_units_of_the_rounding(run):
    back = unfold(*fold(run, FOR_THE_EYE))
    assert 0.5 < max(off_by(run, back, FOR_THE_EYE).values()) <= SLACK * 1.05
    other = {**run, "clean_hat": run["clean_hat"] + np.float16(0.25)}  # 32 times a 128th
    assert off_by(run, other, FOR_THE_EYE)["clean_hat"] == pytest.approx(32, rel=0.1)
    with pytest.raises(BadFold, match="same arrays"):
        off_by(run, {"x_t": run["x_t"]}, FOR_THE_EYE)


def test_a_folded_trajectory_says_that_it_is_one_and_is_small(run):
    whole = Trajectory(run, {"seed": 7})
    data = whole.to_bytes(FOR_THE_EYE)
    assert len(data) < len(whole.to_bytes()) / 4
    back = Trajectory.from_bytes(data)
    assert back.meta == {"seed": 7}
    assert back["x_t"].shape == run["x_t"].shape
    np.testing.assert_array_equal(back["result"], run["result"])


@pytest.mark.parametrize("at", [0.3, 0.5, 0.7])
def test_damage_is_noticed(run, at):
    data = bytearray(Trajectory(run).to_bytes(FOR_THE_EYE))
    data[int(len(data) * at)] ^= 1
    with pytest.raises(BadTrajectory, match="damaged"):
        Trajectory.from_bytes(bytes(data))


def test_a_description_that_does_not_fit_is_refused(run):
    kept, groups = fold(run, FOR_THE_EYE)
    with pytest.raises(BadFold, match="does not fit its description"):
        unfold(kept, [{**groups[0], "shape": [STEPS + 1, BATCH, 3, SIDE, SIDE]}])
