"""What the player shows: a film is several rows of pictures, one column per sample, one frame per step.

A `Film` is plain data (NumPy and strings). `packing.pack` makes bytes of it for the browser; nothing here knows
Streamlit or torch, so that tests, scripts and a worker process can make films too.

    film = Film(
        rows=(Row("x_t", "x_t", signed_to_uint8(trajectory.arrays["x_t"])),
              Row("clean_hat", r"\\hat{x}_0", signed_to_uint8(trajectory.arrays["clean_hat"]))),
        steps=[f"t = {t}" for t in timesteps],
        curves=(Curve(r"\\bar{\\alpha}_t", alphas_cumprod[timesteps]),),
        marks=range(0, 34, 5),
    )
    frame = player(film, key="denoising")

Labels and symbols are written in a small part of TeX: letters, digits, `_`, `^`, `{}`, Greek names, `\\hat`,
`\\bar`, `\\tilde`, `\\sqrt`, `\\frac`, `\\text`, `\\cdot`, `\\gamma` and the like.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

CLOCKS = ("diffusion", "flow")


class FilmError(ValueError):
    """The parts of a film do not fit together; the message says which part and what to do."""


@dataclass(frozen=True, eq=False)
class Row:
    """One quantity, such as x_t, drawn as a row of pictures.

    `pixels` is uint8 of shape (steps, batch, height, width, channels) with 1 or 3 channels; one single step
    means a still, shown at every step (the original picture beside its noisy versions). `label` is TeX,
    `caption` plain words for the same thing; `shown=False` keeps the row behind its chip until asked for.
    """

    name: str
    label: str
    pixels: np.ndarray
    caption: str = ""
    shown: bool = True

    def __post_init__(self) -> None:
        shape = getattr(self.pixels, "shape", None)
        if not isinstance(self.pixels, np.ndarray) or self.pixels.dtype != np.uint8:
            raise FilmError(
                f"Row {self.name!r}: make its pixels a uint8 array, for example with signed_to_uint8 or unit_to_uint8."
            )
        if len(shape) != 5 or shape[-1] not in (1, 3) or 0 in shape:
            raise FilmError(
                f"Row {self.name!r}: give pixels of shape (steps, batch, height, width, 1 or 3), not {shape}."
            )


@dataclass(frozen=True, eq=False)
class Curve:
    """A number followed over the steps and drawn under the scrubber, such as the SNR.

    `values` has one entry per computed step, or one per step of the whole run (`Film.total`) when it is known
    beforehand. Curves with the same `panel` share one pair of axes. `log=True` starts on a logarithmic axis.
    """

    label: str
    values: Sequence[float]
    log: bool = False
    panel: str = ""
    meaning: str = ""


@dataclass(frozen=True, eq=False)
class Number:
    """One term of the update at each step: its symbol (TeX), what it means, one value per computed step.

    A value that does not exist at some step (no noise is added at the last one) is None and shown as a dash.
    """

    symbol: str
    meaning: str
    values: Sequence[float | None]


@dataclass(frozen=True, eq=False)
class Film:
    """Everything the player shows, in the order in which it was computed.

    `steps` names the frames ("t = 690"); `columns` names the samples; `total` is the number of frames once the
    run is complete, and larger than `len(steps)` while frames are still being computed. `marks` are frames shown
    as thumbnails of `strip_row` (the first row unless named), of its column `strip_sample`. `start` is the frame
    first shown; None means the last.
    `formula` is the update whose terms `numbers` lists. `name` begins the file names of saved pictures, and `about`, JSON
    that says what made the film, is written into them.
    """

    rows: Sequence[Row]
    steps: Sequence[str]
    columns: Sequence[str] = ()
    total: int | None = None
    curves: Sequence[Curve] = ()
    numbers: Sequence[Number] = ()
    formula: str = ""
    marks: Iterable[int] = ()
    strip_row: str = ""
    strip_sample: int = 0
    start: int | None = None
    clock: str = "diffusion"
    name: str = "film"
    autoplay: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)
    batch: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        for attribute in ("rows", "steps", "columns", "curves", "numbers", "marks"):
            object.__setattr__(self, attribute, tuple(getattr(self, attribute)))
        if not self.rows or not self.steps:
            raise FilmError(
                "A film needs at least one row and one step; show a message while there is none yet."
            )
        count, batch = len(self.steps), self.rows[0].pixels.shape[1]
        object.__setattr__(self, "batch", batch)
        object.__setattr__(self, "total", count if self.total is None else int(self.total))
        if self.total < count:
            raise FilmError(
                f"total is {self.total}, but {count} steps are given; total counts all steps of the run."
            )
        names = [row.name for row in self.rows]
        if len(set(names)) != len(names):
            raise FilmError(f"Give every row its own name; these are {names}.")
        for row in self.rows:
            frames, samples = row.pixels.shape[:2]
            if samples != batch:
                raise FilmError(
                    f"Row {row.name!r} has {samples} samples, row {names[0]!r} has {batch}: make them equal."
                )
            if frames not in (1, count):
                raise FilmError(
                    f"Row {row.name!r} has {frames} frames for {count} steps: give one per step, or a still."
                )
        if self.columns and len(self.columns) != batch:
            raise FilmError(
                f"{len(self.columns)} column labels for {batch} samples: give one label per sample, or none."
            )
        if self.strip_row and self.strip_row not in names:
            raise FilmError(f"strip_row is {self.strip_row!r}; choose one of {names}.")
        for curve in self.curves:
            if len(curve.values) not in (count, self.total):
                raise FilmError(
                    f"Curve {curve.label!r} has {len(curve.values)} values: give {count}, or {self.total} for the whole run."
                )
        for number in self.numbers:
            if len(number.values) != count:
                raise FilmError(
                    f"Number {number.symbol!r} has {len(number.values)} values for {count} steps."
                )
        for mark in self.marks:
            if not 0 <= mark < self.total:
                raise FilmError(f"Mark {mark} lies outside the frames 0 to {self.total - 1}.")
        if self.start is not None and not 0 <= self.start < self.total:
            raise FilmError(
                f"start is {self.start}; choose a frame from 0 to {self.total - 1}, or None for the last."
            )
        if self.clock not in CLOCKS:
            raise FilmError(f"clock is {self.clock!r}; choose one of {CLOCKS}.")


def signed_to_uint8(x: np.ndarray) -> np.ndarray:
    """Pictures in [−1, 1], channels before height and width, to uint8 with channels last.

    (…, channels, height, width) → (…, height, width, channels); values outside the range are clipped, and a
    pixel that is not a number becomes magenta (black if there is one channel), so that a diverged run shows.
    """
    return _to_uint8((np.asarray(x, dtype=np.float32) + 1.0) * 127.5)


def unit_to_uint8(x: np.ndarray) -> np.ndarray:
    """Pictures in [0, 1] to uint8 with channels last; otherwise as `signed_to_uint8`."""
    return _to_uint8(np.asarray(x, dtype=np.float32) * 255.0)


def difference_to_uint8(x: np.ndarray, limit: float) -> np.ndarray:
    """Signed quantities, such as noise or the difference of two estimates, as colours around a neutral grey.

    0 is mid-grey and ±`limit` are the ends, the same distance on both sides, so that two pictures with the same
    limit can be compared. Three channels stay themselves; one channel becomes blue (−), grey (0), orange (+).
    (…, 1 or 3, height, width) → (…, height, width, 3).
    """
    if not (math.isfinite(limit) and limit > 0):
        raise FilmError(f"limit is {limit}; give the positive value that is drawn as the strongest colour.")
    x = np.asarray(x, dtype=np.float32) / limit
    if x.shape[-3] == 1:
        blue, orange = np.float32([38, 102, 190]), np.float32([226, 96, 32])
        strength = np.clip(np.moveaxis(x, -3, -1), -1.0, 1.0)  # (…, height, width, 1)
        end = np.where(strength < 0, blue, orange)
        levels = 128.0 + np.abs(strength) * (end - 128.0)
        return _to_uint8(np.moveaxis(levels, -1, -3))
    return _to_uint8(128.0 + 127.0 * x)


def _to_uint8(levels: np.ndarray) -> np.ndarray:
    """Round and clip (…, channels, height, width) in 0..255, move the channels last, mark what is not a number."""
    if levels.ndim < 3 or levels.shape[-3] not in (1, 3):
        raise FilmError(f"Give pictures of shape (…, 1 or 3, height, width), not {levels.shape}.")
    levels = np.moveaxis(levels, -3, -1)
    missing = np.isnan(levels).any(axis=-1)
    with np.errstate(invalid="ignore"):
        pixels = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)
    if missing.any():
        pixels[missing] = (255, 0, 255) if pixels.shape[-1] == 3 else 0
    return np.ascontiguousarray(pixels)
