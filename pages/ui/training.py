"""Train a network and watch: the loss as it falls, samples from a fixed noise, several trainings over each other.

A training is a job of the executor, so leaving the page, reloading it or losing the server costs nothing: what is shown
here is read from the job each time. Pausing cancels the job and keeps its checkpoints; the same job, asked for again,
goes on from the last of them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import streamlit as st

from core.jobs import ComputeError, JobId, JobNotFound, State
from core.networks.mnist_unet import count_parameters
from core.training import build_network
from core.training_settings import REFERENCE, InvalidSettings, MnistSettings
from lessons.lesson import Lesson
from lessons.training import spec as training_spec
from lessons.training_fields import describe, remark, settings_of, training_fields, values_of
from lessons.training_pace import BATCH, Pace, duration, estimate_seconds, pace_of, pace_spec, two_minutes
from pages.server.runtime import environment, executor, job_id, owner, shared_result, store
from pages.server.served.news import following
from pages.ui.controls import control, set_values
from pages.ui.networks import trainings
from pages.ui.training_state import Training, training_of, word_of
from pages.ui.training_view import draw_training

POLL_SECONDS = 1.0


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
        draw_training(place, reference, now, beside, floor)

    with st.container(key=f"live-{lesson.slug}"):  # page.css: nothing fades while it is drawn again
        jobs = [training.job_id, *(other.job_id for other in overlaid)]
        following(watch, jobs, live=live, every=POLL_SECONDS, key=f"{place}/fragment")


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
        settings = settings_of(state, reference)
    except InvalidSettings as error:
        st.warning(str(error), icon=":material/edit:")
        return None
    if said := remark(settings):
        st.info(said, icon=":material/visibility_off:")
    return settings


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
            again = "Train again" if training.kept_step is None else "Go on"
            label = again if training.state == State.FAILED else "Train"
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
                help=f"{describe(short)}: chosen from a measurement of this machine, {_speeds(short, pace)}.",
            )  # fmt: skip
    if pace is None:
        _wait_for_pace(place)


def _speeds(settings: MnistSettings, pace: Pace) -> str:
    """What was measured at a width: "24 steps of 32 digits a second in bfloat16, 15 in float32, at D = 32"."""
    found = {precision: seconds.get(settings.width) for precision, seconds in pace.items()}
    fastest, *others = sorted((seconds, name) for name, seconds in found.items() if seconds)
    said = [f"{1 / fastest[0]:.2g} steps of {BATCH} digits a second in {fastest[1]}"]
    said += [f"{1 / seconds:.2g} in {name}" for seconds, name in others]
    return f"{', '.join(said)}, at D = {settings.width}"


def _cost(training: Training, pace: Pace | None) -> str:
    settings = training.settings
    cost = f"{describe(settings)} · {training.total:,} steps, {_parameters(settings.objective, settings.width):,} parameters"
    if training.state == State.DONE or pace is None:
        return cost
    seconds = estimate_seconds(settings, pace)
    if seconds is None:
        return f"{cost} · {settings.precision} is imitated on this machine, and slower than float32"
    return f"{cost} · about {duration(seconds)} on this machine"


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
            format_func=lambda job: f"{describe(by_id[job].settings)} ({word_of(by_id[job])})",
        )  # fmt: skip
        with st.popover("Open one", icon=":material/folder_open:"):
            names = {one.name for one in lesson.fields}
            for other in others:
                st.button(
                    f"{describe(other.settings)} ({word_of(other)})", key=f"{place}/open/{other.job_id}", type="tertiary",
                    on_click=set_values, args=(lesson, values_of(other.settings, names)),
                )  # fmt: skip
    st.session_state[f"{place}/over"] = [*chosen, training.job_id]
    return [by_id[job] for job in chosen]


# ---------------------------------------------------------------- how fast this machine is


def measured_pace() -> Pace | None:
    """Today's measurement; asked for if there is none, None until it is there."""
    spec = pace_spec(date.today(), environment()["device"])
    try:
        status = executor().status(executor().submit(spec, "pace"))
        if status.state == State.DONE:
            return pace_of(shared_result(job_id(spec)))
        if status.state == State.FAILED:
            st.error(status.message, icon=":material/error:")
    except ComputeError as error:
        st.error(str(error), icon=":material/hourglass_disabled:")
    return None


def _wait_for_pace(place: str) -> None:
    drawn = False

    def wait() -> None:
        nonlocal drawn
        if drawn and measured_pace() is not None:
            st.rerun()
        drawn = True
        st.caption("This machine is being measured, to say how long a training takes here …")

    job = job_id(pace_spec(date.today(), environment()["device"]))
    following(wait, [job], live=True, every=POLL_SECONDS, key=f"{place}/pace")
