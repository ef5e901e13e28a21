"""Results that several sessions show are one object, and none is kept that nobody shows."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from core.trajectory import Trajectory
from pages.server.runtime import SharedResults


def made(value: float) -> Trajectory:
    return Trajectory({"x_t": np.full((2, 3), value, np.float32)})


def test_whoever_comes_second_gets_the_first_ones():
    shared = SharedResults()
    assert shared.get("job") is None
    first = shared.put("job", made(1))
    assert shared.put("job", made(1)) is first
    assert shared.get("job") is first
    assert shared.get("another") is None


def test_nobody_changes_what_others_see():
    shown = SharedResults().put("job", made(1))
    with pytest.raises(ValueError, match="read-only"):
        shown["x_t"][0] = 5


def test_the_last_few_stay_and_others_as_long_as_somebody_shows_them():
    shared = SharedResults(recent=2)
    seen = [weakref.ref(shared.put(f"job {k}", made(k))) for k in range(3)]
    gc.collect()
    assert [one() is None for one in seen] == [True, False, False]
    shown = shared.get("job 1")
    for k in range(3, 9):
        shared.put(f"job {k}", made(k))
    gc.collect()
    assert shared.get("job 1") is shown
    del shown
    for k in range(9, 12):
        shared.put(f"job {k}", made(k))
    gc.collect()
    assert shared.get("job 1") is None
