"""A short run of make fuzz, always the same files; and that the fuzzer notices what it is there to notice."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from core.media import BadPicture, read_picture
from scripts.measure import fuzz_uploads
from scripts.measure.fuzz_files import mutated, valid_files
from scripts.measure.fuzz_uploads import Failed, fuzz

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="asks Linux for the peak of a process"
)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return valid_files()


def test_the_files_are_valid_and_of_every_kind(files):
    """Else the mutations would only try how garbage is refused."""
    for name, data in files.items():
        if name.startswith("other"):
            with pytest.raises(BadPicture):
                read_picture(data)
        else:
            assert read_picture(data).shape == (64, 64, 3), name
    assert {name.rpartition(".")[2] for name in files} >= {"png", "jpg", "webp", "gif", "avif", "tiff"}


def test_a_number_is_a_file(files):
    first = [mutated(number, files) for number in range(50)]
    assert first == [mutated(number, files) for number in range(50)]
    assert first != [mutated(number, files, seed=1) for number in range(50)]
    assert len(set(first)) > 45


def test_five_hundred_damaged_files_give_a_picture_or_a_sentence():
    found = fuzz(count=500)
    assert found.files == 500 and found.read > 100 and found.refused > 100
    assert found.peak_mb < 100 or np.isnan(found.peak_mb)


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ("raising", "File .* ended the process with status 1.*a palette without colours"),
        pytest.param("crashing", "File .* ended the process with status -6", marks=pytest.mark.journey),
        pytest.param("greedy", "Memory has grown by 1[0-9][0-9] MB", marks=linux),
        pytest.param("wordless", "is refused with 'nope'", marks=pytest.mark.journey),
        pytest.param("shapeless", r"became uint8 \(3, 64, 3\)", marks=pytest.mark.journey),
        ("slow", "takes more than"),
    ],
)
def test_a_gate_that_misbehaves_is_noticed(gate, says, monkeypatch):
    monkeypatch.setattr(fuzz_uploads, "PATIENCE", 3.0 if gate == "slow" else 10.0)  # seconds
    with pytest.raises(Failed, match=f"(?s){says}"):
        fuzz(count=400, gate=f"tests.broken_gates:{gate}")


def test_a_sound_gate_passes():
    found = fuzz(count=30, gate="tests.broken_gates:sound")
    assert (found.files, found.read, found.refused) == (30, 30, 0)
