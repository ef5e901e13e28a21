"""The training job of Part B: what it returns, what survives pauses and kills, and what it does with a divergence."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.compute.context import JobContext
from core.compute.local import LocalExecutor
from core.compute.store import Store, files
from core.compute.workers.worker import perform as perform_job
from core.datasets import MNIST_FOLDER, load_mnist
from core.jobs import Checkpoint, CheckpointCorrupt, Done, Failed, Frame, Metric
from core.training import build_network, train_mnist
from core.training_checkpoint import network_weights
from core.training_settings import InvalidSettings, MnistSettings
from core.trajectory import Trajectory
from lessons import training
from lessons.training import kept_epochs, snapshot_steps, spec
from tests.compute.helpers import wait

TINY = MnistSettings(objective="class_flow", width=8, learning_rate=1e-3, batch_size=8, epochs=3, pictures=48)


@pytest.fixture(scope="module")
def cache() -> dict:
    """What a worker keeps between jobs: the digits are read once."""
    return {}


def perform(settings, tmp_path, cache, checkpoint=None) -> tuple[list, Trajectory]:
    context = JobContext("cpu", Store(tmp_path), cache, checkpoint)
    events, job = [], training.run(spec(settings).params, context)
    while True:
        try:
            events.append(next(job))
        except StopIteration as end:
            return events, end.value


def of(events, kind) -> list:
    return [event for event in events if isinstance(event, kind)]


def same(a: Trajectory, b: Trajectory) -> bool:
    """Everything but the times."""
    assert a.arrays.keys() == b.arrays.keys() and a.meta == b.meta
    return all(np.array_equal(a[name], b[name]) for name in a.arrays if name != "seconds")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, cache) -> tuple[list, Trajectory]:
    return perform(TINY, tmp_path_factory.mktemp("store"), cache)


def test_the_job_trains_as_the_loop_does_and_keeps_the_first_middle_and_last_epoch(whole, cache):
    events, result = whole
    loop = list(train_mnist(TINY, cache["digits", "train", "cpu"]))
    assert result["losses"].tolist() == [event.values["loss"] for event in of(loop, Metric)]
    assert result.meta["names"] == ["epoch-1", "epoch-2", "epoch-3"]
    assert result.meta["diverged"] is None and result.meta["steps_per_epoch"] == 6
    for checkpoint in of(loop, Checkpoint):
        for key, tensor in network_weights(checkpoint).items():
            kept = torch.from_numpy(result[f"weights/{checkpoint.name}/{key}"])
            assert torch.allclose(kept.float(), tensor.float(), rtol=1e-3, atol=1e-4)
    assert result.meta["parameters"] == sum(p.numel() for p in build_network(TINY).parameters())
    assert (np.diff(result["seconds"]) >= 0).all()
    assert of(events, Metric)[-1].values["seconds"] == result["seconds"][-1]


def test_samples_are_drawn_on_the_way_from_one_noise(whole):
    events, result = whole
    frames = of(events, Frame)
    assert [frame.index + 1 for frame in frames] == result["sample_steps"].tolist() == snapshot_steps(18, 6)
    assert result["samples"].shape == (len(frames), 10, 28, 28, 1)
    assert np.array_equal(result["samples"][-1], frames[-1].arrays["samples"])


def test_trainings_from_before_there_was_a_choice_of_precision_are_the_same_trainings(tmp_path, cache):
    recorded = {
        "objective": "class_flow", "width": 8, "learning_rate": 1e-3, "batch_size": 8, "epochs": 3, "decay": False,
        "seed": 0, "sigma": 0.5, "p_uncond": 0.1, "pictures": 48,
    }  # fmt: skip
    assert MnistSettings(**recorded) == TINY
    assert spec(TINY).params == {
        "settings": recorded
    }  # so the id is the same, and the training is found again
    mistaken = replace(TINY, objective="flow", given="x_1")
    assert spec(mistaken).params == {"settings": {**recorded, "objective": "flow", "given": "x_1"}}
    half = replace(TINY, precision="bfloat16")
    assert spec(half).params == {"settings": {**recorded, "precision": "bfloat16"}}
    events, result = perform(replace(half, epochs=1, pictures=16), tmp_path, cache)
    assert result.meta["settings"]["precision"] == "bfloat16"
    assert np.isfinite(result["losses"]).all() and len(of(events, Metric)) == 2


@pytest.mark.parametrize("at", [0, 1])
def test_a_run_that_goes_on_from_a_checkpoint_has_the_same_result(whole, tmp_path, cache, at):
    events, result = whole
    checkpoint = of(events, Checkpoint)[at]
    again, resumed = perform(TINY, tmp_path, cache, checkpoint)
    assert same(resumed, result)
    assert resumed["seconds"][: checkpoint.step].tolist() == result["seconds"][: checkpoint.step].tolist()
    # Who looks only now sees everything from the beginning, and the first number is the newest.
    losses = {event.step: event.values["loss"] for event in of(again, Metric)}
    assert [losses[step] for step in range(1, 19)] == result["losses"].tolist()
    assert of(again, Metric)[0].step == checkpoint.step
    assert [f.index for f in of(again, Frame)] == [f.index for f in of(events, Frame)]


def test_a_checkpoint_of_something_else_is_refused(tmp_path, cache):
    with pytest.raises(CheckpointCorrupt):
        perform(TINY, tmp_path, cache, Checkpoint(1, "step 1", {"weights": np.zeros(8)}))


def through_the_worker(store, settings, cache, emit=lambda event: None, stopped=lambda: False):
    """As the worker runs it: the job's last event."""
    key = spec(settings).key({})
    context = JobContext("cpu", store, cache, store.get_checkpoint(key))
    return perform_job(key, "lessons.training:run", spec(settings).params, context, emit, stopped)[0]


