"""Jobs that compute beside each other in one process: what they share, and what they do to each other when one dies."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from core.compute.local import LocalExecutor
from core.compute.store import Store
from core.jobs import JobSpec
from lessons.course import JOBS
from tests.compute.helpers import fresh, wait
from tests.lesson_runs import BY_CODE, result_of, shortened, spec_of


def test_as_many_jobs_compute_at_once_as_there_are_seats(new_executor, tmp_path):
    executor = new_executor(kind="seats", seats=3)
    (meeting := tmp_path / "meeting").mkdir()
    jobs = [
        executor.submit(JobSpec("meets", {"folder": str(meeting), "others": 3, "name": name}), "ada")
        for name in range(3)
    ]
    assert [wait(executor, job).state for job in jobs] == ["done"] * 3
    assert len({executor.result(job).meta["pid"] for job in jobs}) == 1
    assert executor.capacity().workers == 3


def test_evaluations_share_calls_of_one_size(new_executor):
    executor = new_executor(kind="seats", seats=4)
    jobs = [
        executor.submit(JobSpec("shares", {"seed": seed, "steps": 50}), f"owner {seed}") for seed in range(4)
    ]
    assert [wait(executor, job).state for job in jobs] == ["done"] * 4
    for seed, job in enumerate(jobs):
        assert np.array_equal(executor.result(job)["x"], seed + np.arange(50, dtype=np.float32))
    calls = max((executor.result(job)["calls"] for job in jobs), key=len)
    assert set(calls) == {8}  # two rows for each seat, whoever is there
    assert len(calls) <= 200


def test_with_one_seat_every_job_calls_its_network_itself(new_executor):
    executor = new_executor(kind="local")
    job = executor.submit(JobSpec("shares", {"seed": 1, "steps": 1}), "ada")
    assert wait(executor, job).error_name == "TypeError"  # there is nothing to share: None is not a network


def test_who_takes_the_process_down_is_set_aside_and_its_neighbours_are_computed(new_executor):
    executor = new_executor(kind="seats", seats=3)
    neighbours = [executor.submit(fresh(total=30, seconds=0.05), owner) for owner in ("ada", "bo")]
    for job in neighbours:
        wait(executor, job, until=lambda status: status.done)
    culprit = executor.submit(JobSpec("crashes", {}), "eve")
    assert wait(executor, culprit).error_name == "Poisoned"
    assert [wait(executor, job).state for job in neighbours] == ["done", "done"]
    later = executor.submit(fresh(), "ada")
    assert wait(executor, later).state == "done"


def test_a_neighbour_is_not_held_to_account_for_two_crashes_of_others(new_executor, tmp_path):
    """Two culprits, one after the other: with two attempts for each job, the third is computed all the same."""
    executor = new_executor(kind="seats", seats=2, max_attempts=2)
    patient = executor.submit(fresh(total=60, seconds=0.05), "ada")
    for once in ("first", "second"):
        wait(executor, patient, until=lambda status: status.done)
        crash = executor.submit(JobSpec("crashes", {"once": str(tmp_path / once)}), "eve")
        assert wait(executor, crash).state == "done"  # at its second attempt
    assert wait(executor, patient).state == "done"


def test_cancelling_one_leaves_the_others_alone(new_executor):
    executor = new_executor(kind="seats", seats=2)
    one, two = (executor.submit(fresh(total=40, seconds=0.05), owner) for owner in ("ada", "bo"))
    for job in (one, two):
        wait(executor, job, until=lambda status: status.done)
    executor.cancel(one, "ada")
    assert wait(executor, one).state == "cancelled"
    assert wait(executor, two).state == "done"
    assert len(executor.result(two)["x"]) == 40


def test_too_much_time_ends_one_job_and_costs_the_neighbour_an_attempt_only(new_executor):
    executor = new_executor(kind="seats", seats=2, deadline_seconds=2.0, grace_seconds=0.2)
    stuck = executor.submit(JobSpec("one_long_step", {"seconds": 600}), "eve")
    beside = executor.submit(fresh(total=30, seconds=0.05), "ada")
    assert wait(executor, stuck).error_name == "DeadlineExceeded"
    assert wait(executor, beside).state == "done"


@pytest.mark.journey
def test_lessons_give_beside_each_other_what_they_give_alone(tmp_path, job_context, emoji64_fingerprint):
    """Guided sampling (A6) of three students at once, against the same jobs in this process, one by one."""
    lesson = BY_CODE["A6"]
    specs = [
        shortened(spec_of(lesson, lesson.defaults() | {"seed": seed}, emoji64_fingerprint))
        for seed in range(3)
    ]
    with (
        closing(Store(tmp_path)) as store,
        closing(LocalExecutor(store, JOBS, seats=3, environment={"device": "cpu"})) as executor,
    ):
        jobs = [executor.submit(spec, f"owner {n}") for n, spec in enumerate(specs)]
        assert [wait(executor, job, seconds=300).state for job in jobs] == ["done"] * 3
        for job, spec in zip(jobs, specs, strict=True):
            alone, _ = result_of(lesson, spec, job_context)
            together = executor.result(job)
            assert set(together.arrays) == set(alone.arrays)
            for name, array in alone.arrays.items():
                # Kept in float16, whose neighbours lie up to 2^-10 of a number apart.
                assert np.allclose(together.arrays[name], array, rtol=2**-10, atol=1e-3), name
