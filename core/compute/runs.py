"""The table of runs: what was asked, by whom, and how it ended. SQLite in WAL mode; one row for one key.

Only the process of the executor writes it. It is what makes a job survive a crash of that process.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from core.compute.jobs import BackendUnavailable, JobSpec, State, StoreFull

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, params TEXT NOT NULL, owners TEXT NOT NULL, state TEXT NOT NULL,
    losses INTEGER NOT NULL, last_seq INTEGER NOT NULL, error_name TEXT, message TEXT,
    submitted_at REAL NOT NULL, started_at REAL, finished_at REAL
);
CREATE INDEX IF NOT EXISTS runs_by_state ON runs (state, submitted_at);
"""


@dataclass(frozen=True)
class RunRecord:
    """One row. Times are seconds since 1970; `params` and `owners` are JSON texts."""

    key: str
    kind: str
    params: str
    owners: str
    state: str
    losses: int
    last_seq: int
    error_name: str | None
    message: str | None
    submitted_at: float
    started_at: float | None
    finished_at: float | None

    @property
    def spec(self) -> JobSpec:
        return JobSpec(self.kind, json.loads(self.params))


_COLUMNS = ", ".join(item.name for item in fields(RunRecord))
_PLACES = ", ".join(f":{item.name}" for item in fields(RunRecord))


class RunTable:
    """Thread-safe: one connection behind one lock (a statement takes well under a millisecond)."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._connection = self._open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, read-only, full: not damaged
                raise
            log.exception("the table of runs is damaged; it is set aside and a new one is begun")
            path.replace(path.with_name(path.name + ".damaged"))
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._connection = self._open(path)

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # In WAL mode NORMAL survives a kill of this process at any moment; only a power cut may
            # lose the last rows, and never damages the table.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def _use(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                if "full" in str(error):  # SQLITE_FULL: "database or disk is full"
                    raise StoreFull() from error
                log.exception("the table of runs does not answer")
                raise BackendUnavailable() from error

    def save(self, record: RunRecord) -> None:
        """Insert or replace one row. Raises StoreFull, BackendUnavailable."""
        with self._use() as connection:
            connection.execute(f"INSERT OR REPLACE INTO runs ({_COLUMNS}) VALUES ({_PLACES})", asdict(record))

    def get(self, key: str) -> RunRecord | None:
        rows = self._select("WHERE key = ?", key)
        return rows[0] if rows else None

    def unfinished(self) -> list[RunRecord]:
        """Queued and running rows, oldest first."""
        return self._select("WHERE state IN (?, ?) ORDER BY submitted_at", State.QUEUED, State.RUNNING)

    def of_kind(self, kind: str, limit: int = 100) -> list[RunRecord]:
        """The runs of one kind that were asked for last, newest first."""
        return self._select("WHERE kind = ? ORDER BY submitted_at DESC LIMIT ?", kind, limit)

    def durations(self, limit: int = 200) -> list[tuple[str, float]]:
        """(kind, seconds) of the newest finished runs, oldest first."""
        rows = self._select(
            "WHERE state = ? AND started_at > 0 ORDER BY finished_at DESC LIMIT ?", State.DONE, limit
        )
        return [(row.kind, row.finished_at - row.started_at) for row in reversed(rows)]

    def forget(self, key: str) -> None:
        with self._use() as connection:
            connection.execute("DELETE FROM runs WHERE key = ?", (key,))

    def _select(self, where: str, *values: object) -> list[RunRecord]:
        with self._use() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM runs {where}", values).fetchall()
        return [RunRecord(*row) for row in rows]

    def close(self) -> None:
        with self._lock:
            self._connection.close()
