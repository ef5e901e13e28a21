"""What one owner and one job may have: computing time, kept trainings, memory, time; and the end of a server."""

from __future__ import annotations

import os
import subprocess
import time

import numpy as np
import pytest

from core.compute.queue.quotas import Charge, DeviceTime, Limits, in_words
from core.compute.store import Store
from core.compute.workers.watch import Watch, private_bytes
from core.jobs import JobSpec, QueueFull, QuotaExceeded
from tests.compute.helpers import fresh, names, wait
from tests.compute.test_compute_store import KEYS, picture, row
from tests.compute.test_executor_queue import walk, walked

# ---- computing time ------------------------------------------------------------------------------------


def charged(now: float, *ages_and_seconds: tuple[float, float], **limits) -> DeviceTime:
    charges = [Charge("ada", now - age, seconds) for age, seconds in ages_and_seconds]
    return DeviceTime(Limits(**limits), charges)


@pytest.mark.parametrize(
    ("running", "retry"),
    [(0.0, 3600 - 3000), (4.0, 3600 - 2000), (30.0, 3600)],  # the oldest has to go; the oldest two; all of it
)
def test_who_has_used_the_window_up_is_told_when_enough_has_left_it(running, retry):
    books = charged(time.time(), (9000, 50), (3000, 5), (2000, 6), (10, 4), device_seconds=12)
    with pytest.raises(QuotaExceeded, match="12 s of computing") as refused:
        books.require("ada", running)
    assert refused.value.retry_after_seconds == pytest.approx(retry, abs=1)
    books.require("bob", running=11.0)


def test_old_computing_time_and_little_of_it_do_not_count():
    charged(time.time(), (3601, 50), (20, 5), device_seconds=12).require("ada", running=6.9)
    charged(time.time(), (20, 500)).require("ada")  # no limit


def test_those_who_wait_for_the_same_job_share_its_time():
    books = DeviceTime(Limits(device_seconds=10))
    assert [(c.owner, c.seconds) for c in books.charge({"bob", "ada"}, 16.0)] == [("ada", 8.0), ("bob", 8.0)]
    books.require("ada", running=1.9)
    with pytest.raises(QuotaExceeded):
        books.require("ada", running=2.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (1.2, "2 s"), (90, "90 s"), (91, "2 min"), (600, "10 min"), (5400, "90 min"), (5401, "2 h")],
)
def test_a_time_in_words_is_never_too_short(seconds, words):
    assert in_words(seconds) == words


def test_computing_time_is_measured_counts_across_a_restart_and_leaves_the_others_alone(
    new_executor, tmp_path
):
    limits = Limits(device_seconds=0.2)
    executor = new_executor(limits=limits)
    shown = fresh(3)
    jobs = [
        executor.submit(spec, "ada") for spec in (shown, fresh(30, seconds=0.01))
    ]  # accepted, so computed
    assert {wait(executor, job).state for job in jobs} == {"done"}
    executor.close()
    again = new_executor(Store(tmp_path / "store"), limits=limits)
    for one in (executor, again):
        charges = one._store.runs.charges(3600)
        assert {charge.owner for charge in charges} == {"ada"} and sum(c.seconds for c in charges) >= 0.3
    with pytest.raises(QuotaExceeded, match="try again in") as refused:
        again.submit(fresh(), "ada")
    assert 3500 < refused.value.retry_after_seconds <= 3600
    assert again.submit(shown, "ada") == jobs[0]  # to look at what is stored is free
    assert wait(again, again.submit(fresh(), "bob")).state == "done"


def test_a_running_job_counts_before_it_has_ended(new_executor):
    executor = new_executor(limits=Limits(device_seconds=0.1))
    job = executor.submit(fresh(1000, seconds=0.01), "ada")
    wait(executor, job, until=lambda s: s.done >= 15)
    with pytest.raises(QuotaExceeded):
        executor.submit(fresh(), "ada")
    executor.cancel(job, "ada")


