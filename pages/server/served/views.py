"""How a running job is shown: the page says it once, and the server draws new frames of it for whoever asks."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from core.jobs import Frame, JobId
from pages.components.address import base
from pages.components.player.film import Film
from pages.components.player.packing import pack
from pages.server.served.progress import Pixels, stacked

MOST_VIEWS = (
    512  # a class of a hundred, each with a few stages on the page; what was asked for least recently goes
)


@dataclass(frozen=True)
class LiveView:
    """A job, and the function of its page that makes a film of the frames so far."""

    job_id: JobId
    live: Callable[[Pixels, int], Film]

    def lacking(self, frames: list[Frame], after: int) -> tuple[bytes, int] | None:
        """What a browser lacks that has the first `after` frames: a packed film, and the frame with which it begins.

        None when it lacks nothing. A film that does not grow step by step is sent whole: it begins with 0.
        """
        if len(frames) <= after:
            return None
        film = self.live(stacked(frames), frames[0].total)
        first = after if len(film.steps) == len(frames) else 0
        return pack(film, first=first), first


class LiveViews:
    """LiveViews by their name, at most `most`. Thread-safe."""

    def __init__(self, most: int = MOST_VIEWS) -> None:
        self._most, self._lock = most, threading.Lock()
        self._kept: OrderedDict[str, LiveView] = OrderedDict()  # least recently asked for first

    def put(self, view: LiveView, key: str) -> str:
        """Keep this one; returns its name. `key` names what its films depend on besides the job."""
        name = hashlib.sha256(f"{view.job_id} {key}".encode()).hexdigest()
        with self._lock:
            self._kept[name] = view
            self._kept.move_to_end(name)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return name

    def get(self, job_id: JobId, name: str) -> LiveView | None:
        """The view of this job that has this name; None for what was never here, or is here no longer."""
        with self._lock:
            view = self._kept.get(name)
            if view is None or view.job_id != job_id:
                return None
            self._kept.move_to_end(name)
            return view


@st.cache_resource(show_spinner=False)
def views() -> LiveViews:
    """The views of this server."""
    return LiveViews()


def watch(job_id: JobId, key: str, live: Callable[[Pixels, int], Film]) -> str:
    """Have a job's frames drawn as `live` does for whoever asks; returns the address, on this server, to ask at."""
    return f"{base()}/jobs/{job_id}/progress?view={views().put(LiveView(job_id, live), key)}"
