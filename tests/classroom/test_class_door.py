"""The door of a class, without a browser: each thing that cannot be had gets one sentence, and guessing ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.classroom.rooms import Rooms
from core.classroom.words import Tries
from pages.server.classroom import entry, identity
from pages.server.classroom.identity import CODES_PER_MINUTE, SECRETS_PER_MINUTE
from tests.classroom.fresh import fresh_class

SECRET = "chalk-and-talk-42"


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The rooms behind the door; every test counts wrong tries anew."""
    monkeypatch.setenv("DIFFUSION_CLASS_SECRET", SECRET)
    monkeypatch.setenv("DIFFUSION_DATA_DIR", str(tmp_path))
    counters: dict[str, Tries] = {}  # whose minute does not pass while a slow machine draws the page
    monkeypatch.setattr(
        entry, "tries", lambda what, most: counters.setdefault(what, Tries(most, clock=lambda: 0.0))
    )
    monkeypatch.setattr(entry, "address", lambda: "10.0.0.1")  # AppTest has another one at every run
    with fresh_class():
        yield identity.rooms()


def door() -> AppTest:
    def script() -> None:
        from pages.server.classroom.entry import entry

        entry()

    return AppTest.from_function(script, default_timeout=60).run()


def join(at: AppTest, code: str, name: str) -> list[str]:
    """Types and presses Join; returns the sentences that the page then shows."""
    at.text_input[0].set_value(code)
    at.text_input[1].set_value(name)
    at.button[0].click().run()
    assert not at.exception
    return [error.value for error in at.error]


def lead(at: AppTest, name: str, secret: str, code: str = "") -> list[str]:
    for box, text in zip(at.text_input[2:], (name, secret, code), strict=True):
        box.set_value(text)
    at.button[1].click().run()
    assert not at.exception
    return [error.value for error in at.error]


def test_who_has_a_code_and_a_name_is_in(rooms: Rooms):
    code, teacher = rooms.open("Dr. Kim")
    at = door()
    assert join(at, code.lower(), " Ada ") == []
    assert rooms.whois(at.session_state[entry.TOKEN]).name == "Ada"
    assert [member.name for member in rooms.members(teacher)] == ["Ada"]


def test_what_cannot_be_had_gets_one_sentence(rooms: Rooms):
    code, teacher = rooms.open("Dr. Kim", places=1)
    at = door()
    for typed, name, sentence in (
        ("BBBBBB" if code != "BBBBBB" else "CCCCCC", "Dan", "no open room with this code"),
        ("", "Dan", "no open room with this code"),
        (code, "", "Give a name"),
        (code, "x" * 10_000, "too long"),
    ):
        shown = join(at, typed, name)
        assert len(shown) == 1
        assert sentence in shown[0]
    rooms.join(code, "Ada")
    (full,) = join(at, code, "Dan")
    assert "full: it has 1 places" in full
    assert len(rooms.members(teacher)) == 1


def test_the_instructor_opens_a_room_and_takes_it_up_again(rooms: Rooms):
    at = door()
    assert lead(at, "Dr. Kim", SECRET) == []
    first = at.session_state[entry.TOKEN]
    code = rooms.whois(first).code
    again = door()
    assert lead(again, "", SECRET, code) == []
    assert rooms.whois(again.session_state[entry.TOKEN]).leads
    assert rooms.whois(first) is None


def test_guessing_the_secret_or_a_code_ends(rooms: Rooms):
    at = door()
    for _ in range(SECRETS_PER_MINUTE):
        (wrong,) = lead(at, "Dr. Evil", "let me in, please")
        assert "not the instructor's secret" in wrong
    (enough,) = lead(at, "Dr. Evil", SECRET)  # even the right one now
    assert "too many wrong tries" in enough
    assert rooms.census().rooms == 0
    for _ in range(CODES_PER_MINUTE):
        entry.tries("code", CODES_PER_MINUTE).wrong("10.0.0.1")
    code, _ = rooms.open("Dr. Kim")
    assert "too many wrong tries" in join(at, code, "Mallory")[0]
