"""The embedded executor: one worker process on this machine.

store = Store(folder)
executor = LocalExecutor(store, {"sampling": "lessons.sampling:run"}, environment={"model": fingerprint})
executor.resume()
job = executor.submit(JobSpec("sampling", {"seed": 7}), owner="ada")
for seq, event in executor.events(job, after=0): ...
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.compute.dispatch import QueueExecutor
from core.compute.process import WorkerProcess
from core.compute.store import Store


class LocalExecutor(QueueExecutor):
    """See QueueExecutor for the options, `core.compute.executor.Executor` for what the methods promise.

    Args:
        device: torch device string handed to the jobs.
        options: those of QueueExecutor; `environment` must be among them.
    """

    def __init__(
        self, store: Store, registry: Mapping[str, str], *, device: str = "cpu", **options: Any
    ) -> None:
        super().__init__(store, registry, [WorkerProcess(store.path, device)], **options)
