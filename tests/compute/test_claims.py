"""Whose a job is: who asked for it keeps a claim on it, and what is kept goes with the last claim and no sooner."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.compute.store import Store
from core.compute.store.runs import owners_text
from core.jobs import JobNotFound, JobSpec, NotOwner
from tests.compute.helpers import ENVIRONMENT, wait


def training(seed: int, steps: int = 4000) -> JobSpec:
    return JobSpec("trains", {"seed": seed, "steps": steps, "seconds": 0.005})


def under_way(executor, job, more: int = 3) -> None:
    """Waits until it has kept a further checkpoint or so."""
    begun = executor.status(job).done
    wait(executor, job, until=lambda status: status.done >= begun + more)


def ids(executor, owner: str) -> list[str]:
    return [job.id for job in executor.mine("trains", owner)]


def waits(executor, owner: str, job: str) -> bool:
    return next(one.waiting for one in executor.mine("trains", owner) if one.id == job)


def test_an_id_is_known_before_anybody_asks(executor):
    spec = training(100)
    assert executor.key(spec) == spec.key(ENVIRONMENT)
    with pytest.raises(JobNotFound):
        executor.status(executor.key(spec))
    assert executor.kept(executor.key(spec)) is executor.kept_step(executor.key(spec)) is None


def test_a_paused_training_is_not_somebody_elses_to_discard(executor):
    job = executor.submit(training(1), "ada")
    under_way(executor, job)
    executor.cancel(job, "ada")
    assert wait(executor, job).state == "cancelled"
    kept = executor.kept_step(job)
    assert kept >= 1 and executor.kept(job).step == kept
    with pytest.raises(NotOwner):
        executor.discard(job, "bob")
    assert executor.kept_step(job) == kept
    executor.discard(job, "ada")
    assert executor.kept_step(job) is None and job not in ids(executor, "ada")
    with pytest.raises(NotOwner):  # she has given it up
        executor.discard(job, "ada")


def test_who_stops_and_discards_a_shared_training_takes_nothing_from_the_other(executor):
    job = executor.submit(training(2), "ada")
    executor.submit(training(2), "bob")
    under_way(executor, job)
    executor.discard(job, "bob")
    under_way(executor, job)  # ada's goes on
    executor.cancel(job, "ada")
    assert wait(executor, job).state == "cancelled"
    kept = executor.kept_step(job)
    assert kept >= 1  # and her pause keeps what there is
    assert job not in ids(executor, "bob") and job in ids(executor, "ada")


def test_what_one_has_paused_stays_when_another_goes_on_and_discards(executor):
    job = executor.submit(training(3), "ada")
    under_way(executor, job)
    executor.cancel(job, "ada")
    wait(executor, job)
    executor.submit(training(3), "bob")
    under_way(executor, job)
    assert [waits(executor, owner, job) for owner in ("ada", "bob")] == [False, True]
    executor.discard(job, "bob")
    assert wait(executor, job).state == "cancelled"
    assert executor.kept_step(job) >= 1
    assert executor.submit(training(3), "ada") == job  # and she goes on from there
    under_way(executor, job)
    executor.discard(job, "ada")
    wait(executor, job)
    assert executor.kept_step(job) is None


def test_the_last_one_to_discard_a_running_training_takes_its_checkpoints_once_it_has_stopped(executor):
    job = executor.submit(training(4), "ada")
    under_way(executor, job)
    executor.discard(job, "ada")
    assert wait(executor, job).state == "cancelled"
    assert executor.kept_step(job) is None


def test_a_result_is_not_discarded(executor):
    job = executor.submit(training(5, steps=3), "ada")
    wait(executor, job)
    executor.discard(job, "ada")
    assert executor.status(job).state == "done" and executor.result(job).meta["resumed_at"] == 0
    with pytest.raises(NotOwner):
        executor.discard(job, "eve")


def test_ones_own_are_found_however_many_others_there_are(executor):
    mine = executor.submit(training(6, steps=1), "ada")
    wait(executor, mine)
    row = executor.store.runs.get(mine)
    for n in range(120):  # a class of thirty, four each
        spec = training(10_000 + n)
        executor.store.runs.save(
            replace(
                row, key=spec.key(ENVIRONMENT), params=spec.canonical, owners=json.dumps([f"student {n // 4}"]),
                submitted_at=row.submitted_at + 1 + n,
            )
        )  # fmt: skip
    assert mine in ids(executor, "ada")
    assert len(ids(executor, "student 7")) == 4
    assert ids(executor, "student 7")[0] == training(10_000 + 31).key(ENVIRONMENT)  # the newest first
    assert ids(executor, 'student 7", "ada') == []  # a name is no part of a text


def test_what_another_model_has_made_is_not_offered(executor):
    job = executor.submit(training(7, steps=1), "zoe")
    wait(executor, job)
    row = executor.store.runs.get(job)
    executor.store.runs.save(replace(row, key=training(7, steps=1).key({"model": "another"})))
    assert ids(executor, "zoe") == [job]


def test_claims_outlive_the_server(new_executor, tmp_path):
    """Ada has paused, Bob goes on, and the server dies: afterwards the claims of both are what they were."""
    store = Store(tmp_path / "store")
    spec = training(8)
    first = new_executor(store)
    job = first.submit(spec, "ada")
    under_way(first, job)
    first.cancel(job, "ada")
    wait(first, job)
    first.submit(spec, "bob")
    under_way(first, job)
    first.close()  # the row stays unfinished, as after a crash

    again = new_executor(store)
    assert again.resume() == [job]
    assert [waits(again, owner, job) for owner in ("ada", "bob")] == [False, True]
    again.discard(job, "bob")
    wait(again, job)
    assert again.kept_step(job) >= 1
    again.close()

    last = new_executor(store)  # only the row remembers the run now
    with pytest.raises(NotOwner):
        last.discard(job, "bob")
    last.discard(job, "ada")
    assert last.kept_step(job) is None and ids(last, "ada") == []
    with pytest.raises(JobNotFound):
        last.discard("0" * 64, "ada")


def test_a_pause_that_a_crash_has_overtaken_keeps_its_checkpoints(new_executor, tmp_path):
    store = Store(tmp_path / "store")
    executor = new_executor(store)
    job = executor.submit(training(9), "ada")
    under_way(executor, job)
    executor.cancel(job, "ada")
    wait(executor, job)
    executor.close()
    row = store.runs.get(job)  # as it stands between the press on Pause and the worker's last step
    store.runs.save(replace(row, state="running", owners=owners_text((), ["ada"])))

    again = new_executor(store)
    assert again.resume() == [] and again.status(job).state == "cancelled"
    assert again.kept_step(job) >= 1 and ids(again, "ada") == [job]


def test_who_asks_for_a_stored_result_does_not_take_it_from_whoever_made_it(new_executor, tmp_path):
    store = Store(tmp_path / "store")
    spec = training(11, steps=2)
    first = new_executor(store)
    wait(first, first.submit(spec, "ada"))
    first.close()
    again = new_executor(store)
    job = again.submit(spec, "bob")
    assert again.status(job).state == "done"
    assert ids(again, "ada") == ids(again, "bob") == [job]


def test_rows_of_an_earlier_version_are_read(new_executor, tmp_path):
    """They name those who wait, in a list."""
    store = Store(tmp_path / "store")
    executor = new_executor(store)
    job = executor.submit(training(12, steps=1), "ada")
    wait(executor, job)
    executor.close()
    row = replace(store.runs.get(job), owners='["ada", "bob"]')
    store.runs.save(row)
    assert row.waiting == row.claimants == {"ada", "bob"}
    assert ids(new_executor(store), "bob") == [job]
