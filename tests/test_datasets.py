"""MNIST as it is published, and files that are not."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
import torch

from core.datasets import MNIST_FILES, MNIST_FOLDER, DamagedDataFile, Digits, load_mnist, to_unit


@pytest.fixture(scope="module")
def digits() -> Digits:
    return load_mnist("train")


def test_the_training_digits_are_the_published_ones(digits: Digits) -> None:
    assert digits.pictures.shape == (60_000, 1, 28, 28) and digits.pictures.dtype == torch.uint8
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # of 0 ... 9, as published
    assert torch.bincount(digits.labels.long()).tolist() == counts
    assert digits.labels[:5].tolist() == [5, 0, 4, 1, 9]
    # The usual normalisation constant of MNIST, 0.1307.
    assert digits.pictures.double().mean().item() / 255 == pytest.approx(0.1307, abs=5e-5)


def test_the_test_digits() -> None:
    test = load_mnist("test")
    assert len(test) == 10_000 and test.labels[:4].tolist() == [7, 2, 1, 0]


def test_a_batch_is_in_zero_to_one(digits: Digits) -> None:
    clean, labels = digits.batch(torch.tensor([3, 0]))
    assert clean.shape == (2, 1, 28, 28) and clean.dtype == torch.float32
    assert clean.min() == 0 and 0.9 < clean.max() <= 1 and labels.tolist() == [1, 5]


def test_bytes_become_the_numbers_of_totensor() -> None:
    every = torch.arange(256, dtype=torch.uint8)
    assert to_unit(every).tolist() == [(torch.tensor(float(i)) / 255).item() for i in range(256)]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The test split's two files, to be damaged."""
    for file in MNIST_FILES["test"]:
        shutil.copy(MNIST_FOLDER / file.name, tmp_path)
    return tmp_path


def expect_named(folder: Path, what: str) -> None:
    """The error names the file, what is wrong with it and the checksum that it should have."""
    pictures = MNIST_FILES["test"][0]
    with pytest.raises(DamagedDataFile, match=what) as caught:
        load_mnist("test", folder)
    assert pictures.name in str(caught.value) and "2646ac647ad5339dbf082846283269ea" in str(caught.value)


def test_a_truncated_file_is_named(copy: Path) -> None:
    path = copy / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:100_000])
    expect_named(copy, "truncated or altered")


def test_an_altered_pixel_is_noticed(copy: Path) -> None:
    path = copy / "t10k-images-idx3-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[123_456] ^= 1
    path.write_bytes(gzip.compress(content, 1))
    expect_named(copy, "has been altered")


def test_something_else_than_gzip_is_noticed(copy: Path) -> None:
    (copy / "t10k-images-idx3-ubyte.gz").write_bytes(b"<html>not found</html>")
    expect_named(copy, "truncated or altered")


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "t10k-images-idx3-ubyte.gz").unlink()
    expect_named(copy, "missing")


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match='"train" or "test"'):
        load_mnist("validation")


@pytest.mark.parametrize("count", [0, 60_001])
def test_more_pictures_than_there_are_is_refused(digits: Digits, count: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 60000"):
        digits.first(count)
