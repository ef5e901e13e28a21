"""A grid: two controls of a lesson swept, up to five values each, as one job; every cell is the run of its values.

    {"across": 3, "down": 2, "cells": [{"of": "denoise", "params": {...}}, ...]}

Cells are counted row by row. A cell shows one picture, the first of its run, so the others are not computed. A lesson
switches it on by naming in `sweeps` the fields that can be swept, and the job in `jobs`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

import numpy as np

from core.compute.context import JobContext, JobEvents
from core.jobs import JSON, Checkpoint, Frame, JobSpec, Metric, canonical_json
from core.media import to_pixels
from core.trajectory import Trajectory
from lessons.address import pairs_in
from lessons.branching import FORKING
from lessons.characters import quoted
from lessons.denoising import MAX_COLUMNS
from lessons.fields import BadValue, Choice, Field, Number, Numbers, Text
from lessons.lesson import Lesson, named
from lessons.requests import BadRequest

KIND, PLACE = "grid", "lessons.grid:run"
GRIDS = {KIND: PLACE}  # into a lesson's jobs
MOST = 5  # values of each control
MOMENTS = 12  # of each run that are kept: evenly from its first step to its result
TOLD = 3  # frames that a run tells while it goes on, the last of them its result
GREY = 128  # a cell that is not there yet
BETWEEN = ";"


@dataclass(frozen=True)
class Axis:
    """A field of the lesson, and the values that it takes along one side of the grid."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Grid:
    across: Axis
    down: Axis

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)"""
        return len(self.down.values), len(self.across.values)


# ---- in the address ----------------------------------------------------------------------------------------


def read_grid(lesson: Lesson, text: str) -> Grid:
    """The grid that an address holds: "gammas=1;3;7&seed=0;1", across first. Raises BadValue."""
    if not lesson.sweeps:
        raise BadValue("This lesson has nothing that a grid could sweep.")
    try:
        pairs = pairs_in(text, 4)
    except ValueError as error:
        raise BadValue(f"A grid is written like “gamma=1;3;7&seed=0;1”, not {quoted(text)}.") from error
    if len(pairs) != 2 or pairs[0][0] == pairs[1][0]:
        raise BadValue("A grid sweeps two different controls.")
    across, down = (read_axis(lesson, name, typed) for name, typed in pairs)
    return Grid(across, down)


def read_axis(lesson: Lesson, name: str, typed: str) -> Axis:
    """A control and its values, with semicolons between them. Raises BadValue."""
    if name not in lesson.sweeps:
        labels = ", ".join(lesson.field(swept).label for swept in lesson.sweeps)
        raise BadValue(f"A grid of this lesson sweeps {labels}, not {quoted(name)}.")
    field = lesson.field(name)
    parts = [part.strip() for part in typed.split(BETWEEN)]
    if parts[-1] == "" and len(parts) > 1:
        parts.pop()
    values = tuple(dict.fromkeys(_one(field, part) for part in parts))
    if not 1 <= len(values) <= MOST:
        raise BadValue(f"{field.label}: a grid takes 1 to {MOST} values, and these are {len(values)}.")
    return Axis(name, values)


def _one(field: Field, text: str) -> Any:
    """One value; of a field that takes several, a list of one."""
    if isinstance(field, Numbers):
        one = Number(
            field.name, field.label, 0, minimum=field.minimum, maximum=field.maximum, integer=field.integer
        )
        return (one.parse(text),)
    return field.parse(text)


def write_axis(lesson: Lesson, axis: Axis) -> str:
    """What `read_axis` reads as the same."""
    return f"{BETWEEN} ".join(lesson.field(axis.name).encode(value) for value in axis.values)


def write_grid(lesson: Lesson, grid: Grid) -> str:
    """The inverse of `read_grid`."""
    return urlencode({axis.name: write_axis(lesson, axis) for axis in (grid.across, grid.down)})


def labels(lesson: Lesson, axis: Axis) -> list[str]:
    """What to call each value: "7", "“a dog”"."""
    field = lesson.field(axis.name)
    if isinstance(field, Text):
        return [f"“{value}”" if value else "no prompt" for value in axis.values]
    if isinstance(field, Choice):
        return [field.label_of(value) for value in axis.values]
    return [field.encode(value) for value in axis.values]


# ---- the job -----------------------------------------------------------------------------------------------


def cells(values: Mapping[str, Any], grid: Grid) -> list[dict[str, Any]]:
    """The controls' values of every cell, row by row."""
    return [
        {**values, grid.down.name: down, grid.across.name: across}
        for down in grid.down.values
        for across in grid.across.values
    ]


