"""What the tests of the executors share: the executors, sample specifications, waiting."""

from __future__ import annotations

import itertools
import os
import time

from core.compute.local import LocalExecutor
from core.compute.ray import RayExecutor
from core.compute.store import Store
from core.jobs import JobSpec

KINDS = (
    "count one_long_step fails crashes trains disk_is_full prints returns_nothing reads_blob counts_calls "
    "takes_memory takes_torch_memory sees meets shares"
).split()
REGISTRY = {kind: f"tests.compute.sample_jobs:{kind}" for kind in KINDS}
ENVIRONMENT = {"model": "none", "device": "cpu"}


def make_local(store: Store, **options) -> LocalExecutor:
    return LocalExecutor(store, REGISTRY, environment=ENVIRONMENT, **options)


def make_ray(store: Store, **options) -> RayExecutor:
    """On the cluster of the test session, which the fixture `cluster` has started."""
    address = os.environ["TEST_RAY_ADDRESS"]
    return RayExecutor(store, REGISTRY, environment=ENVIRONMENT, **{"address": address, **options})


def make_seats(store: Store, **options) -> LocalExecutor:
    """Three jobs at a time in one process."""
    return make_local(store, **{"seats": 3, **options})


EXECUTORS = {"local": make_local, "seats": make_seats, "ray": make_ray}


def wait(executor, job_id, seconds=90.0, until=lambda status: status.state.final):
    """The status of the job, once it has ended (or meets `until`)."""
    deadline = time.monotonic() + seconds
    while not until(status := executor.status(job_id)):
        assert time.monotonic() < deadline, f"still {status} after {seconds} s"
        time.sleep(0.005)
    return status


_TAGS = itertools.count()


def fresh(total=3, **params) -> JobSpec:
    """A counting job that nobody has asked for yet."""
    return JobSpec("count", {"total": total, "tag": next(_TAGS), **params})


def names(executor, job_id) -> list[str]:
    return [type(event).__name__ for _, event in executor.events(job_id)]
