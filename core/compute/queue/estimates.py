"""How long a kind of job usually takes, from what was measured."""

from __future__ import annotations

import statistics
from collections import defaultdict, deque
from collections.abc import Iterable
from heapq import heapify, heapreplace

from core.compute.queue.run import Run

_REMEMBERED = 15


class Durations:
    """The median of the last measured durations of each kind. Not thread-safe: the ledger's lock guards it."""

    def __init__(self, measured: Iterable[tuple[str, float]] = ()) -> None:
        self._seconds: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))
        for kind, seconds in measured:
            self.note(kind, seconds)

    def note(self, kind: str, seconds: float) -> None:
        self._seconds[kind].append(seconds)

    def usual(self, kind: str) -> float | None:
        """Seconds; None when this kind was never measured."""
        return statistics.median(self._seconds[kind]) if kind in self._seconds else None

    def forecast(self, running: Iterable[Run], ahead: Iterable[Run], workers: int = 1) -> float | None:
        """Seconds until the last of `ahead` has ended, each begun by the worker that is free first; without any, until
        the first of the running jobs has. None when a duration is unknown.

        Jobs that make way for each other end in an order that nobody knows beforehand.
        """
        running, ahead = list(running), list(ahead)
        if ahead and any(run.keeps_checkpoints for run in [*ahead, *running]):
            return None
        times = _if_all_known(run.seconds_left(self.usual(run.spec.kind)) for run in running)
        lasting = _if_all_known(self.usual(run.spec.kind) for run in ahead)
        if times is None or lasting is None:
            return None
        if not ahead:
            return min(times, default=0.0)
        free, end = times + [0.0] * (max(1, workers) - len(times)), 0.0
        heapify(free)
        for seconds in lasting:
            end = free[0] + seconds
            heapreplace(free, end)
        return end


def _if_all_known(found: Iterable[float | None]) -> list[float] | None:
    """The numbers; None if one of them is."""
    found = list(found)
    known = [seconds for seconds in found if seconds is not None]
    return known if len(known) == len(found) else None
