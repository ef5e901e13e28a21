"""The process that computes on one device, until its parent is gone: one job at a time, or several beside each other.

    python -m core.compute.workers.worker

Orders come in on the standard input, events go out on the standard output, as in wire.py. It is a program of
its own rather than a `multiprocessing` child, because a spawned child would first import the parent's
`__main__`, which under Streamlit is the page script.

Parent -> worker   hello {store, device, seats, rows}   run {ticket, key, function, params}   stop {ticket}
Worker -> parent   ready {}                event {ticket, event, fields} + arrays
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import queue
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Hashable, Mapping
from typing import Any, BinaryIO

from core.compute.context import JobContext
from core.compute.store import Store
from core.compute.workers.wire import pack_event, read_message, write_message
from core.jobs import (
    Cancelled,
    Checkpoint,
    ComputeError,
    Done,
    Failed,
    Frame,
    Metric,
    OutOfMemory,
    StoreFull,
    UnexpectedError,
)
from core.trajectory import Trajectory

# A page must answer while a computation has all cores: one step below the web process is enough for the
# scheduler to prefer the process that mostly sleeps.
_NICE_STEP = 1
_OOM_SCORE = 500  # of -1000 … 1000; a process with a higher one is ended earlier

Emit = Callable[[Frame | Metric | Checkpoint], None]


def perform(
    key: str,
    function: str,
    params: dict[str, Any],
    context: JobContext,
    emit: Emit,
    stopped: Callable[[], bool],
) -> tuple[Done | Failed | Cancelled, str | None]:
    """Run one job to its end: (its last event, a traceback for the log or None). Never raises for the job.

    `function` is "module:function". The result is in the store before Done is returned.
    """
    store = context.store
    try:
        module, name = function.split(":")
        steps = getattr(importlib.import_module(module), name)(params, context)
        with contextlib.closing(steps):
            while True:
                if stopped():
                    return Cancelled(), None
                try:
                    event = next(steps)
                except StopIteration as end:
                    result = end.value
                    break
                if isinstance(event, Checkpoint):
                    event = _keep_checkpoint(key, event, store)
                elif not isinstance(event, (Frame, Metric)):
                    raise TypeError(f"A job yields Frame, Metric or Checkpoint, not {type(event).__name__}.")
                if event:
                    emit(event)
        _keep(key, result, store)
        return Done(key), None
    except Exception as error:  # noqa: BLE001 - the boundary: it ends this job, and the parent logs it
        own_packages = {"core", function.split(".")[0]}
        passing = (
            isinstance(error, StoreFull) or _is_out_of_memory(error) or _is_of_the_input(error, own_packages)
        )
        if not passing:
            store.drop_checkpoints(key)  # they led here; a new attempt begins at the beginning
        return _failed(error, own_packages)


def _keep(key: str, result: Any, store: Store) -> None:
    if not isinstance(result, Trajectory):
        raise TypeError(f"A job returns a Trajectory, not {type(result).__name__}.")
    store.put_result(key, result)
    store.drop_checkpoints(key)


def _keep_checkpoint(key: str, checkpoint: Checkpoint, store: Store) -> Checkpoint | None:
    """Store it; the parent hears of it without the arrays. A full disk does not end a training."""
    try:
        store.put_checkpoint(key, checkpoint)
    except StoreFull as error:
        print(f"checkpoint {checkpoint.step} of {key} was not kept: {error}", file=sys.stderr)
        return None
    return Checkpoint(checkpoint.step, checkpoint.name, {})


def _is_of_the_input(error: Exception, own_packages: set[str]) -> bool:
    """A ValueError class of our own is about a setting or a file, such as damaged data; it speaks to the user."""
    return isinstance(error, ValueError) and type(error).__module__.split(".")[0] in own_packages


def _failed(error: Exception, own_packages: set[str]) -> tuple[Failed, str | None]:
    """What the user and the log are told: see `_is_of_the_input`; any other error is a matter for the log."""
    if _is_of_the_input(error, own_packages):
        return Failed.because(error), None
    own = type(error).__module__.split(".")[0] in own_packages
    details = "".join(traceback.format_exception(error))
    if own and isinstance(error, ComputeError):
        return Failed.because(error), details
    if _is_out_of_memory(error):
        return Failed.because(OutOfMemory()), details
    return Failed(type(error).__name__, UnexpectedError.advice), details


def _is_out_of_memory(error: Exception) -> bool:
    """NumPy's and Python's own; torch's on a GPU; torch's on a CPU, which is a RuntimeError like many others."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))
    )