def test_damaged_data_is_named_and_leaves_the_checkpoints_alone(tmp_path, cache, whole, monkeypatch):
    store, key = Store(tmp_path / "store"), spec(TINY).key({})
    store.put_checkpoint(key, of(whole[0], Checkpoint)[0])
    folder = tmp_path / "mnist"
    shutil.copytree(MNIST_FOLDER, folder)
    damaged = folder / "train-images-idx3-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:100_000])
    monkeypatch.setattr(training, "load_mnist", lambda split, device: load_mnist(split, folder, device))
    event = through_the_worker(store, TINY, {})
    assert isinstance(event, Failed)
    assert "train-images-idx3-ubyte.gz is truncated or altered" in event.message
    assert "6bbc9ace898e44ae57da46a324031adb" in event.message
    assert store.checkpoint_step(key) == 6  # with the file put back, it goes on
    assert isinstance(through_the_worker(store, TINY, cache), Done)
    assert same(store.get_result(key), whole[1])


def test_a_full_disk_stops_no_training_and_harms_no_earlier_checkpoint(tmp_path, cache, whole, monkeypatch):
    store, key = Store(tmp_path / "store"), spec(TINY).key({})
    write, steps = files.os.write, []

    def full(descriptor, data):
        if len(steps) > 6:  # after the first epoch
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(files.os, "write", full)
    note = lambda event: steps.append(event) if isinstance(event, Metric) else None  # noqa: E731
    event = through_the_worker(store, TINY, cache, note)
    assert len(steps) == 18  # it went on to its end, and only then could not keep the result
    assert isinstance(event, Failed) and "Free some space" in event.message
    assert store.checkpoint_step(key) == 6
    monkeypatch.undo()
    assert isinstance(through_the_worker(store, TINY, cache), Done)
    assert same(store.get_result(key), whole[1])


@pytest.mark.slow
@pytest.mark.journey
def test_pauses_and_kills_do_not_change_the_numbers(tmp_path, monkeypatch, whole):
    """Through the executor: the worker killed with SIGKILL, then paused and resumed, then the executor replaced."""
    monkeypatch.setenv(
        "OMP_NUM_THREADS", str(torch.get_num_threads())
    )  # the worker adds up in the same order
    store = Store(tmp_path / "store")
    executor = LocalExecutor(store, {"train": "lessons.training:run"}, environment={})
    job = executor.submit(spec(TINY), "ada")
    wait(executor, job, 60, until=lambda s: s.done >= 7)
    os.kill(executor.worker_pid, signal.SIGKILL)
    wait(executor, job, 60, until=lambda s: s.state == "running" or s.state.final)
    executor.cancel(job, "ada")  # pause
    if wait(executor, job, 60).state == "cancelled":
        assert store.checkpoint_step(job) >= 6
    executor.close()
    again = LocalExecutor(store, {"train": "lessons.training:run"}, environment={})
    assert again.submit(spec(TINY), "ada") == job
    assert wait(again, job, 60).state == "done"
    assert same(again.result(job), whole[1])
    assert store.checkpoint_step(job) is None  # what the result has need not be kept twice
    again.close()


