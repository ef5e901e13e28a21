"""What every executor promises: events, results, errors, owners, and exactly one end for each job."""

from __future__ import annotations

import random
import threading
import time

import numpy as np
import pytest

from core.jobs import (
    TERMINAL,
    Cancelled,
    Done,
    Failed,
    Frame,
    InvalidSpec,
    JobNotFound,
    JobSpec,
    NoResult,
    NotOwner,
    Queued,
    Started,
)
from tests.compute.helpers import fresh, names, wait


def test_a_job_tells_its_course_and_keeps_its_result(executor):
    spec = fresh(4)
    job = executor.submit(spec, "ada")
    assert wait(executor, job).state == "done"
    events = executor.events(job)
    assert [seq for seq, _ in events] == list(range(1, 8))
    assert isinstance(events[0][1], Queued) and isinstance(events[1][1], Started)
    frames = [event for _, event in events if isinstance(event, Frame)]
    assert [frame.index for frame in frames] == [0, 1, 2, 3] and {frame.total for frame in frames} == {4}
    assert np.array_equal(frames[2].arrays["x"], np.full((2, 4, 4, 3), 2, np.uint8))
    assert events[-1][1] == Done(job)
    assert executor.result(job)["x"].tolist() == [0, 1, 2, 3]
    assert executor.events(job, after=6) == [(7, Done(job))] and executor.events(job, after=7) == []
    status = executor.status(job)
    assert (status.done, status.total, status.spec, status.last_seq) == (4, 4, spec, 7)


def test_the_same_question_is_one_job_and_is_answered_at_once_the_second_time(executor):
    spec = fresh()
    job = executor.submit(spec, "ada")
    assert executor.submit(spec, "bob") == job
    wait(executor, job)
    pid = executor.result(job).meta["pid"]
    assert executor.submit(JobSpec("count", dict(reversed(spec.params.items()))), "eve") == job
    assert executor.status(job).state == "done" and executor.result(job).meta["pid"] == pid


def test_a_jobs_own_complaint_reaches_the_user_word_for_word(executor):
    job = executor.submit(fresh(0), "ada")
    wait(executor, job)
    assert executor.events(job)[-1][1] == Failed("BadCount", "Choose a count of at least 1.")
    with pytest.raises(NoResult, match="Choose a count of at least 1"):
        executor.result(job)


@pytest.mark.parametrize(
    ("how", "error_name"), [("index", "IndexError"), ("plain", "ValueError"), ("memory", "OutOfMemory")]
)
def test_an_unexpected_error_goes_to_the_log_and_not_to_the_user(executor, caplog, how, error_name):
    job = executor.submit(JobSpec("fails", {"how": how}), "ada")
    status = wait(executor, job)
    assert (status.state, status.error_name) == ("failed", error_name)
    assert "secret" not in status.message and "secret detail" in caplog.text


def test_a_job_that_returns_nothing_fails(executor):
    job = executor.submit(JobSpec("returns_nothing", {}), "ada")
    assert wait(executor, job).error_name == "TypeError"


def test_a_failed_job_can_be_asked_for_again_and_its_numbers_go_on(executor):
    spec = fresh(0)
    job = executor.submit(spec, "ada")
    last = wait(executor, job).last_seq
    assert executor.submit(spec, "ada") == job
    wait(executor, job, until=lambda s: s.state.final and s.last_seq > last)
    assert [type(e) for _, e in executor.events(job, after=last)] == [Queued, Started, Failed]


def test_cancel_takes_effect_before_the_next_step(executor):
    job = executor.submit(fresh(1000, seconds=0.02), "ada")
    wait(executor, job, until=lambda s: s.done >= 2)
    executor.cancel(job, "ada")
    seen = executor.status(job).done
    assert wait(executor, job).state == "cancelled"
    assert executor.status(job).done <= seen + 2
    assert names(executor, job)[-1] == "Cancelled"
    executor.cancel(job, "ada")  # a second time does nothing
    with pytest.raises(NoResult):
        executor.result(job)


def test_what_is_kept_of_a_job_is_erased_once_it_has_ended_and_it_can_be_asked_for_again(executor):
    spec = fresh(200, seconds=0.02)
    job = executor.submit(spec, "ada")
    wait(executor, job, until=lambda s: s.done >= 2)
    assert not executor.erase(job), "it runs"
    executor.cancel(job, "ada")
    wait(executor, job)
    assert executor.erase(job)
    assert executor.kept(job) is None
    short = fresh()
    job = executor.submit(short, "ada")
    wait(executor, job)
    assert executor.erase(job)
    with pytest.raises(JobNotFound):
        executor.result(job)
    assert executor.submit(short, "bob") == job
    assert wait(executor, job).state == "done" and executor.result(job)["x"].tolist() == [0, 1, 2]
    assert executor.erase("0" * 64), "of what nobody has asked for there is nothing"


