"""Who keeps an eye on a running job: its time and its memory.

A job that is asked to stop does so before its next step. One that does not, or that takes more memory than it may,
is ended with its process; the executor starts a new one for the next job.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

START_SECONDS = 120.0  # a worker that is not ready after this long hangs, on a network folder for instance
_LOOK_SECONDS = 0.05
_STATM = "/proc/{}/statm"


class Watch:
    """Watches one job at a time. `ask` and `insist` are called from threads of the watch, never after `end`.

    Args:
        seconds: how long a job may take, or go on without a checkpoint; None for no limit.
        grace: how long after `ask` the process is ended.
        max_bytes: private memory of the process; None for no limit.
        ask: called when the job is to stop before its next step.
        insist: told "start", "time" or "memory" when the process is to be ended at once.
    """

    def __init__(
        self,
        seconds: float | None,
        grace: float,
        max_bytes: int | None,
        ask: Callable[[], None],
        insist: Callable[[str], None],
    ) -> None:
        self._seconds, self._grace, self._max_bytes = seconds, grace, max_bytes
        self._ask, self._insist = ask, insist
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []
        self._over = threading.Event()

    def begin(self, held: Callable[[], int | None]) -> None:
        """The order is sent; until the worker is ready, only START_SECONDS count.

        `held` tells how many bytes the process holds, or None when it has ended or this system does not tell.
        """
        if self._seconds is not None:
            self._set([(START_SECONDS, lambda: self._insist("start"))])
        if self._max_bytes is not None:
            threading.Thread(target=self._look, args=[held], name="memory watch", daemon=True).start()

    def renew(self) -> None:
        """The worker is ready, or the job has kept a checkpoint: the time counts from now."""
        if self._seconds is not None:
            late = self._seconds + self._grace
            self._set([(self._seconds, self._ask), (late, lambda: self._insist("time"))])

    def end(self) -> None:
        """The job has ended; when this returns, nothing more is asked or insisted on."""
        with self._lock:
            self._over.set()
            for timer in self._timers:
                timer.cancel()

    def _set(self, alarms: list[tuple[float, Callable[[], None]]]) -> None:
        with self._lock:
            for timer in self._timers:
                timer.cancel()
            if self._over.is_set():
                return
            timers: list[threading.Timer] = []
            for seconds, tell in alarms:
                timers.append(threading.Timer(seconds, self._ring, [timers, tell]))
            self._timers = timers
            for timer in timers:
                timer.daemon = True
                timer.start()

    def _ring(self, timers: list[threading.Timer], tell: Callable[[], None]) -> None:
        with self._lock:
            if not self._over.is_set() and timers is self._timers:  # not renewed in the last moment
                tell()

    def _look(self, held: Callable[[], int | None]) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            taken = held()
            if taken is None:
                return
            if self._max_bytes is not None and taken > self._max_bytes:
                with self._lock:
                    if not self._over.is_set():
                        log.error("the worker holds %.0f MB, more than it may", taken / 1e6)
                        self._insist("memory")
                return


def private_bytes(pid: int) -> int | None:
    """Memory that only this process holds (resident, without mapped files); None where nobody tells.

    Not the address space, which RLIMIT_AS would limit: torch reserves many gigabytes of it and never touches them.
    """
    try:
        with open(_STATM.format(pid), encoding="ascii") as file:
            _, resident, shared = file.read().split()[:3]
    except (OSError, ValueError):
        return None
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
