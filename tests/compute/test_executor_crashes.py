"""What survives: workers that die, servers that die, damaged files, full disks, deadlines."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.compute.local import LocalExecutor
from core.compute.queue.ledger import Ledger
from core.compute.store import Store
from core.jobs import TERMINAL, BackendUnavailable, Cancelled, Done, JobSpec, StoreFull
from core.trajectory import Trajectory
from tests.compute.helpers import ENVIRONMENT, REGISTRY, fresh, names, wait

ROOT = Path(__file__).resolve().parents[2]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "zombie" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc").exists() else True


def training(seed: int, steps: int = 40, seconds: float = 0.005) -> JobSpec:
    return JobSpec("trains", {"seed": seed, "steps": steps, "seconds": seconds})


def undisturbed_weights(seed: int, steps: int = 40) -> np.ndarray:
    """The same walk, without an executor."""
    rng, weights = np.random.default_rng(seed), np.zeros(8)
    for _ in range(steps):
        weights = weights * 0.9 + rng.standard_normal(8)
    return weights


def test_a_killed_worker_costs_a_retry_and_nothing_else(new_executor):
    executor = new_executor()
    job = executor.submit(fresh(50, seconds=0.01), "ada")
    behind = executor.submit(fresh(), "bob")
    wait(executor, job, until=lambda s: s.done >= 3)
    os.kill(executor.worker_pid, signal.SIGKILL)
    assert wait(executor, job).state == "done" and wait(executor, behind).state == "done"
    assert names(executor, job).count("Started") == 2 and names(executor, job).count("Done") == 1


def test_a_worker_killed_while_idle_costs_nothing(new_executor):
    executor = new_executor()
    wait(executor, executor.submit(fresh(), "ada"))
    os.kill(executor.worker_pid, signal.SIGKILL)
    job = executor.submit(fresh(), "ada")
    assert wait(executor, job).state == "done"


def test_a_job_that_kills_its_worker_twice_is_set_aside_and_the_next_is_served(new_executor):
    executor = new_executor()
    job, behind = executor.submit(JobSpec("crashes", {}), "ada"), executor.submit(fresh(), "bob")
    assert wait(executor, job).error_name == "Poisoned"
    assert wait(executor, behind).state == "done"
    assert sum(isinstance(event, TERMINAL) for _, event in executor.events(job)) == 1


def test_a_job_that_crashes_once_is_done_at_the_second_attempt(new_executor, tmp_path):
    executor = new_executor()
    assert (
        wait(executor, executor.submit(JobSpec("crashes", {"once": str(tmp_path / "x")}), "ada")).state
        == "done"
    )


def test_without_a_second_attempt_the_worker_is_reported_lost(new_executor):
    executor = new_executor(max_attempts=1)
    assert wait(executor, executor.submit(JobSpec("crashes", {}), "ada")).error_name == "WorkerLost"


def test_a_worker_that_cannot_start_is_reported(new_executor, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    executor = new_executor()
    assert wait(executor, executor.submit(fresh(), "ada")).error_name == "BackendUnavailable"


def test_training_goes_on_from_its_last_checkpoint_after_many_kills_with_the_same_weights(new_executor):
    executor = new_executor()
    rng = random.Random(0)
    job = executor.submit(training(7), "ada")
    for _ in range(5):
        before = executor.status(job).done
        wait(executor, job, until=lambda s, before=before: s.done >= min(before + 3, 38))
        time.sleep(rng.uniform(0, 0.02))
        os.kill(executor.worker_pid, signal.SIGKILL)
    assert wait(executor, job).state == "done"
    result = executor.result(job)
    assert result.meta["resumed_at"] > 10
    assert np.array_equal(result["weights"], undisturbed_weights(7))


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(new_executor, tmp_path):
    store = Store(tmp_path / "store")
    executor = new_executor(store)
    job = executor.submit(training(8), "ada")
    wait(executor, job, until=lambda s: s.done >= 10)
    executor.cancel(job, "ada")
    wait(executor, job)
    newest = max((store.path / "checkpoints" / job).iterdir())
    newest.write_bytes(newest.read_bytes()[:-3])
    executor.submit(training(8), "ada")
    wait(executor, job)
    assert executor.result(job).meta["resumed_at"] == int(newest.name) - 1
    assert np.array_equal(executor.result(job)["weights"], undisturbed_weights(8))


def test_closing_stops_after_the_step_and_the_next_executor_goes_on(new_executor, tmp_path):
    executor = new_executor(grace_seconds=5)
    job, waiting = executor.submit(training(9), "ada"), executor.submit(fresh(), "bob")
    wait(executor, job, until=lambda s: s.done >= 5)
    pid = executor.worker_pid
    executor.close()
    assert not alive(pid) and executor.status(job).state == "queued"
    with pytest.raises(BackendUnavailable):
        executor.submit(fresh(), "ada")
    again = new_executor(Store(tmp_path / "store"))
    assert again.status(job).state == "queued"
    assert again.resume() == [job, waiting] and again.resume() == []
    assert wait(again, job).state == "done" and wait(again, waiting).state == "done"
    assert again.result(job).meta["resumed_at"] >= 5
    assert np.array_equal(again.result(job)["weights"], undisturbed_weights(9))
    again.cancel(job, "ada")  # ended long ago, and hers


def test_closing_ends_a_worker_that_is_deep_in_a_step(new_executor):
    executor = new_executor(grace_seconds=0.1)
    job = executor.submit(JobSpec("one_long_step", {"seconds": 60}), "ada")
    wait(executor, job, until=lambda s: s.done == 1)
    pid, begun = executor.worker_pid, time.monotonic()
    executor.close()
    assert time.monotonic() - begun < 40 and not alive(pid)  # not sixty


def test_a_result_of_an_earlier_process_is_answered_at_once(new_executor, tmp_path):
    executor = new_executor()
    spec = fresh()
    job = executor.submit(spec, "ada")
    last = wait(executor, job).last_seq
    executor.close()
    again = new_executor(Store(tmp_path / "store"))
    assert again.events(job) == [(last, Done(job))]  # also without asking again: the id is in a link
    assert again.submit(spec, "bob") == job
    assert again.events(job) == [(last + 1, Done(job))] and again.status(job).state == "done"
    assert again.worker_pid is None and again.result(job)["x"].tolist() == [0, 1, 2]


SERVER = """
import sys, time
from core.compute.local import LocalExecutor
from core.compute.store import Store
from tests.compute.helpers import ENVIRONMENT, REGISTRY, fresh
from tests.compute.test_executor_crashes import training
executor = LocalExecutor(Store(sys.argv[1]), REGISTRY, environment=ENVIRONMENT)  # no __main__ guard: the spawn trap
jobs = [executor.submit(training(11, seconds=0.02), "ada"), executor.submit(fresh(), "bob")]
while executor.status(jobs[0]).done < int(sys.argv[2]):
    time.sleep(0.005)
