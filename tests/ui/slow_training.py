"""A training that takes its time and no torch, for the tests of the training panel: a step every 5 ms, each kept."""

from __future__ import annotations

import time

import numpy as np

from core.jobs import Checkpoint, Metric

STEPS = 100_000  # nobody waits for its end


def run(params, context):
    start = context.checkpoint.step if context.checkpoint else 0
    for step in range(start + 1, STEPS):
        time.sleep(0.005)
        losses = np.linspace(1.0, 0.5, step, dtype=np.float32)
        yield Metric(step, STEPS, {"loss": float(losses[-1]), "seconds": 0.005 * step})
        yield Checkpoint(
            step, f"step-{step}", {"loop/losses": losses, "run/seconds": 0.005 * np.arange(1, step + 1)}
        )


def refuse(params, context):
    """Whatever else the pages ask for."""
    raise ValueError("Only trainings are computed in this test.")
    yield
