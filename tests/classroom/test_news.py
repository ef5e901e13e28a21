"""Whether jobs have got on, over HTTP: states are told at once, progress some times a second in all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.classroom.rooms import Rooms
from core.compute.executor import JobStatus
from core.jobs import JobNotFound, JobSpec, State
from pages.server import runtime
from pages.server.classroom import identity
from pages.server.classroom.identity import COOKIE
from pages.server.served import news
from pages.server.served.news import MOST_JOBS, PER_SECOND, Ration, standing
from pages.server.served.routes import served_routes
from tests.classroom.fresh import fresh_class

ONE, OTHER, UNKNOWN = "ab" * 32, "cd" * 32, "ef" * 32
NOTHING = f"{'0' * 16}-{'0' * 16}"


class Jobs:
    """An executor with jobs that the test moves on: id -> (state, done)."""

    def __init__(self) -> None:
        self.now: dict[str, tuple[State, int]] = {ONE: (State.QUEUED, 0), OTHER: (State.RUNNING, 3)}

    def status(self, job_id: str) -> JobStatus:
        if job_id not in self.now:
            raise JobNotFound()
        state, done = self.now[job_id]
        waits = state is State.QUEUED
        return JobStatus(
            state, JobSpec("train", {}), position=2 if waits else None, eta_seconds=None, done=done, total=9
        )


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The jobs, in a class whose door is closed."""
    monkeypatch.setenv("DIFFUSION_CLASS_SECRET", "chalk-and-talk-42")
    monkeypatch.setenv("DIFFUSION_DATA_DIR", str(tmp_path))
    made, time = Jobs(), [0.0]
    made.wait = lambda seconds: time.__setitem__(0, time[0] + seconds)
    rationed = Ration(PER_SECOND, lambda: time[0])
    monkeypatch.setattr(runtime, "executor", lambda: made)
    monkeypatch.setattr(news, "ration", lambda: rationed)
    with fresh_class():
        yield made


@pytest.fixture
def ask(jobs) -> Callable[..., tuple[str, bool]]:
    """What Ada's browser is told: the word that it should know, and whether all is over."""
    rooms: Rooms = identity.rooms()
    code, _ = rooms.open("Dr. Kim")
    app = Starlette(routes=served_routes("/course"))
    ada = TestClient(app, base_url="http://lessons.example.org", cookies={COOKIE: rooms.join(code, "Ada")})

    def answered(seen: str = NOTHING, *ids: str) -> tuple[str, bool]:
        answer = ada.get("/course/news", params={"job": ids or (ONE, OTHER), "seen": seen})
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        told = answer.json()
        return told["word"], told["over"]

    answered.browser = ada
    answered.stranger = TestClient(app, base_url="http://lessons.example.org")
    return answered


def test_what_a_page_has_drawn_is_no_news(ask, jobs):
    seen, over = standing(jobs, (ONE, OTHER))
    assert not over
    assert ask(seen) == (seen, False)


def test_a_job_that_begins_or_ends_is_told_at_once_to_everybody(ask, jobs):
    for state in (State.RUNNING, State.DONE):
        seen, _ = standing(jobs, (ONE, OTHER))
        jobs.now[ONE] = (state, 0)
        told = {ask(seen) for _ in range(60)}
        assert told == {(standing(jobs, (ONE, OTHER))[0], False)}
        assert seen not in dict(told)


def test_progress_is_told_five_times_a_second_in_all(ask, jobs):
    seen, _ = standing(jobs, (ONE, OTHER))
    jobs.now[OTHER] = (State.RUNNING, 4)
    now, _ = standing(jobs, (ONE, OTHER))
    assert [ask(seen)[0] for _ in range(60)] == 5 * [now] + 55 * [seen]
    jobs.wait(0.6)  # three more
    assert [ask(seen)[0] for _ in range(60)] == 3 * [now] + 57 * [seen]
    jobs.wait(3600)  # but no store of them
    assert [ask(seen)[0] for _ in range(60)] == 5 * [now] + 55 * [seen]


def test_when_all_have_ended_that_is_told_whatever_a_page_knows(ask, jobs):
    jobs.now = {ONE: (State.DONE, 9), OTHER: (State.CANCELLED, 4)}
    seen, over = standing(jobs, (ONE, OTHER))
    assert over
    assert ask(seen) == (seen, True)
    assert ask(NOTHING, UNKNOWN)[1], "a job that is not there does not get on either"


@pytest.mark.parametrize(
    "query",
    [
        f"seen={NOTHING}", f"job={ONE}", f"job={ONE}&seen=1", f"job=../../etc&seen={NOTHING}",
        f"job={ONE}&job=%00&seen={NOTHING}", "&".join([f"seen={NOTHING}", *[f"job={ONE}"] * (MOST_JOBS + 1)]),
    ],
)  # fmt: skip
def test_other_questions_get_a_sentence(ask, query):
    answer = ask.browser.get(f"/course/news?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Ask with the ids of 1 to 16 jobs")


def test_strangers_are_told_nothing(ask):
    answer = ask.stranger.get("/course/news", params={"job": ONE, "seen": NOTHING})
    assert answer.status_code == 403
    assert answer.json() == {"error": "Only the class sees this: join it with its code."}
