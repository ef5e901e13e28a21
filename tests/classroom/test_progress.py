"""How far a running job is, over HTTP: new frames only, drawn as the page draws them, for the class and nobody else."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from core.classroom.rooms import Rooms
from core.compute.executor import JobStatus
from core.jobs import Done, Frame, JobNotFound, JobSpec, State
from pages.components import shelf as shelves
from pages.components.player import Film, Row
from pages.server import runtime
from pages.server.classroom import identity
from pages.server.served import views as viewing
from pages.server.served.views import LiveView, LiveViews, watch
from tests.classroom.fresh import fresh_class

JOB, TOTAL = "ab" * 32, 6


class OneJob:
    """An executor with one job, which the test moves on."""

    def __init__(self) -> None:
        self.state, self.frames = State.QUEUED, []

    def arrive(self, *indices: int) -> None:
        self.state = State.RUNNING
        for k in indices:
            self.frames.append(Frame(k, TOTAL, {"x": np.full((1, 2, 2, 1), 10 * k, np.uint8)}))

    def status(self, job_id: str) -> JobStatus:
        if job_id != JOB:
            raise JobNotFound()
        waits = self.state is State.QUEUED
        return JobStatus(
            self.state, JobSpec("sampling", {}), position=2 if waits else None, eta_seconds=7.2,
            done=len(self.frames), total=None if waits else TOTAL,
        )  # fmt: skip

    def events(self, job_id: str, after: int = 0) -> list:
        events = [*self.frames, *([Done(JOB)] if self.state is State.DONE else [])]
        return list(enumerate(events, 1))[after:]


def growing(pixels: dict[str, np.ndarray], total: int) -> Film:
    still = Row("still", "z", pixels["x"][:1])
    steps = [f"t = {k}" for k in range(len(pixels["x"]))]
    return Film(rows=[Row("x_t", "x_t", pixels["x"]), still], steps=steps, total=total)


def widening(pixels: dict[str, np.ndarray], total: int) -> Film:
    """One column more with every frame."""
    rows = [Row("x_t", "x_t", pixels["x"].swapaxes(0, 1).repeat(2, 0))]
    return Film(rows=rows, steps=["epoch 1", "epoch 5"])


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The job, in a class whose door is closed."""
    monkeypatch.setenv("DIFFUSION_CLASS_SECRET", "chalk-and-talk-42")
    monkeypatch.setenv("DIFFUSION_DATA_DIR", str(tmp_path))
    made = OneJob()
    monkeypatch.setattr(runtime, "executor", lambda: made)
    monkeypatch.setattr(viewing, "base", lambda: "/course")
    monkeypatch.setattr(shelves, "base", lambda: "/course")
    with fresh_class(shelves.shelf, viewing.views):
        yield made


@pytest.fixture
def rooms(job) -> Rooms:
    return identity.rooms()


def unpacked(data: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def test_a_waiting_job_tells_its_place_in_the_words_of_the_page(ada, job):
    address = watch(JOB, "lesson/main", growing)
    assert address.startswith(f"/course/jobs/{JOB}/progress?view=")
    answer = ada.get(address)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "state": "queued", "final": False, "done": 0, "total": None, "position": 2, "eta_seconds": 7.2, "share": 0.0,
        "words": "Waiting, place 2 in the queue · about 7 s left", "frames": 0, "film": None,
    }  # fmt: skip