def carry_out(
    order: Mapping[str, Any],
    store: Store,
    device: str,
    cache: dict[Hashable, Any],
    say: Callable[[Mapping[str, Any], Mapping[str, Any]], None],
    stopped: Callable[[], bool],
    share: Callable[[Any], Any] = lambda network: None,
) -> None:
    """Compute what a run order asks for, and `say` its events, the last one too, as messages of wire.py."""

    def tell(event: Any, details: str | None = None) -> None:
        header, arrays = pack_event(event)
        say({"type": "event", "ticket": order["ticket"], "details": details, **header}, arrays)

    context = JobContext(device, store, cache, store.get_checkpoint(order["key"]), share)
    event, details = perform(order["key"], order["function"], order["params"], context, tell, stopped)
    tell(event, details)


class Worker:
    """Reads orders in one thread; computes in the main thread, or with several seats in a thread for each."""

    def __init__(self, orders: BinaryIO, answers: BinaryIO) -> None:
        self._orders, self._answers = orders, answers
        self._asking, self._telling = threading.Lock(), threading.Lock()
        self._computing = 0  # jobs, at the moment
        self._rows = 0  # of a call that jobs share
        self._waiting: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self._stopped: set[int] = set()  # tickets; a stop may overtake the run that it is about
        self._heard = threading.Event()  # an order has been read
        self._cache: dict[Hashable, Any] = {}

    def serve(self) -> None:
        """Compute until the parent closes the pipe; does not return."""
        threading.Thread(target=self._listen, name="orders", daemon=True).start()
        hello = self._waiting.get()
        store = Store(hello["store"])
        self._rows = hello["rows"]
        for seat in range(1, hello["seats"]):
            threading.Thread(
                target=self._compute, args=[store, hello["device"]], name=f"seat {seat}", daemon=True
            ).start()
        self._say({"type": "ready"})
        self._compute(store, hello["device"])

    def _compute(self, store: Store, device: str) -> None:
        while True:
            self._run(self._waiting.get(), store, device)

    def _listen(self) -> None:
        """A thread of its own, so that the parent's end is noticed also during a long step."""
        while (message := read_message(self._orders)) is not None:
            if message[0]["type"] == "stop":
                self._stopped.add(message[0]["ticket"])
            else:
                self._waiting.put(message[0])
            self._heard.set()
        os._exit(0)  # nobody waits for what is computed; files are whole at every moment

    def _run(self, order: Mapping[str, Any], store: Store, device: str) -> None:
        ticket = order["ticket"]
        self._count(+1)
        try:
            carry_out(
                order, store, device, self._cache, self._say, lambda: self._is_stopped(ticket), self._share
            )
        finally:
            self._count(-1)
        self._stopped.discard(ticket)

    def _count(self, change: int) -> None:
        with self._asking:
            self._computing += change

    def _share(self, network: Any) -> Any:
        if not self._rows:
            return None
        from core.batching import SharedBatch  # torch, which jobs without a network do not need

        return SharedBatch(network, self._rows, lambda: self._computing)

    def _is_stopped(self, ticket: int) -> bool:
        """Also when the order has arrived and is not read yet: on a busy machine the reader lags behind by steps."""
        with self._asking:
            self._heard.clear()
            if select.select([self._orders], [], [], 0)[0]:
                self._heard.wait(1.0)
            return ticket in self._stopped

    def _say(self, header: Mapping[str, Any], arrays: Mapping[str, Any] | None = None) -> None:
        with self._telling:
            write_message(self._answers, header, arrays)


def _go_first_when_memory_runs_out() -> None:
    """On Linux: let the system end this process rather than the web server, which can start another."""
    try:
        with open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
            if int(file.read()) < _OOM_SCORE:
                file.write(str(_OOM_SCORE))
    except OSError as error:
        print(f"the system's choice when memory runs out could not be influenced: {error}", file=sys.stderr)


def main() -> None:
    faulthandler.enable()
    if sys.platform == "linux":
        _go_first_when_memory_runs_out()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent; its end is then ours
    if hasattr(os, "nice"):
        os.nice(_NICE_STEP)
    # Messages keep the original standard output for themselves: what a job or a library prints goes to the
    # parent's standard error and cannot garble them.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        Worker(os.fdopen(os.dup(0), "rb"), answers).serve()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
