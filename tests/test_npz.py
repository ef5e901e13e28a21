"""The NPZ of a run: plain arrays, names of Python, the promised exactness, and much smaller than what it is made of."""

from __future__ import annotations

import io
import keyword

import numpy as np
import pytest

from core.npz import npz
from core.provenance import Provenance
from core.trajectory import Trajectory

COLUMNS = [
    {"prompt": "a cat", "seed": 3, "guidance_scale": 7.0},
    {"prompt": "猫", "seed": 4, "guidance_scale": None},
]
ABOUT = Provenance(
    lesson="A6 · Classifier-free guidance", link="https://example.org/x", model=("emoji64",), fingerprint=("ab",),
    prompts=("a cat", "猫"), seeds=(3, 4), gammas=(7.0, None), t=(990, 500, 0),
    job={"kind": "denoise", "params": {"columns": COLUMNS}},
)  # fmt: skip


def run() -> Trajectory:
    """Noise that is scaled as a run's is; (3 steps, 2 pictures, 3, 32, 32)."""
    generator = np.random.default_rng(0)
    x = generator.normal(0, 1.0, (3, 2, 3, 32, 32))
    eps_u, eps_c = generator.normal(0, 1.0, (2, *x.shape))
    gamma = np.array([7.0, 1.0]).reshape(1, 2, 1, 1, 1)
    arrays = {
        "x_t": x.astype(np.float32),
        "clean_hat": np.tanh(x).astype(np.float16),
        "eps": (eps_u + gamma * (eps_c - eps_u)).astype(np.float16),
        "eps_u": eps_u.astype(np.float16),
        "eps_c": eps_c.astype(np.float16),
        "result": x[-1].astype(np.float32),
        "distance": generator.random(2),
        "weights/epoch-1/conv.bias": np.ones(3, np.float16),
        "t": np.arange(3),
    }
    steps = [
        {"t": t, "sigma": s, "noise": n} for t, s, n in ((990, 0.99, 0.1), (500, 0.5, 0.2), (0, 0.1, None))
    ]
    return Trajectory(arrays, {"steps": steps})


def opened(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_plain_arrays_under_names_of_python():
    found = opened(npz(run(), ABOUT))
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in found)
    assert all(array.dtype.kind in "fiuU" for array in found.values())
    assert found["weights_epoch_1_conv_bias"].tolist() == [1, 1, 1]
    assert found["t"].tolist() == [990, 500, 0] and found["t_2"].tolist() == [
        0,
        1,
        2,
    ]  # the run's own gave way


def test_numbers_and_words_of_the_run():
    found = opened(npz(run(), ABOUT))
    assert found["prompt"].tolist() == ["a cat", "猫"] and found["seed"].tolist() == [3, 4]
    assert found["gamma"][0] == 7.0 and np.isnan(found["gamma"][1])
    assert found["step_sigma"].tolist() == [0.99, 0.5, 0.1] and np.isnan(found["step_noise"][2])
    assert str(found["lesson"]) == ABOUT.lesson and str(found["link"]) == ABOUT.link
    assert found["model"].tolist() == ["emoji64"] and found["fingerprint"].tolist() == ["ab"]


def test_as_exact_as_it_promises():
    trajectory = run()
    found = opened(npz(trajectory, ABOUT))
    np.testing.assert_array_equal(found["result"], trajectory["result"])
    np.testing.assert_array_equal(found["distance"], trajectory["distance"])
    for name, step in {"x_t": 1 / 256, "clean_hat": 1 / 128, "eps_u": 1 / 64, "eps_c": 1 / 64}.items():
        exact = trajectory[name].astype(np.float64)
        error = np.abs(found[name].astype(np.float64) - exact)
        assert found[name].dtype == np.float16 and found[name].shape == exact.shape
        # half a step, and half of float16's last bit where that is coarser
        assert (error <= step / 2 + np.abs(exact) * 2.0**-11 + 1e-9).all(), name
        assert f"{name} float16 {exact.shape}" in str(found["about"]) and f"1/{round(1 / step)}" in str(
            found["about"]
        )
    assert "eps" not in found and "eps_u + gamma * (eps_c - eps_u)" in str(found["about"])


def test_a_sum_is_kept_where_gamma_is_not_known():
    found = opened(npz(run(), Provenance("A6")))
    assert "eps" in found


def test_it_says_what_is_black_and_what_is_white():
    assert "from -1 (black) to 1 (white)" in str(opened(npz(run(), ABOUT))["about"])
    assert "from 0 (black) to 1 (white)" in str(opened(npz(run(), ABOUT, low=0.0))["about"])


def test_far_smaller_than_the_same_arrays_as_they_are():
    trajectory = run()
    whole = io.BytesIO()
    np.savez_compressed(
        whole, **{name: array for name, array in trajectory.arrays.items() if "/" not in name}
    )
    assert len(npz(trajectory, ABOUT)) < 0.6 * len(whole.getvalue())


def test_the_same_run_gives_the_same_bytes():
    assert npz(run(), ABOUT) == npz(run(), ABOUT)


def test_a_run_that_diverged_is_infinite_and_no_error():
    x = np.full((2, 1, 1, 8, 8), 1e9, np.float32)
    x[1] = np.nan
    found = opened(npz(Trajectory({"x_t": x}), Provenance("B6")))
    assert np.isinf(found["x_t"][0]).all() and np.isnan(found["x_t"][1]).all()


def test_a_pickled_object_is_what_must_not_be_needed():
    """The counter-example: NumPy refuses it, so the tests above would notice one."""
    file = io.BytesIO()
    np.savez(file, thing=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        opened(file.getvalue())
