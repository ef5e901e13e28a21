"""B5: the vector field, carried along in the browser; the network's training is the only thing that is queued."""

from functools import partial

import numpy as np
import streamlit as st

from core.compute.executor import JobStatus
from core.jobs import Frame, JobId, Metric, State
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
from pages.components.field import MATHEMATICS, Losses, Scene, Snapshots, script, set_anew, vector_field
from pages.server import runtime
from pages.server.session import LessonState
from pages.ui.controls import control, write_url
from pages.ui.follow import ask, cancel_button, done, failure, follow, live, look, result, waits
from pages.ui.lesson_page import lesson_page, picture_and_side, variant_toggle
from pages.ui.origin import origin

POLL_SECONDS = 0.4
FIELD = LessonState(LESSON).stage().key("field")
DATA = ("data", "drawing", "count", "seed")
TRAINING = ("training_steps", "learning_rate", "hidden")
VIEW = ("t", "show", "field", "solver", "steps", "beside", "particles", "after", "drop")


@st.cache_data(max_entries=32, show_spinner=False)
def start(data: str, drawing: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, noise and pairs."""
    params = {"data": data, "drawing": drawing, "count": count, "seed": seed}
    points = data_points(params, runtime.blobs())
    noise, pairs = noise_and_pairs(count, seed)
    return points.numpy(), noise.numpy(), pairs.numpy()


def draw_data(values: dict) -> None:
    """The canvas for data of one's own; every stroke makes other points."""
    try:
        kept = np.rint(255 * (1 - load_ink(values["drawing"], runtime.blobs())))[..., None].astype(np.uint8)
    except NoDrawing:
        kept = None  # said where the picture would be

    def keep(drawing: Drawing) -> None:
        values["drawing"] = "" if drawing.blank else runtime.blobs().put(png(drawing.pixels))

    canvas(
        key=f"{LESSON.slug}/canvas", mode="grey", start=kept, brush=4, send="rest", label="Data", on_use=keep
    )


def finished(job: JobId) -> tuple[Snapshots | None, Losses | None]:
    """All of a training that has ended, and the sentence if it has diverged."""
    trajectory = result(job)
    if trajectory is None:
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
    events = [event for _, event in runtime.executor().events(job)]
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
    state = LessonState(LESSON).values
    try:
        state.update({name: LESSON.field(name).parse(texts[name]) for name in VIEW if name in texts})
    except BadValue as error:
        st.toast(str(error), icon=":material/edit:")
    write_url(LESSON, state)


def draw(values: dict, job: JobId, wrong: str | None) -> None:
    """The scene as it stands; in a fragment, which comes back while the training goes on."""
    status = look(job)
    network = losses = None
    note = waiting(status) if live(status) else ""
    if live(status):
        network, losses = so_far(job, int(values["hidden"]))
    elif done(status):
        network, losses = finished(job)
    elif status is not None:
        failure(status)
    try:
        points, noise, pairs = start(*(values[name] for name in DATA))
    except NoDrawing as error:
        st.info(str(error), icon=":material/draw:")
        return
    scene = Scene(
        points, noise, pairs, network, losses, wrong=wrong, note=note, autoplay=values["t"] == 0,
        about=origin(LESSON, training_spec(values), {}),
    )  # fmt: skip
    view = {name: LESSON.field(name).encode(values[name]) for name in VIEW}
    vector_field(scene, view, key=FIELD, on_view=adopt)


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        ok = control(LESSON, "data")
        if values["data"] == DRAWN:
            draw_data(values)
        ok = all([control(LESSON, name) for name in ("count", "seed")]) and ok
        st.markdown("**The network**")
        ok = all([control(LESSON, name) for name in TRAINING]) and ok
        job = runtime.job_id(training_spec(values))
        ok = ok and (values["data"] != DRAWN or values["drawing"] != "")
        go = LessonState(LESSON).take("go")
        if go:  # “t = 0” says where to be, also where the film that began there has played to its end
            set_anew(FIELD)
        wanted = go and values["field"] != "exact"
        status = look(job)
        if ok and wanted and not done(status):
            # Also for one that somebody else has begun: their cancel must not end it.
            status = ask(training_spec(values))
        running, there = live(status), done(status)
        if running and waits(job, status):
            cancel_button(job, "cancel")
        else:
            st.button(
                "Trained" if there else "Train", icon=":material/check:" if there else ":material/play_arrow:",
                key="train", type="primary", disabled=there or not ok, on_click=ask, args=(training_spec(values),),
            )  # fmt: skip
        variant = variant_toggle(LESSON)
    with picture, st.container(key="board"):  # page.css: on a phone it scrolls away with the rest
        follow(
            partial(draw, values, job, variant.name if variant else None), [job], lambda: live(look(job)), running,
            key=LessonState(LESSON).key("fragment"), every=POLL_SECONDS, live=running,
        )  # fmt: skip
    with st.expander("The code that ran in the browser", icon=":material/code:"):
        for tab, name in zip(st.tabs([f"{name}.js" for name in MATHEMATICS]), MATHEMATICS, strict=True):
            tab.code(script(name), language="javascript")
