"""Ask for a computation, watch it, stop it: one stage for every page.

The page hands over a specification and two functions that make films, one of the finished trajectory
and one of the frames so far. No page waits here: the stage looks at the job and draws what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.jobs import JobId, JobSpec, NotOwner, State
from core.trajectory import Trajectory
from lessons.address import FRAME, JOB
from lessons.course import COURSE
from lessons.lesson import Lesson
from pages.components.plain import plain
from pages.components.player import Film, FilmError, Running, pack, player, together
from pages.components.shelf import own_routes
from pages.server import runtime
from pages.server.served.progress import Pixels, frames_so_far, share, stacked, words
from pages.server.served.views import watch
from pages.server.session import LessonState, StageState
from pages.ui.controls import frame_of
from pages.ui.films import Films
from pages.ui.follow import ask, cancel_button, done, failure, follow, live, look, result, waits
from pages.ui.origin import origin

POLL_SECONDS = 0.4
BESIDE = 6  # films of more columns than this, all together, are compared above each other


@dataclass(frozen=True)
class Beside:
    """A run to show beside the page's own: what to call it, its job, its films, and how it came to stand here."""

    label: str
    spec: JobSpec
    films: Films
    heading: str = "Pinned"


@dataclass(frozen=True)
class Pins:
    """The runs that are pinned, what to call the page's own among them, and whether they stand `before` it."""

    runs: tuple[Beside, ...] = ()
    own: str = ""
    before: bool = False


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
    drawn: bool = True,
    eager: bool = True,
) -> Trajectory | None:
    """Draws the job of `spec`: its film, its progress, or the button that starts it.

    Returns the trajectory once it is there. `allowed` is False while a control holds something unusable,
    `go` starts the run unasked, `at` is the frame that a control asks for. With `drawn=False` the
    page shows the result itself. With `eager=False` a changed control starts nothing: what takes long, below what a page is
    about, waits for its button. A page with several
    stages gives each a `name`; the URL follows "main".
    """
    state, job_id = LessonState(lesson), runtime.job_id(spec)
    place = state.stage(name)
    main = name == "main"
    if main:
        _compare_with_link(state, job_id)
    status, before = look(job_id), place.job
    changed = before not in (None, job_id)
    if allowed:
        place.job = job_id
    ships = status is None and runtime.executor().at_hand(spec)  # answered at once
    asked = [
        go,
        place.take("run"),
        main and state.take("go"),
        ships,
        eager and changed and status is None and at_once(spec),
    ]
    if allowed and any(asked) and not done(status):
        if changed:
            _leave(before)
        status = ask(spec)  # one that runs for somebody else is asked for too: their cancel must not end it
    if main and status is not None:
        st.query_params[JOB] = job_id[:16]
    elif main:
        st.query_params.pop(JOB, None)  # the address must not name a run that its settings do not lead to
    running = live(status)
    if done(status) and not drawn:
        return result(job_id)
    # Where the browser asks the server's own routes, the player does, and has the fragment run once at the job's end.
    follow(
        partial(_draw, place, spec, job_id, films, running, allowed, at), [job_id], lambda: live(look(job_id)), running,
        key=place.key("fragment"), every=POLL_SECONDS, live=running, listen=False,
    )  # fmt: skip
    return result(job_id) if done(status) else None


def at_once(spec: JobSpec) -> bool:
    """Whether a run is short enough to begin by itself when a control has changed."""
    usual, most = runtime.executor().usual_seconds(spec.kind), runtime.settings().at_once
    return most > 0 if usual is None else usual < most


def _leave(job_id: JobId | None) -> None:
    """Waits no longer for the run that another one replaces."""
    if job_id is None or not live(look(job_id)):
        return
    try:
        runtime.executor().cancel(job_id, runtime.owner())
    except NotOwner:
        return  # it was only watched: somebody else waits for it


