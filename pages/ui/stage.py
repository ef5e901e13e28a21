"""Ask for a computation, watch it, stop it: one stage for every page.

The page hands over a specification and two functions that make films, one of the finished trajectory
and one of the frames so far. No page waits here: the stage looks at the job and draws what there is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from core.compute.executor import JobStatus
from core.jobs import ComputeError, JobId, JobNotFound, JobSpec, State
from core.trajectory import Trajectory
from lessons.course import COURSE
from lessons.lesson import Lesson
from lessons.provenance import provenance_of
from pages.components.plain import plain
from pages.components.player import FilmError, Running, pack, player, together
from pages.components.shelf import own_routes
from pages.server.runtime import executor, owner, shared_result
from pages.server.runtime import job_id as id_of
from pages.server.served.progress import frames_so_far, share, stacked, words
from pages.server.served.views import watch
from pages.ui.controls import asked_to_go, frame_of
from pages.ui.films import Films

POLL_SECONDS = 0.4
BESIDE = 6  # films of more columns than this, all together, are compared row under row


@dataclass(frozen=True)
class Beside:
    """A run to show beside the page's own: what to call it, its job, and its films."""

    label: str
    spec: JobSpec
    films: Films


@dataclass(frozen=True)
class Pins:
    """The runs that are pinned, and what to call the page's own among them."""

    runs: tuple[Beside, ...] = ()
    own: str = ""


NO_PINS = Pins()


