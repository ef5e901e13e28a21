"""What the player shows: a film is several rows of pictures, one column per sample, one frame per step.

A `Film` is plain data (NumPy and strings). `packing.pack` makes bytes of it for the browser; nothing here knows
Streamlit or torch, so that tests, scripts and a worker process can make films too.

    film = Film(
        rows=(Row("x_t", "x_t", to_pixels(trajectory.arrays["x_t"])),
              Row("clean_hat", r"\\hat{x}_0", to_pixels(trajectory.arrays["clean_hat"]))),
        steps=[f"t = {t}" for t in timesteps],
        curves=(Curve(r"\\bar{\\alpha}_t", alphas_cumprod[timesteps]),),
        marks=range(0, 34, 5),
    )
    frame = player(film, key="denoising")

Labels and symbols are written in a small part of TeX: letters, digits, `_`, `^`, `{}`, Greek names, `\\hat`,
`\\bar`, `\\tilde`, `\\sqrt`, `\\frac`, `\\text`, `\\cdot`, `\\gamma` and the like.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

CLOCKS = ("diffusion", "flow")
VIEWS = ("sum", "charts", "numbers")


class FilmError(ValueError):
    """The parts of a film do not fit together; the message says which part and what to do."""


@dataclass(frozen=True, eq=False)
class Row:
    """One quantity, such as x_t, drawn as a row of pictures.

    `pixels` is uint8 of shape (steps, batch, height, width, channels) with 1 or 3 channels; one single step
    means a still, shown at every step (the original picture beside its noisy versions). `label` is TeX,
    `caption` plain words for the same thing, and `ends` those of the run's last frame, where they differ; `sign` ("=", "+",
    "→") stands before the picture where rows of one sample are read as an equation. `shown=False` keeps the row behind its
    chip until asked for.

    So that the player can say a pixel's value: bytes 0 to 255 are −1 to 1, or 0 to 1 in a film of flow's clock; with a
    `limit` they are −limit to limit, as `core.media.difference_pixels` draws it. Pixels that are `blank` in every channel
    stand for nothing. `drawn` pictures, such as arrows, have no values. A row that is the same for all samples is drawn
    `once`.
    """

    name: str
    label: str
    pixels: np.ndarray
    caption: str = ""
    shown: bool = True
    limit: float = 0.0
    blank: int | None = None
    drawn: bool = False
    once: bool = False
    ends: str = ""
    sign: str = ""

    def __post_init__(self) -> None:
        shape = getattr(self.pixels, "shape", None)
        if not isinstance(self.pixels, np.ndarray) or self.pixels.dtype != np.uint8:
            raise FilmError(
                f"Row {self.name!r}: make its pixels a uint8 array, for example with core.media.to_pixels."
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
class Term:
    """One picture of the update's sum: the row it is taken from and the `Number.symbol` of the weight in front of it.

    `within` is the `Number.symbol` of a weight that the row's pictures have already. `ahead`: 1 for the step's result,
    which is the row at the next frame, and at the last one the row named `last`.
    """

    label: str
    row: str
    meaning: str
    weight: str = ""
    within: str = ""
    ahead: int = 0
    last: str = ""


@dataclass(frozen=True, eq=False)
class Film:
    """Everything the player shows, in the order in which it was computed.

    `steps` names the frames ("t = 690"); `columns` names the samples; `total` is the number of frames once the
    run is complete, and larger than `len(steps)` while frames are still being computed. `marks` are frames shown
    as thumbnails of `strip_row` (the first row unless named), of its column `strip_sample`. `start` is the frame
    first shown; None means the last.
    `formula` is the update whose terms `numbers` lists, and `terms` shows it as pictures that add up: what they give first.
    `open` names what else than pictures is shown at first, of "sum", "charts" and "numbers"; all are where there is room.
    `autoplay` has it play from its first frame when it is shown, and `loops` again and again, until a hand stops it.
    `name` begins the file names of saved pictures, and `about`, JSON
    that says what made the film, is written into them.
    """

    rows: Sequence[Row]
    steps: Sequence[str]
    columns: Sequence[str] = ()
    total: int | None = None
    curves: Sequence[Curve] = ()
    numbers: Sequence[Number] = ()
    formula: str = ""
    terms: Sequence[Term] = ()
    open: Sequence[str] = ()
    marks: Iterable[int] = ()
    strip_row: str = ""
    strip_sample: int = 0
    start: int | None = None
    clock: str = "diffusion"
    name: str = "film"
    autoplay: bool = False
    loops: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)
    batch: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        for attribute in ("rows", "steps", "columns", "curves", "numbers", "terms", "open", "marks"):
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
        for term in self.terms:
            if term.row not in names:
                raise FilmError(f"The sum shows {term.row!r}; the rows are {names}.")
        if unknown := set(self.open) - set(VIEWS):
            raise FilmError(f"open names {sorted(unknown)}; there are {VIEWS}.")
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
