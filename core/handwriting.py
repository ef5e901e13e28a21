"""Small figures that people bring along: drawings, pictures of paper, NumPy files; and a few of them as training data."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.datasets import to_unit
from core.media import BadPicture, read_picture

SIDE = 28  # pixels: as MNIST
EXAMPLE_FILE = Path(__file__).resolve().parent.parent / "assets" / "data" / "drawings" / "houses.npy"
SHIFT = 2  # pixels, to each side
FEWEST, MOST = 5, 600  # figures in a collection
MAX_FILE_BYTES = 4_000_000  # of a NumPy file: 600 figures in float64 take 3.8 MB
MAX_HEADER_BYTES = 10_000
FAINT = 40  # of 255: a picture whose ink differs less from its paper shows nothing


class BadFigures(ValueError):
    """What was brought along is no collection of figures; the message is one sentence that says what to do."""


# ---------------------------------------------------------------- in


def figure_of_picture(data: bytes) -> np.ndarray:
    """A photograph or scan of one figure, white on black: uint8 (28, 28).

    Paper is whatever the edge mostly is; what differs from it is ink, and the strongest ink is white.

    Raises:
        BadPicture: it is no picture that can be read (`core.media.read_picture`), or shows nothing.
    """
    grey = read_picture(data, size=SIDE) @ np.array([0.299, 0.587, 0.114])  # luma of Rec. 601
    edge = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    ink = np.abs(grey - np.median(edge))
    if ink.max() < FAINT:
        raise BadPicture(
            "There is hardly anything on this picture that differs from its paper: draw darker, or move closer."
        )
    return np.rint(255 * ink / ink.max()).astype(np.uint8)


def figures_of_numbers(data: bytes) -> np.ndarray:
    """The figures in a .npy file, or in a .npz file of one array: uint8 (N, 28, 28).

    The array is (N, 28, 28), (N, 784), (N, 28, 28, 1) or (N, 1, 28, 28), whole numbers from 0 to 255 or fractions from 0 to
    1, ink bright. Nothing is unpacked before its size is known, and nothing that could be code is read.

    Raises:
        BadFigures: it is something else.
    """
    if len(data) > MAX_FILE_BYTES:
        raise BadFigures(
            f"This file has more than {MAX_FILE_BYTES // 10**6} MB: leave {MOST} figures in it at most."
        )
    array = _array(_member(data) if data[:2] == b"PK" else data)
    if array.dtype.kind not in "buif":
        raise BadFigures(
            f"This array holds {array.dtype}: save numbers, with numpy.save('figures.npy', figures)."
        )
    shape = array.shape
    if shape[1:] not in ((SIDE, SIDE), (SIDE * SIDE,), (SIDE, SIDE, 1), (1, SIDE, SIDE)):
        raise BadFigures(f"This array has the shape {shape}: give figures of 28 × 28 numbers, (N, 28, 28).")
    if not 1 <= len(array) <= MOST:
        raise BadFigures(f"This file has {len(array)} figures: bring 1 to {MOST}.")
    numbers = array.reshape(-1, SIDE, SIDE).astype(np.float64)
    if not np.isfinite(numbers).all() or numbers.min() < 0 or numbers.max() > 255:
        raise BadFigures(
            "These numbers do not all lie from 0 to 255, or from 0 to 1: scale them, with 0 where there is no ink."
        )
    if array.dtype.kind in "fb" and numbers.max() <= 1:
        numbers = 255 * numbers
    return np.rint(numbers).astype(np.uint8)


def _member(data: bytes) -> bytes:
    """The one .npy file in a .npz file. Raises BadFigures."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = archive.infolist()
            if len(inside) != 1:
                raise BadFigures(
                    f"This .npz file holds {len(inside)} arrays: save the figures alone, as .npy."
                )
            with archive.open(inside[0]) as file:
                content = file.read(MAX_FILE_BYTES + 1)  # whatever the archive claims its size to be
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadFigures("This .npz file is damaged or locked: save the figures again, as .npy.") from error
    if len(content) > MAX_FILE_BYTES:
        raise BadFigures(
            f"This file unpacks to more than {MAX_FILE_BYTES // 10**6} MB: leave {MOST} figures in it at most."
        )
    return content


def _array(data: bytes) -> np.ndarray:
    """The array of a .npy file, read by its header and bounded by its bytes. Raises BadFigures."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[
            version
        ]
        shape, fortran, dtype = read(file, max_header_size=MAX_HEADER_BYTES)
        count = math.prod(shape)
        if (
            dtype.hasobject
            or dtype.itemsize == 0
            or not shape
            or count * dtype.itemsize != len(data) - file.tell()
        ):
            raise ValueError("its header does not fit its bytes")
        flat = np.frombuffer(data, dtype, count, file.tell())
    except (ValueError, KeyError, TypeError, SyntaxError, OverflowError) as error:
        raise BadFigures(
            "This is no NumPy file of numbers, or it is damaged: save the figures with numpy.save('figures.npy', figures)."
        ) from error
    return flat.reshape(shape, order="F" if fortran else "C")


# ---------------------------------------------------------------- as training data


def example_figures() -> np.ndarray:
    """The 25 small houses that ship, drawn by `scripts.mnist.example_drawings`: uint8 (25, 28, 28).

    Raises:
        BadFigures: the file is absent or damaged.
    """
    try:
        return figures_of_numbers(EXAMPLE_FILE.read_bytes())
    except (FileNotFoundError, BadFigures) as error:
        raise BadFigures(f"{EXAMPLE_FILE} can't be read: restore it from the repository.") from error


def packed(figures: np.ndarray) -> bytes:
    """uint8 (N, 28, 28) as a .npy file, which `figures_of_numbers` reads."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(figures, dtype=np.uint8), allow_pickle=False)
    return file.getvalue()


def all_shifts(figures: Tensor) -> Tensor:
    """Every figure at every shift by up to SHIFT pixels, black moving in: uint8 (N, 1, 28, 28) -> (25 N, 1, 28, 28).

    The figures come first, as they are; figure i lies at every i + k N.
    """
    wide = torch.nn.functional.pad(figures, (SHIFT,) * 4)
    shifts = [(down, right) for down in range(2 * SHIFT + 1) for right in range(2 * SHIFT + 1)]
    shifts.sort(key=lambda shift: shift != (SHIFT, SHIFT))  # not shifted is the first
    return torch.cat([wide[:, :, down : down + SIDE, right : right + SIDE] for down, right in shifts])


@dataclass(frozen=True, eq=False)
class Shifted:
    """A few figures at all their shifts, over and over: training data that is as long as a training needs.

    Attributes:
        shifted: uint8 (25 N, 1, 28, 28), of `all_shifts`.
        length: how many examples an epoch has; they are counted round and round.
    """

    shifted: Tensor
    length: int

    def __len__(self) -> int:
        return self.length

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """int64 (B,) -> figures float (B, 1, 28, 28) in [0, 1], labels (B,): all 0, as nobody says what they are."""
        places = indices.to(self.shifted.device) % len(self.shifted)
        return to_unit(self.shifted[places]), torch.zeros(len(indices), dtype=torch.uint8)
