"""What a training looks like: where it stands in words, its curve over others, its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from core.jobs import State
from core.training_settings import REFERENCE, STUDIED, MnistSettings
from lessons.lesson import Lesson
from lessons.networks import BEFOREHAND, shipped
from lessons.training import snapshot_steps
from lessons.training import spec as training_spec
from lessons.training_curves import LossCurve, epoch_ends, shipped_curve
from lessons.training_fields import describe
from lessons.training_pace import duration
from pages.components.curves import Series, curves
from pages.components.player import Film, Row, pack
from pages.server.session import TrainingState
from pages.ui.origin import signed
from pages.ui.stage import show
from pages.ui.training_state import Training, curve_of, events_of, facts_of, samples_of, word_of

LOSS = "Loss (pixels in [0, 1])"
SMOOTHING = 25  # steps
# Of the curves: above what is drawn after each epoch, and without.
LOW: dict[str, Any] = {"height": 180, "share": 0.25}
HIGH: dict[str, Any] = {"height": 240, "share": 0.5}
BESIDE = {"b6": ("b6-slow",), "b8": ("b8-constant",)}  # what ships with one number changed
SHOWN = {
    "flow": (r"x_1", "from ten noises, T = 20"),
    "class_flow": (r"x_1", "γ = 3, T = 20"),
    "denoise": (r"D_\theta(z)", "of ten noisy test digits"),
    "pure_noise": (r"D_\theta(z)", "of ten noises"),
}


def draw_training(
    lesson: Lesson,
    state: TrainingState,
    reference: str,
    training: Training,
    overlaid: list[Training],
    floor: tuple[str, float] | None,
) -> None:
    settings = training.settings
    _say(training)
    found = [(one, curve_of(one)) for one in (training, *overlaid)]
    found = [(one, curve) for one, curve in found if curve is not None and len(curve)]
    series = [_series(describe(one.settings), curve, word_of(one)) for one, curve in found]
    series += _shipped(reference, settings) or ([] if series else _shipped(reference))
    if series and floor is not None:
        series.append(_line(*floor, series))
    own = bool(found) and found[0][0] is training
    samples = samples_of(training)
    alone = samples is None and not training.live
    if series:
        curves(
            LOSS, series, key=state.key("curves"), smoothing=SMOOTHING,
            verticals=epoch_ends(training.total, settings.steps_per_epoch(settings.pictures)) if own else (),
            x_max=training.total if training.live else None, **(HIGH if alone else LOW),
        )  # fmt: skip
    if training.status is None:
        st.caption(
            "Not trained here yet. Once it is, its own loss stands above, and here what it draws after each epoch."
        )
    if samples is not None:
        film = _samples_film(training, *samples)
        show(state.stage("samples"), pack(signed(film, lesson, training_spec(training.settings), {})))


def draw_shipped(state: TrainingState, reference: str) -> None:
    """In the place of a training that its numbers do not allow."""
    if series := _shipped(reference):
        curves(LOSS, series, key=state.key("curves"), smoothing=SMOOTHING, **HIGH)


def _series(name: str, curve: LossCurve, note: str = "") -> Series:
    drawn = curve.drawn()
    axes = {"step": drawn.steps.tolist()}
    if drawn.seconds is not None:
        axes["seconds"] = drawn.seconds.tolist()
    return Series(name, axes, drawn.losses.tolist(), every=drawn.every, note=note)


def _line(name: str, value: float, series: list[Series]) -> Series:
    """A level, from the first step to the last that any of the curves has."""
    ends = {axis: max(one.x[axis][-1] for one in series) for axis in series[0].x}
    return Series(name, {axis: [min(1.0, end), end] for axis, end in ends.items()}, [value, value])


def _shipped(reference: str, settings: MnistSettings | None = None) -> list[Series]:
    """The curves of what ships, the reference and with one number changed, where the settings are of any; all without."""
    presets, found, theirs = (reference, *BESIDE.get(reference, ())), [], []
    for preset in presets:
        network, curve = shipped(preset), shipped_curve(preset)
        if network and curve:
            theirs += [(REFERENCE | STUDIED)[preset], network.settings]
            time = duration(float(curve.seconds[-1]))
            note = f"{curve.steps[-1]:,} steps in {time}, done beforehand"
            found.append(_series(f"{BEFOREHAND}: {describe(network.settings)}", curve, note))
    return found if settings is None or settings in theirs else []


def _say(training: Training) -> None:
    """Where the training stands, in words."""
    status = training.status
    if training.state == State.FAILED:
        st.error(status.message or "The training failed.", icon=":material/error:")
    elif training.state == State.QUEUED:
        place = f", place {status.position} in the queue" if status.position else ""
        st.progress(_share(training), text=f"Waiting{place}; computations take turns{_at(training)}")
    elif training.state == State.RUNNING:
        st.progress(_share(training), text=_progress(training))
        if training.unkept:
            _warn_of_a_full_disk(training)
    elif training.paused:
        st.info(
            f"Paused. What is kept reaches to step {training.kept_step:,}; from there it goes on.",
            icon=":material/pause:",
        )
    elif training.state == State.DONE:
        _say_done(training)


def _warn_of_a_full_disk(training: Training) -> None:
    """The worker goes on when a checkpoint cannot be written; what that means is said here."""
    kept = training.kept_step
    what = "No checkpoint of this training" if kept is None else f"No checkpoint after step {kept:,}"
    from_where = "at the beginning" if kept is None else "there"
    st.warning(
        f"{what} could be kept: the disk is probably full. The training goes on, but after a pause or a crash it would "
        f"begin again {from_where}. Free some space; the next checkpoint is tried by itself.",
        icon=":material/hard_drive:",
    )


def _share(training: Training) -> float:
    return min(training.status.done / training.total, 1.0)


def _at(training: Training) -> str:
    return f" · step {training.status.done:,} of {training.total:,}" if training.status.done else ""


def _progress(training: Training) -> str:
    if not training.status.done:
        return "Starting: digits and network are being loaded"
    curve = LossCurve.of_events(events_of(training))
    pace = curve.steps_per_second()
    text = f"Step {training.status.done:,} of {training.total:,} · epoch "
    text += (
        f"{(training.status.done - 1) // training.settings.steps_per_epoch(training.settings.pictures) + 1}"
    )
    text += f" of {training.settings.epochs}"
    if pace:
        left = (training.total - training.status.done) / pace
        text += f" · {pace:.2g} steps a second · about {duration(left)} left"
    return text


def _say_done(training: Training) -> None:
    facts = facts_of(training.job_id)
    if facts["diverged"]:
        kept = (
            f" The weights of {facts['names'][-1]} are kept, from before it happened."
            if facts["names"]
            else ""
        )
        st.error(f"{facts['diverged']}{kept}", icon=":material/trending_up:")
    else:
        st.success(
            f"Done: {facts['steps']:,} steps in {duration(facts['seconds'])}. It can now be chosen as the network of this "
            "lesson and of those that follow.", icon=":material/check:",
        )  # fmt: skip


def _samples_film(training: Training, samples: np.ndarray, steps: list[int]) -> Film:
    symbol, caption = SHOWN[training.settings.objective]
    expected = snapshot_steps(training.total, training.settings.steps_per_epoch(training.settings.pictures))
    return Film(
        rows=[Row("samples", symbol, samples, caption)],
        steps=[f"after step {step:,}" for step in steps],
        total=len(expected) if training.live else len(steps),
        columns=[str(digit) for digit in range(10)]
        if training.settings.objective in ("class_flow", "denoise")
        else (),
        clock="flow",
        name="training",
    )