def test_a_cancelled_job_is_paid_for_by_who_cancelled_it(new_executor):
    executor = new_executor()
    job = executor.submit(fresh(1000, seconds=0.01), "ada")
    wait(executor, job, until=lambda s: s.done >= 10)
    executor.cancel(job, "ada")
    wait(executor, job)
    (charge,) = executor._store.runs.charges(60)
    assert charge.owner == "ada" and charge.seconds >= 0.1


def test_too_many_waiting_says_when_the_next_of_them_is_served(new_executor):
    executor = new_executor(limits=Limits(waiting=2), max_queue=4)
    wait(executor, executor.submit(fresh(10, seconds=0.03), "eve"))  # what a job of this kind takes
    front = executor.submit(fresh(1000, seconds=0.02), "eve")
    wait(executor, front, until=lambda s: s.done >= 20)
    executor.submit(fresh(), "bob")
    for _ in range(2):
        executor.submit(fresh(), "ada")
    left = executor.status(front).eta_seconds
    with pytest.raises(QuotaExceeded, match="2 computations waiting") as refused:
        executor.submit(fresh(), "ada")
    assert refused.value.retry_after_seconds == pytest.approx(left + 0.3, rel=0.3)  # eve's, then bob's
    executor.submit(fresh(), "bob")
    with pytest.raises(QueueFull) as full:
        executor.submit(fresh(), "kim")
    assert full.value.retry_after_seconds == pytest.approx(left, rel=0.3)
    executor.cancel(front, "eve")


# ---- kept trainings --------------------------------------------------------------------------------------


def test_of_each_owner_the_newest_trainings_are_kept(new_executor):
    executor = new_executor(limits=Limits(kept={"trains": 2}))
    store = executor._store

    def train(seed: int, *owners: str) -> str:
        spec = walk(seed, steps=3)
        for owner in owners:
            job = executor.submit(spec, owner)
        wait(executor, job)
        return job

    sampling = executor.submit(fresh(), "ada")
    shared, first, second = train(1, "ada", "bob"), train(2, "ada"), train(3, "ada")
    bobs = train(4, "bob")
    wait(executor, executor.submit(fresh(), "eve"))  # what the last job leaves behind is tidied up after it
    assert all(
        store.has_result(job) for job in (sampling, shared, first, second, bobs)
    )  # shared: bob's second
    paused = executor.submit(walk(5, steps=10_000), "ada")
    wait(executor, paused, until=lambda s: s.done >= 3)
    executor.cancel(paused, "ada")
    wait(executor, paused)
    wait(executor, executor.submit(fresh(), "eve"))
    assert not store.has_result(first) and store.runs.get(first) is None
    assert store.checkpoint_step(paused) >= 3 and store.has_result(second) and store.has_result(shared)
    third = train(6, "ada")
    wait(executor, executor.submit(fresh(), "eve"))
    assert store.has_result(third) and not store.has_result(second) and store.checkpoint_step(paused) >= 3
    assert wait(executor, executor.submit(walk(2, steps=3), "ada")).state == "done"  # it can be had again


def test_a_training_that_a_waiting_job_uses_is_kept(tmp_path):
    store = Store(tmp_path)
    for age, key in enumerate(KEYS[:3]):
        store.put_result(key, picture(age))
        store.runs.save(row(key, "done", submitted_at=float(age), kind="trains"))
    store.runs.save(row(KEYS[9], "queued", f'{{"network":"{KEYS[0]}"}}'))
    assert store.keep_newest("trains", 1) == [KEYS[1]]
    assert store.has_result(KEYS[0]) and store.has_result(KEYS[2])
    store.close()


# ---- memory ----------------------------------------------------------------------------------------------

MB = 1_000_000


def test_a_job_that_takes_too_much_memory_fails_with_a_sentence_and_the_next_is_served(new_executor):
    executor = new_executor(max_memory_bytes=300 * MB)
    hungry = executor.submit(JobSpec("takes_memory", {"mb": 2000}), "ada")
    behind = executor.submit(JobSpec("takes_memory", {"mb": 100}), "bob")
    status = wait(executor, hungry)
    assert (status.state, status.error_name) == (
        "failed",
        "OutOfMemory",
    ) and "fewer pictures" in status.message
    assert names(executor, hungry).count("Started") == 1
    assert wait(executor, behind).state == "done"


