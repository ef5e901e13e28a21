"""Writes what becomes of runs into the table, which a full or busy disk may refuse: then it is tried again."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from core.compute.queue.run import Run
from core.compute.store import Store
from core.compute.store.runs import Charge, RunRecord
from core.jobs import BackendUnavailable, StoreFull

log = logging.getLogger(__name__)


class Rows:
    """Not thread-safe: the ledger calls it under its lock."""

    def __init__(self, store: Store) -> None:
        self._runs = store.runs
        self._unsaved: dict[str, RunRecord] = {}  # rows that could not be written yet

    def save(self, run: Run) -> None:
        """Bring the row up to date. A failure is not fatal: it is tried again with the next row that is written,
        and at worst, the ledger's `resume` looks at the run once more.
        """
        self._unsaved[run.key] = run.record()
        try:
            for key, record in list(self._unsaved.items()):
                self._runs.save(record)
                del self._unsaved[key]
        except (StoreFull, BackendUnavailable):
            log.exception("the state of run %s could not be written", run.key)

    def forget(self, key: str) -> None:
        """What could not be written of its last time does not count any more."""
        self._unsaved.pop(key, None)

    def charge(self, charges: Iterable[Charge]) -> None:
        """Note computing time that owners have used."""
        try:
            self._runs.add_charges(charges)
        except (StoreFull, BackendUnavailable):
            log.exception("computing time could not be noted in the table")
