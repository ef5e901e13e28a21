"""Who is served when, by a real worker: fairness, a full queue, positions and estimates. The rules: test_machines.py."""

from __future__ import annotations

import time

import numpy as np
import pytest

from core.compute.queue.run import EventLog
from core.compute.store import Store
from core.jobs import Done, Frame, JobSpec, Metric, Queued, QueueFull
from tests.compute.helpers import fresh, wait


def started_in_order(executor, jobs) -> list[str]:
    """The jobs in the order of their starts, as the table of runs has it."""
    return sorted(jobs, key=lambda job: executor._store.runs.get(job).started_at)


def test_twenty_nine_with_one_job_are_served_before_the_third_of_one_with_fifty(new_executor):
    executor = new_executor(max_queue=100)
    greedy = [executor.submit(fresh(1, seconds=0.002), "greedy") for _ in range(50)]
    modest = [executor.submit(fresh(1, seconds=0.002), f"student {n}") for n in range(29)]
    for job in greedy + modest:
        wait(executor, job)
    order = started_in_order(executor, greedy + modest)
    third_of_greedy = [job for job in order if job in greedy][2]
    assert all(order.index(job) < order.index(third_of_greedy) for job in modest)


def test_of_a_burst_of_200_the_queue_takes_64_and_refuses_the_rest_at_once_with_a_retry_time(new_executor):
    executor = new_executor(max_queue=64)
    blocker = executor.submit(fresh(100_000, seconds=0.01), "blocker")
    wait(executor, blocker, until=lambda s: s.done >= 2)
    accepted, refused, slowest = [], [], 0.0
    for n in range(200):
        begun = time.thread_time()
        try:
            accepted.append(executor.submit(fresh(1), f"student {n}"))
        except QueueFull as full:
            slowest = max(slowest, time.thread_time() - begun)
            refused.append(full)
    assert (len(accepted), len(refused)) == (64, 136) and slowest < 0.1
    assert all(1 <= full.retry_after_seconds <= 300 for full in refused)
    assert executor.capacity().waiting == 64 and executor.capacity().running == 1
    assert executor.submit(executor.status(accepted[0]).spec, "late") == accepted[0]  # joining needs no place
    executor.cancel(blocker, "blocker")
    assert {wait(executor, job).state for job in accepted} == {"done"}
    assert executor.capacity().waiting == 0


def test_position_and_estimate_come_from_measured_durations(new_executor, tmp_path):
    executor = new_executor()
    first = executor.submit(fresh(10, seconds=0.03), "ada")
    assert executor.events(first)[0][1] == Queued(1, None)  # nothing comparable was measured yet
    for job in [first] + [executor.submit(fresh(10, seconds=0.03), "ada") for _ in range(2)]:
        wait(executor, job)
    running = executor.submit(fresh(1000, seconds=0.01), "ada")
    wait(executor, running, until=lambda s: s.done >= 20)
    left = executor.status(running).eta_seconds
    assert 980 * 0.01 < left < 980 * 0.03  # by its own pace
    jobs = [executor.submit(fresh(10, seconds=0.03), "ada") for _ in range(3)]
    status = executor.status(jobs[2])
    assert status.position == 3
    assert status.eta_seconds == pytest.approx(left + 3 * 0.31, rel=0.35)
    executor.cancel(running, "ada")
    executor.close()
    again = new_executor(Store(tmp_path / "store"))  # durations survive a restart
    job = again.submit(fresh(10, seconds=0.03), "ada")
    assert again.events(job)[0][1].eta_seconds == pytest.approx(0.31, rel=0.5)


def test_frames_of_long_jobs_are_thinned_and_the_newest_is_kept():
    log = EventLog()
    picture = np.zeros(1 << 20, np.uint8)
    for index in range(200):
        log.append(Frame(index, 200, {"x": picture}))
    for step in range(20_000):
        log.append(Metric(step + 1, 20_000, {}))
    log.append(Done("0" * 64))
    kept = log.since(0)
    frames = [event.index for _, event in kept if isinstance(event, Frame)]
    steps = [event.step for _, event in kept if isinstance(event, Metric)]
    assert len(frames) <= 32 and frames[0] < 20  # the whole course, coarsely
    assert frames[-1] == 199 and steps[-1] == 20_000 and len(steps) <= 4096
    assert [seq for seq, _ in kept] == sorted({seq for seq, _ in kept}) and log.since(20_200) == kept[-1:]


