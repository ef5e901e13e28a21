"""MNIST, read from the original files and kept as bytes on the device.

60,000 training and 10,000 test digits (LeCun, Cortes, Burges). 28 x 28 bytes each, so the whole set is
47 MB: it stays on the device as uint8, and a batch is an index away. No loader processes are needed.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

MNIST_FOLDER = Path(__file__).parent.parent / "assets" / "data" / "mnist"


class DamagedDataFile(ValueError):
    """A data file is missing, truncated or altered; the message names it and the checksum it should have."""


@dataclass(frozen=True)
class IdxFile:
    """One of the four original files (IDX format): its name, the MD5 of its unpacked bytes, its array's shape."""

    name: str
    md5: str
    shape: tuple[int, ...]


MNIST_FILES = {
    "train": (
        IdxFile("train-images-idx3-ubyte.gz", "6bbc9ace898e44ae57da46a324031adb", (60_000, 28, 28)),
        IdxFile("train-labels-idx1-ubyte.gz", "a25bea736e30d166cdddb491f175f624", (60_000,)),
    ),
    "test": (
        IdxFile("t10k-images-idx3-ubyte.gz", "2646ac647ad5339dbf082846283269ea", (10_000, 28, 28)),
        IdxFile("t10k-labels-idx1-ubyte.gz", "27ae3e4e09519cfbb04c329615203637", (10_000,)),
    ),
}


class TrainingData(Protocol):
    """What a training loop asks of its data: how many examples, and the examples at given positions."""

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """int64 (B,) -> clean float (B, ...), labels (B,)."""
        ...


@dataclass(frozen=True, eq=False)
class Digits:
    """pictures: uint8 (N, 1, 28, 28), labels: uint8 (N,), both on one device."""

    pictures: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """int64 (B,) -> pictures float (B, 1, 28, 28) in [0, 1], labels uint8 (B,)."""
        indices = indices.to(self.pictures.device)
        return to_unit(self.pictures[indices]), self.labels[indices]

    def to(self, device: str | torch.device) -> Digits:
        """The same digits on another device."""
        return Digits(self.pictures.to(device), self.labels.to(device))

    def first(self, count: int) -> Digits:
        """The first `count` digits, for a training that has to be short.

        Raises:
            ValueError: there are not that many.
        """
        if not 1 <= count <= len(self):
            raise ValueError(f"Choose between 1 and {len(self)} pictures, not {count}.")
        return Digits(self.pictures[:count], self.labels[:count])


def to_unit(pictures: Tensor) -> Tensor:
    """uint8 0..255 -> float32 in [0, 1]; the same numbers as torchvision's ToTensor."""
    return pictures.float().div_(255)


def load_mnist(
    split: str = "train", folder: Path = MNIST_FOLDER, device: str | torch.device = "cpu"
) -> Digits:
    """The digits of one split, "train" (60,000) or "test" (10,000), checked against their checksums.

    Raises:
        DamagedDataFile: a file is missing, truncated or altered.
        ValueError: there is no such split.
    """
    if split not in MNIST_FILES:
        raise ValueError(f'Choose the split "train" or "test", not {split!r}.')
    pictures, labels = (read_idx(folder, file) for file in MNIST_FILES[split])
    return Digits(pictures[:, None], labels).to(device)  # a channel dimension: (N, 28, 28) -> (N, 1, 28, 28)


def read_idx(folder: Path, file: IdxFile) -> Tensor:
    """The array in one gzipped IDX file, uint8 of `file.shape`, after its checksum has been verified.

    IDX is a big-endian header (two zero bytes, the type 8 for uint8, the number of dimensions, one
    32-bit size a dimension) and then the bytes in row order.

    Raises:
        DamagedDataFile: see `load_mnist`.
    """
    path = folder / file.name
    expected = f"its unpacked bytes should have the MD5 checksum {file.md5}; put the original file back"
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError as error:
        raise DamagedDataFile(f"{file.name} is missing from the data folder: {expected}.") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DamagedDataFile(f"{file.name} is truncated or altered ({error}): {expected}.") from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != file.md5:
        raise DamagedDataFile(f"{file.name} has been altered (checksum {found}): {expected}.")
    header = 4 + 4 * len(file.shape)  # bytes
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=header).reshape(file.shape).copy())
