"""Results that take less than a second: asked for at once, shown when they are there, without a film."""

from __future__ import annotations

import streamlit as st

from core.jobs import ComputeError, JobNotFound, JobSpec, State
from core.trajectory import Trajectory
from lessons.lesson import Lesson
from pages.server.runtime import executor, job_id, owner, shared_result
from pages.server.served.news import following

POLL_SECONDS = 0.3


def result_of(
    lesson: Lesson, spec: JobSpec, *, allowed: bool = True, name: str = "main"
) -> Trajectory | None:
    """The result of the job; None, with a line that says why, until it is there.

    `allowed` is False while a control holds something unusable: then nothing new is asked for.
    """
    st.session_state.pop(f"{lesson.slug}/go", None)  # answered: these jobs start by themselves
    key = job_id(spec)
    try:
        if allowed:
            executor().submit(spec, owner())
        status = executor().status(key)
        if status.state == State.DONE:
            return shared_result(key)
    except JobNotFound:
        return None
    except ComputeError as error:
        st.error(str(error), icon=":material/error:")
        return None
    if status.state == State.FAILED:
        st.error(status.message or "The computation failed.", icon=":material/error:")
        return None

    drawn = False

    def wait() -> None:
        nonlocal drawn
        try:
            now = executor().status(key)
        except JobNotFound:
            now = None
        # Not before the page has been drawn to its end: controls whose first run is cut short forget their values.
        if drawn and (now is None or now.state.final):
            st.rerun()
        drawn = True
        place = f"Waiting, place {now.position} in the queue" if now and now.position else "Computing"
        st.caption(f"{place} …")

    following(wait, [key], live=True, every=POLL_SECONDS, key=f"{lesson.slug}/{name}/quick")
    return None
