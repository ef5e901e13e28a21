"""Who an identity token speaks of, who may come in, who leads; and what a room makes of people who have logged in."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.classroom.accounts import BadLogin, NotAdmitted, leads, read_account, require_admission
from core.classroom.rooms import Rooms
from core.classroom.words import LeadsAlready, RoomFull
from pages.server import runtime

CLIENT = "lessons"
CLAIMS = {
    "iss": "https://login.example.org", "sub": "ada-1", "aud": CLIENT, "name": "Ada Lovelace",
    "email": "Ada@School.example.org", "email_verified": True,
}  # fmt: skip


def account(**changes: object):
    return read_account(CLAIMS | changes, CLIENT)


def test_issuer_and_subject_are_the_person_and_nothing_else_is():
    ada = account()
    assert account(name="A. L.", email="new@school.example.org").owner == ada.owner
    others = [
        account(sub="ada-2"),
        account(iss="https://other.example.org"),
        account(iss="https://login.example.or", sub="gada-1"),
    ]
    assert len({ada.owner, *(other.owner for other in others)}) == 4
    assert "ada" not in ada.owner
    assert len(ada.owner) == len("login:") + 32


def test_a_rooms_token_cannot_be_made_without_the_servers_key():
    tokens = {
        account().room_token("key one"),
        account().room_token("key two"),
        account(sub="x").room_token("key one"),
    }
    assert len(tokens) == 3
    assert account().room_token("key one") == account(name="A. L.").room_token("key one")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"aud": "another-app"}, "another app"),
        ({"aud": ["another-app"]}, "another app"),
        ({"aud": None}, "another app"),
        ({"sub": ""}, "does not say who you are"),
        ({"sub": 17}, "does not say who you are"),
        ({"iss": None}, "does not say who you are"),
    ],
)
def test_a_token_that_is_not_for_us_or_names_nobody_is_refused(changes, sentence):
    with pytest.raises(BadLogin, match=sentence):
        account(**changes)
    with pytest.raises(BadLogin, match="another app"):
        read_account(CLAIMS, "")


@pytest.mark.parametrize("verified", [False, None, "false", 1.5, "yes"])
def test_an_address_that_is_not_verified_counts_for_nothing(verified):
    somebody = account(email_verified=verified)
    assert somebody.email == ""
    assert not leads(somebody, ["ada@school.example.org", ""])
    with pytest.raises(NotAdmitted):
        require_admission(somebody, ["school.example.org"], [])


def test_who_leads_is_named_by_address_or_sub():
    assert account().email == "ada@school.example.org"
    assert leads(account(), ["ada@school.example.org"])
    assert leads(account(email_verified=False), ["ada-1"])
    assert not leads(account(), ["kim@school.example.org", "ada", ""])
    assert not leads(account(sub="kim@school.example.org"), ["kim@school.example.org"])  # a sub is no address


def test_domains_let_in_their_own_and_instructors():
    require_admission(account(), [], [])
    require_admission(account(), ["other.example.org", "school.example.org"], [])
    require_admission(account(), ["other.example.org"], ["ada-1"])
    for address in (
        "ada@evil-school.example.org",
        "ada@school.example.org.example.com",
        "school.example.org",
        "",
    ):
        with pytest.raises(NotAdmitted):
            require_admission(account(email=address), ["school.example.org"], [])


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "Ada Lovelace"),
        ({"name": " Ada\u202e\n Lovelace "}, "Ada Lovelace"),
        ({"name": "", "preferred_username": "ada"}, "ada"),
        ({"name": None}, "Ada@School.example.org"),
        ({"name": "x" * 10_000}, "x" * 40),
    ],
)
def test_the_name_is_one_that_can_be_shown(changes, name):
    assert account(**changes).name == name


def test_who_has_no_name_is_told_apart():
    assert account(name="", email="").name != account(name="", email="", sub="ada-2").name


def test_limits_are_per_person_who_has_logged_in(monkeypatch):
    monkeypatch.setattr(runtime, "account", account)
    assert runtime.owner() == account().owner


@pytest.fixture
def rooms(tmp_path: Path):
    made = Rooms(tmp_path / "rooms.sqlite3")
    yield made
    made.close()


def test_a_person_is_in_one_room_once(rooms: Rooms):
    kim, lee, ada = "token of kim", "token of lee", "token of ada"
    first, _ = rooms.open("Dr. Kim", token=kim)
    second, _ = rooms.open("Dr. Lee", token=lee)
    assert {room.name for room in rooms.instructors()} == {"Dr. Kim", "Dr. Lee"}
    rooms.enter(first, "Ada", ada)
    question = rooms.ask(kim, "forward_process", 3)
    rooms.answer(ada, question.id, 1)
    rooms.enter(first, "Ada", ada)  # from a second tab
    assert rooms.my_answer(ada, question.id) == 1
    rooms.enter(second, "Ada", ada)
    assert rooms.whois(ada).code == second
    assert rooms.members(kim) == []


def test_people_of_the_same_name_get_numbers(rooms: Rooms):
    code, teacher = rooms.open("Dr. Kim")
    for k in range(3):
        rooms.enter(code, "Ada" if k else "ADA", f"token {k}")
    rooms.enter(code, "x" * 40, "token 3")
    rooms.enter(code, "x" * 40, "token 4")
    assert [member.name for member in rooms.members(teacher)] == [
        "ADA",
        "Ada 2",
        "Ada 3",
        "x" * 40,
        "x" * 35 + " 2",
    ]


def test_who_leads_a_room_cannot_be_elsewhere(rooms: Rooms):
    rooms.open("Dr. Kim", token="kim")
    other, _ = rooms.open("Dr. Lee", token="lee")
    for act in (
        lambda: rooms.open("Dr. Kim", token="kim"), lambda: rooms.enter(other, "Kim", "kim"),
        lambda: rooms.take_over(other, "kim"),
    ):  # fmt: skip
        with pytest.raises(LeadsAlready):
            act()
    rooms.close_room("kim")
    rooms.enter(other, "Kim", "kim")
    rooms.take_over(other, "kim")
    assert rooms.whois("kim").leads
    assert rooms.whois("lee") is None


def test_a_full_room_leaves_a_person_where_they_were(rooms: Rooms):
    code, _ = rooms.open("Dr. Kim")
    full, _ = rooms.open("Dr. Lee", places=1)
    rooms.enter(full, "Bob", "bob")
    rooms.enter(code, "Ada", "ada")
    with pytest.raises(RoomFull):
        rooms.enter(full, "Ada", "ada")
    assert rooms.whois("ada").code == code
