"""The file behind the rooms: SQLite tables for rooms, members, questions, answers and drawings (WAL)."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.classroom.words import NotKept
from core.write_ahead import write_ahead

BUSY_SECONDS = 10  # how long somebody else may hold the file
log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rooms (
    code TEXT PRIMARY KEY, instructor TEXT NOT NULL, token TEXT NOT NULL UNIQUE, places INTEGER NOT NULL,
    opened_at REAL NOT NULL, version INTEGER NOT NULL DEFAULT 1,
    leading INTEGER NOT NULL DEFAULT 0, page TEXT NOT NULL DEFAULT '', query TEXT NOT NULL DEFAULT '',
    frame INTEGER, total INTEGER
);
CREATE TABLE IF NOT EXISTS members (
    id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    name TEXT NOT NULL, folded TEXT NOT NULL, token TEXT NOT NULL UNIQUE, joined_at REAL NOT NULL,
    UNIQUE (code, folded)
);
CREATE TABLE IF NOT EXISTS questions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    subject TEXT NOT NULL, choices INTEGER NOT NULL, revealed INTEGER NOT NULL DEFAULT 0,
    put_away INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS answers (
    question INTEGER NOT NULL REFERENCES questions ON DELETE CASCADE,
    member INTEGER NOT NULL REFERENCES members ON DELETE CASCADE,
    choice INTEGER NOT NULL, PRIMARY KEY (question, member)
);
CREATE TABLE IF NOT EXISTS drawings (
    id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    member INTEGER REFERENCES members ON DELETE CASCADE,  -- NULL: the instructor's
    pixels BLOB NOT NULL, named INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS collections (
    code TEXT PRIMARY KEY REFERENCES rooms ON DELETE CASCADE, closed INTEGER NOT NULL DEFAULT 0, training TEXT
);
CREATE TABLE IF NOT EXISTS trained (
    code TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE, job TEXT NOT NULL, blob TEXT NOT NULL, PRIMARY KEY (code, job)
);
-- What lies in the store outlives its room by a moment: the server erases what this table names.
CREATE TABLE IF NOT EXISTS to_erase (job TEXT NOT NULL, blob TEXT NOT NULL, PRIMARY KEY (job, blob));
CREATE TRIGGER IF NOT EXISTS trained_in_a_room_that_is_gone AFTER DELETE ON trained
    BEGIN INSERT OR IGNORE INTO to_erase (job, blob) VALUES (old.job, old.blob); END;
"""


class Table:
    """Thread-safe: one connection behind one lock. What `change` has done is kept wholly or not at all."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        try:
            self._connection = self._open(path)
        except sqlite3.OperationalError:  # locked, read-only, full: not damaged
            raise
        except sqlite3.DatabaseError:
            log.exception("the table of rooms is damaged; it is set aside and a new one is begun")
            path.replace(path.with_name(path.name + ".damaged"))
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._connection = self._open(path)

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        try:
            write_ahead(connection, BUSY_SECONDS)
            # NORMAL survives a kill of the process at any moment; a power cut may lose the last rows, never the table.
            connection.executescript("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;" + _SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A transaction that begins by taking the right to write, so that what it has read stays true.

        Raises NotKept when the file cannot be written; the state before it stays.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError):
                    log.exception("the table of rooms cannot be written")
                    raise NotKept() from error
                raise

    def one(self, query: str, *values: object) -> sqlite3.Row | None:
        with self._lock:
            return self._connection.execute(query, values).fetchone()

    def all(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def close(self) -> None:
        with self._lock:
            self._connection.close()
