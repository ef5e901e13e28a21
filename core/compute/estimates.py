"""How long a kind of job usually takes, from what was measured."""

from __future__ import annotations

import statistics
from collections import defaultdict, deque
from collections.abc import Iterable

from core.compute.run import Run

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

    def forecast(self, running: Run | None, ahead: Iterable[Run]) -> float | None:
        """Seconds until the running job and after it those of `ahead` have ended; None when one is unknown.

        Jobs that make way for each other end in an order that nobody knows beforehand.
        """
        ahead = list(ahead)
        if ahead and any(run.keeps_checkpoints for run in [*ahead, *([running] if running else [])]):
            return None
        times = [self.usual(run.spec.kind) for run in ahead]
        if running:
            times.append(running.seconds_left(self.usual(running.spec.kind)))
        return None if None in times else sum(times)
