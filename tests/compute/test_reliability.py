"""The rows of scripts/measure/reliability.py, each a few times: make reliability measures them as often as is demanded."""

from __future__ import annotations

import io
import os
import random

import numpy as np
import pytest
from PIL import Image

from scripts.measure import reliability
from scripts.measure.reliability_disk import walked
from scripts.measure.reliability_rows import Broken, Row
from scripts.measure.reliability_uploads import BAD
from tests.compute.test_executor_crashes import undisturbed_weights


@pytest.mark.parametrize(
    ("name", "repeat"),
    [
        ("turns", 1),
        ("cancels", 40),
        ("strangers", 60),
        ("worker-sampling", 3),
        pytest.param("server-sampling", 2, marks=pytest.mark.journey),
        ("write-failures", 1),
        ("damage", 80),
        ("uploads", len(BAD)),
    ],
)
def test_the_row_holds(name, repeat):
    row = reliability.measure(name, repeat)
    assert row.holds, row


@pytest.mark.slow
@pytest.mark.journey
def test_a_training_under_a_killed_worker_ends_with_the_same_bits():
    row = reliability.measure("worker-training", 1)
    assert row.holds, row


def test_a_row_that_breaks_is_a_row_that_does_not_hold(monkeypatch, capsys):
    def breaks(folder, repeat):
        """A row."""
        raise Broken("a job was lost")

    monkeypatch.setattr(reliability, "ROWS", {"breaks": (breaks, 1), "holds": (holds, 3)})
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    assert reliability.main(["--row", "breaks"]) == 1
    assert "| A row. | it does not happen | a job was lost | NO |" in capsys.readouterr().out
    assert reliability.main(["--row", "holds", "--repeat", "2"]) == 0
    assert "| 2 times |" in capsys.readouterr().out
    assert reliability.main(["--list"]) == 0
    assert "holds" in capsys.readouterr().out


def holds(folder, repeat):
    """Another row."""
    return Row(f"{repeat} times", "it holds", "it does", True)


def test_the_location_is_in_the_files_before_it_is_looked_for():
    """Else the row about uploads would hold for pictures that never had one."""
    for name in ("located.jpg", "located.png", "located.webp"):
        exif = Image.open(io.BytesIO(BAD[name](random.Random(0)))).getexif()
        assert exif.get_ifd(0x8825)[2] == (52.0, 12.0, 19.0) and "52.2053" in exif[0x010E]


def test_the_walk_that_is_compared_with_is_the_sample_jobs():
    assert np.array_equal(walked(3), undisturbed_weights(3, steps=300))
