"""Rooms: codes, names and places; following; a question to the class; and whatever is not one's own, refused."""

from __future__ import annotations

import json
import logging
import sys
import threading
from pathlib import Path

import pytest

from core.classroom.logs import JsonLines
from core.classroom.rooms import PRESENT_SECONDS, Census, Rooms
from core.classroom.words import (
    LETTERS,
    BadAnswer,
    BadName,
    BadSecret,
    ClassroomError,
    NoSuchRoom,
    NotInstructor,
    NotYourRoom,
    RoomFull,
    TooManyTries,
    Tries,
    new_code,
    read_code,
    read_name,
    require_secret,
)
from tests.classroom.conftest import Clock


@pytest.fixture
def rooms(tmp_path: Path, clock: Clock):
    made = Rooms(tmp_path / "rooms.sqlite3", clock=clock)
    yield made
    made.close()


# ---- codes and names ---------------------------------------------------------------------------------------


def test_codes_are_of_letters_that_are_not_mistaken_for_each_other():
    assert not set(LETTERS) & set("AEIOUYL01258")
    codes = {new_code() for _ in range(500)}
    assert len(codes) > 495  # of 19 ** 6: that two of 500 are alike happens once in 400 times
    assert all(len(code) == 6 and set(code) <= set(LETTERS) for code in codes)


@pytest.mark.parametrize("typed", ["BCDFGH", " bcd fgh ", "bcd-fgh", "b c d f g h"])
def test_a_code_is_read_as_people_type_it(typed):
    assert read_code(typed) == "BCDFGH"


@pytest.mark.parametrize("typed", ["", "BCDFG", "BCDFGHJ", "BCDFG0", "ABCDEF", "B" * 10_000, "ßCDFGH"])
def test_what_is_no_code_is_refused(typed):
    with pytest.raises(NoSuchRoom, match="no open room with this code"):
        read_code(typed)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  Ada   Lovelace\n", "Ada Lovelace"),
        ("Zoë", "Zoë"),
        ("李 小龙", "李 小龙"),
        ("\u202eevil\u202c Bob\x00", "evil Bob"),  # marks that turn the text of a list around
        ("\ud800Kim", "Kim"),
    ],
)
def test_a_name_is_fit_to_be_shown(typed, name):
    assert read_name(typed) == name


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("", "Give a name"), (" \t\n", "Give a name"), ("\u200b", "Give a name"), ("---", "Give a name"),
     ("x" * 41, "at most 40 characters"), ("x" * 10_000, "at most 40 characters"),
     ("ﷺ" * 300, "at most 40 characters")],
)  # fmt: skip
def test_what_is_no_name_gets_a_sentence(typed, sentence):
    with pytest.raises(BadName, match=sentence):
        read_name(typed)


def test_a_secret_is_the_right_one_or_refused():
    require_secret("correct horse", "correct horse")
    for given, wanted in [("", "correct horse"), ("correct horsf", "correct horse"), ("", "")]:
        with pytest.raises(BadSecret):
            require_secret(given, wanted)


def test_guessing_ends_after_some_wrong_tries_and_only_for_the_guesser(clock):
    tries = Tries(3, 60.0, clock)
    for _ in range(3):
        tries.check("10.0.0.1")
        tries.wrong("10.0.0.1")
    with pytest.raises(TooManyTries):
        tries.check("10.0.0.1")
    tries.check("10.0.0.2")
    clock.now += 61
    tries.check("10.0.0.1")


# ---- coming and going --------------------------------------------------------------------------------------


def test_who_has_joined_is_known_by_a_token(rooms):
    code, teacher = rooms.open("Dr. Kim")
    ada = rooms.join(code.lower(), "Ada")
    person = rooms.whois(ada)
    assert (person.code, person.name, person.leads) == (code, "Ada", False)
    assert rooms.whois(teacher).leads
    assert rooms.whois(teacher).name == "Dr. Kim"
    assert [member.name for member in rooms.members(teacher)] == ["Ada"]
    assert rooms.whois("nonsense") is None


def test_the_same_name_twice_and_one_too_many_are_refused(rooms):
    code, _ = rooms.open("Dr. Kim", places=2)
    rooms.join(code, "Ada")
    with pytest.raises(BadName, match="has this name already"):
        rooms.join(code, "  ADA ")
    bob = rooms.join(code, "Bob")
    with pytest.raises(RoomFull, match="full: it has 2 places"):
        rooms.join(code, "Cid")
    rooms.leave(bob)
    rooms.join(code, "Cid")


