"""The distributed executor beyond the contract: actors that die, servers that die, clusters that are refused."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.compute.choose import make_executor
from core.compute.local import LocalExecutor
from core.compute.ray import RayExecutor, TokenMissing, require_token
from core.compute.store import Store
from core.compute.workers.ray_actor import ComputeActor, NotShared
from core.compute.workers.wire import read_message, unpack_event
from core.jobs import BackendUnavailable, JobSpec
from core.settings import Settings
from scripts.measure import reliability
from tests.compute.conftest import free_address, head
from tests.compute.helpers import ENVIRONMENT, REGISTRY, fresh, names, wait
from tests.compute.test_executor_crashes import alive, undisturbed_weights
from tests.compute.test_executor_crashes import training as walk

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds; an actor takes some to start, on a busy machine many


def wait_for_an_actor(executor, seconds=PATIENCE) -> int:
    """The actor's process, once there is one."""
    latest = time.monotonic() + seconds
    while executor.worker_pid is None:
        assert time.monotonic() < latest, "no actor has come"
        time.sleep(0.02)
    return executor.worker_pid


def wait_for_the_end(pid: int, seconds=60.0) -> None:
    latest = time.monotonic() + seconds
    while alive(pid):
        assert time.monotonic() < latest, "the actor lives on"
        time.sleep(0.02)


# ---- what dies -----------------------------------------------------------------------------------------


@pytest.mark.cluster
def test_a_training_whose_actor_is_killed_again_and_again_ends_with_the_same_weights(new_executor):
    executor = new_executor(kind="ray")
    job = executor.submit(walk(7, seconds=0.02), "ada")
    pids = set()
    for _ in range(3):
        before = executor.status(job).done
        wait(executor, job, PATIENCE, until=lambda s, before=before: s.done >= min(before + 3, 38))
        pids.add(executor.worker_pid)
        os.kill(executor.worker_pid, signal.SIGKILL)
    assert wait(executor, job, PATIENCE).state == "done"
    result = executor.result(job)
    assert len(pids) == 3 and names(executor, job).count("Started") == 4 and result.meta["resumed_at"] >= 8
    assert np.array_equal(result["weights"], undisturbed_weights(7))


@pytest.mark.cluster
@pytest.mark.slow
def test_a_real_training_under_a_killed_actor_ends_with_the_same_bits(cluster, monkeypatch):
    monkeypatch.setenv("DIFFUSION_EXECUTOR", "ray")
    monkeypatch.setenv("DIFFUSION_RAY_ADDRESS", cluster)
    monkeypatch.setenv("DIFFUSION_DEVICE", "cpu")
    row = reliability.measure("worker-training", 2)
    assert row.holds, row


@pytest.mark.cluster
def test_an_actor_that_dies_while_idle_costs_nothing(new_executor):
    executor = new_executor(kind="ray")
    os.kill(wait_for_an_actor(executor), signal.SIGKILL)
    job = executor.submit(fresh(), "ada")
    assert wait(executor, job, PATIENCE).state == "done"


@pytest.mark.cluster
def test_a_job_that_kills_its_actor_twice_is_set_aside_and_the_next_is_served(new_executor):
    executor = new_executor(kind="ray")
    job, behind = executor.submit(JobSpec("crashes", {}), "ada"), executor.submit(fresh(), "bob")
    assert wait(executor, job, PATIENCE).error_name == "Poisoned"
    assert wait(executor, behind, PATIENCE).state == "done"


@pytest.mark.cluster
def test_a_job_that_takes_too_much_memory_fails_with_a_sentence(new_executor):
    executor = new_executor(kind="ray", max_memory_bytes=500_000_000)
    job = executor.submit(JobSpec("takes_memory", {"mb": 3000}), "ada")
    status = wait(executor, job, PATIENCE)
    assert status.error_name == "OutOfMemory" and "fewer pictures" in status.message


@pytest.mark.cluster
def test_two_actors_compute_at_the_same_time_and_each_can_be_stopped(new_executor):
    executor = new_executor(kind="ray", actors=2)
    jobs = [executor.submit(fresh(100_000, seconds=0.01), owner) for owner in ("ada", "bob")]
    for job in jobs:
        wait(executor, job, PATIENCE, until=lambda s: s.done >= 2)
    assert executor.capacity().running == 2 and len({worker.pid for worker in executor._workers}) == 2
    executor.cancel(jobs[1], "bob")
    assert wait(executor, jobs[1]).state == "cancelled" and executor.status(jobs[0]).state == "running"
    executor.cancel(jobs[0], "ada")
    assert wait(executor, jobs[0]).state == "cancelled"


