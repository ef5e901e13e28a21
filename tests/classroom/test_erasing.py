"""What was trained on a class's drawings goes with the room: from the store, and also where it could not go at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st

from core.classroom.rooms import Rooms
from core.compute.executor import JobStatus
from core.compute.store import Store
from core.handwriting import packed
from core.jobs import Checkpoint, JobId, JobNotFound, JobSpec, NotOwner, State
from core.trajectory import Trajectory
from pages.server import erasing, runtime

JOB = "c" * 64
OTHER = "d" * 64


class Runs:
    """An executor that knows one run, which somebody may stop."""

    def __init__(self, state: State, owner: str) -> None:
        self.state, self.owner = state, owner

    def status(self, job: JobId) -> JobStatus:
        if job != JOB:
            raise JobNotFound()
        return JobStatus(self.state, JobSpec("handwriting", {}))

    def discard(self, job: JobId, owner: str) -> None:
        if owner != self.owner:
            raise NotOwner()
        self.state = State.CANCELLED

    def erase(self, job: JobId) -> bool:
        if job == JOB and not self.state.final:
            return False
        runtime.store().erase(job)
        return True


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Rooms, Store, str, str]]:
    """A room whose collection was closed, the store with what was trained, the instructor's token, the drawings' name."""
    st.cache_resource.clear()
    rooms, store = Rooms(tmp_path / "rooms.sqlite3"), Store(tmp_path)
    _, teacher = rooms.open("Dr. Kim")
    drawings = store.blobs.put(packed(np.full((5, 28, 28), 7, np.uint8)))
    for job in (JOB, OTHER):
        store.put_result(job, Trajectory({"more": np.zeros(3)}))
        store.put_checkpoint(job, Checkpoint(1, "step-1", {"seen/samples": np.zeros(3)}))
    rooms.drawings.close(teacher, "{}", JOB, drawings)
    monkeypatch.setattr(erasing, "rooms", lambda: rooms)
    monkeypatch.setattr(runtime, "store", lambda: store)
    yield rooms, store, teacher, drawings
    rooms.close()
    store.close()
    st.cache_resource.clear()


def there(store: Store, job: str) -> bool:
    return store.has_result(job) or store.get_checkpoint(job) is not None


def test_a_closed_room_takes_its_training_along_and_no_other(place, monkeypatch):
    rooms, store, teacher, drawings = place
    monkeypatch.setattr(runtime, "executor", lambda: Runs(State.DONE, "teacher"))
    erasing.erase_left_behind("teacher")
    assert there(store, JOB), "the room is still open"
    rooms.close_room(teacher)
    erasing.erase_left_behind("teacher")
    assert not there(store, JOB) and store.blobs.get(drawings) is None
    assert store.has_result(OTHER) and store.get_checkpoint(OTHER) is not None
    assert rooms.drawings.left_behind() == []


def test_a_training_that_runs_is_stopped_by_whoever_closes_the_room(place, monkeypatch):
    rooms, store, teacher, _ = place
    runs = Runs(State.RUNNING, "teacher")
    monkeypatch.setattr(runtime, "executor", lambda: runs)
    rooms.close_room(teacher)
    erasing.erase_left_behind("teacher")
    assert runs.state is State.CANCELLED and not there(store, JOB)


def test_what_somebody_else_still_waits_for_is_erased_once_it_has_ended(place, monkeypatch):
    rooms, store, teacher, drawings = place
    runs = Runs(State.RUNNING, "a student")
    monkeypatch.setattr(runtime, "executor", lambda: runs)
    rooms.close_room(teacher)
    erasing.erase_left_behind("teacher")
    assert there(store, JOB) and rooms.drawings.left_behind() != []
    runs.state = State.DONE
    erasing.erase_left_behind()  # as when a server starts
    assert not there(store, JOB) and store.blobs.get(drawings) is None and rooms.drawings.left_behind() == []


def test_a_disk_that_will_not_is_asked_again(place, monkeypatch):
    rooms, store, teacher, _ = place
    monkeypatch.setattr(runtime, "executor", lambda: Runs(State.DONE, "teacher"))
    rooms.close_room(teacher)
    with monkeypatch.context() as broken:

        def refuse(key: str) -> None:
            raise PermissionError("read-only")

        broken.setattr(store, "erase", refuse)
        erasing.erase_left_behind()
    assert rooms.drawings.left_behind() != []
    erasing.erase_left_behind()
    assert not there(store, JOB) and rooms.drawings.left_behind() == []
