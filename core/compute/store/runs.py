"""The table of runs: what was asked, by whom, and how it ended. SQLite in WAL mode; one row for one key.

Only the process of the executor writes it while there is one; `python -m core.compute.store` removes rows whose results
are gone. It is what makes a job survive a crash of that process. Every row carries a checksum, because SQLite does not
notice a flipped bit; a damaged row counts as absent, and of a damaged file the rows that can still be read are taken over
into a new one.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

from core.jobs import BackendUnavailable, ComputeError, JobSpec, State, StoreFull
from core.write_ahead import write_ahead

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, params TEXT NOT NULL, owners TEXT NOT NULL, state TEXT NOT NULL,
    losses INTEGER NOT NULL, last_seq INTEGER NOT NULL, error_name TEXT, message TEXT,
    submitted_at REAL NOT NULL, started_at REAL, finished_at REAL, seal INTEGER
);
CREATE INDEX IF NOT EXISTS runs_by_state ON runs (state, submitted_at);
CREATE TABLE IF NOT EXISTS charges (owner TEXT NOT NULL, ended_at REAL NOT NULL, seconds REAL NOT NULL);
"""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NO_ROOM = 64 << 10  # bytes: with less than this left on the disk, an error in writing is the disk's
_BUSY_SECONDS = 10  # that another connection may take for what it does


@dataclass(frozen=True)
class Charge:
    """Computing time that an owner has used, counted until `window_seconds` after it ended."""

    owner: str
    ended_at: float  # seconds since 1970
    seconds: float


@dataclass(frozen=True)
class RunRecord:
    """One row. Times are seconds since 1970; `params` and `owners` are JSON texts: see `owners_text`."""

    key: str
    kind: str
    params: str
    owners: str
    state: str
    crashes: int
    last_seq: int
    error_name: str | None
    message: str | None
    submitted_at: float
    started_at: float | None
    finished_at: float | None

    @property
    def spec(self) -> JobSpec:
        return JobSpec(self.kind, json.loads(self.params))

    @property
    def waiting(self) -> set[str]:
        """Who waits for it. Of a run that has ended: whoever has a claim."""
        found = json.loads(self.owners)
        return set(found["waiting"] if isinstance(found, dict) else found)

    @property
    def claimants(self) -> set[str]:
        """Whoever has asked for it and has not discarded it, also who has paused it."""
        found = json.loads(self.owners)
        return set(found["waiting"] + found["others"] if isinstance(found, dict) else found)

    @property
    def seal(self) -> int:
        """The checksum that is kept beside the row."""
        return zlib.crc32(repr(astuple(self)).encode())


def owners_text(waiting: Collection[str], others: Collection[str] = ()) -> str:
    """The text of a row: who waits for a run, and who has a claim on it without waiting. A list where these are none."""
    if not others:
        return json.dumps(sorted(waiting))
    return json.dumps({"waiting": sorted(waiting), "others": sorted(others)})


_NAMED = {"crashes": "losses"}  # fields whose column has another name, as in the tables of earlier versions
_NAMES = [item.name for item in fields(RunRecord)]
_COLUMNS = ", ".join([*(_NAMED.get(name, name) for name in _NAMES), "seal"])
_PLACES = ", ".join(f":{name}" for name in [*_NAMES, "seal"])
_INSERT = f"INSERT OR REPLACE INTO runs ({_COLUMNS}) VALUES ({_PLACES})"


