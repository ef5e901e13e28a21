"""What browsers ask the class over HTTP: the state for its members, the lead for its instructor, nothing for others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.classroom.rooms import Rooms
from pages.server.classroom import routes
from pages.server.classroom.identity import COOKIE

OURS = {"X-Classroom": "1"}
HERE = {"page": "forward-process", "query": "t=500", "frame": 3, "total": 40}


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = Rooms(tmp_path / "rooms.sqlite3")
    monkeypatch.setattr(routes, "rooms", lambda: made)
    yield made
    made.close()


@pytest.fixture
def browser(rooms: Rooms) -> Callable[..., TestClient]:
    """`browser(token)`: one that has kept a token; all ask the same server."""
    app = Starlette(routes=routes.class_routes("/course"))

    def make(token: str | None = None, scheme: str = "http") -> TestClient:
        cookies = {COOKIE: token} if token is not None else None
        return TestClient(app, base_url=f"{scheme}://lessons.example.org", cookies=cookies)

    return make


@pytest.fixture
def classroom(rooms: Rooms):
    code, teacher = rooms.open("Dr. Kim")
    return code, teacher, rooms.join(code, "Ada")


def test_a_student_hears_where_the_instructor_has_gone_and_nothing_twice(browser, classroom):
    code, teacher, ada = classroom
    address = f"/course/classroom/{code}"
    assert browser(teacher).post(f"{address}/lead", json=HERE, headers=OURS).status_code == 204
    answer = browser(ada).get(f"{address}/state?seen=null")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert {name: told[name] for name in HERE} == HERE
    assert (told["leading"], told["instructor"]) == (True, "Dr. Kim")
    assert browser(ada).get(f"{address}/state?seen={told['version']}").status_code == 204
    browser(teacher).post(f"{address}/lead", json={"leading": False}, headers=OURS)
    assert browser(ada).get(f"{address}/state?seen={told['version']}").json()["leading"] is False


def test_the_instructor_hears_of_students_and_answers_and_a_student_does_not(browser, rooms, classroom):
    code, teacher, ada = classroom
    address = f"/course/classroom/{code}/state"
    question = rooms.ask(teacher, "forward_process", 3)
    student = browser(ada).get(address).json()
    assert "present" not in student
    before = browser(teacher).get(address).json()
    assert before["present"] == 1
    rooms.answer(ada, question.id, 1)
    assert browser(teacher).get(address).json()["question_shown"] != before["question_shown"]
    assert browser(ada).get(address).json()["question_shown"] == student["question_shown"]
    rooms.reveal(teacher)
    assert browser(ada).get(address).json()["question_shown"] != student["question_shown"]


@pytest.mark.parametrize("who", ["ada", "teacher"])
@pytest.mark.parametrize("call", ["state", "tally", "present"])
def test_who_is_removed_in_the_middle_of_a_request_is_refused(
    browser, rooms, classroom, monkeypatch, who, call
):
    """The room's table is looked into several times for one answer; others may act in between."""
    code, teacher, ada = classroom
    token = {"ada": ada, "teacher": teacher}[who]
    rooms.ask(teacher, "forward_process", 3)
    real = getattr(rooms, call)

    def removed_first(*arguments):
        if who == "ada":
            rooms.leave(ada)
        elif rooms.whois(teacher):
            rooms.close_room(teacher)
        return real(*arguments)

    monkeypatch.setattr(rooms, call, removed_first)
    answers = [browser(token).get(f"/course/classroom/{code}/state").status_code for _ in range(2)]
    asked = who == "teacher" or call == "state"  # a student is told neither answers nor how many are there
    assert answers == ([403, 403] if asked else [200, 200])


def test_a_token_is_kept_where_scripts_and_other_sites_cannot_use_it(browser, classroom):
    _, _, ada = classroom
    kept = browser(scheme="https").post("/course/classroom/session", json={"token": ada}, headers=OURS)
    assert kept.status_code == 204
    cookie = kept.headers["set-cookie"].lower()
    assert ada.lower() in cookie
    assert all(word in cookie for word in ("httponly", "samesite=lax", "secure", "path=/"))
    plain = browser().post("/course/classroom/session", json={"token": ada}, headers=OURS)
    assert "secure" not in plain.headers["set-cookie"].lower()  # a laptop without TLS would not get it back
    gone = browser(ada).delete("/course/classroom/session", headers=OURS)
    assert "max-age=0" in gone.headers["set-cookie"].lower()


@pytest.mark.parametrize("forged", [None, "", "0", "class:BCDFGH:0", "' OR 1=1 --", "x" * 5000])
def test_a_forged_identity_is_refused(browser, classroom, forged):
    code, *_ = classroom
    somebody = browser(forged)
    assert somebody.get(f"/course/classroom/{code}/state").status_code == 403
    assert somebody.post(f"/course/classroom/{code}/lead", json=HERE, headers=OURS).status_code == 403
    kept = somebody.post("/course/classroom/session", json={"token": forged}, headers=OURS)
    assert kept.status_code == 403
    assert "set-cookie" not in kept.headers


def test_another_room_and_the_instructors_part_are_refused(browser, rooms, classroom):
    code, _, ada = classroom
    other, lee = rooms.open("Dr. Lee")
    bob = rooms.join(other, "Bob")
    for token, room in [(bob, code), (lee, code), (ada, other)]:
        answer = browser(token).get(f"/course/classroom/{room}/state")
        assert answer.status_code == 403
        assert "not your room" in answer.json()["error"]
        assert (
            browser(token).post(f"/course/classroom/{room}/lead", json=HERE, headers=OURS).status_code == 403
        )
    answer = browser(ada).post(f"/course/classroom/{code}/lead", json=HERE, headers=OURS)
    assert answer.status_code == 403
    assert "Only the instructor" in answer.json()["error"]
    assert not rooms.state(ada).leading


def test_another_site_cannot_speak_for_a_browser(browser, rooms, classroom):
    code, teacher, ada = classroom
    address = f"/course/classroom/{code}"
    foreign = {"Sec-Fetch-Site": "cross-site", **OURS}
    assert browser(teacher).post(f"{address}/lead", json=HERE).status_code == 403
    assert browser(teacher).post(f"{address}/lead", json=HERE, headers=foreign).status_code == 403
    assert browser(ada).get(f"{address}/state", headers=foreign).status_code == 403
    assert browser().post("/course/classroom/session", json={"token": ada}).status_code == 403
    assert not rooms.state(ada).leading


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 9_000, b'{"page": 3, "query": ""}', b'{"page": "x"}',
     b'{"page": "x", "query": "", "frame": -1}', b'{"page": "x", "query": "", "frame": true}',
     b'{"page": "x", "query": "", "frame": 1e300}', b'{"page": "x", "query": "' + b"y" * 20_000 + b'"}'],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_changes_nothing(browser, rooms, classroom, body):
    code, teacher, _ = classroom
    before = rooms.state(teacher)
    answer = browser(teacher).post(f"/course/classroom/{code}/lead", content=body, headers=OURS)
    assert answer.status_code == 400
    assert rooms.state(teacher) == before


@pytest.mark.parametrize("code", ["nope", "%00", "BCDFGH'--", "B" * 3000])
def test_what_is_no_room_is_refused(browser, classroom, code):
    assert browser(classroom[2]).get(f"/course/classroom/{code}/state").status_code in (403, 404)
