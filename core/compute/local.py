"""The embedded executor: one worker process on this machine, for one job at a time or, on a GPU, for several.

store = Store(folder)
executor = LocalExecutor(store, {"denoise": "lessons.denoising:run"}, environment={"model": fingerprint})
executor.resume()
job = executor.submit(JobSpec("denoise", params), owner="ada")
for seq, event in executor.events(job, after=0): ...
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.compute.dispatch import QueueExecutor
from core.compute.store import Store
from core.compute.workers.process import WorkerProcess
from core.compute.workers.seats import make_seats, shared_rows


class LocalExecutor(QueueExecutor):
    """See QueueExecutor for the options, `core.compute.executor.Executor` for what the methods promise.

    Args:
        device: torch device string handed to the jobs.
        seats: jobs that compute at the same time (core/compute/workers/seats.py).
        options: those of QueueExecutor; `environment` must be among them.
    """

    def __init__(
        self,
        store: Store,
        registry: Mapping[str, str],
        *,
        device: str = "cpu",
        seats: int = 1,
        **options: Any,
    ) -> None:
        workers = (
            [WorkerProcess(store.path, device)]
            if seats == 1
            else make_seats(store.path, device, seats, shared_rows(seats))
        )
        super().__init__(store, registry, workers, **options)
