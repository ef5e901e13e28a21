"""What the rows of scripts/measure/reliability.py share: a row, executors with tiny jobs, a small real training, waiting."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.compute.dispatch import QueueExecutor
from core.compute.executor import Executor, JobStatus
from core.compute.local import LocalExecutor
from core.compute.ray import RayExecutor
from core.compute.store import Store
from core.jobs import TERMINAL, JobId, JobSpec
from core.settings import Settings
from core.training_settings import MnistSettings
from core.trajectory import Trajectory
from lessons.training import spec as training_spec

REGISTRY = {
    "count": "tests.compute.sample_jobs:count",
    "clocked": "tests.compute.sample_jobs:clocked",
    "trains": "tests.compute.sample_jobs:trains",
    "train": "lessons.training:run",
}
PATIENCE = 900.0  # seconds until what does not get on is called hung; a busy machine is slow, not broken
_TAGS = itertools.count()


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    demanded: str
    measured: str
    holds: bool


class Broken(AssertionError):
    """Something that must never happen has happened; the row that met it says what."""


def require(holds: bool, what: str) -> None:
    """Raises Broken unless `holds`."""
    if not holds:
        raise Broken(what)


def executor_in(folder: Path, **options) -> QueueExecutor:
    """An executor with the tiny jobs and the training of Part B, on the store in `folder`.

    It computes in a Ray cluster if the settings say so (DIFFUSION_EXECUTOR=ray): "the worker" of a row is an actor then.
    """
    store, settings = Store(folder), Settings.from_environment()
    options = {"environment": {"device": "cpu"}, "grace_seconds": 2.0, **options}
    if settings.executor == "ray":
        made = RayExecutor(
            store, REGISTRY, address=settings.ray_address, actors=settings.ray_actors, **options
        )
    else:
        made = LocalExecutor(store, REGISTRY, **options)
    made.store = store
    return made


def closed(executor: QueueExecutor) -> None:
    executor.close()
    executor.store.close()


def counting(total: int, seconds: float = 0.0) -> JobSpec:
    """Counts to `total`, a frame every `seconds`; nobody has asked for it yet."""
    return JobSpec("count", {"total": total, "seconds": seconds, "tag": f"{time.time_ns()}-{next(_TAGS)}"})


def clocked() -> JobSpec:
    """A job that nobody waits for to end, whose frames tell when each evaluation of 5 ms began."""
    return JobSpec("clocked", {"total": 1000, "seconds": 0.005, "tag": f"{time.time_ns()}-{next(_TAGS)}"})


def is_counted(result: Trajectory, total: int) -> bool:
    """Is it what counting to `total` gives?"""
    return result["x"].tolist() == list(range(total))


def training(seed: int, epochs: int = 20) -> JobSpec:
    """A real training of Part B, as small as it can be: D = 8, 96 digits, 12 steps an epoch, a checkpoint after each."""
    settings = MnistSettings(
        objective="class_flow",
        width=8,
        learning_rate=1e-3,
        batch_size=8,
        epochs=epochs,
        pictures=96,
        seed=seed,
    )
    return training_spec(settings)


def undisturbed(folder: Path, spec: JobSpec) -> Trajectory:
    """The result of a training that nothing interrupts, from the same kind of process."""
    executor = executor_in(folder)
    job = executor.submit(spec, "nobody")
    require(wait(executor, job).state == "done", "the undisturbed training did not end well")
    require(names(executor, job).count("Started") == 1, "the undisturbed training was interrupted")
    result = executor.result(job)
    closed(executor)
    return result


def same_bits(a: Trajectory, b: Trajectory) -> bool:
    """Equal in everything but the times that were measured."""
    return a.arrays.keys() == b.arrays.keys() and all(
        a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name])
        for name in a.arrays
        if name != "seconds"
    )


def wait(
    executor: Executor,
    job: JobId,
    until: Callable[[JobStatus], bool] = lambda status: status.state.final,
    seconds: float = PATIENCE,
) -> JobStatus:
    """The job's status once it has ended, or meets `until`. Raises Broken when that takes too long."""
    latest = time.monotonic() + seconds
    while not until(status := executor.status(job)):
        require(time.monotonic() < latest, f"a job of kind {status.spec.kind} hangs: {status.state}")
        time.sleep(0.003)
    return status


def names(executor: Executor, job: JobId) -> list[str]:
    """The names of the job's events."""
    return [type(event).__name__ for _, event in executor.events(job)]


def require_one_end(executor: Executor, jobs: Iterable[JobId]) -> None:
    """Raises Broken when a job has not ended exactly once."""
    for job in jobs:
        ends = [event for _, event in executor.events(job) if isinstance(event, TERMINAL)]
        require(len(ends) == 1, f"a job has ended {len(ends)} times")


def moments(seed: int) -> random.Random:
    """Random moments that are the same at every call of the script."""
    return random.Random(seed)