def test_a_divergence_is_a_result_with_the_last_good_weights(tmp_path, cache):
    """SGD would need a larger rate; Adam at 1 leaves the sensible range within an epoch or two."""
    settings = replace(TINY, learning_rate=1.0, epochs=40, batch_size=48)
    events, result = perform(settings, tmp_path, cache)
    assert "diverged" in result.meta["diverged"]
    assert len(result["losses"]) < 40
    assert np.isfinite(result["losses"]).all()
    assert result.meta["names"][-1] == of(events, Checkpoint)[-1].name
    for name, array in result.arrays.items():
        assert not name.startswith("weights/") or np.isfinite(array).all()


@pytest.mark.parametrize("objective", ["denoise", "pure_noise", "flow"])
def test_every_objective_shows_what_its_network_answers(objective, tmp_path, cache):
    """The last samples, computed again from the kept weights; a 0 or a 1 of 255 is half precision."""
    settings = replace(TINY, objective=objective, learning_rate=1e-2, epochs=8, pictures=32)
    _, result = perform(settings, tmp_path, cache)
    network = build_network(settings)
    prefix = "weights/epoch-8/"
    weights = {
        k.removeprefix(prefix): torch.from_numpy(a) for k, a in result.arrays.items() if k.startswith(prefix)
    }
    network.load_state_dict({k: w.float() if w.is_floating_point() else w for k, w in weights.items()})
    generator = torch.Generator().manual_seed(0)
    x = torch.cat([torch.randn(1, 1, 28, 28, generator=generator) for _ in range(10)])
    with torch.no_grad():
        if objective == "flow":
            for k in range(20):
                x = x + network.eval()(x, torch.full((10,), k / 20)) / 20
        else:
            test = cache["digits", "test", "cpu"] if objective == "denoise" else None
            first = [test.labels.tolist().index(c) for c in range(10)] if test else []
            x = network.eval()(test.pictures[first] / 255 + 0.5 * x if test else x)
    expected = (255 * x.clamp(0, 1)).round().permute(0, 2, 3, 1).numpy()
    assert expected.std() > 5  # not all black: the network says something
    assert np.abs(result["samples"][-1] - expected).max() <= 3


@pytest.mark.slow
def test_given_the_digit_the_loss_becomes_flat_at_the_noise_and_samples_stay_noise(tmp_path, cache):
    """B6: x1 - x0 is known but for x0, whose variance is 1; followed from noise, the answer x makes it e times as large."""
    settings = MnistSettings(
        objective="flow", width=8, learning_rate=1e-2, batch_size=32, epochs=1, pictures=3200, given="x_1"
    )
    _, result = perform(settings, tmp_path, cache)
    losses = result["losses"]
    assert losses[:3].mean() > 1.05 and losses[-30:].mean() == pytest.approx(1, abs=0.02)
    noise = training.digit_pixels(training.fixed_noise(10, training.SAMPLE_SEED, "cpu")).astype(float)
    seen = result["samples"][-1].astype(float)
    assert np.corrcoef(noise.ravel(), seen.ravel())[0, 1] > 0.8


def test_settings_that_cannot_train_are_refused(tmp_path, cache):
    params = {"settings": {**spec(TINY).params["settings"], "learning_rate": 0}}
    with pytest.raises(InvalidSettings, match="learning rate"):
        next(training.run(params, JobContext("cpu", Store(tmp_path), cache)))


def test_which_epochs_are_kept_and_when_samples_are_drawn():
    assert [kept_epochs(n) for n in (1, 2, 5, 10)] == [(1,), (1, 2), (1, 3, 5), (1, 5, 10)]
    steps = snapshot_steps(9380, 938)
    assert steps[:5] == [1, 2, 5, 10, 20] and {938, 4690, 9380} <= set(steps) and len(steps) < 40
    assert snapshot_steps(1, 1) == [1]
