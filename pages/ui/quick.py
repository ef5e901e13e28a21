"""Results that take less than a second: asked for at once, shown when they are there, without a film."""

from __future__ import annotations

import streamlit as st

from core.jobs import JobSpec, State
from core.trajectory import Trajectory
from lessons.lesson import Lesson
from pages.server import runtime
from pages.server.session import LessonState
from pages.ui.follow import ask, done, failure, follow, live, look, result

POLL_SECONDS = 0.3


def result_of(
    lesson: Lesson, spec: JobSpec, *, allowed: bool = True, name: str = "main"
) -> Trajectory | None:
    """The result of the job; None, with a line that says why, until it is there.

    `allowed` is False while a control holds something unusable: then nothing new is asked for.
    """
    state, job = LessonState(lesson), runtime.job_id(spec)
    del state.go  # answered: these jobs start by themselves
    status = ask(spec) if allowed else look(job)
    if done(status):
        return result(job)
    if status is None:
        return None
    if status.state is State.FAILED:
        failure(status)
        return None

    def wait() -> None:
        now = look(job)
        st.caption(f"Waiting, place {now.position} in the queue …" if now and now.position else "Computing …")

    follow(
        wait, [job], lambda: live(look(job)), True,
        key=state.stage(name).key("quick"), every=POLL_SECONDS, live=True,
    )  # fmt: skip
    return None