class RunTable:
    """Thread-safe: one connection behind one lock (a statement takes well under a millisecond).

    Every method raises StoreFull when the disk is full, and BackendUnavailable when the table does not answer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        with self._lock:
            self._open_or_begin_anew()

    def save(self, record: RunRecord) -> None:
        """Insert or replace one row."""
        self._do(_INSERT, [{**asdict(record), "seal": record.seal}])

    def get(self, key: str) -> RunRecord | None:
        rows = self._select("WHERE key = ?", key)
        return rows[0] if rows else None

    def unfinished(self) -> list[RunRecord]:
        """Queued and running rows, oldest first."""
        return self._select("WHERE state IN (?, ?) ORDER BY submitted_at", State.QUEUED, State.RUNNING)

    def of_kind(self, kind: str, limit: int = 100) -> list[RunRecord]:
        """The runs of one kind that were asked for last, newest first."""
        return self._select("WHERE kind = ? ORDER BY submitted_at DESC LIMIT ?", kind, limit)

    def of_owner(self, kind: str, owner: str) -> list[RunRecord]:
        """The runs of one kind among whose owners is this one, newest first."""
        rows = self._select(
            "WHERE kind = ? AND instr(owners, ?) ORDER BY submitted_at DESC", kind, json.dumps(owner)
        )
        return [row for row in rows if owner in row.claimants]

    def durations(self, limit: int = 200) -> list[tuple[str, float]]:
        """(kind, seconds) of the newest finished runs, oldest first."""
        rows = self._select(
            "WHERE state = ? AND started_at > 0 ORDER BY finished_at DESC LIMIT ?", State.DONE, limit
        )
        return [
            (row.kind, row.finished_at - row.started_at)
            for row in reversed(rows)
            if row.finished_at is not None and row.started_at is not None
        ]

    def forget(self, key: str) -> None:
        self._do("DELETE FROM runs WHERE key = ?", [(key,)])

    def add_charges(self, charges: Iterable[Charge]) -> None:
        """Note computing time that owners have used."""
        self._do("INSERT INTO charges (owner, ended_at, seconds) VALUES (?, ?, ?)", map(astuple, charges))

    def charges(self, window_seconds: float) -> list[Charge]:
        """The charges within the window that ends now, oldest first; older ones are removed."""
        begin = time.time() - window_seconds
        rows = self._read(
            "SELECT owner, ended_at, seconds FROM charges WHERE ended_at > ? ORDER BY ended_at", begin
        )
        try:
            self._do("DELETE FROM charges WHERE ended_at <= ?", [(begin,)])
        except StoreFull:
            log.exception("old charges stay in the table")
        return [Charge(*row) for row in rows]

    def drop_damaged(self) -> list[str]:
        """Remove the rows whose checksum does not fit; returns their keys, as far as these can be read."""
        rows = self._read(f"SELECT rowid, {_COLUMNS} FROM runs")
        damaged = [(row[0], str(row[1])) for row in rows if _record(row[1:]) is None]
        self._do("DELETE FROM runs WHERE rowid = ?", [(rowid,) for rowid, _ in damaged])
        return [key for _, key in damaged]

    def __len__(self) -> int:
        return self._read("SELECT COUNT(*) FROM runs")[0][0]

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # --- the connection -------------------------------------------------------------------------------------

    def _select(self, where: str, *values: object) -> list[RunRecord]:
        rows = self._read(f"SELECT {_COLUMNS} FROM runs {where}", *values)
        return [record for row in rows if (record := _record(row)) is not None]

    def _read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._with(lambda connection: connection.execute(statement, values).fetchall())

    def _do(self, statement: str, rows: Iterable[Any]) -> None:
        rows = list(rows)
        self._with(lambda connection: connection.executemany(statement, rows))

    def _with(self, use: Callable[[sqlite3.Connection], Any]) -> Any:
        """Call `use` with the connection; if that fails, once more with the file opened, or begun, anew."""
        with self._lock:
            try:
                if self._connection is not None:
                    return use(self._connection)
            except sqlite3.Error as error:
                named = self._named(error)
                if isinstance(named, StoreFull):
                    raise named from error
            connection = self._open_or_begin_anew()
            try:
                return use(connection)
            except sqlite3.Error as error:
                raise self._named(error) from error

    def _open_or_begin_anew(self) -> sqlite3.Connection:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        try:
            return self._open()
        except sqlite3.Error as error:
            if _code(error) not in _DAMAGED:  # locked, read-only, full
                raise self._named(error) from error
            return self._begin_anew()

    def _named(self, error: sqlite3.Error) -> ComputeError:
        """The error to raise instead. SQLite calls a full disk by several names, so the disk is asked, too."""
        if _code(error) == sqlite3.SQLITE_FULL or shutil.disk_usage(self._path.parent).free < _NO_ROOM:
            return StoreFull()
        log.error("the table of runs does not answer: %s", error)
        return BackendUnavailable()

    def _open(self) -> sqlite3.Connection:
        connection = _connect(self._path)
        try:
            write_ahead(connection, _BUSY_SECONDS)
            # In WAL mode NORMAL survives a kill of this process at any moment; only a power cut may
            # lose the last rows, and never damages the table.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_SCHEMA)
            if "seal" not in {row[1] for row in connection.execute("PRAGMA table_info(runs)")}:
                _add_seals(connection)
            if (found := connection.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
                raise _damage(found)
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _begin_anew(self) -> sqlite3.Connection:
        """Set the damaged file aside, and begin a new one with the rows that can be read."""
        rescued = _readable(self._path)
        log.error("the table of runs is damaged: set aside, and begun anew with %d rows", len(rescued))
        try:
            self._path.replace(self._path.with_name(self._path.name + ".damaged"))
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            connection = self._open()
            connection.executemany(_INSERT, [{**asdict(row), "seal": row.seal} for row in rescued])
            return connection
        except sqlite3.Error as error:
            raise self._named(error) from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.text_factory = lambda text: text.decode(
        errors="replace"
    )  # damaged text: its seal does not fit
    return connection


def _add_seals(connection: sqlite3.Connection) -> None:
    """To a table that an earlier version has written."""
    connection.execute("ALTER TABLE runs ADD COLUMN seal INTEGER")
    rows = [
        RunRecord(*row) for row in connection.execute(f"SELECT {_COLUMNS.removesuffix(', seal')} FROM runs")
    ]
    connection.executemany("UPDATE runs SET seal = ? WHERE key = ?", [(row.seal, row.key) for row in rows])


def _record(row: tuple[Any, ...]) -> RunRecord | None:
    """The row, if it is as it was written."""
    record = RunRecord(*row[:-1])
    if row[-1] == record.seal:
        return record
    log.error("a damaged row of the table of runs is passed over: %s", record.key)
    return None


def _readable(path: Path) -> list[RunRecord]:
    """The rows of a damaged file: from its beginning up to the damage, and from its end back to it."""
    found: dict[str, RunRecord] = {}
    for order in ("ASC", "DESC"):
        connection = _connect(path)
        try:
            for row in connection.execute(f"SELECT {_COLUMNS} FROM runs NOT INDEXED ORDER BY rowid {order}"):
                if record := _record(row):
                    found.setdefault(record.key, record)
        except sqlite3.Error as error:
            log.error("the damaged table of runs could be read up to here: %s", error)
        finally:
            connection.close()
    return list(found.values())


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _damage(found: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(found)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
