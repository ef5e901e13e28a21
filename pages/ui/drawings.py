"""The small drawings of B12 as a page keeps them: one's own, in the address, or a class's, in its room."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.classroom.drawings import Collection
from core.classroom.rooms import Person
from core.handwriting import MOST, SIDE, BadFigures, packed
from core.jobs import JobSpec
from lessons.class_draws import EXAMPLE, LESSON, NoDrawings, load_drawings
from pages.server import runtime
from pages.server.classroom.identity import person, rooms, token
from pages.server.session import LessonState


@dataclass(frozen=True, eq=False)
class Shown:
    """What is there to be seen. pixels: uint8 (N, 28, 28); `names`: whose each is, None for who does not want it shown.

    `mine`: which of them the visitor may take back, by what `take_back` calls them.
    """

    pixels: np.ndarray
    names: Sequence[str | None]
    mine: Sequence[int]


class Drawn(Protocol):
    """A collection. Every method may raise ClassroomError, NoDrawings or BadFigures: a sentence for the visitor."""

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken."""
        ...

    @property
    def leads(self) -> bool:
        """Whether the visitor says when it is trained on, and may bring files along."""
        ...

    def look(self) -> Shown: ...

    def add(self, figures: np.ndarray, named: bool) -> None:
        """More drawings, uint8 (N, 28, 28)."""
        ...

    def take_back(self, which: int) -> None:
        """One of `Shown.mine`."""
        ...

    def training(self, make: Callable[[str], JobSpec]) -> JobSpec | None:
        """What is trained on it, where there is something; `make` has the visitor's settings for a name in the store."""
        ...


class Own:
    """Of a visitor who is in no class: in the store under its hash, which the address carries. A change is another hash.

    Until something is drawn, it is trained on the example that ships.
    """

    closed, leads = False, True

    def __init__(self, values: dict) -> None:
        self._values = values

    def look(self) -> Shown:
        pixels = load_drawings(self._values["drawings"], runtime.blobs())
        return Shown(pixels, [None] * len(pixels), range(len(pixels)))

    def add(self, figures: np.ndarray, named: bool) -> None:
        try:
            there = self.look().pixels
        except NoDrawings:  # what the link names is gone: a collection of one's own begins
            there = np.zeros((0, SIDE, SIDE), np.uint8)
        if len(there) + len(figures) > MOST:
            raise BadFigures(
                f"There would be {len(there) + len(figures)} drawings: a collection has {MOST} at most."
            )
        self._keep(np.concatenate([there, figures]))

    def take_back(self, which: int) -> None:
        pixels = self.look().pixels
        if which < len(pixels):
            self._keep(np.delete(pixels, which, axis=0))

    def training(self, make: Callable[[str], JobSpec]) -> JobSpec | None:
        return make(self._values["drawings"] or EXAMPLE)

    def _keep(self, pixels: np.ndarray) -> None:
        self._values["drawings"] = runtime.blobs().put(packed(pixels)) if len(pixels) else ""


class OfTheClass:
    """Of a room. Drawings are its members'; the instructor closes it, and what is then trained is the same for everybody."""

    def __init__(self, who: Person) -> None:
        self.leads = who.leads

    @property
    def stands(self) -> Collection:
        return rooms().drawings.stands(token())

    @property
    def closed(self) -> bool:
        return self.stands.closed

    def look(self) -> Shown:
        found = rooms().drawings.all(token())
        pixels = [np.frombuffer(one.pixels, np.uint8).reshape(SIDE, SIDE) for one in found]
        mine = [one.id for one in found if one.mine or self.leads]
        return Shown(
            np.stack(pixels) if pixels else np.zeros((0, SIDE, SIDE), np.uint8),
            [one.name for one in found],
            mine,
        )

    def add(self, figures: np.ndarray, named: bool) -> None:
        if (there := self.stands.drawings) + len(figures) > MOST:
            raise BadFigures(
                f"There would be {there + len(figures)} drawings: a collection has {MOST} at most."
            )
        for figure in figures:
            rooms().drawings.add(token(), np.ascontiguousarray(figure, dtype=np.uint8).tobytes(), named)

    def take_back(self, which: int) -> None:
        rooms().drawings.take_back(token(), which)

    def training(self, make: Callable[[str], JobSpec]) -> JobSpec | None:
        said = self.stands.training
        return JobSpec("handwriting", json.loads(said)) if said else None

    def close(self, make: Callable[[str], JobSpec]) -> JobSpec:
        """Ends the collecting; returns what is to be trained on it."""
        blob = runtime.blobs().put(packed(self.look().pixels))
        spec = make(blob)
        rooms().drawings.close(token(), spec.canonical, runtime.job_id(spec), blob)
        return spec

    def open_again(self) -> None:
        rooms().drawings.open_again(token())


def collection() -> Own | OfTheClass:
    """The one of this visitor."""
    who = person()
    return OfTheClass(who) if who is not None else Own(LessonState(LESSON).values)