@pytest.mark.cluster
def test_each_actor_has_a_gpu_of_its_own(new_executor, tmp_path):
    """The cluster of the tests says that it has two; nothing computes on them here."""
    executor, go_on = new_executor(kind="ray", actors=2, device="cuda"), tmp_path / "go on"
    asked = {"name": "CUDA_VISIBLE_DEVICES", "until": str(go_on)}
    jobs = [executor.submit(JobSpec("sees", {"n": n, **asked}), f"student {n}") for n in range(2)]
    for job in jobs:  # each holds its actor until the other has one, too
        wait(executor, job, PATIENCE, until=lambda s: s.done == 1)
    go_on.touch()
    assert {wait(executor, job).state for job in jobs} == {"done"}
    assert sorted(executor.result(job).meta["value"] for job in jobs) == ["0", "1"]


@pytest.mark.cluster
def test_closing_ends_an_actor_that_is_deep_in_a_step(new_executor):
    executor = new_executor(kind="ray", grace_seconds=0.1)
    job = executor.submit(JobSpec("one_long_step", {"seconds": 600}), "ada")
    wait(executor, job, PATIENCE, until=lambda s: s.done == 1)
    pid = executor.worker_pid
    executor.close()
    wait_for_the_end(pid)


SERVER = """
import os, sys, time
from core.compute.store import Store
from tests.compute.helpers import make_ray
from tests.compute.test_executor_crashes import training
executor = make_ray(Store(sys.argv[1]))
job = executor.submit(training(11, seconds=0.02), "ada")
while executor.status(job).done < 5:
    time.sleep(0.005)
print(executor.worker_pid, job, flush=True)
time.sleep(600)
"""


@pytest.mark.cluster
def test_a_killed_server_loses_nothing_and_its_actor_ends_with_it(cluster, new_executor, tmp_path):
    command = [sys.executable, "-c", SERVER, str(tmp_path / "store")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        pid, job = server.stdout.readline().split()
        server.kill()
    wait_for_the_end(int(pid))
    executor = new_executor(Store(tmp_path / "store"), kind="ray")
    assert executor.resume() == [job]
    assert wait(executor, job, PATIENCE).state == "done"
    assert executor.result(job).meta["resumed_at"] >= 5
    assert np.array_equal(executor.result(job)["weights"], undisturbed_weights(11))


@pytest.mark.cluster
def test_jobs_wait_for_a_cluster_that_goes_away_and_comes_back(cluster, tmp_path):
    """The head is lost with all it had, and so is the address for a while; the app lives on, and nothing is lost."""
    address, store = free_address(), Store(tmp_path / "store")
    executor = RayExecutor(store, REGISTRY, environment=ENVIRONMENT, address=address, grace_seconds=1.0)
    try:
        job = executor.submit(walk(12, seconds=0.2), "ada")  # there is no cluster yet: it waits
        with head(address):
            wait(executor, job, PATIENCE, until=lambda s: s.done >= 5)
        until = time.monotonic() + PATIENCE
        while executor.capacity().workers:
            assert time.monotonic() < until, "nobody has noticed"
            time.sleep(0.1)
        assert executor.status(job).state == "queued"
        with pytest.raises(BackendUnavailable):
            executor.submit(fresh(), "bob")
        with head(address):
            assert wait(executor, job, PATIENCE).state == "done"
        assert executor.result(job).meta["resumed_at"] >= 5
        assert np.array_equal(executor.result(job)["weights"], undisturbed_weights(12))
    finally:
        executor.close()
        store.close()


# ---- who is refused ------------------------------------------------------------------------------------


def refused(executor, caplog, seconds=PATIENCE) -> str:
    """Why the executor does not use its cluster, as its log says it."""
    latest = time.monotonic() + seconds
    while not (said := [r.getMessage() for r in caplog.records if "cannot be used" in r.getMessage()]):
        assert time.monotonic() < latest, "it was not refused"
        time.sleep(0.05)
    with pytest.raises(BackendUnavailable):
        executor.submit(fresh(), "ada")
    assert executor.capacity().workers == 0 and executor.worker_pid is None
    return said[0]


@pytest.mark.cluster
@pytest.mark.parametrize("token", ["", "0123456789abcdef" * 4])
def test_a_call_without_the_clusters_token_is_refused(cluster, token):
    """By the cluster, whoever calls: what Ray's own client hears."""
    code = "import sys, ray; ray._raylet.GcsClient(sys.argv[1])"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    shown = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token} if token else {"RAY_AUTH_MODE": "disabled"}
    heard = subprocess.run(
        [sys.executable, "-c", code, cluster], env=kept | shown, capture_output=True, text=True, check=False
    )
    assert (
        heard.returncode == 1 and "AuthenticationError" in heard.stderr and "InvalidAuthToken" in heard.stderr
    )


