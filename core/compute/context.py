"""What a job is given in the worker process, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

from core.compute.store import Store
from core.jobs import Checkpoint, Frame, Metric
from core.trajectory import Trajectory


@dataclass(frozen=True)
class JobContext:
    """What a job is given besides its parameters."""

    device: str  # a torch device string: "cpu", "cuda:0"
    store: Store  # uploaded pictures and other blobs by content hash
    cache: dict[Hashable, Any]  # as old as the worker process: loaded models stay here between jobs
    checkpoint: Checkpoint | None = None  # the last good one of an interrupted run, to resume from
    # A network -> one that evaluates together with the jobs beside this one; None where jobs compute one at a time.
    share: Callable[[Any], Any] = lambda network: None


JobEvents: TypeAlias = Generator[Frame | Metric | Checkpoint, None, Trajectory]
