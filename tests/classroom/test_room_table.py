"""The file behind the rooms, when the disk is full or the file is damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from core.classroom.rooms import Rooms
from core.classroom.words import NotKept


def test_a_full_disk_gets_a_sentence_and_what_was_kept_stays(tmp_path: Path):
    rooms = Rooms(tmp_path / "rooms.sqlite3")
    code, teacher = rooms.open("Dr. Kim", places=1000)
    rooms.lead(teacher, "forward-process", "t=500")
    (pages,) = rooms._table.one("PRAGMA page_count")
    rooms._table.one(f"PRAGMA max_page_count = {pages}")  # SQLite then says what it says of a full disk
    joined = 0
    with pytest.raises(NotKept, match="its disk may be full"):
        for joined in range(1000):
            rooms.join(code, f"Student {joined}")
    assert len(rooms.members(teacher)) == joined
    assert rooms.state(teacher).query == "t=500"
    rooms._table.one("PRAGMA max_page_count = 100000")
    rooms.join(code, "One more")
    rooms.close()


@pytest.mark.parametrize("damage", [b"", b"not a table of anything" * 400])
def test_a_damaged_file_is_set_aside_and_the_server_starts(tmp_path: Path, damage: bytes):
    path = tmp_path / "rooms.sqlite3"
    path.write_bytes(damage)
    rooms = Rooms(path)
    code, _ = rooms.open("Dr. Kim")
    assert rooms.whois(rooms.join(code, "Ada")).name == "Ada"
    rooms.close()
    if damage:
        assert path.with_name("rooms.sqlite3.damaged").read_bytes() == damage


def test_a_change_that_fails_halfway_leaves_nothing(tmp_path: Path):
    rooms = Rooms(tmp_path / "rooms.sqlite3")
    code, _ = rooms.open("Dr. Kim")
    with pytest.raises(sqlite3.IntegrityError), rooms._table.change() as table:
        table.execute("UPDATE rooms SET page = 'x'")
        table.execute(
            "INSERT INTO rooms (code, instructor, token, places, opened_at) VALUES (?, '', '', 1, 0)", (code,)
        )
    assert rooms._table.one("SELECT page FROM rooms")["page"] == ""
    rooms.close()
