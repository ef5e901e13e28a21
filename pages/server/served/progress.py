"""How far a job is: in words, as a share, and the frames that have arrived. Both ways of watching one say the same."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.compute.executor import JobStatus
from core.jobs import Event, Frame, State

Pixels = dict[str, np.ndarray]  # name -> uint8 (frames so far, B, H, W, C)


def words(status: JobStatus) -> str:
    """Where a job is that waits or runs, for the student."""
    if status.state == State.QUEUED:
        text = f"Waiting, place {status.position} in the queue" if status.position else "Waiting"
    elif status.total:
        text = f"Step {status.done} of {status.total}"
    else:
        text = "Starting: the model is being loaded"
    return text + _left(status.eta_seconds)


def share(status: JobStatus) -> float:
    """How much of it is done, from 0 to 1."""
    if status.state == State.QUEUED or not status.total:
        return 0.0
    return min(status.done / status.total, 1.0)


def frames_so_far(events: Iterable[tuple[int, Event]]) -> list[Frame]:
    """From the first one on without a gap; the newest of each index counts (a retried worker sends them again)."""
    frames = {event.index: event for _, event in events if isinstance(event, Frame)}
    whole: list[Frame] = []
    while len(whole) in frames and frames[len(whole)].arrays:
        whole.append(frames[len(whole)])
    return whole


def stacked(frames: list[Frame]) -> Pixels:
    """The pictures of one frame or more, each quantity in one array."""
    return {name: np.stack([frame.arrays[name] for frame in frames]) for name in frames[0].arrays}


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f" · about {seconds:.0f} s left" if seconds >= 1.5 else " · nearly done"
