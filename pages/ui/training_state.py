"""Where a training stands, and what there is of it so far: its losses, its samples, its facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from core.compute.executor import JobStatus
from core.jobs import Frame, JobId, JobNotFound, State
from core.training_settings import MnistSettings
from lessons.training import spec as training_spec
from lessons.training import steps_between_checkpoints
from lessons.training_curves import LossCurve
from pages.server import runtime

UNKEPT = 3  # checkpoints in a row that are not there


@dataclass(frozen=True)
class Training:
    """One training as the page sees it: `state` is None for one that nobody has asked for."""

    job_id: JobId
    settings: MnistSettings
    status: JobStatus | None
    kept_step: int | None  # of its newest checkpoint

    @property
    def state(self) -> State | None:
        return self.status.state if self.status else None

    @property
    def live(self) -> bool:
        return self.state in (State.QUEUED, State.RUNNING)

    @property
    def paused(self) -> bool:
        return self.state == State.CANCELLED and self.kept_step is not None

    @property
    def total(self) -> int:
        return self.settings.epochs * self.settings.steps_per_epoch(self.settings.pictures)

    @property
    def unkept(self) -> bool:
        """It has got far beyond its newest checkpoint: they cannot be written, as on a full disk."""
        if self.state != State.RUNNING:
            return False
        apart = steps_between_checkpoints(self.settings, runtime.environment()["device"])
        return self.status.done - (self.kept_step or 0) > UNKEPT * apart


def training_of(settings: MnistSettings) -> Training:
    """Where the training with these settings stands."""
    key = runtime.job_id(training_spec(settings))
    try:
        status = runtime.executor().status(key)
    except JobNotFound:
        status = None
    kept = runtime.executor().kept_step(key) if status and status.state != State.DONE else None
    return Training(key, settings, status, kept)


def word_of(training: Training) -> str:
    if training.paused:
        return f"paused at step {training.kept_step:,}"
    if training.state == State.RUNNING and training.status.total:
        return f"{training.status.done / training.status.total:.0%}"
    words = {State.DONE: "done", State.QUEUED: "waiting", State.RUNNING: "starting", State.FAILED: "failed"}
    return words.get(training.state, "stopped")


@st.cache_data(max_entries=64, show_spinner=False)
def facts_of(job: JobId) -> dict[str, Any]:
    """What a finished training has to say of itself."""
    result = runtime.shared_result(job)
    return {
        "diverged": result.meta["diverged"],
        "names": [name.replace("-", " ") for name in result.meta["names"]],
        "steps": len(result["losses"]),
        "seconds": float(result["seconds"][-1]) if len(result["seconds"]) else 0.0,
    }


def curve_of(training: Training) -> LossCurve | None:
    """All there is of its loss curve."""
    if training.state == State.DONE:
        return _finished_curve(training.job_id)
    if training.status is None:
        return None
    curve = LossCurve.of_events(events_of(training))
    if not len(curve) and training.kept_step:  # paused or waiting since before this server was started
        return _kept_curve(training.job_id, training.kept_step)
    return curve


@st.cache_data(max_entries=32, show_spinner=False)
def _finished_curve(job: JobId) -> LossCurve:
    return LossCurve.of_result(runtime.shared_result(job)).drawn()


@st.cache_data(max_entries=8, show_spinner=False)
def _kept_curve(job: JobId, step: int) -> LossCurve | None:
    checkpoint = runtime.executor().kept(job)
    return None if checkpoint is None else LossCurve.of_checkpoint(checkpoint).drawn()


def events_of(training: Training) -> list[Any]:
    try:
        return [event for _, event in runtime.executor().events(training.job_id)]
    except JobNotFound:
        return []


def samples_of(training: Training) -> tuple[np.ndarray, list[int]] | None:
    """(uint8 (snapshots, 10, 28, 28, 1), the steps after which they were taken)."""
    if training.state == State.DONE:
        result = runtime.shared_result(training.job_id)
        found = {
            int(step): samples
            for step, samples in zip(result["sample_steps"], result["samples"], strict=True)
        }
    elif training.status is not None:
        found = {
            e.index + 1: e.arrays["samples"] for e in events_of(training) if isinstance(e, Frame) and e.arrays
        }
    else:
        found = {}
    if not found:
        return None
    steps = sorted(found)
    return np.stack([found[step] for step in steps]), steps
