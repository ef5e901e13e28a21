"""Every result can be taken home: picture, animation, numbers, link, notebook.

What is made in a moment is made when it is asked for. The rest are jobs of the worker (`lessons.exporting`): a button asks
for the file, its progress stands in the button's place, and then the download. They go on while one is elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlencode, urlsplit

import streamlit as st

from core.compute.executor import JobStatus
from core.jobs import ComputeError, JobId, JobNotFound, JobSpec, State
from core.provenance import Provenance
from core.trajectory import Trajectory
from lessons.exporting import FORMATS, Request, export_spec, file_of, picture
from lessons.lesson import Lesson
from lessons.notebook import notebook
from pages.components.address import base
from pages.components.plain import plain
from pages.server.runtime import executor, job_id, owner, store
from pages.server.served.news import following
from pages.server.served.progress import share, words
from pages.ui.sources import go_on

LOOK_SECONDS = 0.5
# What the worker makes: format -> what it is called on screen.
PREPARED = {
    "sheet": "Contact sheet (PNG)",
    "webp": "Animation (WebP)",
    "gif": "Animation (GIF)",
    "npz": "Numbers of every step (NPZ)",
}

# What a download is called on screen, how its file name ends, its MIME type, and what makes it when it is asked for.
File = tuple[str, str, str, Callable[[Provenance], bytes]]


def take_home(lesson: Lesson, trajectory: Trajectory, spec: JobSpec, more: Sequence[File] = ()) -> None:
    """What can be made of a finished run: files (`more` are the lesson's own), the link, and another lesson's beginning."""
    with st.container(horizontal=True, gap="small"):
        _files(lesson, trajectory, spec, more)
        if "result" in trajectory.arrays and lesson.part == "A":
            go_on(lesson, trajectory["result"])


def _files(lesson: Lesson, trajectory: Trajectory, spec: JobSpec, more: Sequence[File]) -> None:
    """A popover with everything that can be kept."""
    name = f"{lesson.code.lower()}-{lesson.url_path}"
    link = _address(lesson, _settings(lesson))
    request = Request(lesson, spec, link)
    at_once: list[tuple[str, str, str, Callable[[], bytes]]] = [
        ("Picture (PNG)", "png", "image/png", lambda: picture(trajectory, request)),
        (
            "Notebook that computes it",
            "ipynb",
            "application/x-ipynb+json",
            lambda: notebook(lesson, spec, link),
        ),
    ]
    for label, ending, mime, make in more:
        at_once.append((label, ending, mime, partial(_made, make, trajectory, request)))
    with st.popover("Take it home", icon=":material/download:", key=f"{lesson.slug}/take"):
        with st.container(gap=None):
            for label, ending, mime, make in at_once:
                _download(lesson, label, make, f"{name}.{ending}", mime)
            _prepared(lesson, spec, name, link)
        st.caption(
            "Of the animations, WebP is the smaller and the truer one; take GIF where WebP does not play. Every file says "
            "inside what made it: prompts, seeds, γ, t, model and this page's address."
        )
        st.caption("The link to this state, the same picture included, is the address of the page:")
        st.code(_address(lesson, _state()), language=None, wrap_lines=True)


def _made(make: Callable[[Provenance], bytes], trajectory: Trajectory, request: Request) -> bytes:
    return make(request.about(trajectory))


def _download(lesson: Lesson, label: str, make: Callable[[], bytes], name: str, mime: str) -> None:
    st.download_button(
        label, make, name, mime, key=f"{lesson.slug}/take/{name}", on_click="ignore", type="tertiary",
        icon=":material/download:",
    )  # fmt: skip


# ---- what the worker makes ----------------------------------------------------------------------------------


def _prepared(lesson: Lesson, spec: JobSpec, name: str, link: str) -> None:
    """A line for each of PREPARED: the button that asks for it, how far it is, or the download."""
    wanted = {kind: export_spec(job_id(spec), lesson, spec, kind, link) for kind in PREPARED}
    jobs = {kind: job_id(export) for kind, export in wanted.items()}

    def live() -> bool:
        return any(_is_live(_status(job)) for job in jobs.values())

    listening, drawn = live(), False

    def draw() -> None:
        nonlocal drawn
        # Not before the page has been drawn to its end: controls whose first run is cut short forget their values.
        if drawn and live() is not listening:
            st.rerun()  # the whole page: it decides whether this part is told about the jobs
        drawn = True
        with st.container(gap=None):
            for kind, label in PREPARED.items():
                _line(lesson, label, kind, wanted[kind], jobs[kind], name)

    following(
        draw, list(jobs.values()), live=listening, every=LOOK_SECONDS, key=f"{lesson.slug}/take/prepared"
    )


def _line(lesson: Lesson, label: str, kind: str, export: JobSpec, job: JobId, name: str) -> None:
    status, place = _status(job), f"{lesson.slug}/take/{kind}"
    if status is not None and status.state is State.DONE:
        chosen = FORMATS[kind]
        _download(
            lesson, label, lambda: file_of(executor().result(job)), f"{name}.{chosen.ending}", chosen.mime
        )
    elif _is_live(status):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.progress(share(status), text=f"{label}: {_words(status)}")
            st.button("Cancel", key=f"{place}/cancel", icon=":material/stop:", type="tertiary",
                      on_click=_cancel, args=(job,))  # fmt: skip
    else:
        st.button(f"Prepare: {label}", key=f"{place}/ask", icon=":material/hourglass_empty:", type="tertiary",
                  on_click=_ask, args=(export, f"{place}/refused"))  # fmt: skip
        refused = st.session_state.pop(f"{place}/refused", None)
        if status is not None and status.state is State.FAILED:
            refused = refused or status.message
        if refused:
            st.caption(f":material/error: {plain(refused)}")


def _status(job: JobId) -> JobStatus | None:
    """None for a file that nobody has asked for, that was cancelled, or that is no longer kept."""
    try:
        status = executor().status(job)
    except JobNotFound:
        return None
    gone = status.state is State.CANCELLED or (status.state is State.DONE and not store().has_result(job))
    return None if gone else status


def _is_live(status: JobStatus | None) -> bool:
    return status is not None and not status.state.final


def _words(status: JobStatus) -> str:
    return words(status) if status.state is State.QUEUED else f"preparing, {share(status):.0%}"


def _ask(export: JobSpec, refused: str) -> None:
    try:
        executor().submit(export, owner())
    except ComputeError as error:
        st.session_state[refused] = str(error)


def _cancel(job: JobId) -> None:
    try:
        executor().cancel(job, owner())
    except ComputeError as error:
        st.toast(str(error), icon=":material/block:")


# ---- the address --------------------------------------------------------------------------------------------


def _address(lesson: Lesson, query: dict[str, str]) -> str:
    """The address of a lesson's page. Not `st.context.url`, which takes away another page's name if this one ends in it."""
    here = urlsplit(st.context.url)
    return f"{here.scheme}://{here.netloc}{base()}/{lesson.url_path}" + (
        f"?{urlencode(query)}" if query else ""
    )


def _state() -> dict[str, str]:
    """All that the address holds, but for the id of the job, to which the settings lead."""
    return {key: value for key, value in st.query_params.items() if key != "job"}


def _settings(lesson: Lesson) -> dict[str, str]:
    """The values of the controls that are not as the lesson opens: the run without what stands beside it."""
    values = st.session_state[f"{lesson.slug}/values"]
    texts = {
        field.name: (field.encode(values[field.name]), field.encode(field.default)) for field in lesson.fields
    }
    return {name: text for name, (text, default) in texts.items() if text != default}
