"""Has a part of a page drawn again when the jobs that it shows have got on, without a script that runs to find out.

Where the server has routes of its own, the browser asks there, which costs a look into a table, and has the fragment run
when there is something new. States (it begins, it has ended) are told at once to everybody. That a job has got further
is told some times a second in all: sixty students who watch the same training must not draw the server to a standstill.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from core.compute.executor import Executor
from core.jobs import JobId, JobNotFound
from pages.components.address import base
from pages.components.common import joined
from pages.components.shelf import own_routes
from pages.server import runtime

MOST_JOBS = 16  # that one part of a page watches
PER_SECOND = 5.0  # fragments with a chart that two cores draw besides all else
COMMON = ("leaving", "while_here")

_mount = st.components.v2.component(
    "job_news", html="<span></span>", js=joined(Path(__file__).parent, ("news",), common=COMMON)
)


def following(
    draw: Callable[[], None],
    jobs: Sequence[JobId],
    *,
    live: bool,
    every: float,
    key: str,
    listen: bool = True,
) -> None:
    """Runs `draw` as a fragment, and again when one of `jobs` has got on; looks `every` so many seconds while `live`.

    `draw` finds out itself what is new, and calls `st.rerun` when what is outside of it has to be drawn anew. At most
    MOST_JOBS are watched, the first ones. `listen=False`: the browser need not be told, where it can ask by itself.
    """
    polling = live and not own_routes()
    listening = live and listen and own_routes()

    def part() -> None:
        seen, _ = standing(runtime.executor(), jobs[:MOST_JOBS])  # before it is drawn: nothing falls between
        draw()
        if listening:
            _mount(
                key=f"{key}/news", height=1, on_news_change=lambda: None,
                data={"address": f"{base()}/news?{'&'.join(f'job={job}' for job in jobs[:MOST_JOBS])}",
                      "seen": seen, "every": round(1000 * every)},
            )  # fmt: skip

    st.fragment(part, run_every=every if polling else None, key=key)()


def standing(executor: Executor, jobs: Sequence[JobId]) -> tuple[str, bool]:
    """What is known of these jobs, as a word "states-progress" in hexadecimal; and whether all have come to their end."""
    states, progress, over = [], [], True
    for job in jobs:
        try:
            status = executor.status(job)
        except JobNotFound:
            states.append("none")
            continue
        states.append(status.state.value)
        progress.append(f"{status.done} {status.position}")
        over = over and status.state.final
    return "-".join(
        hashlib.sha256(" ".join(part).encode()).hexdigest()[:16] for part in (states, progress)
    ), over


class Ration:
    """So many a second in all, and as many at once. Thread-safe."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._clock, self._lock = per_second, clock, threading.Lock()
        self._left, self._last = per_second, clock()

    def take(self) -> bool:
        """One of them, if there is one left."""
        with self._lock:
            now = self._clock()
            self._left = min(self._per_second, self._left + (now - self._last) * self._per_second)
            self._last = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


@st.cache_resource(show_spinner=False)
def ration() -> Ration:
    """The one of this server."""
    return Ration(PER_SECOND)


def news_of(executor: Executor, jobs: Sequence[JobId], seen: str) -> dict[str, str | bool]:
    """What a browser is told that knows `seen`: the word that it should know, and whether all jobs have ended."""
    word, over = standing(executor, jobs)
    further_only = word.partition("-")[0] == seen.partition("-")[0]
    if word != seen and further_only and not over and not ration().take():
        word = seen  # the next time
    return {"word": word, "over": over}