def stage_beside(
    lesson: Lesson,
    right: Beside,
    wrong: Beside | None = None,
    *,
    allowed: bool = True,
    at: int | None = None,
    pins: Pins = NO_PINS,
    drawn: bool = True,
) -> Trajectory | None:
    """As `stage`, with others beside it under one cursor once they are there: the same lesson run wrong on purpose, and
    the runs that the student has pinned.

    Whatever starts the right run starts the others too. Returns the right trajectory.
    """
    state = LessonState(lesson)

    def alone(go: bool = False) -> Trajectory | None:
        return stage(lesson, right.spec, right.films, allowed=allowed, go=go, at=at, drawn=drawn)

    if wrong is None and not pins.runs:
        return alone()
    go = (wrong is not None and state.take("run_wrong")) or state.go or state.stage().run
    shown = [replace(right, label="right" if wrong else pins.own)]
    if wrong is not None:
        if not _there(right) or not _there(wrong):
            st.markdown(f"**Wrong: {wrong.label}**")
            stage(lesson, wrong.spec, wrong.films, allowed=allowed, name="wrong", go=go)
            st.markdown("**Right**")
            return alone(go)
        shown.append(replace(wrong, label="wrong"))
    for k, pin in enumerate(pins.runs):
        if _there(pin):
            shown.append(pin)
            continue
        st.markdown(f"**{pin.heading}: {plain(pin.label)}**")
        stage(lesson, pin.spec, pin.films, name=f"pin{k}", go=go)
    if len(shown) == 1 or not _there(right):
        return alone(go)
    if pins.before:
        shown = [*shown[1:], shown[0]]
    job_id = runtime.job_id(right.spec)
    _compare_with_link(state, job_id)
    del state.go  # answered: all are there
    st.query_params[JOB] = job_id[:16]
    place = state.stage()
    st.fragment(_draw_together, key=place.key("fragment"))(place, shown, at)
    return result(job_id)


def _there(run: Beside) -> bool:
    return done(look(runtime.job_id(run.spec)))


def _compare_with_link(state: LessonState, job_id: JobId) -> None:
    """Says so when the page was entered by a link to another run than its settings lead to here."""
    linked = state.take("linked_job")
    refused = state.complaints  # then it is said already why the run is another one
    if linked and not refused and not job_id.startswith(linked):
        state.instead_of_linked = job_id
    if state.instead_of_linked == job_id:
        st.info(
            "The link names another run than its settings lead to here: that one was made with another model, another "
            "version of the app or on another kind of device, or the address was changed by hand. Below is what the "
            "settings give here.",
            icon=":material/link:",
        )


def _draw_together(place: StageState, runs: list[Beside], at: int | None) -> None:
    @st.cache_data(max_entries=32, show_spinner=False)
    def build(
        ids: tuple[JobId, ...], labels: tuple[str, ...], keys: tuple[str, ...], here: list[bool]
    ) -> bytes:
        films = [
            run.films.finished(runtime.shared_result(job_id)) for run, job_id in zip(runs, ids, strict=True)
        ]
        about = [{"label": label, **_about(place, job)} for label, job in zip(labels, ids, strict=True)]
        return pack(replace(together(films, labels, BESIDE), about={"runs": about}))

    ids = tuple(runtime.job_id(run.spec) for run in runs)
    try:
        here = [_is_from_here(job) for job in ids]
        film = build(ids, tuple(run.label for run in runs), tuple(run.films.key for run in runs), here)
    except FilmError as error:
        st.info(f"{error} This run stands alone.", icon=":material/keep_off:")
        film = _film_bytes(ids[0], place, runs[0].films)
    show(place, film, at)


