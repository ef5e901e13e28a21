"""How fast this machine trains, and what fits into two minutes of it.

The measurement is a job like any other: a few steps of B8's training for some widths, once a day.

    {"day": "2026-05-17", "batch_size": 32}
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from core.compute.jobs import Frame, JobContext, JobEvents, JobSpec
from core.training import train_mnist
from core.training_settings import MNIST_SIZE, REFERENCE, MnistSettings
from core.trajectory import Trajectory
from lessons.training import load_digits

WIDTHS = (8, 16, 24, 32, 48, 64)
BATCH = 32
WARM_UP, TIMED = 1, 3  # steps; the first ones allocate
TOO_SLOW = 0.5  # seconds a step: wider networks would not fit into two minutes anyhow
BUDGET_SECONDS = 105  # of the two minutes; the rest goes to samples, checkpoints and the start
# Measured: D = 16 after 1,500 steps of 32 digits; 61, 92, 99 of 100 digits read as asked for at gamma = 1, 3, 5 (T = 50).
ENOUGH_STEPS = 1000
SHORT_EPOCHS = 5  # the learning rate falls from epoch to epoch, so even a short training needs several


def pace_spec(day: date) -> JobSpec:
    """The measurement of one day: what else the machine has to do changes."""
    return JobSpec("training_pace", {"day": day.isoformat(), "batch_size": BATCH})


def measure(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Seconds a training step, for each width until one is too slow.

    Arrays: width int64 (widths,), seconds float64 (widths,), the medians of a few steps.
    """
    digits = load_digits("train", context)
    few = params["batch_size"] * (WARM_UP + TIMED)
    found: dict[int, float] = {}
    for index, width in enumerate(WIDTHS):
        settings = MnistSettings(
            objective="class_flow",
            width=width,
            learning_rate=1e-2,
            batch_size=params["batch_size"],
            epochs=1,
            pictures=few,
        )
        training = train_mnist(settings, digits)
        times = []
        for _ in range(WARM_UP + TIMED):
            began = time.perf_counter()
            next(training)
            times.append(time.perf_counter() - began)
        training.close()
        found[width] = statistics.median(times[WARM_UP:])
        yield Frame(index, len(WIDTHS), {})
        if found[width] > TOO_SLOW:
            break
    return Trajectory({"width": np.array(list(found)), "seconds": np.array(list(found.values()))})


def pace_of(measured: Trajectory) -> dict[int, float]:
    """Width -> seconds for a step on 32 digits."""
    return dict(zip(measured["width"].tolist(), measured["seconds"].tolist(), strict=True))


def seconds_a_step(settings: MnistSettings, pace: Mapping[int, float]) -> float:
    """About: measured at the nearest width, and on from there with D^2 (work for each weight and pixel)."""
    nearest = min(pace, key=lambda width: (abs(width - settings.width), width))
    return pace[nearest] * (settings.width / nearest) ** 2 * settings.batch_size / BATCH


def estimate_seconds(settings: MnistSettings, pace: Mapping[int, float]) -> float:
    """About how long a training takes here."""
    steps = settings.epochs * settings.steps_per_epoch(settings.pictures)
    return steps * seconds_a_step(settings, pace)


def two_minutes(reference: str, pace: Mapping[int, float], seed: int = 0) -> MnistSettings:
    """The widest network that gets enough steps in two minutes here, on as many digits as that leaves.

    The learning rate, the noise and the rest are those of the reference preset, "b2" to "b8"; a denoiser's learning
    rate and batch are those of a short training: with 1e-4 it would hardly begin.
    """
    settings = replace(REFERENCE[reference], learning_rate=1e-2, batch_size=BATCH, decay=True, seed=seed)
    fitting = [width for width in pace if BUDGET_SECONDS / pace[width] >= ENOUGH_STEPS]
    width = max(fitting, default=min(pace))
    pictures = int(BUDGET_SECONDS / pace[width] / SHORT_EPOCHS) * BATCH
    if pictures <= MNIST_SIZE:
        return replace(settings, width=width, epochs=SHORT_EPOCHS, pictures=max(pictures, BATCH))
    epochs = min(int(SHORT_EPOCHS * pictures / MNIST_SIZE), REFERENCE[reference].epochs)
    return replace(settings, width=width, epochs=max(epochs, 1), pictures=MNIST_SIZE)


def duration(seconds: float) -> str:
    """ "40 s", "12 min", "2.6 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
