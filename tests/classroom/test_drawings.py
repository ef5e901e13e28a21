"""What a class draws: whose it is, who may see a name, when it is closed, and that it goes with the room."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from core.classroom.drawings import BYTES, MOST_EACH, CollectionClosed, LeftBehind, NoSuchDrawing
from core.classroom.rooms import KEPT_SECONDS, Rooms
from core.classroom.words import ClassroomError, NotInstructor, NotYourRoom
from tests.classroom.conftest import Clock

JOB, BLOB = "a" * 64, "b" * 64


@pytest.fixture
def rooms(tmp_path: Path, clock: Clock):
    made = Rooms(tmp_path / "rooms.sqlite3", clock=clock)
    yield made
    made.close()


@pytest.fixture
def people(rooms: Rooms) -> tuple[str, str, str]:
    """The tokens of an instructor and two students."""
    code, teacher = rooms.open("Dr. Kim")
    return teacher, rooms.join(code, "Ada"), rooms.join(code, "Bob")


def figure(k: int) -> bytes:
    return bytes([k]) * BYTES


def test_drawings_are_seen_by_all_and_named_only_for_those_who_want_it(rooms, people):
    teacher, ada, bob = people
    rooms.drawings.add(ada, figure(1), named=False)
    rooms.drawings.add(bob, figure(2), named=True)
    rooms.drawings.add(teacher, figure(3), named=True)
    for token, mine in (
        (teacher, (False, False, True)),
        (ada, (True, False, False)),
        (bob, (False, True, False)),
    ):
        found = rooms.drawings.all(token)
        assert [one.pixels for one in found] == [figure(1), figure(2), figure(3)]
        assert [one.name for one in found] == [None, "Bob", "Dr. Kim"]
        assert tuple(one.mine for one in found) == mine
    stands = rooms.drawings.stands(ada)
    assert (stands.closed, stands.training, stands.drawings, stands.people) == (False, None, 3, 3)


def test_one_takes_back_what_is_one_s_own_and_the_instructor_anything(rooms, people):
    teacher, ada, bob = people
    for k in range(3):
        rooms.drawings.add(ada, figure(k), named=False)
    first, second, _ = (one.id for one in rooms.drawings.all(ada))
    with pytest.raises(NoSuchDrawing):
        rooms.drawings.take_back(bob, first)
    rooms.drawings.take_back(ada, first)
    with pytest.raises(NoSuchDrawing):
        rooms.drawings.take_back(ada, first)
    rooms.drawings.take_back(teacher, second)
    assert [one.pixels for one in rooms.drawings.all(bob)] == [figure(2)]


def test_a_closed_collection_takes_nothing_until_it_is_open_again(rooms, people):
    teacher, ada, _ = people
    rooms.drawings.add(ada, figure(1), named=False)
    for token in (ada, "nobody's"):
        with pytest.raises((NotInstructor, NotYourRoom)):
            rooms.drawings.close(token, "{}", JOB, BLOB)
    rooms.drawings.close(teacher, '{"steps":5}', JOB, BLOB)
    assert rooms.drawings.stands(ada).closed and rooms.drawings.stands(ada).training == '{"steps":5}'
    with pytest.raises(CollectionClosed):
        rooms.drawings.add(ada, figure(2), named=False)
    with pytest.raises(CollectionClosed):
        rooms.drawings.take_back(ada, rooms.drawings.all(ada)[0].id)
    with pytest.raises(NotInstructor):
        rooms.drawings.open_again(ada)
    rooms.drawings.open_again(teacher)
    rooms.drawings.add(ada, figure(2), named=False)
    assert rooms.drawings.stands(teacher).training == '{"steps":5}', (
        "what was trained stays until the next closing"
    )
    assert rooms.drawings.stands(teacher).drawings == 2


def test_another_room_sees_and_touches_nothing(rooms, people):
    _, ada, _ = people
    rooms.drawings.add(ada, figure(1), named=True)
    [one] = rooms.drawings.all(ada)
    _, stranger = rooms.open("Dr. Lee")
    assert rooms.drawings.all(stranger) == [] and rooms.drawings.stands(stranger).drawings == 0
    with pytest.raises(NoSuchDrawing):
        rooms.drawings.take_back(stranger, one.id)
    with pytest.raises(NotYourRoom):
        rooms.drawings.all("nobody's")


def test_what_is_no_drawing_and_one_too_many_get_a_sentence(rooms, people):
    _, ada, bob = people
    with pytest.raises(ClassroomError, match="28 × 28"):
        rooms.drawings.add(ada, b"\0" * (BYTES - 1), named=False)
    for k in range(MOST_EACH):
        rooms.drawings.add(ada, figure(k), named=False)
    with pytest.raises(ClassroomError, match="take one back"):
        rooms.drawings.add(ada, figure(99), named=False)
    rooms.drawings.add(bob, figure(99), named=False)
    assert rooms.drawings.stands(ada).drawings == MOST_EACH + 1


def test_drawings_go_with_whoever_leaves_and_with_the_room(rooms, people, tmp_path):
    teacher, ada, bob = people
    for token in people:
        rooms.drawings.add(token, figure(7), named=False)
    rooms.leave(ada)
    assert rooms.drawings.stands(bob).drawings == 2
    rooms.drawings.close(teacher, "{}", JOB, BLOB)
    assert rooms.drawings.left_behind() == []
    rooms.close_room(teacher)
    with sqlite3.connect(tmp_path / "rooms.sqlite3") as file:
        for table in ("drawings", "collections", "trained"):
            assert file.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert rooms.drawings.left_behind() == [LeftBehind(JOB, BLOB)], (
        "what lies in the store is still to be erased"
    )
    rooms.drawings.erased(LeftBehind(JOB, BLOB))
    assert rooms.drawings.left_behind() == []


def test_rooms_that_nobody_closed_leave_what_they_trained_to_be_erased(rooms, people, clock):
    rooms.drawings.close(people[0], "{}", JOB, BLOB)
    clock.now += KEPT_SECONDS + 1
    rooms.open("Dr. Lee")
    assert rooms.drawings.left_behind() == [LeftBehind(JOB, BLOB)]


def test_a_file_from_before_there_were_drawings_goes_on(tmp_path):
    path = tmp_path / "old.sqlite3"
    made = Rooms(path)
    code, teacher = made.open("Dr. Kim")
    made.close()
    with sqlite3.connect(path) as file:
        for table in ("trained", "to_erase", "collections", "drawings"):
            file.execute(f"DROP TABLE {table}")
    made = Rooms(path)
    made.drawings.add(made.join(code, "Ada"), figure(1), named=False)
    assert made.drawings.stands(teacher).drawings == 1
    made.close()
