"""Results that need not be computed: kept in the store, or shipped with the app and taken into it when first asked for."""

from __future__ import annotations

import logging

from core.compute.store import ELSEWHERE, Openings, Store
from core.jobs import JobId, JobSpec, StoreFull

log = logging.getLogger(__name__)


class Answers:
    """`openings` are the results that ship; None: there are none. Thread-safe; it reads files, so ask it without a lock."""

    def __init__(self, store: Store, openings: Openings | None) -> None:
        self._store, self._openings = store, openings

    def at_hand(self, spec: JobSpec, key: JobId) -> bool:
        """Whether a result is kept, or ships."""
        ships = self._openings is not None and self._openings.ships(spec)
        return ships or self._store.has_result(key)

    def taken_up(self, spec: JobSpec, key: JobId, here: bool) -> bool:
        """Is there a result to answer with? One that ships is taken into the store, unless it is to be computed `here`."""
        if self._store.has_result(key):
            return not (here and self._came_from_elsewhere(key))
        if here or self._openings is None or (data := self._openings.read(spec)) is None:
            return False
        try:
            self._store.put_result_bytes(key, data)
        except (StoreFull, OSError):
            log.exception("an opening that ships could not be kept; it is computed")
            return False
        return True

    def _came_from_elsewhere(self, key: JobId) -> bool:
        """By the result itself: what shipped with an earlier version of the app may be kept here, too."""
        kept = self._store.get_result(key)
        return kept is not None and ELSEWHERE in kept.meta

    def usual_seconds(self, kind: str) -> float | None:
        """What jobs of this kind that ship took, the median; None where none ships."""
        return None if self._openings is None else self._openings.usual_seconds(kind)
