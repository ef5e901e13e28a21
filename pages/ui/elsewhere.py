"""Results that ship, computed elsewhere before: said in one line of the page, beside the button that computes them here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.jobs import ComputeError, JobId, JobSpec
from core.trajectory import Trajectory
from lessons.lesson import Lesson
from pages.components.plain import plain
from pages.server import runtime
from pages.server.session import LessonState


def elsewhere_line(lesson: Lesson, results: Mapping[JobId, Trajectory]) -> None:
    """One line for all results of the page that ship; nothing where there are none."""
    if not results:
        return
    origins = [found for result in results.values() if (found := runtime.computed_elsewhere(result))]
    origin = origins[0]
    specs = [runtime.executor().status(job).spec for job in results]
    seconds = sum(each["seconds"] for each in origins)
    with st.container(key="elsewhere", horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption(
            "Computed elsewhere",
            help=f"This ships with the app. It took {seconds:.0f} s on {plain(origin['machine'])}, on {origin['date']}. "
            f"{origin['note']}",
        )
        st.button(
            "Compute it here", key=LessonState(lesson).key("compute-here"), icon=":material/replay:", type="tertiary",
            on_click=_compute_here, args=(specs,),
        )  # fmt: skip


def _compute_here(specs: Sequence[JobSpec]) -> None:
    try:
        for spec in specs:
            runtime.shared_results().forget(runtime.executor().submit(spec, runtime.owner(), here=True))
    except ComputeError as error:
        st.toast(str(error), icon=":material/hourglass_disabled:")
