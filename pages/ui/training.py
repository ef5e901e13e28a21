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

from core.compute.executor import OwnJob
from core.jobs import ComputeError, JobId, JobSpec, State
from core.networks.mnist_unet import count_parameters
from core.training import build_network
from core.training_settings import REFERENCE, InvalidSettings, MnistSettings
from lessons.fields import Typed
from lessons.lesson import Lesson
from lessons.training import spec as training_spec
from lessons.training_fields import describe, remark, settings_of, training_fields, values_of
from lessons.training_pace import BATCH, Pace, duration, estimate_seconds, pace_of, pace_spec, two_minutes
from pages.server import runtime
from pages.server.session import LessonState, TrainingState
from pages.ui.controls import control, set_values
from pages.ui.follow import follow
from pages.ui.lesson_page import picture_and_side
from pages.ui.networks import trainings
from pages.ui.training_state import Training, training_of, word_of
from pages.ui.training_view import draw_shipped, draw_training

POLL_SECONDS = 1.0


def training_panel(lesson: Lesson, reference: str, floor: tuple[str, float] | None = None) -> None:
    """A training in the figure, its buttons and its numbers at the side.

    `floor`: a loss that cannot be undercut, drawn as a line: its name and its value.
    """
    state = LessonState(lesson).training()
    picture, side = picture_and_side()
    with side:
        st.header("Train it yourself", anchor=False)
        above = st.container(gap="small")
        settings = _controls(lesson, reference)
    if settings is None:
        with picture:
            draw_shipped(state, reference)
        return
    with above:
        training = training_of(settings)
        if _act(state, training):
            training = training_of(settings)
        own = {job.id: job for job in trainings(settings.objective)}
        mine = [training_of(MnistSettings(**job.spec.params["settings"])) for job in own.values()]
        others = [other for other in mine if other.job_id != training.job_id]
        _buttons(lesson, reference, state, training, own.get(training.job_id))
        overlaid = _overlays(lesson, state, training, others)
    live = training.live or any(other.live for other in overlaid)

    def now() -> list[Training]:
        return [training_of(one.settings) for one in (training, *overlaid)]

    def draw() -> None:
        first, *beside = now()
        draw_training(lesson, state, reference, first, beside, floor)

    with picture, st.container(key=f"live-{lesson.slug}"):  # page.css: nothing fades while it is drawn again
        follow(
            draw, [training.job_id, *(other.job_id for other in overlaid)],
            lambda: _states(now()), _states([training, *overlaid]),
            key=state.key("fragment"), every=POLL_SECONDS, live=live,
        )  # fmt: skip


def _states(trainings: list[Training]) -> tuple[tuple[JobId, bool], ...]:
    """Which of them are live: when one has ended or begun, the whole page is drawn again."""
    return tuple((one.job_id, one.live) for one in trainings)


def _controls(lesson: Lesson, reference: str) -> MnistSettings | None:
    """The training that the controls describe; None, with a sentence, if there is none such."""
    values = LessonState(lesson).values
    fields = training_fields(reference)
    typed = [one for one in fields if isinstance(one, Typed)]
    columns = st.columns(2)
    ok = []
    for k, one in enumerate(typed):
        with columns[k % 2]:
            ok.append(control(lesson, one.name))
    ok += [control(lesson, one.name) for one in fields if one not in typed]
    if not all(ok):
        return None
    try:
        settings = settings_of(values, reference)
    except InvalidSettings as error:
        st.warning(str(error), icon=":material/edit:")
        return None
    if said := remark(settings):
        st.info(said, icon=":material/visibility_off:")
    return settings