def grid_spec(lesson: Lesson, grid: Grid, asked: Sequence[tuple[Mapping[str, Any], str]]) -> JobSpec:
    """The job of all cells; `asked`: the values of each, and the fingerprint of its model. Raises BadValue."""
    rows, columns = grid.shape
    found: list[JSON] = []
    for values, model in asked:
        spec = lesson.job(values, model)
        found.append({"of": spec.kind, "params": _first_picture(cast(Mapping[str, Any], spec.params))})
    return JobSpec(KIND, {"across": columns, "down": rows, "cells": found})


def _first_picture(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the same run with its first picture alone."""
    return {name: value[:1] if name in ("columns", "i_starts") else value for name, value in params.items()}


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """The grid. Arrays: pictures uint8 (MOMENTS, cells, H, W, 3), the noisy picture from its first step to the result;
    result float32 (cells, 3, H, W).

    Raises:
        BadRequest: not one cell for each place, or a cell that is no run of FORKING; what a cell's own run may raise.
    """
    asked = params["cells"]
    if not asked or len(asked) != params["across"] * params["down"] or len(asked) > MOST**2:
        raise BadRequest(f"A grid has one cell for each place, and at most {MOST**2}.")
    if unknown := {cell["of"] for cell in asked} - set(FORKING):
        raise BadRequest(f"The cells of a grid are runs of {', '.join(FORKING)}, not {sorted(unknown)}.")
    batches, sheet = list(_batches(asked)), Sheet(len(asked))
    moments: dict[int, np.ndarray] = {}
    results: dict[int, np.ndarray] = {}
    for turn, (places, kind, of_all) in enumerate(batches):
        job = named(FORKING[kind])(of_all, context)
        trajectory = yield from _telling(job, sheet, places, TOLD * turn, TOLD * len(batches))
        shown = _moments(trajectory)
        for k, place in enumerate(places):
            moments[place], results[place] = shown[:, k], trajectory["result"][k]
    order = range(len(asked))
    arrays = {
        "pictures": np.stack([moments[k] for k in order], axis=1),
        "result": np.stack([results[k] for k in order]),
    }
    return Trajectory(arrays, {"params": dict(params)})


class Sheet:
    """What is there of all cells: uint8 (cells, H, W, 3), grey where nothing is."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pixels: np.ndarray | None = None

    def with_cells(self, places: Sequence[int], pixels: np.ndarray) -> np.ndarray:
        """A copy, with `pixels` (len(places), H, W, 3) at their places from now on."""
        if self._pixels is None:
            self._pixels = np.full((self._count, *pixels.shape[1:]), GREY, np.uint8)
        self._pixels[list(places)] = pixels[: len(places)]
        return self._pixels.copy()


def _batches(asked: Sequence[Mapping[str, Any]]) -> Iterator[tuple[list[int], str, dict[str, Any]]]:
    """(places, kind, parameters): cells that differ by their column alone are one run, which takes less time than each."""
    groups: dict[str, list[int]] = {}
    for place, cell in enumerate(asked):
        alone = cell["of"] != "denoise"  # other runs read their first column for all
        rest = {name: value for name, value in cell["params"].items() if name != "columns"}
        guided = cell["params"]["columns"][0].get("guidance_scale") is not None
        groups.setdefault(canonical_json([rest, guided, place if alone else -1]), []).append(place)
    for group in groups.values():
        for k in range(0, len(group), MAX_COLUMNS):
            places = group[k : k + MAX_COLUMNS]
            columns = [asked[place]["params"]["columns"][0] for place in places]
            yield places, asked[places[0]]["of"], {**asked[places[0]]["params"], "columns": columns}


def _telling(
    job: JobEvents, sheet: Sheet, places: Sequence[int], first: int, total: int
) -> Generator[Frame | Metric | Checkpoint, None, Trajectory]:
    """Runs `job`, and tells TOLD frames of the whole sheet meanwhile: the noisy picture on its way, at last the result."""
    told = 0
    while True:
        try:
            event = next(job)
        except StopIteration as end:
            trajectory: Trajectory = end.value
            break
        if isinstance(event, Frame) and told < TOLD - 1 and event.index >= (told + 1) * event.total // TOLD:
            yield Frame(first + told, total, {"sheet": sheet.with_cells(places, event.arrays["x_t"])})
            told += 1
    result = to_pixels(trajectory["result"])
    for k in range(told, TOLD):
        yield Frame(first + k, total, {"sheet": sheet.with_cells(places, result)})
    return trajectory


def _moments(trajectory: Trajectory) -> np.ndarray:
    """The noisy picture, evenly from the first step to the result: uint8 (MOMENTS, B, H, W, 3)."""
    steps, result = trajectory["x_t"], trajectory["result"]
    chosen = np.linspace(0, len(steps), MOMENTS).round().astype(int)
    return np.stack([to_pixels(steps[k] if k < len(steps) else result) for k in chosen])