print(executor.worker_pid, *jobs, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("moment", [1, 25])
def test_a_killed_server_loses_nothing_and_its_worker_ends_with_it(new_executor, tmp_path, moment):
    command = [sys.executable, "-c", SERVER, str(tmp_path / "store"), str(moment)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        pid, *jobs = server.stdout.readline().split()
        server.kill()
    deadline = time.monotonic() + 5
    while alive(int(pid)):
        assert time.monotonic() < deadline, "the worker outlives its parent"
        time.sleep(0.01)
    executor = new_executor(Store(tmp_path / "store"))
    assert executor.resume() == jobs
    assert {wait(executor, job).state for job in jobs} == {"done"}
    result = executor.result(jobs[0])
    assert result.meta["resumed_at"] >= moment
    assert np.array_equal(result["weights"], undisturbed_weights(11))


def test_what_another_model_was_asked_is_not_computed_with_this_one(new_executor, tmp_path):
    executor = new_executor()
    job = executor.submit(fresh(1000, seconds=0.01), "ada")
    executor.close()
    other = LocalExecutor(Store(tmp_path / "store"), REGISTRY, environment={**ENVIRONMENT, "model": "new"})
    assert other.resume() == []
    assert other.status(job).error_name == "InvalidSpec" and "Press Run" in other.status(job).message
    other.close()


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: data[:-1] + b"\x00", lambda _: b""]
)
def test_a_damaged_result_is_computed_again(new_executor, tmp_path, damage):
    store = Store(tmp_path / "store")
    executor = new_executor(store)
    spec = fresh()
    job = executor.submit(spec, "ada")
    last = wait(executor, job).last_seq
    file = store.path / "results" / job[:2] / job
    file.write_bytes(damage(file.read_bytes()))
    executor.close()
    again = new_executor(Store(tmp_path / "store"))
    assert again.submit(spec, "ada") == job
    assert wait(again, job, until=lambda s: s.state == "done").last_seq > last + 3
    assert again.result(job)["x"].tolist() == [0, 1, 2]
    assert file.with_name(job + ".damaged").exists()


