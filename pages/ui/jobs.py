"""Ask for a computation, watch it, stop it: one stage for every page.

The page hands over a specification and two functions that make films, one of the finished trajectory
and one of the frames so far. No page waits here: the stage looks at the job and draws what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.compute.executor import JobStatus
from core.compute.jobs import ComputeError, Frame, JobId, JobNotFound, JobSpec, State
from core.trajectory import Trajectory
from lessons.lesson import Lesson
from pages.ui.controls import asked_to_go, frame_of
from pages.ui.player import Film, above_each_other, player, side_by_side
from pages.ui.runtime import executor, owner
from pages.ui.runtime import job_id as id_of

POLL_SECONDS = 0.4
BESIDE = 3  # films of more columns than this are compared row under row
Pixels = dict[str, np.ndarray]  # name -> uint8 (frames so far, B, H, W, C)


@dataclass(frozen=True)
class Stage:
    """What a page shows of a job. `key` names what the film depends on besides the job: which part of it is shown."""

    finished: Callable[[Trajectory], Film]
    live: Callable[[Pixels, int], Film]  # (frames so far, how many there will be)
    key: str = ""


def stage(
    lesson: Lesson,
    spec: JobSpec,
    films: Stage,
    *,
    allowed: bool = True,
    name: str = "main",
    go: bool = False,
    at: int | None = None,
) -> Trajectory | None:
    """Draws the job of `spec`: its film, its progress, or the button that starts it.

    Returns the trajectory once it is there. `allowed` is False while a control holds something unusable,
    `go` starts the run unasked, `at` is the frame that a control asks for. A page with several
    stages gives each a `name`; the URL follows "main".
    """
    place = f"{lesson.slug}/{name}"
    job_id = id_of(spec)
    if name == "main":
        _compare_with_link(lesson, job_id)
    status = _status(job_id)
    go = go or asked_to_go(place) or st.session_state.pop(f"{place}/run", False)
    if allowed and go and (status is None or status.state != State.DONE):
        status = _submit(
            spec
        )  # one that runs for somebody else is asked for too: their cancel must not end it
    if name == "main":
        if status is not None:
            st.query_params["job"] = job_id[:16]
        else:
            st.query_params.pop(
                "job", None
            )  # the address must not name a run that its settings do not lead to
    running = status is not None and not status.state.final
    # run_every is fixed when the fragment is made, so it is made anew: polling while running, silent afterwards.
    fragment = st.fragment(run_every=POLL_SECONDS if running else None, key=f"{place}/fragment")
    fragment(_draw)(place, job_id, films, running, allowed, at, [])
    if status is not None and status.state == State.DONE:
        return _result(job_id)
    return None


def stage_beside(
    lesson: Lesson,
    spec: JobSpec,
    wrong: tuple[str, JobSpec] | None,
    films: Stage,
    *,
    allowed: bool = True,
    at: int | None = None,
) -> Trajectory | None:
    """As `stage`, with the same lesson run wrong on purpose (its label, its job) beside it once both are there.

    Whatever starts the right run starts the wrong one too. Returns the right trajectory.
    """
    if wrong is None:
        return stage(lesson, spec, films, allowed=allowed, at=at)
    place, (label, wrong_spec) = f"{lesson.slug}/main", wrong
    go = st.session_state.pop(f"{lesson.slug}/wrong/go", False)
    go = go or bool(st.session_state.get(f"{lesson.slug}/go") or st.session_state.get(f"{place}/run"))
    ids = (id_of(spec), id_of(wrong_spec))
    if all(status is not None and status.state == State.DONE for status in map(_status, ids)):
        _compare_with_link(lesson, ids[0])
        asked_to_go(place)  # answered: both are there
        st.query_params["job"] = ids[0][:16]
        st.fragment(_draw_pair, key=f"{place}/fragment")(place, ids, films, at)
        return _result(ids[0])
    st.markdown(f"**Wrong: {label}**")
    stage(lesson, wrong_spec, films, allowed=allowed, name="wrong", go=go)
    st.markdown("**Right**")
    return stage(lesson, spec, films, allowed=allowed, go=go, at=at)


def _compare_with_link(lesson: Lesson, job_id: JobId) -> None:
    """Says so when the page was entered by a link to another run than its settings lead to here."""
    linked = st.session_state.pop(f"{lesson.slug}/linked_job", None)
    if linked and not job_id.startswith(linked):
        st.session_state[f"{lesson.slug}/instead_of_linked"] = job_id
    if st.session_state.get(f"{lesson.slug}/instead_of_linked") == job_id:
        st.info(
            "The link is of a run with another model, another version of the app or on another kind of device. "
            "Here its settings give the run below, which may differ.",
            icon=":material/link:",
        )


def _draw_pair(place: str, ids: tuple[JobId, JobId], films: Stage, at: int | None) -> None:
    @st.cache_data(max_entries=32, show_spinner=False)
    def build(ids: tuple[JobId, JobId], key: str) -> bytes:
        right, wrong = (films.finished(executor().result(job_id)) for job_id in ids)
        join = side_by_side if right.batch <= BESIDE else above_each_other
        return join([right, wrong], ["right", "wrong"]).to_bytes()

    show(place, build(ids, films.key), at)


def _status(job_id: JobId) -> JobStatus | None:
    """None for a job that nobody has asked for, or that was cancelled."""
    try:
        status = executor().status(job_id)
    except JobNotFound:
        return None
    return None if status.state == State.CANCELLED else status


def _submit(spec: JobSpec) -> JobStatus | None:
    try:
        return _status(executor().submit(spec, owner()))
    except ComputeError as error:
        st.error(str(error), icon=":material/hourglass_disabled:")
        return None


def _result(job_id: JobId) -> Trajectory | None:
    try:
        return executor().result(job_id)
    except ComputeError as error:
        st.error(str(error), icon=":material/error:")
        return None


def _draw(
    place: str,
    job_id: JobId,
    films: Stage,
    was_running: bool,
    allowed: bool,
    at: int | None,
    drawn: list[bool],
) -> None:
    """`drawn` is empty at the first call, which is a part of the page's own run.

    That run goes on to its end, even if the job has ended in the meantime: controls whose first run is cut short
    forget their values.
    """
    status = _status(job_id)
    if drawn and was_running and (status is None or status.state.final):
        st.empty()  # a click on another page that has come in meanwhile goes first: a rerun would drop it
        st.rerun()  # the whole page: what hangs on the result is drawn outside this fragment
    drawn.append(True)
    if status is None:
        _ask(place, allowed)
    elif status.state == State.FAILED:
        st.error(status.message or "The computation failed.", icon=":material/error:")
        _ask(place, allowed, "Try again")
    elif status.state == State.DONE:
        show(place, _film_bytes(job_id, place, films), at)
    else:
        _progress(place, status, job_id)
        pixels, total = _frames(job_id)
        if pixels:
            show(place, films.live(pixels, total).to_bytes())
        else:
            _waiting_picture()


def show(place: str, film: bytes, at: int | None = None) -> None:
    """The player, on the frame that a phrase, the URL or a control (`at`) asks for, in this order.

    Where the hand lets go goes into the URL.
    """
    main = place.endswith("/main")
    asked = st.session_state.pop(f"{place}/frame", None)
    moved = at is not None and st.session_state.get(f"{place}/at", at) != at
    st.session_state[f"{place}/at"] = at
    if asked is None and main and not moved:
        asked = frame_of(st.query_params.get("frame", ""))
    if asked is None:
        asked = at
    frame = player(film, key=f"{place}/player", start=asked)
    if frame is not None and main:
        st.query_params["frame"] = str(frame)


def _film_bytes(job_id: JobId, place: str, films: Stage) -> bytes:
    @st.cache_data(max_entries=64, show_spinner=False)
    def build(job_id: str, place: str, key: str) -> bytes:
        return films.finished(executor().result(job_id)).to_bytes()

    return build(job_id, place, films.key)


def _frames(job_id: JobId) -> tuple[Pixels, int]:
    """All frames so far, stacked; the newest of each index counts (a retried worker sends them again)."""
    frames = {event.index: event for _, event in executor().events(job_id) if isinstance(event, Frame)}
    whole: list[Frame] = []
    while len(whole) in frames and frames[len(whole)].arrays:
        whole.append(frames[len(whole)])
    if not whole:
        return {}, 0
    return {name: np.stack([f.arrays[name] for f in whole]) for name in whole[0].arrays}, whole[0].total


def _progress(place: str, status: JobStatus, job_id: JobId) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if status.state == State.QUEUED:
            text = f"Waiting, place {status.position} in the queue" if status.position else "Waiting"
            st.progress(0.0, text=text + _left(status.eta_seconds))
        else:
            share = status.done / status.total if status.total else 0.0
            text = (
                f"Step {status.done} of {status.total}"
                if status.total
                else "Starting: the model is being loaded"
            )
            st.progress(min(share, 1.0), text=text + _left(status.eta_seconds))
        st.button(
            "Cancel", icon=":material/stop:", key=f"{place}/cancel", on_click=_cancel, args=(place, job_id)
        )


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f" · about {seconds:.0f} s left" if seconds >= 1.5 else " · nearly done"


def _cancel(place: str, job_id: JobId) -> None:
    try:
        executor().cancel(job_id, owner())
    except ComputeError as error:
        st.toast(str(error), icon=":material/block:")


def _ask(place: str, allowed: bool, label: str = "Run") -> None:
    """The button that starts the run. It sits in a fragment, so it must rerun the whole page."""
    with st.container(border=True, horizontal_alignment="center", height=320, vertical_alignment="center"):
        st.caption("These settings have not been computed yet.", text_alignment="center")
        if st.button(
            label, icon=":material/play_arrow:", type="primary", key=f"{place}/start", disabled=not allowed
        ):
            st.session_state[f"{place}/run"] = True
            st.rerun()


def _waiting_picture() -> None:
    with st.container(border=True, horizontal_alignment="center", height=320, vertical_alignment="center"):
        st.caption(
            "The first frame appears here as soon as the network has been asked once.",
            text_alignment="center",
        )
