"""The parent's end of the worker process: start it, give orders, hear events, notice its death."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from core.compute.workers.watch import private_bytes
from core.compute.workers.wire import Garbled, read_message, unpack_event, write_message
from core.jobs import Event

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[3]


class WorkerGone(Exception):
    """The worker process has died; `was_ready` tells a crash at work from one that could not even start."""

    def __init__(self, was_ready: bool) -> None:
        self.was_ready = was_ready
        super().__init__("the worker process has ended")


class WorkerProcess:
    """At most one process at a time. `warm_up`, `send` and `kill` may be called from any thread.

    A subclass may speak to a process that computes elsewhere: `prepare`, `available`, `pid` and `private_bytes` are
    what then differs (see ray_worker.py).
    """

    module = "core.compute.workers.worker"  # what the process runs ...
    folder: Path | None = None  # ... and where; None for where the app was started

    def __init__(self, store_path: Path, device: str, seats: int = 1, rows: int = 0) -> None:
        """`seats` jobs at a time, whose evaluations share calls of `rows` rows; 0: each calls for itself."""
        self._hello = {
            "type": "hello", "store": str(store_path.resolve()), "device": device, "seats": seats, "rows": rows,
        }  # fmt: skip
        self._lock = threading.Lock()  # starting and writing; reading belongs to the dispatcher alone
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = self._stopped = False
        self._jobs = 0  # that the present process was given

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def fresh(self) -> bool:
        """Has the process served nobody before its present job? Then what it holds is that job's."""
        return self._jobs <= 1

    @property
    def available(self) -> bool:
        """Can jobs be accepted that this worker would compute?"""
        return True

    def prepare(self) -> bool:
        """Called before a job is taken from the queue: False, after a second at most, to be asked again first."""
        return True

    def private_bytes(self) -> int | None:
        """The memory that the process holds by itself; None when it has ended, or this system does not tell."""
        process = self._process
        return private_bytes(process.pid) if process else None

    def start(self, suspect: bool = False) -> None:
        """Start the process if there is none or it has died; does not wait until it is ready.

        `suspect`: a process has died under the job that comes. To be called by one thread only, the one that hears.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._dispose()
                self._spawn()

    def warm_up(self) -> None:
        """Start the first process; a later one is started by `start`, as its pipes belong to the dispatcher."""
        with self._lock:
            if self._process is None and not self._stopped:
                self._spawn()

    def send(self, message: dict[str, Any]) -> bool:
        """Give an order; False when there is nobody to take it."""
        with self._lock:
            self._jobs += message["type"] == "run"
            return self._process is not None and not self._stopped and self._write(message)

    def hear(self, ticket: int, on_ready: Callable[[], None]) -> Iterator[tuple[Event, str | None]]:
        """The events of one job with the traceback that may belong to them. Raises WorkerGone.

        `on_ready` is called once the process takes orders. To be called by one thread only.
        """
        if self._ready:
            on_ready()
        for header, arrays in self.messages():
            if header["type"] == "ready":
                on_ready()
            elif header["type"] == "event" and header["ticket"] == ticket:
                yield unpack_event(header, arrays), header["details"]
            else:
                self._heard(header)

    def messages(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """All that the process says, header and arrays. Raises WorkerGone. To be called by one thread only."""
        process = self._process
        if process is None:
            raise WorkerGone(was_ready=False)
        while True:
            try:
                message = read_message(pipes(process)[1])
            except Garbled:
                log.exception("the worker's messages cannot be read; it is ended")
                message = None
            if message is None:
                process.kill()
                process.wait()
                if not self._stopped:
                    log.error(
                        "the worker process %d has ended with status %s", process.pid, process.returncode
                    )
                raise WorkerGone(self._ready)
            self._ready = self._ready or message[0]["type"] == "ready"
            yield message

    def kill(self) -> None:
        """End the process at once; `hear` then raises WorkerGone."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self, seconds: float) -> None:
        """Close the pipe, which ends the process; insist if it does not."""
        with self._lock:
            self._stopped = True
            if self._process is None:
                return
            try:
                pipes(self._process)[0].close()
            except BrokenPipeError:
                log.debug("the worker was gone already")
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def dispose(self) -> None:
        """Close the pipes of a process that has ended; nobody may be hearing any more."""
        with self._lock:
            self._dispose()

    def _heard(self, header: dict[str, Any]) -> None:
        """A message that is not about the job that is listened to."""

    def _spawn(self) -> None:
        # The worker must find `core` and `lessons` wherever the parent was started from.
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        # OpenMP's threads spin while they wait for each other. When another program needs a core, all of them spin
        # until the one that lost it gets it back, and a network call takes ten times as long; asleep, they let go.
        environment.setdefault("OMP_WAIT_POLICY", "passive")
        self._ready, self._jobs = False, 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=self.folder,
        )
        self._write(self._hello)

    def _write(self, message: dict[str, Any]) -> bool:
        if self._process is None:
            return False
        try:
            write_message(pipes(self._process)[0], message)
        except OSError:  # it has died; the thread that hears will notice, and deals with it
            return False
        return True

    def _dispose(self) -> None:
        if self._process:
            self._process.wait()
            for pipe in pipes(self._process):
                try:
                    pipe.close()
                except BrokenPipeError:
                    log.debug("the pipe held an order that nobody will read")
            self._process = None


def pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """Where the process takes orders, and where it answers."""
    assert process.stdin is not None and process.stdout is not None  # it was started with both
    return process.stdin, process.stdout
