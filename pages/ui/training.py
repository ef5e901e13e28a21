"""Train a network and watch: the loss as it falls, samples from a fixed noise, several trainings over each other.

A training is a job of the executor, so leaving the page, reloading it or losing the server costs nothing: what is shown
here is read from the job each time. Pausing cancels the job and keeps its checkpoints; the same job, asked for again,
goes on from the last of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import streamlit as st

from core.compute.executor import JobStatus
from core.compute.jobs import ComputeError, Frame, JobId, JobNotFound, State
from core.networks.mnist_unet import count_parameters
from core.training import build_network
from core.training_settings import REFERENCE, InvalidSettings, MnistSettings
from lessons.lesson import Lesson
from lessons.networks import shipped
from lessons.training import snapshot_steps
from lessons.training import spec as training_spec
from lessons.training_curves import LossCurve, epoch_ends, shipped_curve
from lessons.training_fields import describe, settings_of, training_fields, values_of
from lessons.training_pace import duration, estimate_seconds, pace_of, pace_spec, two_minutes
from pages.ui.controls import control, set_values
from pages.ui.curves import Series, curves
from pages.ui.jobs import show
from pages.ui.networks import trainings
from pages.ui.player import Film, Row
from pages.ui.runtime import executor, job_id, owner, store

POLL_SECONDS = 1.0
SMOOTHING = 25  # steps
SHOWN = {
    "flow": (r"x_1", "from ten noises, T = 20"),
    "class_flow": (r"x_1", "γ = 3, T = 20"),
    "denoise": (r"D_\theta(z)", "of ten noisy test digits"),
    "pure_noise": (r"D_\theta(z)", "of ten noises"),
}


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


def training_of(settings: MnistSettings) -> Training:
    """Where the training with these settings stands."""
    key = job_id(training_spec(settings))
    try:
        status = executor().status(key)
    except JobNotFound:
        status = None
    kept = store().checkpoint_step(key) if status and status.state != State.DONE else None
    return Training(key, settings, status, kept)


# ---------------------------------------------------------------- the panel


def training_panel(lesson: Lesson, reference: str, floor: tuple[str, float] | None = None) -> None:
    """The controls of a training, its buttons, its curves and its samples.

    `floor`: a loss that cannot be undercut, drawn as a line: its name and its value.
    """
    place = f"{lesson.slug}/training"
    st.subheader("Train it yourself", anchor=False)
    settings = _controls(lesson, reference)
    if settings is None:
        return
    training = training_of(settings)
    _act(place, training)
    if st.session_state.pop(f"{place}/acted", False):
        training = training_of(settings)
    mine = [
        training_of(MnistSettings(**record.spec.params["settings"]))
        for record in trainings(settings.objective)
    ]
    others = [other for other in mine if other.job_id != training.job_id]
    _buttons(lesson, reference, place, training)
    overlaid = _overlays(lesson, place, training, others)
    live = training.live or any(other.live for other in overlaid)
    states, drawn = _states(training, overlaid), False

    @st.fragment(run_every=POLL_SECONDS if live else None, key=f"{place}/fragment")
    def watch() -> None:
        """When one of them has ended or begun, the whole page is drawn again.

        But not before it has been drawn once: controls whose first run is cut short forget their values.
        """
        nonlocal drawn
        _discard_what_has_stopped(place)
        now, beside = training_of(settings), [training_of(other.settings) for other in overlaid]
        if drawn and _states(now, beside) != states:
            st.rerun()
        drawn = True
        _draw(place, reference, now, beside, floor)

    with st.container(key=f"live-{lesson.slug}"):  # page.css: nothing fades while it is drawn again
        watch()


def _states(training: Training, overlaid: list[Training]) -> list[tuple[JobId, bool]]:
    """Which of them are live."""
    return [(one.job_id, one.live) for one in (training, *overlaid)]


def _controls(lesson: Lesson, reference: str) -> MnistSettings | None:
    """The training that the controls describe; None, with a sentence, if there is none such."""
    state = st.session_state[f"{lesson.slug}/values"]
    fields = training_fields(reference)
    with st.expander("Its numbers", icon=":material/tune:", expanded=False):
        columns = st.columns(4)
        ok = []
        for k, one in enumerate(fields):
            with columns[k % 4]:
                ok.append(control(lesson, one.name))
    if not all(ok):
        return None
    try:
        return settings_of(state, reference)
    except InvalidSettings as error:
        st.warning(str(error), icon=":material/edit:")
        return None


def _buttons(lesson: Lesson, reference: str, place: str, training: Training) -> None:
    """What can be done with this training now, and what it would cost."""
    pace = measured_pace()
    names = {one.name for one in training_fields(reference)}
    st.caption(_cost(training, pace))
    with st.container(horizontal=True, gap="small"):
        if training.live:
            _button(place, "pause", "Pause", ":material/pause:", training)
            _button(place, "discard", "Stop and discard", ":material/delete:", training)
        elif training.paused:
            _button(place, "start", "Go on", ":material/play_arrow:", training, primary=True)
            _button(place, "discard", "Discard", ":material/delete:", training)
        elif training.state != State.DONE:
            label = "Train again" if training.state == State.FAILED else "Train"
            _button(place, "start", label, ":material/play_arrow:", training, primary=True)
        if pace is None:
            st.button(
                "Two minutes on this machine",
                disabled=True,
                help="This machine is being measured.",
                key=f"{place}/two",
            )
        else:
            short = two_minutes(reference, pace)
            st.button(
                "Two minutes on this machine", icon=":material/timer:", key=f"{place}/two",
                on_click=_set_and_start, args=(lesson, place, values_of(short, names)),
                help=f"{describe(short)}: chosen from a measurement of this machine, {1 / pace[short.width]:.1f} steps "
                f"of 32 digits a second at D = {short.width}.",
            )  # fmt: skip
    if pace is None:
        _wait_for_pace(place)


def _cost(training: Training, pace: dict[int, float] | None) -> str:
    settings = training.settings
    cost = f"{describe(settings)} · {training.total:,} steps, {_parameters(settings.objective, settings.width):,} parameters"
    if training.state == State.DONE or pace is None:
        return cost
    return f"{cost} · about {duration(estimate_seconds(settings, pace))} on this machine"


@st.cache_data(max_entries=64, show_spinner=False)
def _parameters(objective: str, width: int) -> int:
    return count_parameters(build_network(replace(REFERENCE["b8"], objective=objective, width=width)))


def _button(
    place: str, action: str, label: str, icon: str, training: Training, primary: bool = False
) -> None:
    st.button(
        label, icon=icon, key=f"{place}/{action}", type="primary" if primary else "secondary",
        on_click=_ask, args=(place, action, training.job_id),
    )  # fmt: skip


def _ask(place: str, action: str, job: JobId) -> None:
    st.session_state[f"{place}/ask"] = (action, job)


def _set_and_start(lesson: Lesson, place: str, values: dict[str, Any]) -> None:
    set_values(lesson, values)
    st.session_state[f"{place}/ask"] = ("start", None)  # whatever the controls describe then


def _act(place: str, training: Training) -> None:
    """Does what a button has asked for."""
    action, job = st.session_state.pop(f"{place}/ask", (None, None))
    if action is None or job not in (None, training.job_id):
        return
    try:
        if action == "start":
            executor().submit(training_spec(training.settings), owner())
            overlaid = st.session_state.setdefault(f"{place}/over", [])
            if training.job_id in overlaid:
                overlaid.remove(training.job_id)
        elif training.live:
            executor().cancel(training.job_id, owner())
        if action == "discard":
            st.session_state[f"{place}/discarding"] = training.job_id
    except ComputeError as error:
        st.error(str(error), icon=":material/block:")
    st.session_state[f"{place}/acted"] = True


def _discard_what_has_stopped(place: str) -> None:
    """A job stops before its next step; only then are its checkpoints complete, and can be removed."""
    job = st.session_state.get(f"{place}/discarding")
    if job is None:
        return
    try:
        stopped = executor().status(job).state.final
    except JobNotFound:
        stopped = True
    if stopped:
        store().drop_checkpoints(job)
        del st.session_state[f"{place}/discarding"]


def _overlays(lesson: Lesson, place: str, training: Training, others: list[Training]) -> list[Training]:
    """The other trainings that are drawn beside this one, and the way to them."""
    if not others:
        return []
    by_id = {other.job_id: other for other in others}
    key = f"{place}/over/{training.job_id[:8]}"
    if key not in st.session_state:
        before = st.session_state.get(f"{place}/over", [])
        wanted = [job for job in by_id if by_id[job].live or job in before]
        # With nothing of its own to show, the newest that has: an empty chart says less than a wrong guess.
        st.session_state[key] = wanted or ([] if training.status else others[:1] and [others[0].job_id])
    st.session_state[key] = [job for job in st.session_state[key] if job in by_id]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.pills(
            "Other trainings of yours, to lay over this one", list(by_id), selection_mode="multi", key=key, wrap=True,
            format_func=lambda job: f"{describe(by_id[job].settings)} ({_word(by_id[job])})",
        )  # fmt: skip
        with st.popover("Open one", icon=":material/folder_open:"):
            names = {one.name for one in lesson.fields}
            for other in others:
                st.button(
                    f"{describe(other.settings)} ({_word(other)})", key=f"{place}/open/{other.job_id}", type="tertiary",
                    on_click=set_values, args=(lesson, values_of(other.settings, names)),
                )  # fmt: skip
    st.session_state[f"{place}/over"] = [*chosen, training.job_id]
    return [by_id[job] for job in chosen]


def _word(training: Training) -> str:
    if training.paused:
        return f"paused at step {training.kept_step:,}"
    if training.state == State.RUNNING and training.status.total:
        return f"{training.status.done / training.status.total:.0%}"
    words = {State.DONE: "done", State.QUEUED: "waiting", State.RUNNING: "starting", State.FAILED: "failed"}
    return words.get(training.state, "stopped")


# ---------------------------------------------------------------- curves and samples


def _draw(
    place: str, reference: str, training: Training, overlaid: list[Training], floor: tuple[str, float] | None
) -> None:
    settings = training.settings
    _say(training)
    found = [(one, curve_of(one)) for one in (training, *overlaid)]
    found = [(one, curve) for one, curve in found if curve is not None and len(curve)]
    series = [_series(describe(one.settings), curve, _word(one)) for one, curve in found]
    series += _shipped(reference, settings)
    if series and floor is not None:
        series.append(_line(*floor, series))
    own = bool(found) and found[0][0] is training
    if series:
        curves(
            "Loss", series, key=f"{place}/curves", smoothing=SMOOTHING,
            verticals=epoch_ends(training.total, settings.steps_per_epoch(settings.pictures)) if own else (),
            x_max=training.total if training.live else None, height=300,
        )  # fmt: skip
    samples = samples_of(training)
    if samples is not None:
        show(f"{place}/samples", _samples_film(training, *samples).to_bytes())


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


def _shipped(reference: str, settings: MnistSettings) -> list[Series]:
    """The curves of what ships, beside the reference numbers and beside its own."""
    found = []
    for preset in [reference, "b8-constant"] if reference == "b8" else [reference]:
        network, curve = shipped(preset), shipped_curve(preset)
        if network and curve and settings in (REFERENCE[reference], REFERENCE[preset], network.settings):
            time = duration(float(curve.seconds[-1]))
            note = f"{curve.steps[-1]:,} steps in {time}, done beforehand"
            found.append(_series(f"Shipped: {describe(network.settings)}", curve, note))
    return found


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
    elif training.paused:
        st.info(
            f"Paused. What is kept reaches to step {training.kept_step:,}; from there it goes on.",
            icon=":material/pause:",
        )
    elif training.state == State.DONE:
        _say_done(training)


def _share(training: Training) -> float:
    return min(training.status.done / training.total, 1.0)


def _at(training: Training) -> str:
    return f" · step {training.status.done:,} of {training.total:,}" if training.status.done else ""


def _progress(training: Training) -> str:
    if not training.status.done:
        return "Starting: digits and network are being loaded"
    curve = LossCurve.of_events(_events(training))
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
    facts = _facts(training.job_id)
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


@st.cache_data(max_entries=64, show_spinner=False)
def _facts(job: JobId) -> dict[str, Any]:
    """What a finished training has to say of itself."""
    result = executor().result(job)
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
    curve = LossCurve.of_events(_events(training))
    if not len(curve) and training.kept_step:  # paused or waiting since before this server was started
        return _kept_curve(training.job_id, training.kept_step)
    return curve


@st.cache_data(max_entries=32, show_spinner=False)
def _finished_curve(job: JobId) -> LossCurve:
    return LossCurve.of_result(executor().result(job)).drawn()


@st.cache_data(max_entries=8, show_spinner=False)
def _kept_curve(job: JobId, step: int) -> LossCurve | None:
    checkpoint = store().get_checkpoint(job)
    return None if checkpoint is None else LossCurve.of_checkpoint(checkpoint).drawn()


def _events(training: Training) -> list[Any]:
    try:
        return [event for _, event in executor().events(training.job_id)]
    except JobNotFound:
        return []


def samples_of(training: Training) -> tuple[np.ndarray, list[int]] | None:
    """(uint8 (snapshots, 10, 28, 28, 1), the steps after which they were taken)."""
    if training.state == State.DONE:
        result = executor().result(training.job_id)
        found = {
            int(step): samples
            for step, samples in zip(result["sample_steps"], result["samples"], strict=True)
        }
    elif training.status is not None:
        found = {
            e.index + 1: e.arrays["samples"] for e in _events(training) if isinstance(e, Frame) and e.arrays
        }
    else:
        found = {}
    if not found:
        return None
    steps = sorted(found)
    return np.stack([found[step] for step in steps]), steps


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


# ---------------------------------------------------------------- how fast this machine is


def measured_pace() -> dict[int, float] | None:
    """Today's measurement; asked for if there is none, None until it is there."""
    spec = pace_spec(date.today())
    try:
        status = executor().status(executor().submit(spec, "pace"))
        if status.state == State.DONE:
            return pace_of(executor().result(job_id(spec)))
        if status.state == State.FAILED:
            st.error(status.message, icon=":material/error:")
    except ComputeError as error:
        st.error(str(error), icon=":material/hourglass_disabled:")
    return None


def _wait_for_pace(place: str) -> None:
    drawn = False

    @st.fragment(run_every=POLL_SECONDS, key=f"{place}/pace")
    def wait() -> None:
        nonlocal drawn
        if drawn and measured_pace() is not None:
            st.rerun()
        drawn = True
        st.caption("This machine is being measured, to say how long a training takes here …")

    wait()