@pytest.mark.cluster
def test_with_another_token_nothing_is_computed(cluster, new_executor, monkeypatch, caplog):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef" * 4)
    assert "TokenRefused" in refused(new_executor(kind="ray"), caplog)


@pytest.mark.cluster
def test_a_cluster_that_asks_nobody_for_a_token_is_not_computed_with(
    cluster, new_executor, monkeypatch, caplog
):
    address = free_address()
    with monkeypatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        started = head(address)
        started.__enter__()
    try:
        assert "ClusterOpen" in refused(new_executor(kind="ray", address=address), caplog)
    finally:
        started.__exit__(None, None, None)


@pytest.mark.cluster
def test_where_no_cluster_is_nothing_is_computed(cluster, new_executor, caplog):
    assert "ClusterUnreachable" in refused(new_executor(kind="ray", address=free_address()), caplog)


# ---- without a cluster ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "environment",
    [{}, {"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_MODE": "token"}, {"RAY_AUTH_TOKEN": "a" * 64}],
)
def test_without_a_token_no_connection_is_tried(environment, tmp_path):
    nowhere = {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    with pytest.raises(TokenMissing, match=r"Set RAY_AUTH_(MODE=token|TOKEN_PATH)"):
        require_token(nowhere | environment)
    (tmp_path / "token").write_text("a" * 64)
    require_token(nowhere | {"RAY_AUTH_MODE": "token"})
    require_token({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64})


def test_the_settings_choose_the_executor_and_a_cluster_needs_a_token(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    store = Store(tmp_path)
    settings = Settings(
        model="model", data_dir=tmp_path, device="cpu", executor="ray", ray_address="127.0.0.1:6379"
    )
    with pytest.raises(TokenMissing):
        make_executor(settings, store, REGISTRY)
    made = make_executor(settings.model_copy(update={"executor": "local"}), store, REGISTRY)
    assert isinstance(made, LocalExecutor)
    made.close()
    store.close()


def test_the_app_never_imports_ray_and_without_it_says_what_to_install(tmp_path):
    code = """
import importlib.util, sys
import core.compute.choose, core.compute.ray
assert not {"ray", "torch"} & set(sys.modules), "imported"
importlib.util.find_spec = lambda name: None
core.compute.ray.RayExecutor(None, {}, address="127.0.0.1:6379", environment={})
"""
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    ).stderr
    assert "RayMissing: Ray is not installed" in said and "requirements-cluster.txt" in said


def test_an_actor_on_a_machine_that_does_not_see_the_results_says_so(tmp_path):
    with pytest.raises(NotShared, match="share it, at the same path"):
        ComputeActor(str(tmp_path), "cpu", {}, "proof")


def test_an_actor_computes_what_it_is_told_and_tells_it_when_it_is_asked(tmp_path):
    (tmp_path / "proof").touch()
    actor = ComputeActor(str(tmp_path), "cpu", {}, "proof")
    assert actor.hello()["pid"] == os.getpid()
    assert actor.hear(0.01)[0] == b""
    spec = fresh(3)
    order = {
        "ticket": 5,
        "key": spec.key(ENVIRONMENT),
        "function": REGISTRY["count"],
        "params": dict(spec.params),
    }
    actor.run(order)
    assert heard(actor) == ["Frame", "Frame", "Frame", "Done"] and heard(actor) == []
    actor.stop(5)
    actor.run(order)
    assert heard(actor) == ["Cancelled"]


def heard(actor: ComputeActor) -> list[str]:
    stream, found = io.BytesIO(actor.hear(0.01)[0]), []
    while message := read_message(stream):
        assert message[0]["ticket"] == 5
        found.append(type(unpack_event(*message)).__name__)
    return found