def test_only_frames_that_are_new_are_sent(ada, job):
    address = watch(JOB, "lesson/main", growing)
    job.arrive(0, 1, 2)
    told = ada.get(f"{address}&after=0").json()
    assert (told["frames"], told["first"], told["done"], told["share"]) == (3, 0, 3, 0.5)
    header, pixels = unpacked(ada.get(told["film"]).content)
    assert [row["frames"] for row in header["rows"]] == [3, 1]
    assert pixels == bytes([0] * 4 + [10] * 4 + [20] * 4 + [0] * 4)

    assert ada.get(f"{address}&after=3").json()["film"] is None
    job.arrive(3, 4)
    told = ada.get(f"{address}&after=3").json()
    assert (told["frames"], told["first"]) == (5, 3)
    header, pixels = unpacked(ada.get(told["film"]).content)
    assert header["steps"] == [f"t = {k}" for k in range(5)]
    assert [[(c["first"], c["count"]) for c in row["chunks"]] for row in header["rows"]] == [[(3, 2)], []]
    assert pixels == bytes([30] * 4 + [40] * 4)

    late = ada.get(address).json()  # whoever comes later gets all
    assert (late["frames"], late["first"]) == (5, 0)


def test_a_film_that_does_not_grow_by_steps_is_sent_whole(ada, job):
    address = watch(JOB, "lesson/main", widening)
    job.arrive(0, 1)
    ada.get(address)
    job.arrive(2)
    told = ada.get(f"{address}&after=2").json()
    assert (told["frames"], told["first"]) == (3, 0)
    header, pixels = unpacked(ada.get(told["film"]).content)
    assert (header["batch"], len(pixels)) == (3, 2 * 3 * 4)


def test_frames_that_come_again_or_with_a_gap_change_nothing(ada, job):
    address = watch(JOB, "lesson/main", growing)
    job.arrive(0, 1, 0, 1, 3)  # a retried worker; the third is missing
    assert ada.get(f"{address}&after=2").json()["film"] is None
    job.arrive(2)
    told = ada.get(f"{address}&after=2").json()
    assert unpacked(ada.get(told["film"]).content)[1] == bytes([20] * 4 + [30] * 4)


@pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.CANCELLED])
def test_an_ended_job_says_so_and_no_more(ada, job, state):
    address = watch(JOB, "lesson/main", growing)
    job.arrive(0, 1)
    job.state = state
    told = ada.get(address).json()
    assert (told["state"], told["final"], told["film"]) == (state.value, True, None)


def test_a_job_or_a_view_that_is_not_known_is_a_404_with_a_sentence(ada, job):
    address = watch(JOB, "lesson/main", growing)
    view = address.split("view=")[1]
    other = watch("cd" * 32, "lesson/main", growing)  # shown, but the executor has forgotten it
    for unknown in (f"/course/jobs/{JOB}/progress?view={'0' * 64}", other,
                    f"/course/jobs/{'cd' * 32}/progress?view={view}"):  # fmt: skip
        answer = ada.get(unknown)
        assert answer.status_code == 404
        assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    "query", ["", "view=x", *(f"view=VIEW&after={n}" for n in ("-1", "x", "²", "1e3", "1234567", ""))]
)
def test_what_is_no_question_is_refused(ada, job, query):
    view = watch(JOB, "lesson/main", growing).split("view=")[1]
    answer = ada.get(f"/course/jobs/{JOB}/progress?{query.replace('VIEW', view)}")
    assert answer.status_code == 400
    assert "Ask with the id of a job" in answer.json()["error"]
    assert ada.get(f"/course/jobs/..%5c/progress?view={view}").status_code == 400


@pytest.mark.parametrize("token", [None, "", "0", "class:BCDFGH:0"])
def test_who_has_not_joined_is_refused(browser, job, token):
    answer = browser(token).get(watch(JOB, "lesson/main", growing))
    assert answer.status_code == 403
    assert "Only the class" in answer.json()["error"]


def test_views_that_nobody_asks_for_go_first_and_come_back_under_their_name():
    few = LiveViews(most=2)
    first, second = (few.put(LiveView(JOB, growing), key) for key in ("one", "two"))
    assert few.get(JOB, first) is not None
    few.put(LiveView(JOB, growing), "three")
    assert few.get(JOB, second) is None and few.get(JOB, first) is not None
    assert few.put(LiveView(JOB, growing), "two") == second
    assert few.get("cd" * 32, second) is None