def _draw(
    place: StageState,
    spec: JobSpec,
    job_id: JobId,
    films: Films,
    was_running: bool,
    allowed: bool,
    at: int | None,
) -> None:
    status = look(job_id)
    if own_routes() and (was_running or live(status)):
        # also if it has ended since the page looked: the browser finds that out, and then the whole page is drawn
        with st.container(key=f"running {place.name}"):  # page.css puts it beside the progress
            if allowed or (status is not None and waits(job_id, status)):  # who only watches cannot cancel
                cancel_button(job_id, place.key("cancel"))
        show(place, Running(watch(job_id, f"{place.name} {films.key}", _live(place, job_id, films))))
    elif status is None:
        _offer(place, allowed, spec)
    elif status.state is State.FAILED:
        failure(status)
        _offer(place, allowed, status.spec, "Try again")
    elif done(status):
        place.film = film = _film_bytes(job_id, place, films)
        show(place, film, at)
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(share(status), text=words(status))
            if allowed or waits(job_id, status):
                cancel_button(job_id, place.key("cancel"))
        frames = frames_so_far(runtime.executor().events(job_id))
        if frames:
            show(place, pack(_live(place, job_id, films)(stacked(frames), frames[0].total)))
        else:
            _placeholder("The first frame appears here as soon as the network has been asked once.")


def show(place: StageState, film: bytes | Running, at: int | None = None, *, stale: bool = False) -> None:
    """The player, on the frame that a phrase, the URL or a control (`at`) asks for, in this order.

    Where the hand lets go goes into the URL.
    """
    main = place.main
    asked = place.take("frame")
    moved = at is not None and place.at not in (None, at)
    place.at = at
    if asked is None and main and not moved:
        asked = frame_of(st.query_params.get(FRAME, ""))
    if asked is None:
        asked = at
    play, place.played = main and asked is None and not place.played, True
    frame = player(film, key=place.key("player"), start=asked, stale=stale, play=play, addressed=main)
    if frame is not None and main:
        st.query_params[FRAME] = str(frame)


def _film_bytes(job_id: JobId, place: StageState, films: Films) -> bytes:
    @st.cache_data(max_entries=64, show_spinner=False)
    def build(job_id: str, place: str, key: str, here: bool) -> bytes:
        film = films.finished(runtime.shared_result(job_id))
        return pack(replace(film, about=_about(StageState(place), job_id)))

    return build(job_id, place.name, films.key, _is_from_here(job_id))


def _is_from_here(job_id: JobId) -> bool:
    """A job's result may ship, and then be computed here, too: its film is another one then."""
    return runtime.computed_elsewhere(runtime.shared_result(job_id)) is None


def _live(place: StageState, job_id: JobId, films: Films) -> Callable[[Pixels, int], Film]:
    """The film of the frames so far, which knows its origin like the finished one."""
    about = _about(place, job_id, {})
    return lambda pixels, total: replace(films.live(pixels, total), about=about)


def _about(place: StageState, job_id: JobId, meta: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What pictures say that the browser saves from this job's film. `meta`: its result's, if it is not there yet."""
    lesson = next((lesson for lesson in COURSE if lesson.slug == place.slug), None)
    if lesson is None:
        return {}  # the start page's film: the address says it all
    spec = runtime.executor().status(job_id).spec
    return origin(lesson, spec, runtime.shared_result(job_id).meta if meta is None else meta)


def _offer(place: StageState, allowed: bool, spec: JobSpec, label: str = "Run") -> None:
    """The button that starts the run, and what was shown before, dimmed.

    It sits in a fragment, so it must rerun the whole page.
    """
    usual = runtime.executor().usual_seconds(spec.kind)
    if usual is not None and not at_once(spec):
        label = f"{label} · about {usual:.0f} s"
    box = (
        st.container(horizontal=True, vertical_alignment="center")
        if place.film
        else _placeholder("These settings have not been computed yet.")
    )
    with box:
        if place.film:
            st.caption("The picture is of other settings.")
        if st.button(
            label, icon=":material/play_arrow:", type="primary", key=place.key("start"), disabled=not allowed
        ):
            place.run = True
            st.rerun()
    if place.film:
        stand_in(place)


def stand_in(place: StageState) -> None:
    """The film that was shown last, dimmed, where there is none of the settings at hand: no page becomes empty."""
    if place.film:
        show(place, place.film, stale=True)


def _placeholder(words: str) -> DeltaGenerator:
    """What stands in the place of a film that is not there yet."""
    box = st.container(border=True, horizontal_alignment="center", height=320, vertical_alignment="center")
    box.caption(words, text_alignment="center")
    return box