def test_a_full_disk_at_submit_is_said_and_nothing_is_accepted(new_executor, monkeypatch):
    executor = new_executor()

    def full(record):
        raise StoreFull()

    monkeypatch.setattr(executor._store.runs, "save", full)
    with pytest.raises(StoreFull, match="Free some space"):
        executor.submit(fresh(), "ada")
    monkeypatch.undo()
    assert executor.capacity().waiting == 0
    assert wait(executor, executor.submit(fresh(), "ada")).state == "done"


@pytest.mark.parametrize("seconds", [0.05, 60])
def test_the_deadline_ends_a_job_between_steps_or_else_with_its_process(new_executor, seconds):
    executor = new_executor(deadline_seconds=0.8, grace_seconds=0.2)
    slow = fresh(1000, seconds=seconds) if seconds < 1 else JobSpec("one_long_step", {"seconds": seconds})
    job, behind = executor.submit(slow, "ada"), executor.submit(fresh(), "bob")
    assert wait(executor, job).error_name == "DeadlineExceeded"
    assert wait(executor, behind).state == "done"


def test_a_cancel_before_the_worker_can_hear_it_is_not_lost(new_executor, monkeypatch):
    executor = new_executor()
    spec = fresh(1000, seconds=0.01)
    worker = executor._workers[0]
    real_start = worker.start

    def cancelled_meanwhile(**options):
        executor.cancel(spec.key(ENVIRONMENT), "ada")
        real_start(**options)

    monkeypatch.setattr(worker, "start", cancelled_meanwhile)
    job = executor.submit(spec, "ada")
    assert wait(executor, job).state == "cancelled" and executor.status(job).done <= 1


def test_a_worker_that_dies_right_after_its_last_write_has_done_its_job(tmp_path):
    store = Store(tmp_path)
    ledger = Ledger(store, REGISTRY, ENVIRONMENT, max_queue=9, max_attempts=1)
    key = ledger.submit(fresh(), "ada")
    run = ledger.take()
    store.put_result(key, Trajectory({"x": np.zeros(1)}))
    ledger.lost(run, worker_was_ready=True)
    assert ledger.status(key).state == "done"
    store.close()


def test_random_kills_and_cancels_end_every_job_exactly_once(new_executor):
    executor = new_executor(max_attempts=100)
    rng = random.Random(1)
    jobs = {executor.submit(fresh(8, seconds=0.004), f"s{n % 5}"): f"s{n % 5}" for n in range(30)}
    for job in rng.sample(sorted(jobs), 12):
        time.sleep(rng.uniform(0, 0.06))
        if rng.random() < 0.35 and executor.worker_pid:
            os.kill(executor.worker_pid, signal.SIGKILL)
        executor.cancel(job, jobs[job])
    for job in jobs:
        state = wait(executor, job).state
        ends = [event for _, event in executor.events(job) if isinstance(event, TERMINAL)]
        assert ends == ([Done(job)] if state == "done" else [Cancelled()])
        assert executor._store.runs.get(job).state == state


def test_the_web_process_does_not_load_torch():
    code = "import sys, core.compute.local; sys.exit('torch' in sys.modules or 'streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
