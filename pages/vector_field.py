"""B5: the vector field, carried along in the browser; the network's training is the only thing that is queued."""

from functools import partial

import numpy as np
import streamlit as st

from core.compute.executor import JobStatus
from core.jobs import ComputeError, Frame, JobId, JobNotFound, Metric, State
from core.media import png
from lessons.fields import BadValue
from lessons.vector_field import (
    DRAWN,
    LESSON,
    NoDrawing,
    data_points,
    load_ink,
    noise_and_pairs,
    read_frame,
    training_spec,
)
from pages.components.canvas import Drawing, canvas
from pages.components.field import MATHEMATICS, Losses, Scene, Snapshots, script, vector_field
from pages.server.runtime import executor, job_id, owner, shared_result, store
from pages.server.served.news import following
from pages.ui.controls import asked_to_go, control, write_url
from pages.ui.lesson_page import lesson_page, picture_and_side, variant_toggle

POLL_SECONDS = 0.4
DATA = ("data", "drawing", "count", "seed")
TRAINING = ("training_steps", "learning_rate", "hidden")
VIEW = ("t", "show", "field", "solver", "steps", "beside", "particles", "after", "drop")


@st.cache_data(max_entries=32, show_spinner=False)
def start(data: str, drawing: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, noise and pairs."""
    params = {"data": data, "drawing": drawing, "count": count, "seed": seed}
    points = data_points(params, store())
    noise, pairs = noise_and_pairs(count, seed)
    return points.numpy(), noise.numpy(), pairs.numpy()


def draw_data(values: dict) -> None:
    """The canvas for data of one's own; every stroke makes other points."""
    try:
        kept = np.rint(255 * (1 - load_ink(values["drawing"], store())))[..., None].astype(np.uint8)
    except NoDrawing:
        kept = None  # said where the picture would be

    def keep(drawing: Drawing) -> None:
        values["drawing"] = "" if drawing.blank else store().put_blob(png(drawing.pixels))

    canvas(
        key=f"{LESSON.slug}/canvas", mode="grey", start=kept, brush=4, send="rest", label="Data", on_use=keep
    )


def status_of(job: JobId) -> JobStatus | None:
    """None for a training that nobody has asked for, or that was cancelled."""
    try:
        status = executor().status(job)
    except JobNotFound:
        return None
    return None if status.state == State.CANCELLED else status


def submit(values: dict) -> None:
    try:
        executor().submit(training_spec(values), owner())
    except ComputeError as error:
        st.error(str(error), icon=":material/hourglass_disabled:")


def cancel(job: JobId) -> None:
    try:
        executor().cancel(job, owner())
    except ComputeError as error:
        st.toast(str(error), icon=":material/block:")


def finished(job: JobId) -> tuple[Snapshots | None, Losses | None]:
    """All of a training that has ended, and the sentence if it has diverged."""
    try:
        trajectory = shared_result(job)
    except ComputeError as error:
        st.error(str(error), icon=":material/error:")
        return None, None
    meta, losses = trajectory.meta, trajectory["losses"]
    if meta["trouble"]:
        st.error(meta["trouble"], icon=":material/trending_up:")
    snapshots = Snapshots(
        job,
        meta["params"]["hidden"],
        trajectory["snapshot_steps"],
        trajectory["weights"],
        trajectory["errors"],
    )
    return snapshots, Losses(np.arange(1, len(losses) + 1), losses, meta["total"], meta["floor"])


def so_far(job: JobId, hidden: int) -> tuple[Snapshots | None, Losses | None]:
    """The newest weights of a training that goes on, and its losses."""
    events = [event for _, event in executor().events(job)]
    frames = [event for event in events if isinstance(event, Frame) and event.arrays]
    if not frames:
        return None, None
    weights, error, floor = read_frame(frames[-1])
    metrics = {event.step: event.values["loss"] for event in events if isinstance(event, Metric)}
    steps = sorted(metrics)
    losses = Losses(steps, [metrics[step] for step in steps], frames[-1].total, floor, live=True)
    return Snapshots(job, hidden, [frames[-1].index + 1], weights[None], [error]), losses


def waiting(status: JobStatus) -> str:
    """What a training that has not begun waits for."""
    if status.state == State.QUEUED and status.position and status.position > 1:
        return f"The training waits: place {status.position} in the queue."
    return "The training is about to start."


def adopt(texts: dict[str, str]) -> None:
    """The student has set something in the component: into the lesson's values and the URL."""
    state = st.session_state[f"{LESSON.slug}/values"]
    try:
        state.update({name: LESSON.field(name).parse(texts[name]) for name in VIEW if name in texts})
    except BadValue as error:
        st.toast(str(error), icon=":material/edit:")
    write_url(LESSON, state)


def draw(values: dict, job: JobId, wrong: str | None, was_running: bool, drawn: list[bool]) -> None:
    """The scene as it stands; in a fragment, which comes back while the training goes on."""
    status = status_of(job)
    running = status is not None and not status.state.final
    if drawn and was_running and not running:
        st.rerun()  # the whole page: the button and the polling hang on it
    drawn.append(True)
    network = losses = None
    note = waiting(status) if running else ""
    if running:
        network, losses = so_far(job, int(values["hidden"]))
    elif status is not None and status.state == State.DONE:
        network, losses = finished(job)
    elif status is not None:
        st.error(status.message or "The training failed.", icon=":material/error:")
    try:
        points, noise, pairs = start(*(values[name] for name in DATA))
    except NoDrawing as error:
        st.info(str(error), icon=":material/draw:")
        return
    scene = Scene(points, noise, pairs, network, losses, wrong=wrong, note=note, autoplay=values["t"] == 0)
    view = {name: LESSON.field(name).encode(values[name]) for name in VIEW}
    vector_field(scene, view, key=f"{LESSON.slug}/main/field", on_view=adopt)


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        ok = control(LESSON, "data")
        if values["data"] == DRAWN:
            draw_data(values)
        ok = all([control(LESSON, name) for name in ("count", "seed")]) and ok
        st.markdown("**The network**")
        ok = all([control(LESSON, name) for name in TRAINING]) and ok
        job = job_id(training_spec(values))
        ok = ok and (values["data"] != DRAWN or values["drawing"] != "")
        wanted = asked_to_go(f"{LESSON.slug}/main") and values["field"] != "exact"
        status = status_of(job)
        if ok and wanted and (status is None or status.state == State.FAILED):
            submit(values)
            status = status_of(job)
        running = status is not None and not status.state.final
        if running:
            st.button("Cancel", icon=":material/stop:", key="cancel", on_click=cancel, args=(job,))
        else:
            done = status is not None and status.state == State.DONE
            st.button(
                "Trained" if done else "Train", icon=":material/check:" if done else ":material/play_arrow:",
                key="train", type="primary", disabled=done or not ok, on_click=submit, args=(values,),
            )  # fmt: skip
        variant = variant_toggle(LESSON)
    with picture:
        part = partial(draw, values, job, variant.name if variant else None, running, [])
        following(part, [job], live=running, every=POLL_SECONDS, key=f"{LESSON.slug}/fragment")
    with st.expander("The code that ran in the browser", icon=":material/code:"):
        for tab, name in zip(st.tabs([f"{name}.js" for name in MATHEMATICS]), MATHEMATICS, strict=True):
            tab.code(script(name), language="javascript")
