"""The table of runs: damage is noticed, passed over and repaired; a full disk has one name."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from core.compute.queue.quotas import Charge
from core.compute.store import Store
from core.compute.store.runs import RunTable
from core.jobs import BackendUnavailable, StoreFull
from tests.compute.helpers import fresh, wait
from tests.compute.test_compute_store import KEYS, row

ROWS = [row(f"{n:064x}", "queued", f'{{"n":{n}}}', submitted_at=float(n)) for n in range(200)]


@pytest.fixture
def written(tmp_path) -> Path:
    """A table of 200 rows, closed."""
    path = tmp_path / "written" / "runs.sqlite3"
    path.parent.mkdir()
    table = RunTable(path)
    for record in ROWS:
        table.save(record)
    table.close()
    return path


def opened(path: Path, data: bytes) -> list:
    """The rows that a table of these bytes gives; it must take new ones."""
    path.write_bytes(data)
    table = RunTable(path)
    found = table.unfinished()
    table.save(row(KEYS[15], "done"))
    assert table.get(KEYS[15]).state == "done"
    table.close()
    return found


@pytest.mark.parametrize("seed", range(40))
def test_what_a_damaged_table_still_tells_is_true(written, tmp_path, seed):
    rng = random.Random(seed)
    data = bytearray(written.read_bytes())
    if seed % 2:
        for _ in range(rng.choice([1, 1, 3, 20])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    else:
        del data[rng.randrange(len(data)) :]
    assert set(opened(tmp_path / "runs.sqlite3", bytes(data))) <= set(ROWS)


def test_a_row_with_a_flipped_bit_is_passed_over_and_its_neighbours_are_not(written, tmp_path, caplog):
    data = written.read_bytes()
    place = data.index(b'{"n":123}') + 5
    found = opened(tmp_path / "runs.sqlite3", data[:place] + b"9" + data[place + 1 :])
    assert found == [record for record in ROWS if record.params != '{"n":123}']
    assert "passed over" in caplog.text


def test_of_a_table_with_a_broken_page_the_other_pages_rows_are_rescued(written, tmp_path):
    data = bytearray(written.read_bytes())
    page = (data.index(b'{"n":100}') // 4096) * 4096
    data[page : page + 16] = b"\xff" * 16  # its header
    found = opened(tmp_path / "runs.sqlite3", bytes(data))
    assert 150 < len(found) < 200 and (tmp_path / "runs.sqlite3.damaged").exists()


def test_damage_while_the_app_runs_is_repaired_without_a_restart(new_executor, tmp_path):
    executor = new_executor(Store(tmp_path / "store"))
    wait(executor, executor.submit(fresh(), "ada"))
    table = tmp_path / "store" / "runs.sqlite3"
    table.with_name(table.name + "-wal").write_bytes(b"")
    table.write_bytes(b"no database" * 1000)  # what another program has left there
    assert wait(executor, executor.submit(fresh(), "bob")).state == "done"


def test_a_table_of_an_earlier_version_is_taken_over(written):
    with sqlite3.connect(written) as old:
        old.executescript("ALTER TABLE runs DROP COLUMN seal; DROP TABLE charges")
    old.close()
    table = RunTable(written)
    assert table.unfinished() == ROWS
    table.add_charges([Charge("ada", 2e9, 1.5)])
    assert [charge.seconds for charge in table.charges(60)] == [1.5]
    table.close()


class Refusing:
    """A connection on which every statement fails with one of SQLite's codes."""

    def __init__(self, code: int, message: str) -> None:
        self.error = sqlite3.OperationalError(message)
        self.error.sqlite_errorcode = code

    def execute(self, *_):
        raise self.error

    executemany = execute

    def close(self):
        pass


@pytest.mark.parametrize(
    ("code", "free", "error"),
    [
        (sqlite3.SQLITE_FULL, 10**9, StoreFull),
        (sqlite3.SQLITE_IOERR, 0, StoreFull),  # how a full disk looks to the write-ahead log
        (sqlite3.SQLITE_IOERR, 10**9, BackendUnavailable),
        (sqlite3.SQLITE_READONLY, 10**9, BackendUnavailable),
    ],
)
def test_a_full_disk_and_a_disk_that_fails_are_told_apart(tmp_path, monkeypatch, code, free, error):
    table = RunTable(tmp_path / "runs.sqlite3")
    table.close()
    table._connection = Refusing(code, "disk I/O error")
    monkeypatch.setattr(table, "_open", Refusing(code, "unable to open database file").execute)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free))
    with pytest.raises(error):
        table.save(row(KEYS[0], "done"))
    with pytest.raises(error):
        table.get(KEYS[0])


def test_a_table_in_a_folder_that_cannot_be_written_to_is_said(tmp_path):
    (tmp_path / "runs.sqlite3").mkdir()  # root may write anywhere; into a folder as a file nobody may
    with pytest.raises(BackendUnavailable):
        RunTable(tmp_path / "runs.sqlite3")


def test_a_row_that_could_not_be_written_is_written_with_the_next(new_executor, tmp_path, monkeypatch):
    """The disk is full while a job is cancelled: after a restart it is not computed all the same."""
    executor = new_executor(Store(tmp_path / "store"))
    front = executor.submit(fresh(1000, seconds=0.01), "ada")
    wait(executor, front, until=lambda s: s.done >= 1)
    job = executor.submit(fresh(), "ada")
    save = executor._store.runs.save

    def full(record):
        raise StoreFull()

    monkeypatch.setattr(executor._store.runs, "save", full)
    executor.cancel(job, "ada")
    assert executor.status(job).state == "cancelled" and executor._store.runs.get(job).state == "queued"
    monkeypatch.setattr(executor._store.runs, "save", save)
    executor.cancel(front, "ada")
    wait(executor, front)
    assert executor._store.runs.get(job).state == "cancelled"
