"""Several jobs beside each other in one worker process, for a device that has room for them: a GPU.

executor = LocalExecutor(store, registry, device="cuda", seats=4, environment=...)

Each seat is a worker to the executor. All seats speak to the same process, where the evaluations of their jobs share
calls of one size (core/batching.py). A process that dies takes the jobs of all seats with it, and nobody can tell
whose fault it was: each of them then gets a process of its own for its next attempt, and dies there alone or not at all.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from core.compute.workers.process import WorkerGone, WorkerProcess
from core.compute.workers.wire import unpack_event
from core.jobs import Event

Message: TypeAlias = (
    tuple[dict[str, Any], dict[str, Any]] | WorkerGone | None
)  # None: the process takes orders


class SharedProcess:
    """The process of all seats. One thread reads what it says, and hands it to the seat that it is for."""

    def __init__(self, store_path: Path, device: str, seats: int, rows: int) -> None:
        self._worker = WorkerProcess(store_path, device, seats, rows)
        self._lock = threading.Lock()  # who listens, and to which process
        self._inboxes: dict[int, queue.SimpleQueue[Message]] = {}  # ticket -> what its seat has not read yet
        self._reader: threading.Thread | None = None
        self._ready = False

    @property
    def worker(self) -> WorkerProcess:
        return self._worker

    def start(self) -> None:
        """Start the process if there is none or it has died."""
        with self._lock:
            if self._reader is None:
                self._worker.start()
                self._ready = False
                self._reader = threading.Thread(target=self._read, name="seats", daemon=True)
                self._reader.start()

    def send(self, message: dict[str, Any]) -> bool:
        """As WorkerProcess.send; after a run order, its seat is to `hear`."""
        with self._lock:
            if message["type"] == "run":
                inbox = self._inboxes[message["ticket"]] = queue.SimpleQueue()
                if self._reader is None:
                    inbox.put(WorkerGone(was_ready=False))
                elif self._ready:
                    inbox.put(None)
            return self._worker.send(message)

    def hear(self, ticket: int, on_ready: Callable[[], None]) -> Iterator[tuple[Event, str | None]]:
        """As WorkerProcess.hear."""
        try:
            while True:
                message = self._inboxes[ticket].get()
                if isinstance(message, WorkerGone):
                    raise message
                if message is None:  # the process takes orders
                    on_ready()
                else:
                    header, arrays = message
                    yield unpack_event(header, arrays), header["details"]
        finally:
            with self._lock:
                del self._inboxes[ticket]

    def _read(self) -> None:
        try:
            for header, arrays in self._worker.messages():
                with self._lock:
                    if header["type"] == "ready":
                        self._ready = True
                        for inbox in self._inboxes.values():
                            inbox.put(None)
                    elif header["ticket"] in self._inboxes:
                        self._inboxes[header["ticket"]].put((header, arrays))
        except WorkerGone as gone:
            with self._lock:
                self._reader = None
                for inbox in self._inboxes.values():
                    inbox.put(WorkerGone(gone.was_ready))


class Seat(WorkerProcess):
    """One of the places in a shared process. As a WorkerProcess by itself, it is the process of a job under suspicion."""

    def __init__(self, shared: SharedProcess, store_path: Path, device: str) -> None:
        super().__init__(store_path, device)
        self._shared, self._alone = shared, False

    @property
    def pid(self) -> int | None:
        return super().pid if self._alone else self._shared.worker.pid

    @property
    def fresh(self) -> bool:
        return super().fresh if self._alone else self._shared.worker.fresh

    def private_bytes(self) -> int | None:
        return super().private_bytes() if self._alone else self._shared.worker.private_bytes()

    def start(self, suspect: bool = False) -> None:
        self._alone = suspect
        if suspect:
            super().start()
        else:
            self._shared.start()

    def warm_up(self) -> None:
        self._shared.start()

    def send(self, message: dict[str, Any]) -> bool:
        return super().send(message) if self._alone else self._shared.send(message)

    def hear(self, ticket: int, on_ready: Callable[[], None]) -> Iterator[tuple[Event, str | None]]:
        if not self._alone:
            yield from self._shared.hear(ticket, on_ready)
            return
        try:
            yield from super().hear(ticket, on_ready)
        finally:
            super().kill()  # its memory is wanted by the others

    def kill(self) -> None:
        if self._alone:
            super().kill()
        else:
            self._shared.worker.kill()

    def stop(self, seconds: float) -> None:
        super().stop(seconds)
        self._shared.worker.stop(seconds)

    def dispose(self) -> None:
        super().dispose()
        self._shared.worker.dispose()


def shared_rows(seats: int) -> int:
    """Rows of a shared call: guidance of one picture takes two."""
    return 2 * seats


def make_seats(store_path: Path, device: str, seats: int, rows: int) -> list[Seat]:
    """The workers of an executor whose jobs compute beside each other."""
    shared = SharedProcess(store_path, device, seats, rows)
    return [Seat(shared, store_path, device) for _ in range(seats)]
