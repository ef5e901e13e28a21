"""Trajectories survive being kept, and a damaged one is noticed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import core.trajectory as trajectory_module
from core.settings import ROOT
from core.trajectory import BadTrajectory, Trajectory


@pytest.fixture
def trajectory() -> Trajectory:
    rng = np.random.default_rng(0)
    arrays = {
        "x_t": rng.standard_normal((3, 2, 3, 4, 4)).astype(np.float32),
        "eps": rng.standard_normal((3, 2, 3, 4, 4)).astype(np.float16),
        "frames": rng.integers(0, 256, (3, 4, 4), dtype=np.uint8),
        "mask": np.array([True, False, True]),
        "scale": np.array(7.0),
        "nothing": np.zeros((0, 3), dtype=np.float32),
    }
    return Trajectory(
        arrays, {"timesteps": [60, 30, 0], "prompt": "ein Löwe 🦁", "nested": {"variant": None}}
    )


def test_what_is_saved_is_what_is_loaded(trajectory, tmp_path):
    path = tmp_path / "run.safetensors"
    trajectory.save(path)
    loaded = Trajectory.load(path)
    assert loaded.meta == trajectory.meta
    assert loaded.arrays.keys() == trajectory.arrays.keys()
    for name, array in trajectory.arrays.items():
        assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(loaded[name], array)
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


def test_a_view_of_an_array_is_saved_as_it_is_seen():
    columns = np.arange(12, dtype=np.float32).reshape(3, 4).T
    np.testing.assert_array_equal(Trajectory.from_bytes(Trajectory({"x": columns}).to_bytes())["x"], columns)


def test_saving_replaces_the_file(trajectory, tmp_path):
    path = tmp_path / "run.safetensors"
    trajectory.save(path)
    Trajectory({"x": np.zeros(3)}).save(path)
    assert Trajectory.load(path).arrays.keys() == {"x"}


def test_what_cannot_be_saved_leaves_no_file(tmp_path):
    with pytest.raises(ValueError):
        Trajectory({}, {"loss": float("nan")}).save(tmp_path / "run.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_any_single_flipped_bit_is_noticed(trajectory):
    """In the file's header, in our meta, in the numbers: CRC-32 finds every single flipped bit."""
    data = trajectory.to_bytes()
    for bit in range(0, 8 * len(data), 3):  # every third: still several in each byte's neighbourhood
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadTrajectory):
            Trajectory.from_bytes(bytes(damaged))


def test_any_truncation_is_noticed(trajectory):
    data = trajectory.to_bytes()
    for length in range(len(data)):
        with pytest.raises(BadTrajectory):
            Trajectory.from_bytes(data[:length])


@pytest.mark.parametrize(
    "data", [b"", b"no trajectory at all", b"\x80\x04K\x01.", b"\x02" + bytes(7) + b"{}"]
)
def test_other_files_are_refused(data):
    with pytest.raises(BadTrajectory, match="compute it again"):
        Trajectory.from_bytes(data)


def test_another_version_is_refused(trajectory, monkeypatch):
    monkeypatch.setattr(trajectory_module, "FORMAT_VERSION", 99)
    data = trajectory.to_bytes()
    monkeypatch.undo()
    with pytest.raises(BadTrajectory, match="has format 99, this version reads 1"):
        Trajectory.from_bytes(data)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32(1), {1, 2}, object()])
def test_meta_that_is_not_json_is_refused(value):
    with pytest.raises((ValueError, TypeError)):
        Trajectory({}, {"value": value}).to_bytes()


def test_the_reserved_name_is_refused():
    with pytest.raises(ValueError, match="reserved"):
        Trajectory({trajectory_module._META_KEY: np.zeros(1)}).to_bytes()


def test_a_missing_file_and_a_missing_array_are_named(trajectory, tmp_path):
    with pytest.raises(FileNotFoundError):
        Trajectory.load(tmp_path / "none.safetensors")
    with pytest.raises(KeyError, match="No array 'velocity' in this trajectory; it has eps, frames"):
        trajectory["velocity"]


def test_nbytes(trajectory):
    assert trajectory.nbytes == 3 * 2 * 3 * 16 * (4 + 2) + 3 * 16 + 3 + 8


def test_reading_a_result_loads_no_deep_learning_library():
    code = (
        "import sys, core.trajectory, core.model_folder, core.settings; "
        "print(sorted({'torch', 'diffusers', 'transformers', 'streamlit'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
