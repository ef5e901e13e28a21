"""Films under one cursor: several become one, side by side or above each other, over the steps that they have in common."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from pages.components.player.film import Curve, Film, FilmError, Row
from pages.components.player.packing import MAX_BYTES

NOT_BEGUN = 128  # the grey of a run that begins at a later step


def together(films: Sequence[Film], labels: Sequence[str], most: int = 6) -> Film:
    """One film of several, under one cursor: side by side, or above each other where those are more than `most` columns, or
    half as many of what is drawn.

    Rows that wait behind their chips are left out where a browser could not hold them all.
    Runs over other timesteps are laid over the one with the most steps; rows that not all of them have are left out.
    Raises FilmError with a sentence for the student where steps have nothing in common.
    """
    longest = max(range(len(films)), key=lambda k: len(films[k].steps))
    films = _on_common_steps(films)
    if (
        sum(row.pixels.nbytes for film in films for row in film.rows) > MAX_BYTES
    ):  # what waits behind a chip is left out
        films = [_only(film, {row.name for row in film.rows if row.shown}) for film in films]
    names = [{row.name for row in film.rows} for film in films]
    common = set.intersection(*names)
    films = [_only(film, common) for film in films]
    films = _equally_many_frames(films)
    batches = [film.batch for film in films]
    if any(row.drawn for film in films for row in film.rows):
        most //= 2  # arrows and paths are larger than a network's pictures
    join = above_each_other if sum(batches) > most and len(set(batches)) == 1 else side_by_side
    before = sum(batches[:longest]) if join is side_by_side else 0
    sample = before + films[longest].strip_sample  # one that is not grey for a while
    return replace(join(films, labels), strip_sample=sample)


def _only(film: Film, names: set[str]) -> Film:
    """The film with these rows alone; a sum that lacks one of its pictures is none."""
    terms = film.terms if all(term.row in names for term in film.terms) else ()
    return replace(film, rows=[row for row in film.rows if row.name in names], terms=terms)


def _equally_many_frames(films: Sequence[Film]) -> list[Film]:
    """Films of the same rows; a row that stands still in one film and moves in another is repeated in the first."""
    most = {row.name: max(len(f.rows[i].pixels) for f in films) for i, row in enumerate(films[0].rows)}

    def whole(row: Row) -> Row:
        return (
            row
            if len(row.pixels) == most[row.name]
            else replace(row, pixels=row.pixels.repeat(most[row.name], 0))
        )

    return [replace(film, rows=[whole(row) for row in film.rows]) for film in films]


def _on_common_steps(films: Sequence[Film]) -> list[Film]:
    """The films over the steps of the longest: at t each shows the step that it takes there, grey before it begins."""
    longest = max(films, key=lambda film: len(film.steps))
    if all(film.steps == longest.steps for film in films):
        return list(films)
    clocks = [[_timestep(step) for step in film.steps] for film in films]
    if any(t is None for clock in clocks for t in clock):
        raise FilmError("These runs are counted in other steps, so one cursor cannot move them all.")
    wanted = [_timestep(step) for step in longest.steps]
    at = [[sum(t >= now for t in clock) - 1 for now in wanted] for clock in clocks]  # -1: not begun
    return [_resampled(film, places, longest) for film, places in zip(films, at, strict=True)]


def _timestep(step: str) -> int | None:
    found = re.fullmatch(r"t = (\d+)", step)
    return int(found[1]) if found else None


def _resampled(film: Film, places: Sequence[int], longest: Film) -> Film:
    def values(of: Sequence[float | None], missing: float | None) -> list[float | None]:
        return [of[k] if k >= 0 else missing for k in places]

    def pixels(of: np.ndarray) -> np.ndarray:
        if len(of) == 1 and len(film.steps) > 1:
            return of  # a still; in a film of one step nothing can be told from one
        frames = of[np.maximum(places, 0)]  # a copy
        frames[np.asarray(places) < 0] = NOT_BEGUN
        return frames

    return replace(
        film, steps=longest.steps, total=len(places), marks=longest.marks, start=longest.start,
        rows=[replace(row, pixels=pixels(row.pixels)) for row in film.rows],
        curves=[replace(curve, values=values(curve.values, math.nan)) for curve in film.curves],
        numbers=[replace(number, values=values(number.values, None)) for number in film.numbers],
    )  # fmt: skip


def side_by_side(films: Sequence[Film], labels: Sequence[str]) -> Film:
    """One film whose columns are those of several, so that one cursor moves them all.

    The films need the same steps and the same rows; curves get the film's label in their `meaning`, numbers are
    those of the first film.
    """
    _require_alike(films, labels)
    first = films[0]
    rows = []
    for i, row in enumerate(first.rows):
        namesakes = [film.rows[i] for film in films]
        once = all(each.once and np.array_equal(each.pixels[:, :1], row.pixels[:, :1]) for each in namesakes)
        rows.append(
            replace(row, pixels=np.concatenate([each.pixels for each in namesakes], axis=1), once=once)
        )
    columns = []
    for film, label in zip(films, labels, strict=True):
        own = film.columns or [str(k + 1) if film.batch > 1 else "" for k in range(film.batch)]
        columns += [f"{label} · {column}" if column else label for column in own]
    return replace(first, rows=rows, columns=columns, curves=_joint_curves(films, labels))


def above_each_other(films: Sequence[Film], labels: Sequence[str]) -> Film:
    """One film whose rows are those of several, each quantity's together, film by film; for films of many columns.

    The films need the same steps, rows and columns. The rows of all but the first are named "name/1", "name/2", …
    Twice the rows are twice as tall, so only the first two quantities that the films show are shown at first; of one
    quantity in several rows the last two: of three networks those that were trained for longest.
    """
    _require_alike(films, labels)
    first = films[0]
    if any(film.batch != first.batch for film in films):
        raise FilmError(f"These films have {[film.batch for film in films]} columns: make them equal.")
    wanted = [row for row in first.rows if row.shown]
    shown = [row.name for row in (wanted[-2:] if len({row.label for row in wanted}) == 1 else wanted[:2])]
    quantities = [
        list(places) for _, places in groupby(range(len(first.rows)), key=lambda i: first.rows[i].label)
    ]
    rows = [
        replace(
            row, name=f"{row.name}/{k}" if k else row.name, shown=row.name in shown,
            caption=f"{label}: {row.caption}" if row.caption else label, ends=row.ends and f"{label}: {row.ends}",
        )
        for places in quantities
        for k, (film, label) in enumerate(zip(films, labels, strict=True))
        for row in (film.rows[i] for i in places)
    ]  # fmt: skip
    return replace(first, rows=rows, curves=_joint_curves(films, labels))


def _require_alike(films: Sequence[Film], labels: Sequence[str]) -> None:
    if len(films) != len(labels) or not films:
        raise FilmError(f"{len(labels)} labels for {len(films)} films: give one label per film.")
    first = films[0]
    for film, label in zip(films, labels, strict=True):
        if film.steps != first.steps or [row.name for row in film.rows] != [row.name for row in first.rows]:
            raise FilmError(
                f"{label!r} has other steps or rows than {labels[0]!r}: run both with the same timesteps."
            )


def _joint_curves(films: Sequence[Film], labels: Sequence[str]) -> list[Curve]:
    """The curves of all films; one that all have alike, such as the schedule's, stands once and without a label."""
    together = []
    for position in range(max(len(film.curves) for film in films)):
        here = [
            (film.curves[position], label)
            for film, label in zip(films, labels, strict=True)
            if position < len(film.curves)
        ]
        whole = min((c for c, _ in here), key=_missing)
        if len(here) == len(films) and all(_agree(c, whole) for c, _ in here):
            together.append(whole)
        else:
            together += [
                replace(c, meaning=f"{label}: {c.meaning}" if c.meaning else label) for c, label in here
            ]
    return together


def _missing(curve: Curve) -> int:
    return sum(value is None or math.isnan(value) for value in curve.values)


def _agree(curve: Curve, whole: Curve) -> bool:
    """Whether `curve` is `whole` wherever it has a value, and has one somewhere; a run that begins later lacks some."""
    if len(curve.values) != len(whole.values):
        return False
    pairs = list(zip(curve.values, whole.values, strict=True))
    there = [(mine, its) for mine, its in pairs if mine is not None and not math.isnan(mine)]
    return bool(there) and all(mine == its for mine, its in there)
