"""Several workers at one queue: they take turns, and what is promised of one holds for all together."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest

from core.compute.dispatch import QueueExecutor
from core.compute.queue.estimates import Durations
from core.compute.queue.ledger import Ledger
from core.compute.store import Store
from core.compute.workers.process import WorkerProcess
from core.jobs import BackendUnavailable
from core.trajectory import Trajectory
from tests.compute.helpers import ENVIRONMENT, REGISTRY, fresh, names, wait
from tests.compute.test_executor_queue import walk, walked


@pytest.fixture
def pair(tmp_path):
    """An executor with two worker processes."""
    store = Store(tmp_path)
    workers = [WorkerProcess(store.path, "cpu") for _ in range(2)]
    executor = QueueExecutor(store, REGISTRY, workers, environment=ENVIRONMENT, turn_seconds=0.0)
    yield executor
    executor.close()
    store.close()


def test_two_jobs_run_at_the_same_time_and_a_third_waits(pair):
    jobs = [pair.submit(fresh(1000, seconds=0.01), owner) for owner in ("ada", "bob", "eve")]
    for job in jobs[:2]:
        wait(pair, job, until=lambda s: s.done >= 2)
    capacity = pair.capacity()
    assert (capacity.workers, capacity.running, capacity.waiting) == (2, 2, 1)
    assert pair.status(jobs[2]).position == 1
    pair.cancel(jobs[1], "bob")  # the right one of the two stops
    assert wait(pair, jobs[1]).state == "cancelled" and pair.status(jobs[0]).state == "running"
    wait(pair, jobs[2], until=lambda s: s.done >= 2)
    pids = {worker.pid for worker in pair._workers}
    for job, owner in ((jobs[0], "ada"), (jobs[2], "eve")):
        pair.cancel(job, owner)
        assert wait(pair, job).state == "cancelled"
    assert len(pids) == 2


def test_a_killed_worker_is_no_matter_of_the_other_ones_job(pair):
    jobs = [pair.submit(fresh(60, seconds=0.01), owner) for owner in ("ada", "bob")]
    for job in jobs:
        wait(pair, job, until=lambda s: s.done >= 2)
    os.kill(pair.worker_pid, signal.SIGKILL)
    assert {wait(pair, job).state for job in jobs} == {"done"}
    assert sorted(names(pair, job).count("Started") for job in jobs) == [1, 2]


def test_trainings_that_make_way_for_each_other_wander_between_workers_and_stay_the_same(pair):
    jobs = [pair.submit(walk(seed, steps=60), "ada") for seed in range(20, 25)]
    for job, seed in zip(jobs, range(20, 25), strict=True):
        assert wait(pair, job).state == "done"
        assert np.array_equal(pair.result(job)["weights"], walked(seed, steps=60))


def test_closing_stops_all_and_all_go_on_later(pair, tmp_path):
    jobs = [pair.submit(walk(seed, steps=200), "ada") for seed in (30, 31)]
    for job in jobs:
        wait(pair, job, until=lambda s: s.done >= 2)
    pair.close()
    assert {pair.status(job).state for job in jobs} == {"queued"}
    ledger = Ledger(Store(tmp_path), REGISTRY, ENVIRONMENT, max_queue=9, max_attempts=1)
    assert ledger.resume() == jobs


def running(seconds: float) -> SimpleNamespace:
    return SimpleNamespace(
        seconds_left=lambda usual: seconds, spec=SimpleNamespace(kind="count"), keeps_checkpoints=False
    )


@pytest.mark.parametrize(
    ("left", "ahead", "workers", "seconds"),
    [
        ([], 0, 2, 0.0),
        ([3.0, 5.0], 0, 2, 3.0),  # the first place is free when the first has ended
        ([3.0, 5.0], 1, 2, 13.0),
        ([3.0, 5.0], 2, 2, 15.0),
        ([3.0, 5.0], 3, 2, 23.0),
        ([3.0], 1, 2, 10.0),  # one worker has nothing to do
        ([3.0], 1, 1, 13.0),
        ([3.0], 1, 0, 13.0),  # its worker is lost, and nobody knows it yet
    ],
)
def test_who_waits_is_told_when_the_worker_that_is_free_first_has_done_it(left, ahead, workers, seconds):
    durations = Durations([("count", 10.0)])
    waiting = [running(0.0)] * ahead
    assert durations.forecast(map(running, left), waiting, workers) == seconds


def test_without_a_worker_new_jobs_are_refused_and_stored_results_are_answered(tmp_path):
    store, workers = Store(tmp_path), [1]
    ledger = Ledger(store, REGISTRY, ENVIRONMENT, max_queue=9, max_attempts=1, workers=lambda: workers[0])
    waiting = ledger.submit(fresh(), "ada")
    workers[0] = 0
    with pytest.raises(BackendUnavailable):
        ledger.submit(fresh(), "ada")
    stored = fresh()
    store.put_result(stored.key(ENVIRONMENT), Trajectory({"x": np.zeros(1)}))
    assert ledger.status(ledger.submit(stored, "ada")).state == "done"
    assert ledger.status(waiting).state == "queued" and ledger.capacity().workers == 0
    store.close()