def _buttons(
    lesson: Lesson, reference: str, state: TrainingState, training: Training, own: OwnJob | None
) -> None:
    """What can be done with this training now, and what it would cost.

    `own`: one's own part in it. What somebody else has asked for can be joined, and neither paused nor discarded.
    """
    pace = measured_pace()
    names = {one.name for one in training_fields(reference)}
    st.caption(_cost(training, pace))
    if training.live and own is None:
        st.caption("Somebody else is training this network now: what you see is theirs, and you may join.")
    with st.container(horizontal=True, gap="small"):
        if training.live and own is not None and own.waiting:
            _button(state, "pause", "Pause", ":material/pause:", training)
            _button(state, "discard", "Stop and discard", ":material/delete:", training)
        elif training.live:
            label = "Go on" if own else "Join"
            _button(state, "start", label, ":material/play_arrow:", training, primary=True)
        elif training.paused:
            _button(state, "start", "Go on", ":material/play_arrow:", training, primary=True)
        elif training.state != State.DONE:
            again = "Train again" if training.kept_step is None else "Go on"
            label = again if training.state == State.FAILED else "Train"
            _button(state, "start", label, ":material/play_arrow:", training, primary=True)
        if own is not None and not own.waiting and (training.live or training.paused):
            _button(state, "discard", "Discard", ":material/delete:", training)
        if pace is None:
            st.button(
                "Two minutes on this machine",
                disabled=True,
                help="This machine is being measured.",
                key=state.key("two"),
            )
        else:
            short = two_minutes(reference, pace)
            st.button(
                "Two minutes on this machine", icon=":material/timer:", key=state.key("two"),
                on_click=_set_and_start, args=(lesson, values_of(short, names)),
                help=f"{describe(short)}: chosen from a measurement of this machine, {_speeds(short, pace)}.",
            )  # fmt: skip
    if pace is None:
        _wait_for_pace(state)


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
    state: TrainingState, action: str, label: str, icon: str, training: Training, primary: bool = False
) -> None:
    st.button(
        label, icon=icon, key=state.key(action), type="primary" if primary else "secondary",
        on_click=_ask, args=(state, action, training.job_id),
    )  # fmt: skip


def _ask(state: TrainingState, action: str, job: JobId) -> None:
    state.ask = (action, job)


def _set_and_start(lesson: Lesson, values: dict[str, Any]) -> None:
    set_values(lesson, values)
    LessonState(lesson).training().ask = ("start", None)  # whatever the controls describe then


def _act(state: TrainingState, training: Training) -> bool:
    """Does what a button has asked for; the executor says whose job it is. False if nothing was asked for."""
    action, job = state.take("ask") or (None, None)
    if action is None or job not in (None, training.job_id):
        return False
    executor, me = runtime.executor(), runtime.owner()
    try:
        if action == "start":
            executor.submit(training_spec(training.settings), me)
            state.over = [job for job in state.over if job != training.job_id]
        else:
            {"pause": executor.cancel, "discard": executor.discard}[action](training.job_id, me)
    except ComputeError as error:
        st.error(str(error), icon=":material/block:")
    return True


def _overlays(
    lesson: Lesson, state: TrainingState, training: Training, others: list[Training]
) -> list[Training]:
    """The other trainings that are drawn beside this one, and the way to them."""
    if not others:
        return []
    by_id = {other.job_id: other for other in others}
    key = state.key(f"over/{training.job_id[:8]}")
    if key not in st.session_state:
        wanted = [job for job in by_id if by_id[job].live or job in state.over]
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
                    f"{describe(other.settings)} ({word_of(other)})", key=state.key(f"open/{other.job_id}"), type="tertiary",
                    on_click=set_values, args=(lesson, values_of(other.settings, names)),
                )  # fmt: skip
    state.over = [*chosen, training.job_id]
    return [by_id[job] for job in chosen]


# ---------------------------------------------------------------- how fast this machine is


def measured_pace() -> Pace | None:
    """Today's measurement; asked for if there is none, None until it is there."""
    spec = _pace_spec()
    try:
        status = runtime.executor().status(runtime.executor().submit(spec, "pace"))
        if status.state == State.DONE:
            return pace_of(runtime.shared_result(runtime.job_id(spec)))
        if status.state == State.FAILED:
            st.error(status.message, icon=":material/error:")
    except ComputeError as error:
        st.error(str(error), icon=":material/hourglass_disabled:")
    return None


def _wait_for_pace(state: TrainingState) -> None:
    follow(
        lambda: st.caption("This machine is being measured, to say how long a training takes here …"),
        [runtime.job_id(_pace_spec())], lambda: measured_pace() is None, True,
        key=state.key("pace"), every=POLL_SECONDS, live=True,
    )  # fmt: skip


def _pace_spec() -> JobSpec:
    return pace_spec(date.today(), runtime.environment()["device"])