def test_cancel_detaches_one_owner_and_stops_only_when_the_last_has_gone(executor):
    spec = fresh(1000, seconds=0.01)
    job = executor.submit(spec, "ada")
    executor.submit(spec, "bob")
    wait(executor, job, until=lambda s: s.done >= 1)
    with pytest.raises(NotOwner):
        executor.cancel(job, "eve")
    executor.cancel(job, "ada")
    executor.cancel(job, "ada")
    seen = executor.status(job).done
    wait(executor, job, until=lambda s: s.done > seen + 5)
    executor.cancel(job, "bob")
    assert wait(executor, job).state == "cancelled"


def test_a_waiting_job_is_cancelled_at_once(executor):
    front = executor.submit(fresh(1000, seconds=0.01), "ada")
    wait(executor, front, until=lambda s: s.state == "running")
    waiting = executor.submit(fresh(), "ada")
    assert executor.status(waiting).position == 1
    executor.cancel(waiting, "ada")
    assert names(executor, waiting) == ["Queued", "Cancelled"]
    executor.cancel(front, "ada")
    wait(executor, front)


def test_asking_again_while_it_is_being_stopped_has_it_computed(executor):
    spec = JobSpec("one_long_step", {"seconds": 0.3})
    job = executor.submit(spec, "ada")
    wait(executor, job, until=lambda s: s.done == 1)
    executor.cancel(job, "ada")
    assert executor.submit(spec, "ada") == job
    assert wait(executor, job).state == "done"
    assert sum(isinstance(event, TERMINAL) for _, event in executor.events(job)) == 1


@pytest.mark.parametrize("bad", ["", "x", "../../etc/passwd", "A" * 64, "0" * 63 + "g", "0" * 64, None])
def test_ids_that_are_none_are_not_found(executor, bad):
    for ask in (executor.status, executor.result, executor.events, lambda job: executor.cancel(job, "ada")):
        with pytest.raises(JobNotFound):
            ask(bad)


def test_specifications_that_cannot_be_computed_are_refused(executor):
    with pytest.raises(InvalidSpec, match="not a computation"):
        executor.submit(JobSpec("unknown", {}), "ada")
    for owner in ("", "x" * 201, None):
        with pytest.raises(InvalidSpec, match="owner"):
            executor.submit(fresh(), owner)


def test_what_a_job_prints_does_not_garble_the_messages(new_executor, capfd):
    executor = new_executor()
    assert wait(executor, executor.submit(JobSpec("prints", {}), "ada")).state == "done"
    assert "hello from a job\nraw bytes\n" in capfd.readouterr().err


def test_jobs_find_uploads_by_their_hash_and_share_a_cache(executor):
    blob = executor.store.blobs.put(b"picture")
    job = executor.submit(JobSpec("reads_blob", {"blob": blob}), "ada")
    wait(executor, job)
    assert executor.result(job)["x"].tobytes() == b"picture"
    for n in (1, 2):
        job = executor.submit(JobSpec("counts_calls", {"n": n}), "ada")
        assert wait(executor, job).state == "done" and executor.result(job).meta["calls"] == n


@pytest.mark.parametrize(("at", "state"), [("result", "failed"), ("checkpoint", "done")])
def test_a_full_disk_fails_a_result_with_a_sentence_and_a_checkpoint_not_at_all(executor, at, state):
    job = executor.submit(JobSpec("disk_is_full", {"at": at}), "ada")
    status = wait(executor, job)
    assert status.state == state
    if state == "failed":
        assert status.error_name == "StoreFull" and "Free some space" in status.message
        assert not executor.store.has_result(job)


def test_a_hundred_random_cancels_from_many_threads_end_every_job_exactly_once(executor):
    """None hangs, none ends twice, and only what was cancelled is Cancelled."""
    rng = random.Random(0)
    jobs, cancelled = [], set()

    def student(owner, pauses):
        for pause in pauses:
            job = executor.submit(fresh(4, seconds=0.002), owner)
            jobs.append(job)
            time.sleep(pause)
            if pause > 0.005:
                cancelled.add(job)
                executor.cancel(job, owner)

    plans = [[rng.uniform(0, 0.03) for _ in range(15)] for _ in range(8)]
    students = [threading.Thread(target=student, args=(f"s{n}", plan)) for n, plan in enumerate(plans)]
    for thread in students:
        thread.start()
    for thread in students:
        thread.join()
    assert len(cancelled) >= 90
    for job in jobs:
        state = wait(executor, job).state
    for job in jobs:
        state = executor.status(job).state
        assert state == "done" or (state == "cancelled" and job in cancelled)
        ends = [event for _, event in executor.events(job) if isinstance(event, TERMINAL)]
        assert ends == [Done(job)] if state == "done" else ends == [Cancelled()]
        assert executor.store.has_result(job) == (state == "done")
    assert wait(executor, executor.submit(fresh(), "ada")).state == "done"  # the device is free


def test_reading_is_quick_while_a_job_runs(executor):
    job = executor.submit(fresh(400, seconds=0.001), "ada")
    wait(executor, job, until=lambda s: s.done > 1)
    begun = time.thread_time()  # of this thread alone: what others do meanwhile does not count
    for _ in range(200):
        executor.status(job), executor.events(job, after=300), executor.capacity()
    taken = time.thread_time() - begun
    executor.cancel(job, "ada")
    assert taken < 200 * 0.01  # typically 0.1 ms a time
