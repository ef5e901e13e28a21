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
from core.jobs import ComputeError, JobId, JobSpec, State
from core.provenance import Provenance
from core.trajectory import Trajectory
from lessons.address import JOB
from lessons.exporting import FORMATS, Request, export_spec, file_of, picture
from lessons.lesson import Lesson
from lessons.notebook import notebook
from pages.components.address import base
from pages.components.plain import plain
from pages.server import runtime
from pages.server.served.progress import share, words
from pages.server.session import FileState, LessonState
from pages.ui.controls import to_address
from pages.ui.follow import cancel_button, done, follow, live, look
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
        if "result" in trajectory.arrays and lesson.makes_pictures:
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
    with st.popover("Take it home", icon=":material/download:", key=LessonState(lesson).key("take")):
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
        label, make, name, mime, key=LessonState(lesson).key(f"take/{name}"), on_click="ignore", type="tertiary",
        icon=":material/download:",
    )  # fmt: skip


# ---- what the worker makes ----------------------------------------------------------------------------------


def _prepared(lesson: Lesson, spec: JobSpec, name: str, link: str) -> None:
    """A line for each of PREPARED: the button that asks for it, how far it is, or the download."""
    wanted = {kind: export_spec(runtime.job_id(spec), lesson, spec, kind, link) for kind in PREPARED}
    jobs = {kind: runtime.job_id(export) for kind, export in wanted.items()}

    def any_live() -> bool:
        return any(live(look(job)) for job in jobs.values())

    def draw() -> None:
        with st.container(gap=None):
            for kind, label in PREPARED.items():
                _line(lesson, label, kind, wanted[kind], jobs[kind], name)

    # The whole page decides whether this part is told about the jobs.
    listening = any_live()
    follow(
        draw, list(jobs.values()), any_live, listening,
        key=LessonState(lesson).key("take/prepared"), every=LOOK_SECONDS, live=listening,
    )  # fmt: skip


def _line(lesson: Lesson, label: str, kind: str, export: JobSpec, job: JobId, name: str) -> None:
    status, place = look(job), LessonState(lesson).file(kind)
    if done(status):
        chosen = FORMATS[kind]
        _download(
            lesson,
            label,
            lambda: file_of(runtime.executor().result(job)),
            f"{name}.{chosen.ending}",
            chosen.mime,
        )
    elif live(status):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.progress(share(status), text=f"{label}: {_words(status)}")
            cancel_button(job, place.key("cancel"), type="tertiary")
    else:
        st.button(f"Prepare: {label}", key=place.key("ask"), icon=":material/hourglass_empty:", type="tertiary",
                  on_click=_ask, args=(export, place))  # fmt: skip
        refused = place.take("refused")
        if status is not None and status.state is State.FAILED:
            refused = refused or status.message
        if refused:
            st.caption(f":material/error: {plain(refused)}")


def _words(status: JobStatus) -> str:
    return words(status) if status.state is State.QUEUED else f"preparing, {share(status):.0%}"


def _ask(export: JobSpec, place: FileState) -> None:
    try:
        runtime.executor().submit(export, runtime.owner())
    except ComputeError as error:
        place.refused = str(error)


# ---- the address --------------------------------------------------------------------------------------------


def _address(lesson: Lesson, query: dict[str, str]) -> str:
    """The address of a lesson's page. Not `st.context.url`, which takes away another page's name if this one ends in it."""
    here = urlsplit(st.context.url)
    return f"{here.scheme}://{here.netloc}{base()}/{lesson.url_path}" + (
        f"?{urlencode(query)}" if query else ""
    )


def _state() -> dict[str, str]:
    """All that the address holds, but for the id of the job, to which the settings lead."""
    return {key: value for key, value in st.query_params.items() if key != JOB}


def _settings(lesson: Lesson) -> dict[str, str]:
    """The values of the controls that are not as the lesson opens: the run without what stands beside it."""
    values = LessonState(lesson).values
    return to_address(lesson, {field.name: values[field.name] for field in lesson.fields})
