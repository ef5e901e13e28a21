"""Two servers on one folder, and two people at one queue: nobody's work is lost, halved, or ended by somebody else."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from core.compute.store import Store
from core.jobs import Checkpoint, NoResult
from tests.compute.helpers import fresh, names, wait
from tests.compute.test_executor_crashes import training, undisturbed_weights


def test_the_one_who_waits_and_cancels_ends_nothing_of_the_one_who_runs(executor):
    """As somebody's cancel ended everybody's work elsewhere, and left what was cut off as finished."""
    running = executor.submit(fresh(60, seconds=0.01), "ada")
    wait(executor, running, until=lambda s: s.done >= 2)
    waiting = executor.submit(fresh(3), "bob")
    executor.cancel(waiting, "bob")
    assert wait(executor, running).state == "done" and executor.result(running)["x"].tolist() == list(
        range(60)
    )
    assert executor.status(waiting).state == "cancelled"


def test_the_one_who_runs_and_cancels_ends_nothing_of_the_one_who_waits(executor):
    running = executor.submit(fresh(1000, seconds=0.01), "ada")
    wait(executor, running, until=lambda s: s.done >= 2)
    waiting = executor.submit(fresh(4), "bob")
    executor.cancel(running, "ada")
    assert wait(executor, waiting).state == "done" and executor.result(waiting)["x"].tolist() == [0, 1, 2, 3]
    assert wait(executor, running).state == "cancelled" and "Done" not in names(executor, running)
    with pytest.raises(NoResult):
        executor.result(running)
    assert not executor.store.has_result(running)


def test_two_servers_on_one_folder_compute_each_their_own_and_find_each_others(new_executor, tmp_path):
    one, other = new_executor(), new_executor(Store(tmp_path / "store"))
    assert one.resume() == [] and other.resume() == []
    mine, theirs = one.submit(training(21), "ada"), other.submit(training(22), "bob")
    shared = fresh(5)
    both = one.submit(shared, "ada"), other.submit(shared, "bob")
    for server, jobs in ((one, (mine, both[0])), (other, (theirs, both[1]))):
        assert {wait(server, job).state for job in jobs} == {"done"}
    assert both[0] == both[1]
    for server in (one, other):
        for job, seed in ((mine, 21), (theirs, 22)):
            assert np.array_equal(server.result(job)["weights"], undisturbed_weights(seed))
        assert server.result(both[0])["x"].tolist() == [0, 1, 2, 3, 4]


def test_a_server_that_starts_beside_another_takes_nothing_away_from_it(new_executor, tmp_path):
    """It cannot know whether the other lives. What it takes up again is computed twice, and the result is one."""
    one = new_executor()
    job = one.submit(training(23, seconds=0.02), "ada")
    wait(one, job, until=lambda s: s.done >= 3)
    other = new_executor(Store(tmp_path / "store"))
    other.resume()
    assert wait(one, job).state == "done"
    assert wait(other, job).state == "done"
    for server in (one, other):
        assert np.array_equal(server.result(job)["weights"], undisturbed_weights(23))


def test_a_checkpoint_is_kept_though_the_other_takes_its_folder_away_meanwhile(tmp_path, monkeypatch):
    """The other has ended the same run between the writing of the file and its renaming: once in a few dozen runs."""
    store, replace, taken = Store(tmp_path / "store"), os.replace, []

    def taken_away(source, target):
        if not taken:
            taken.append(source)
            shutil.rmtree(os.path.dirname(source))
        replace(source, target)

    monkeypatch.setattr(os, "replace", taken_away)
    key = "0" * 64
    store.put_checkpoint(key, Checkpoint(5, "step 5", {"weights": np.arange(3)}))
    assert taken and store.checkpoint_step(key) == 5
    assert store.get_checkpoint(key).arrays["weights"].tolist() == [0, 1, 2]