def test_memory_that_earlier_jobs_left_behind_is_not_held_against_a_job(new_executor):
    executor = new_executor(max_memory_bytes=300 * MB)
    wait(executor, executor.submit(JobSpec("takes_memory", {"mb": 200, "keep": True}), "ada"))
    pid = executor.worker_pid
    job = executor.submit(JobSpec("takes_memory", {"mb": 201}), "bob")
    assert wait(executor, job).state == "done" and executor.worker_pid != pid
    assert names(executor, job).count("Started") == 2


def test_more_memory_than_any_machine_has_is_out_of_memory_too(new_executor):
    executor = new_executor()
    for kind in ("takes_memory", "takes_torch_memory"):
        status = wait(executor, executor.submit(JobSpec(kind, {"mb": 400_000_000}), "ada"), seconds=60)
        assert status.error_name == "OutOfMemory"
    assert wait(executor, executor.submit(fresh(), "ada")).state == "done"


def test_private_memory_is_what_this_process_has_written_to():
    before = private_bytes(os.getpid())
    reserved = np.empty(200 * MB, np.uint8)
    assert private_bytes(os.getpid()) < before + 50 * MB  # reserved, not taken
    reserved[:] = 1
    assert private_bytes(os.getpid()) > before + 150 * MB
    assert private_bytes(2**22 + 1) is None  # above the largest process id


# ---- time ------------------------------------------------------------------------------------------------


def test_the_deadline_begins_anew_at_a_checkpoint(new_executor):
    executor = new_executor(deadline_seconds=1.0)
    job = executor.submit(walk(9, steps=200), "ada")  # two seconds and more in all
    assert wait(executor, job).state == "done"
    assert np.array_equal(executor.result(job)["weights"], walked(9, steps=200))


def test_a_watch_that_has_ended_asks_for_nothing():
    told = []
    watch = Watch(0.01, 0.0, None, ask=lambda: told.append("ask"), insist=told.append)
    watch.begin(lambda: None)
    watch.renew()
    deadline = time.monotonic() + 60
    while len(told) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(told) == ["ask", "time"]  # without grace both ring at once, in either order
    watch.end()
    told.clear()
    watch.renew()
    time.sleep(0.1)  # ten times as long as the first alarm would take
    assert told == []


def test_a_worker_that_never_gets_ready_is_given_up(new_executor, monkeypatch):
    monkeypatch.setattr("core.compute.workers.watch.START_SECONDS", 0.2)
    monkeypatch.setattr("core.compute.workers.process.WorkerProcess._spawn", _spawn_a_mute)
    executor = new_executor(deadline_seconds=60)
    assert wait(executor, executor.submit(fresh(), "ada")).error_name == "BackendUnavailable"


def _spawn_a_mute(self):
    """A process that takes orders and never says that it is ready."""
    self._ready, self._jobs = False, 0
    self._process = subprocess.Popen(["/bin/sleep", "60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


# ---- the end of a server ---------------------------------------------------------------------------------


def test_a_server_that_drains_lets_a_job_end_and_keeps_what_waits(new_executor, tmp_path):
    executor = new_executor(drain_seconds=20)
    job, waiting = executor.submit(fresh(60, seconds=0.01), "ada"), executor.submit(fresh(), "bob")
    wait(executor, job, until=lambda s: s.done >= 1)
    executor.close()
    assert executor.status(job).state == "done"
    again = new_executor(Store(tmp_path / "store"))
    assert again.resume() == [waiting] and again.status(job).state == "done"
    assert wait(again, waiting).state == "done"


def test_a_server_that_drains_stops_a_training_at_its_next_checkpoint(new_executor, tmp_path):
    executor = new_executor(drain_seconds=20)
    job = executor.submit(walk(10, steps=5000), "ada")
    wait(executor, job, until=lambda s: s.done >= 5)
    executor.close()
    done = executor.status(job).done
    assert done < 5000 and executor._store.checkpoint_step(job) >= done - 1
    again = new_executor(Store(tmp_path / "store"))
    assert again.resume() == [job] and again.status(job).state == "queued"
    again.cancel(job, "ada")