def stage(
    lesson: Lesson,
    spec: JobSpec,
    films: Films,
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
    # run_every is fixed when the fragment is made, so it is made anew: polling while running, silent afterwards. Where
    # the browser asks the server's own routes, it has the fragment run once, when the job has ended.
    polling = running and not own_routes()
    fragment = st.fragment(run_every=POLL_SECONDS if polling else None, key=f"{place}/fragment")
    fragment(_draw)(place, job_id, films, running, allowed, at, [])
    if status is not None and status.state == State.DONE:
        return _result(job_id)
    return None


def stage_beside(
    lesson: Lesson,
    spec: JobSpec,
    wrong: tuple[str, JobSpec] | None,
    films: Films,
    *,
    allowed: bool = True,
    at: int | None = None,
    pins: Pins = NO_PINS,
) -> Trajectory | None:
    """As `stage`, with others beside it under one cursor once they are there: the same lesson run wrong on purpose (its
    label, its job), and the runs that the student has pinned.

    Whatever starts the right run starts the others too. Returns the right trajectory.
    """
    if wrong is None and not pins.runs:
        return stage(lesson, spec, films, allowed=allowed, at=at)
    place = f"{lesson.slug}/main"
    go = wrong is not None and st.session_state.pop(f"{lesson.slug}/wrong/go", False)
    go = go or bool(st.session_state.get(f"{lesson.slug}/go") or st.session_state.get(f"{place}/run"))
    shown = [Beside("right" if wrong else pins.own, spec, films)]
    if wrong is not None:
        label, wrong_spec = wrong
        if not _is_done(spec) or not _is_done(wrong_spec):
            st.markdown(f"**Wrong: {label}**")
            stage(lesson, wrong_spec, films, allowed=allowed, name="wrong", go=go)
            st.markdown("**Right**")
            return stage(lesson, spec, films, allowed=allowed, go=go, at=at)
        shown.append(Beside("wrong", wrong_spec, films))
    for k, pin in enumerate(pins.runs):
        if _is_done(pin.spec):
            shown.append(pin)
            continue
        st.markdown(f"**Pinned: {plain(pin.label)}**")
        stage(lesson, pin.spec, pin.films, name=f"pin{k}", go=go)
    if len(shown) == 1 or not _is_done(spec):
        return stage(lesson, spec, films, allowed=allowed, go=go, at=at)
    job_id = id_of(spec)
    _compare_with_link(lesson, job_id)
    asked_to_go(place)  # answered: all are there
    st.query_params["job"] = job_id[:16]
    st.fragment(_draw_together, key=f"{place}/fragment")(place, shown, at)
    return _result(job_id)


def _is_done(spec: JobSpec) -> bool:
    status = _status(id_of(spec))
    return status is not None and status.state == State.DONE


def _compare_with_link(lesson: Lesson, job_id: JobId) -> None:
    """Says so when the page was entered by a link to another run than its settings lead to here."""
    linked = st.session_state.pop(f"{lesson.slug}/linked_job", None)
    refused = st.session_state.get(
        f"{lesson.slug}/complaints"
    )  # then it is said already why the run is another one
    if linked and not refused and not job_id.startswith(linked):
        st.session_state[f"{lesson.slug}/instead_of_linked"] = job_id
    if st.session_state.get(f"{lesson.slug}/instead_of_linked") == job_id:
        st.info(
            "The link names another run than its settings lead to here: that one was made with another model, another "
            "version of the app or on another kind of device, or the address was changed by hand. Below is what the "
            "settings give here.",
            icon=":material/link:",
        )


def _draw_together(place: str, runs: list[Beside], at: int | None) -> None:
    @st.cache_data(max_entries=32, show_spinner=False)
    def build(ids: tuple[JobId, ...], labels: tuple[str, ...], keys: tuple[str, ...]) -> bytes:
        films = [run.films.finished(shared_result(job_id)) for run, job_id in zip(runs, ids, strict=True)]
        about = {
            "runs": [
                {"label": label, **_about(place, job_id)} for label, job_id in zip(labels, ids, strict=True)
            ]
        }
        return pack(replace(together(films, labels, BESIDE), about=about))

    ids = tuple(id_of(run.spec) for run in runs)
    try:
        film = build(ids, tuple(run.label for run in runs), tuple(run.films.key for run in runs))
    except FilmError as error:
        st.info(f"{error} This run stands alone.", icon=":material/keep_off:")
        film = _film_bytes(ids[0], place, runs[0].films)
    show(place, film, at)


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
        return shared_result(job_id)
    except ComputeError as error:
        st.error(str(error), icon=":material/error:")
        return None


def _draw(
    place: str,
    job_id: JobId,
    films: Films,
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
    if own_routes() and (was_running or (status is not None and not status.state.final)):
        # also if it has ended since the page looked: the browser finds that out, and then the whole page is drawn
        with st.container(horizontal=True, horizontal_alignment="right"):
            _cancel_button(place, job_id)
        show(place, Running(watch(job_id, f"{place} {films.key}", films.live)))
    elif status is None:
        _ask(place, allowed)
    elif status.state == State.FAILED:
        st.error(status.message or "The computation failed.", icon=":material/error:")
        _ask(place, allowed, "Try again")
    elif status.state == State.DONE:
        show(place, _film_bytes(job_id, place, films), at)
    else:
        _progress(place, status, job_id)
        frames = frames_so_far(executor().events(job_id))
        if frames:
            show(place, pack(films.live(stacked(frames), frames[0].total)))
        else:
            _waiting_picture()


def show(place: str, film: bytes | Running, at: int | None = None) -> None:
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


def _film_bytes(job_id: JobId, place: str, films: Films) -> bytes:
    @st.cache_data(max_entries=64, show_spinner=False)
    def build(job_id: str, place: str, key: str) -> bytes:
        return pack(replace(films.finished(shared_result(job_id)), about=_about(place, job_id)))

    return build(job_id, place, films.key)


def _about(place: str, job_id: JobId) -> dict[str, Any]:
    """What pictures say that the browser saves from this job's film; it adds the address of the page."""
    slug = place.split("/")[0]
    lesson = next((lesson for lesson in COURSE if lesson.slug == slug), None)
    if lesson is None:
        return {}  # the start page's film: the address says it all
    spec, meta = executor().status(job_id).spec, shared_result(job_id).meta
    return json.loads(provenance_of(lesson, spec, meta).to_json())


def _progress(place: str, status: JobStatus, job_id: JobId) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(share(status), text=words(status))
        _cancel_button(place, job_id)


def _cancel_button(place: str, job_id: JobId) -> None:
    st.button("Cancel", icon=":material/stop:", key=f"{place}/cancel", on_click=_cancel, args=(place, job_id))


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
