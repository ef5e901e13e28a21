"""One job as a page follows it: look where it stands, ask for it, stop it, and draw again when it has come to an end.

No page waits here. What is drawn lies in a fragment that runs again while its jobs get on; when where they stand has
changed for what lies outside of it, the whole page is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextvars import ContextVar
from typing import Literal

import streamlit as st

from core.compute.executor import JobStatus
from core.jobs import ComputeError, JobId, JobNotFound, JobSpec, State
from core.trajectory import Trajectory
from pages.server import runtime
from pages.server.served.news import following

# Results of this run of a lesson's page that ship, by job: `elsewhere.py` says so below the controls.
SHOWN_FROM_ELSEWHERE: ContextVar[dict[JobId, Trajectory] | None] = ContextVar("elsewhere", default=None)


def look(job: JobId) -> JobStatus | None:
    """Where a job stands; None for one that nobody has asked for, that was cancelled, or whose result is gone."""
    try:
        status = runtime.executor().status(job)
    except JobNotFound:
        return None
    return None if status.state is State.CANCELLED else status


def live(status: JobStatus | None) -> bool:
    """Whether it waits or runs."""
    return status is not None and not status.state.final


def waits(job: JobId, status: JobStatus) -> bool:
    """Whether the visitor waits for it, and not somebody else alone: only who waits can cancel."""
    return any(
        own.id == job and own.waiting for own in runtime.executor().mine(status.spec.kind, runtime.owner())
    )


def done(status: JobStatus | None) -> bool:
    return status is not None and status.state is State.DONE


def ask(spec: JobSpec, *, here: bool = False) -> JobStatus | None:
    """Asks for a job; None, with the sentence that says why, where it is refused. `here`: a result that ships won't do."""
    try:
        return look(runtime.executor().submit(spec, runtime.owner(), here=here))
    except ComputeError as error:
        st.error(str(error), icon=":material/hourglass_disabled:")
        return None


def result(job: JobId) -> Trajectory | None:
    """The result of a job that is done; None, with a sentence, where it cannot be read."""
    try:
        found = runtime.shared_result(job)
    except ComputeError as error:
        st.error(str(error), icon=":material/error:")
        return None
    shown = SHOWN_FROM_ELSEWHERE.get()
    if shown is not None and runtime.computed_elsewhere(found):
        shown[job] = found
    return found


def failure(status: JobStatus) -> None:
    """Says why a job has failed."""
    st.error(status.message or "The computation failed.", icon=":material/error:")


def cancel_button(job: JobId, key: str, *, type: Literal["secondary", "tertiary"] = "secondary") -> None:
    st.button("Cancel", icon=":material/stop:", key=key, type=type, on_click=_cancel, args=(job,))


def _cancel(job: JobId) -> None:
    try:
        runtime.executor().cancel(job, runtime.owner())
    except ComputeError as error:
        st.toast(str(error), icon=":material/block:")


def follow(
    draw: Callable[[], None],
    jobs: Sequence[JobId],
    stands: Callable[[], Hashable],
    stood: Hashable,
    *,
    key: str,
    every: float,
    live: bool,
    listen: bool = True,
) -> None:
    """Runs `draw` as a fragment, and again while `jobs` get on; draws the page anew when `stands()` is not `stood` any more.

    `stood` is how the jobs stood when the page was drawn around the fragment. While `live`, the server is asked `every` so
    many seconds; with `listen=False` only where it has no routes of its own, as what is drawn asks there by itself.
    """
    drawn = False

    def part() -> None:
        nonlocal drawn
        # Not before all was drawn once: controls whose first run is cut short forget their values.
        if drawn and stands() != stood:
            st.empty()  # a click on another page that has come in meanwhile goes first: a rerun would drop it
            st.rerun()
        drawn = True
        draw()

    following(part, jobs, live=live, every=every, key=key, listen=listen)
