"""The write-ahead log of the tables of runs and of rooms, switched on by eight at the same moment."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core.classroom.table import Table
from core.compute.store.runs import RunTable
from core.jobs import BackendUnavailable


@pytest.mark.parametrize(
    "begin",
    [lambda path: RunTable(path).unfinished(), lambda path: Table(path).close()],
    ids=["runs", "rooms"],
)
def test_eight_may_begin_one_table_at_the_same_moment(
    tmp_path: Path, begin: Callable[[Path], object]
) -> None:
    """Before they waited for the switch to WAL, one in twenty of these rounds broke off with "database is locked"."""
    failures = []

    def one(path: Path, together: threading.Barrier) -> None:
        together.wait()
        try:
            begin(path)
        except (BackendUnavailable, sqlite3.OperationalError) as error:
            failures.append(error)

    for number in range(40):
        together, path = threading.Barrier(8), tmp_path / str(number) / "table.sqlite3"
        path.parent.mkdir()
        threads = [threading.Thread(target=one, args=(path, together)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
