"""SQLite's write-ahead log, switched on where another process may be doing so at the same moment."""

from __future__ import annotations

import sqlite3
import time

AGAIN = 0.01  # seconds: SQLite gives no other way to wait for this


def write_ahead(connection: sqlite3.Connection, within: float) -> None:
    """Switches a table to WAL, which fails at once, whatever the connection's timeout, while another one does so too.

    Raises:
        sqlite3.OperationalError: it is locked for longer than `within` seconds, or cannot be written.
    """
    last = time.monotonic() + within
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > last:
                raise
        time.sleep(AGAIN)