def test_only_so_many_join_when_all_come_at_once(rooms):
    code, teacher = rooms.open("Dr. Kim", places=10)
    outcomes: list[type] = []

    def join(k: int) -> None:
        try:
            rooms.join(code, f"Student {k}")
            outcomes.append(str)
        except RoomFull:
            outcomes.append(RoomFull)

    threads = [threading.Thread(target=join, args=(k,)) for k in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(str) == len(rooms.members(teacher)) == 10
    assert outcomes.count(RoomFull) == 30


def test_a_closed_room_is_gone_for_everybody(rooms):
    code, teacher = rooms.open("Dr. Kim")
    ada = rooms.join(code, "Ada")
    rooms.close_room(teacher)
    assert rooms.whois(ada) is None
    assert rooms.whois(teacher) is None
    with pytest.raises(NoSuchRoom):
        rooms.join(code, "Bob")
    with pytest.raises(NotYourRoom):
        rooms.state(ada)


def test_who_is_removed_is_out_and_the_name_is_free(rooms):
    code, teacher = rooms.open("Dr. Kim")
    ada = rooms.join(code, "Ada")
    rooms.remove(teacher, rooms.whois(ada).member)
    assert rooms.whois(ada) is None
    assert rooms.whois(rooms.join(code, "Ada")).name == "Ada"


def test_taking_over_makes_the_old_token_void(rooms):
    code, old = rooms.open("Dr. Kim")
    new = rooms.take_over(code)
    assert rooms.whois(old) is None
    assert rooms.whois(new).leads
    with pytest.raises(NoSuchRoom):
        rooms.take_over("BBBBBB" if code != "BBBBBB" else "CCCCCC")


def test_a_room_survives_its_server(tmp_path, clock):
    first = Rooms(tmp_path / "rooms.sqlite3", clock=clock)
    code, teacher = first.open("Dr. Kim")
    ada = first.join(code, "Ada")
    first.lead(teacher, "forward-process", "t=500", frame=3, total=40)
    question = first.ask(teacher, "forward_process", 3)
    first.answer(ada, question.id, 2)
    before = first.state(ada)
    # not closed: this is what a kill leaves behind
    second = Rooms(tmp_path / "rooms.sqlite3", clock=clock)
    assert second.state(ada) == before
    assert second.tally(teacher, question.id) == [0, 0, 1]
    assert second.whois(teacher).leads
    second.close()
    first.close()


def test_tokens_are_not_in_the_file(tmp_path, clock):
    rooms = Rooms(tmp_path / "rooms.sqlite3", clock=clock)
    code, teacher = rooms.open("Dr. Kim")
    ada = rooms.join(code, "Ada")
    rooms.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Ada" in kept
    assert teacher.encode() not in kept
    assert ada.encode() not in kept


def test_rooms_that_nobody_closed_go_after_a_month(rooms, clock):
    _, old = rooms.open("Dr. Kim")
    clock.now += 31 * 86400
    rooms.open("Dr. Lee")
    assert rooms.whois(old) is None
    assert rooms.census().rooms == 1


# ---- leading and following ---------------------------------------------------------------------------------


def test_the_class_is_where_its_instructor_is(rooms):
    code, teacher = rooms.open("Dr. Kim")
    ada = rooms.join(code, "Ada")
    start = rooms.state(ada)
    assert (start.leading, start.instructor) == (False, "Dr. Kim")
    rooms.lead(teacher, "forward-process", "t=500", frame=3, total=40)
    led = rooms.state(ada)
    assert (led.leading, led.page, led.query, led.frame, led.total) == (
        True, "forward-process", "t=500", 3, 40,
    )  # fmt: skip
    assert led.version > start.version
    rooms.stop_leading(teacher)
    assert not rooms.state(ada).leading
    assert rooms.state(ada).version > led.version


def test_what_is_too_long_to_be_an_address_is_refused(rooms):
    _, teacher = rooms.open("Dr. Kim")
    for page, query in [("x" * 101, ""), ("", "x" * 4001)]:
        with pytest.raises(ClassroomError, match="too long"):
            rooms.lead(teacher, page, query)


def test_who_asks_is_there_and_who_stops_asking_is_not(rooms, clock):
    code, teacher = rooms.open("Dr. Kim")
    other_code, other = rooms.open("Dr. Lee")
    tokens = [rooms.join(code, name) for name in ("Ada", "Bob")]
    rooms.state(rooms.join(other_code, "Cid"))
    assert rooms.present(teacher) == 0
    for token in [teacher, *tokens]:
        rooms.state(token)
    assert rooms.present(teacher) == 2
    assert rooms.present(other) == 1
    assert rooms.census() == Census(rooms=2, members=3, present=3)
    clock.now += PRESENT_SECONDS - 1
    rooms.state(tokens[0])
    clock.now += 2
    assert rooms.present(teacher) == 1


# ---- asking the class --------------------------------------------------------------------------------------


def test_answers_are_counted_and_shown_to_students_only_when_revealed(rooms):
    code, teacher = rooms.open("Dr. Kim")
    students = [rooms.join(code, f"Student {k}") for k in range(5)]
    question = rooms.ask(teacher, "forward_process", 3)
    assert rooms.state(students[0]).question == question
    for token, choice in zip(students, (0, 1, 1, 2, 0), strict=True):
        rooms.answer(token, question.id, choice)
    rooms.answer(students[4], question.id, 1)  # thought again
    assert rooms.tally(teacher, question.id) == [1, 3, 1]
    assert rooms.my_answer(students[4], question.id) == 1
    with pytest.raises(BadAnswer, match="when the instructor reveals"):
        rooms.tally(students[0], question.id)
    rooms.reveal(teacher)
    assert rooms.state(students[0]).question.revealed
    assert rooms.tally(students[0], question.id) == [1, 3, 1]
    with pytest.raises(BadAnswer, match="too late"):
        rooms.answer(students[0], question.id, 2)
    rooms.put_away(teacher)
    assert rooms.state(students[0]).question is None


def test_a_new_question_takes_the_place_of_the_old_one(rooms):
    code, teacher = rooms.open("Dr. Kim")
    ada = rooms.join(code, "Ada")
    old = rooms.ask(teacher, "forward_process", 3)
    new = rooms.ask(teacher, "integrating", 3)
    assert rooms.state(ada).question == new
    with pytest.raises(BadAnswer, match="too late"):
        rooms.answer(ada, old.id, 0)


@pytest.mark.parametrize("choice", [-1, 3, 10**6])
def test_an_answer_that_does_not_exist_is_refused(rooms, choice):
    code, teacher = rooms.open("Dr. Kim")
    ada = rooms.join(code, "Ada")
    question = rooms.ask(teacher, "forward_process", 3)
    with pytest.raises(BadAnswer, match="no such answer"):
        rooms.answer(ada, question.id, choice)


# ---- what is not one's own ---------------------------------------------------------------------------------


def test_a_student_can_do_nothing_that_is_the_instructors(rooms):
    code, teacher = rooms.open("Dr. Kim")
    ada, bob = rooms.join(code, "Ada"), rooms.join(code, "Bob")
    rooms.ask(teacher, "forward_process", 3)
    before = rooms.state(teacher)
    for act in (
        lambda: rooms.lead(ada, "", ""),
        lambda: rooms.stop_leading(ada),
        lambda: rooms.ask(ada, "forward_process", 3),
        lambda: rooms.reveal(ada),
        lambda: rooms.put_away(ada),
        lambda: rooms.members(ada),
        lambda: rooms.remove(ada, rooms.whois(bob).member),
        lambda: rooms.close_room(ada),
    ):
        with pytest.raises(NotInstructor):
            act()
    assert rooms.state(teacher) == before
    assert rooms.whois(bob) is not None


def test_another_room_is_out_of_reach(rooms):
    code_a, teacher_a = rooms.open("Dr. Kim")
    code_b, teacher_b = rooms.open("Dr. Lee")
    ada, bob = rooms.join(code_a, "Ada"), rooms.join(code_b, "Bob")
    question_b = rooms.ask(teacher_b, "forward_process", 3)
    assert rooms.state(ada).question is None
    with pytest.raises(BadAnswer):
        rooms.answer(ada, question_b.id, 0)
    with pytest.raises(BadAnswer):
        rooms.tally(teacher_a, question_b.id)
    rooms.remove(teacher_a, rooms.whois(bob).member)  # a member of B: nothing happens
    assert rooms.whois(bob) is not None
    rooms.close_room(teacher_a)
    assert rooms.whois(teacher_b) is not None


@pytest.mark.parametrize("forge", ["", "0", "class:BCDFGH:0", "' OR 1=1 --", "\ud800", "x" * 100_000])
def test_a_forged_token_is_nobodys(rooms, forge):
    rooms.open("Dr. Kim")
    assert rooms.whois(forge) is None
    for act in (rooms.state, rooms.present, rooms.leave, rooms.members, rooms.reveal, rooms.close_room):
        with pytest.raises(NotYourRoom):
            act(forge)


def test_every_person_is_another_owner(rooms):
    code, teacher = rooms.open("Dr. Kim")
    other, _ = rooms.open("Dr. Lee")
    tokens = [teacher, rooms.join(code, "Ada"), rooms.join(code, "Bob"), rooms.join(other, "Ada")]
    assert len({rooms.whois(token).owner for token in tokens}) == 4


def test_the_log_tells_what_happens_and_nobodys_name(rooms, caplog):
    caplog.set_level("INFO")
    code, teacher = rooms.open("Dr. Kim")
    ada = rooms.join(code, "Ada Lovelace")
    rooms.answer(ada, rooms.ask(teacher, "forward_process", 3).id, 2)
    rooms.close_room(teacher)
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    assert [line["event"] for line in lines] == [
        "a room was opened", "a student has joined", "the class is asked", "a room was closed",
    ]  # fmt: skip
    assert all(line["room"] == code and line["level"] == "info" for line in lines)
    text = json.dumps(lines)
    assert "Ada" not in text
    assert "Kim" not in text
    assert ada not in text


def test_a_line_of_the_log_is_one_line_whatever_is_logged():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("core.x", logging.ERROR, "", 0, "a\nb %s", ("c",), sys.exc_info())
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["event"] == "a\nb c"
    assert "ValueError" in json.loads(line)["traceback"]
