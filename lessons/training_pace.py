"""How fast this machine trains, and what fits into two minutes of it.

The measurement is a job like any other: a few steps of B8's training for some widths, once a day, in float32 and in
the precision in which the device multiplies fastest, if that is another.

    {"day": "2026-05-17", "batch_size": 32, "precisions": ["float32", "bfloat16"]}
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from core.compute.context import JobContext, JobEvents
from core.datasets import Digits
from core.jobs import Frame, JobSpec
from core.training import native_precision, train_mnist
from core.training_settings import MNIST_SIZE, REFERENCE, MnistSettings
from core.trajectory import Trajectory
from lessons.training import load_digits

WIDTHS = (8, 16, 24, 32, 48, 64)
BATCH = 32
WARM_UP, TIMED = 1, 3  # steps; the first ones allocate
TOO_SLOW = 0.5  # seconds a step: wider networks would not fit into two minutes anyhow,
LEAST_WIDTHS = 3  # but so many are measured: time does not grow as D^2 from the narrowest one on
BUDGET_SECONDS = 105  # of the two minutes; the rest goes to samples, checkpoints and the start
# Measured: D = 16 after 1,500 steps of 32 digits; 61, 92, 99 of 100 digits read as asked for at gamma = 1, 3, 5 (T = 50).
ENOUGH_STEPS = 1000
SHORT_EPOCHS = 5  # the learning rate falls from epoch to epoch, so even a short training needs several


Pace = Mapping[str, Mapping[int, float]]  # precision -> width -> seconds for a step on BATCH digits


def pace_spec(day: date, device: str) -> JobSpec:
    """The measurement of one day: what else the machine has to do changes."""
    precisions = sorted({"float32", native_precision(device)}, reverse=True)  # float32 first
    return JobSpec("training_pace", {"day": day.isoformat(), "batch_size": BATCH, "precisions": precisions})


def measure(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Seconds a training step, for each precision and each width until one is too slow.

    Arrays, for each precision: <precision>/width int64 (widths,), <precision>/seconds float64 (widths,), the medians of
    a few steps.
    """
    digits = load_digits("train", context)
    precisions, batch = params["precisions"], params["batch_size"]
    total = len(precisions) * len(WIDTHS)
    arrays: dict[str, np.ndarray] = {}
    for k, precision in enumerate(precisions):
        found: dict[int, float] = {}
        for index, width in enumerate(WIDTHS):
            settings = MnistSettings(
                objective="class_flow", width=width, learning_rate=1e-2, batch_size=batch, epochs=1,
                pictures=batch * (WARM_UP + TIMED), precision=precision,
            )  # fmt: skip
            found[width] = seconds_of_a_step(settings, digits)
            yield Frame(k * len(WIDTHS) + index, total, {})
            if found[width] > TOO_SLOW and len(found) >= LEAST_WIDTHS:
                break
        arrays |= {
            f"{precision}/width": np.array(list(found)),
            f"{precision}/seconds": np.array(list(found.values())),
        }
    return Trajectory(arrays)


def seconds_of_a_step(settings: MnistSettings, digits: Digits) -> float:
    """The median of TIMED steps of a training, after WARM_UP others."""
    training, times = train_mnist(settings, digits), []
    for _ in range(WARM_UP + TIMED):
        began = time.perf_counter()
        next(training)
        times.append(time.perf_counter() - began)
    training.close()
    return statistics.median(times[WARM_UP:])


def pace_of(measured: Trajectory) -> Pace:
    """What `measure` has found."""
    found: dict[str, dict[int, float]] = {}
    for name in measured.arrays:
        precision, _, what = name.partition("/")
        if what == "width":
            seconds = measured[f"{precision}/seconds"].tolist()
            found[precision] = dict(zip(measured[name].tolist(), seconds, strict=True))
    return found


def seconds_a_step(settings: MnistSettings, pace: Pace) -> float | None:
    """About: measured at the nearest width, and on from there with D^2 (work for each weight and pixel).

    None in a precision that was not measured, since this device has to imitate it.
    """
    if settings.precision not in pace:
        return None
    measured = pace[settings.precision]
    nearest = min(measured, key=lambda width: (abs(width - settings.width), width))
    return measured[nearest] * (settings.width / nearest) ** 2 * settings.batch_size / BATCH


def estimate_seconds(settings: MnistSettings, pace: Pace) -> float | None:
    """About how long a training takes here; None if its precision was not measured."""
    a_step = seconds_a_step(settings, pace)
    steps = settings.epochs * settings.steps_per_epoch(settings.pictures)
    return None if a_step is None else steps * a_step


def two_minutes(reference: str, pace: Pace, seed: int = 0) -> MnistSettings:
    """The widest network that gets enough steps in two minutes here, on as many digits as that leaves.

    The precision is the one that was faster at that width. The learning rate, the noise and the rest are those of the
    reference preset, "b2" to "b8"; a denoiser's learning rate and batch are those of a short training: with 1e-4 it
    would hardly begin.
    """
    settings = replace(REFERENCE[reference], learning_rate=1e-2, batch_size=BATCH, decay=True, seed=seed)
    measured = [(width, a_step, name) for name, found in pace.items() for width, a_step in found.items()]
    fitting = [one for one in measured if BUDGET_SECONDS / one[1] >= ENOUGH_STEPS]
    narrowest = [one for one in measured if one[0] == min(measured)[0]]
    width, a_step, precision = max(fitting or narrowest, key=lambda one: (one[0], -one[1]))
    settings = replace(settings, width=width, precision=precision)
    pictures = int(BUDGET_SECONDS / a_step / SHORT_EPOCHS) * BATCH
    if pictures <= MNIST_SIZE:
        return replace(settings, epochs=SHORT_EPOCHS, pictures=max(pictures, BATCH))
    epochs = min(int(SHORT_EPOCHS * pictures / MNIST_SIZE), REFERENCE[reference].epochs)
    return replace(settings, epochs=max(epochs, 1), pictures=MNIST_SIZE)


def duration(seconds: float) -> str:
    """ "40 s", "12 min", "2.6 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 10 * 3600 else f"{seconds / 3600:.0f} h"