def test_only_the_newest_ended_jobs_are_remembered_and_the_table_answers_for_older_ones(new_executor):
    executor = new_executor(max_queue=100)
    jobs = [executor.submit(JobSpec("count", {"total": 1, "n": n}), f"s{n}") for n in range(70)]
    for job in jobs:
        wait(executor, job)
    oldest = jobs[0]
    assert len(executor.events(jobs[-1])) == 4
    assert executor.events(oldest) == [(4, Done(oldest))]  # frames are gone, the end and its number are not
    assert executor.status(oldest).state == "done" and executor.result(oldest)["x"].shape == (1,)


# ---- making way -------------------------------------------------------------------------------------


def walk(seed: int, steps: int = 40) -> JobSpec:
    return JobSpec("trains", {"seed": seed, "steps": steps, "seconds": 0.01})


def walked(seed: int, steps: int = 40) -> np.ndarray:
    """The same walk, without an executor."""
    rng, weights = np.random.default_rng(seed), np.zeros(8)
    for _ in range(steps):
        weights = weights * 0.9 + rng.standard_normal(8)
    return weights


def test_a_long_training_makes_way_at_a_checkpoint_and_goes_on_from_there(new_executor):
    executor = new_executor(turn_seconds=0.0)
    training = executor.submit(walk(1, steps=400), "ada")
    wait(executor, training, until=lambda s: s.done >= 3)
    for owner in ("bob", "ada"):  # others, and oneself
        assert wait(executor, executor.submit(fresh(2), owner)).state == "done"
        assert not executor.status(training).state.final
    assert wait(executor, training).state == "done"
    assert executor.result(training).meta["resumed_at"] > 0
    assert np.array_equal(executor.result(training)["weights"], walked(1, steps=400))


def test_two_trainings_of_one_owner_take_turns(new_executor):
    executor = new_executor(turn_seconds=0.05)
    jobs = [executor.submit(walk(seed, steps=60), "ada") for seed in (2, 3)]
    wait(executor, jobs[1], until=lambda s: s.done >= 5)
    assert not executor.status(jobs[0]).state.final  # the second has begun before the first has ended
    for job, seed in zip(jobs, (2, 3), strict=True):
        assert wait(executor, job).state == "done"
        assert np.array_equal(executor.result(job)["weights"], walked(seed, steps=60))
    assert executor.result(jobs[0]).meta["resumed_at"] > 0  # and the first has gone on from where it made way


def test_a_job_has_its_turn_before_it_makes_way(new_executor):
    executor = new_executor(turn_seconds=60.0)
    training = executor.submit(walk(4), "ada")
    wait(executor, training, until=lambda s: s.done >= 3)
    wait(executor, executor.submit(fresh(2), "bob"))
    assert executor.status(training).state == "done"
    assert executor.result(training).meta["resumed_at"] == 0


def test_a_training_that_makes_way_can_be_cancelled(new_executor):
    executor = new_executor(turn_seconds=0.0)
    training = executor.submit(walk(5, steps=10_000), "ada")
    wait(executor, training, until=lambda s: s.done >= 3)
    other = executor.submit(fresh(50, seconds=0.01), "bob")
    wait(executor, other, until=lambda s: s.done >= 1)
    executor.cancel(training, "ada")
    assert wait(executor, training).state == "cancelled"
    assert wait(executor, other).state == "done"


def test_nobody_is_promised_a_time_behind_jobs_that_make_way(new_executor):
    executor = new_executor()
    training = executor.submit(walk(6, steps=10_000), "ada")
    wait(executor, training, until=lambda s: s.done >= 3)
    waiting = executor.submit(fresh(2), "bob")
    status = executor.status(waiting)
    assert status.position == 1 and status.eta_seconds is None
    executor.cancel(training, "ada")
    wait(executor, waiting)
