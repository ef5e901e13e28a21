"""The parent's end of an actor of a Ray cluster: a worker whose process (ray_bridge.py) speaks for one elsewhere."""

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core.compute.workers.process import ROOT, WorkerGone, WorkerProcess, pipes
from core.compute.workers.watch import START_SECONDS
from core.compute.workers.wire import Garbled, read_message
from core.jobs import Event

log = logging.getLogger(__name__)

_SETTINGS = (
    "DIFFUSION_MODEL",
    "DIFFUSION_DATA_DIR",
    "DIFFUSION_DEVICE",
    "DIFFUSION_DTYPE",
    "DIFFUSION_EMBEDDINGS",
)  # read by jobs; the class's secrets are not
_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds until a cluster that refused is asked again


class RayWorker(WorkerProcess):
    """One actor and the process that speaks for it. Without an actor, no job is taken from the queue for it."""

    module = "core.compute.workers.ray_bridge"
    folder = ROOT  # the actors look for the code where this process runs

    def __init__(self, store_path: Path, device: str, address: str) -> None:
        super().__init__(store_path, device)
        settings = {name: os.environ[name] for name in _SETTINGS if name in os.environ}
        self._hello |= {"address": address, "settings": settings}
        self._pid: int | None = None
        self._bytes: int | None = 0
        self._refused = 0  # times in a row
        self._asked = False  # for an actor, and no answer yet
        self._spawned = self._next_try = 0.0

    @property
    def pid(self) -> int | None:
        """The actor's process, on whichever machine it is; None when there is none."""
        process = self._process
        return self._pid if process and process.poll() is None else None

    @property
    def available(self) -> bool:
        """False once the cluster has refused, or has had no place for the actor for long; until there is one again."""
        return self._ready or not self._refused

    def private_bytes(self) -> int | None:
        """As the actor said it last, a quarter of a second ago at most."""
        return self._bytes

    def prepare(self) -> bool:
        if self._stopped:
            return False
        if self._process and self._process.poll() is not None:
            self._ready = False
        if self._ready:
            return True
        if (pause := self._next_try - time.monotonic()) > 0:
            time.sleep(min(pause, 1.0))
            return False
        if not self._asked:
            super().start()
        if self._process and select.select([pipes(self._process)[1]], [], [], 1.0)[0]:
            self._hear_first_words()
        elif time.monotonic() - self._spawned > START_SECONDS:
            self._refuse(
                "NoActor", "an actor was asked for, and none has come; has the cluster a place for it?"
            )
        return self._ready

    def start(self, suspect: bool = False) -> None:
        """The actor may have died since `prepare`: wait for another one as long as for any worker."""
        latest = time.monotonic() + START_SECONDS
        while not self.prepare() and self.available and not self._stopped and time.monotonic() < latest:
            continue

    def hear(self, ticket: int, on_ready: Callable[[], None]) -> Iterator[tuple[Event, str | None]]:
        if not self._ready:
            raise WorkerGone(was_ready=False)
        yield from super().hear(ticket, on_ready)

    def _spawn(self) -> None:
        self._pid, self._bytes, self._spawned, self._asked = None, 0, time.monotonic(), True
        super()._spawn()

    def _hear_first_words(self) -> None:
        self._asked = False
        try:
            message = read_message(pipes(self._process)[1]) if self._process else None
        except Garbled:
            message = None
        header = message[0] if message else {"type": "refused", "error": "WorkerGone", "message": "see above"}
        if header["type"] == "refused":
            return self._refuse(header["error"], header["message"])
        self._pid, self._ready, self._refused = int(header["pid"]), True, 0
        log.info("an actor computes on %s", header["host"])

    def _refuse(self, error: str, message: str) -> None:
        """Ask the cluster again after a while, with a new process."""
        self.kill()
        self._asked = False
        log.error("the cluster cannot be used: %s: %s", error, message)
        self._next_try = time.monotonic() + _PAUSES[min(self._refused, len(_PAUSES) - 1)]
        self._refused += 1

    def _heard(self, header: dict[str, Any]) -> None:
        if header["type"] == "memory":
            self._bytes = header["bytes"]
