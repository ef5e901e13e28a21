"""The executor that keeps a queue: one ledger, and workers that take turns at it, wherever these compute.

What a worker is, a process on this machine or one that speaks for an actor of a cluster, is decided by whoever makes
the executor: `local.py` and `ray.py`. Fairness, limits, results and restarts are the same for both.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence

from core.compute.executor import Capacity, JobStatus, OwnJob
from core.compute.queue.ledger import TURN_SECONDS, Ledger
from core.compute.queue.quotas import NO_LIMITS, Limits
from core.compute.queue.run import Run
from core.compute.store import Openings, Store
from core.compute.workers.process import WorkerGone, WorkerProcess
from core.compute.workers.watch import Watch, private_bytes
from core.jobs import (
    JSON,
    TERMINAL,
    Checkpoint,
    ComputeError,
    DeadlineExceeded,
    Event,
    Failed,
    JobId,
    JobNotFound,
    JobSpec,
    NoResult,
    OutOfMemory,
    State,
    UnexpectedError,
)
from core.trajectory import Trajectory

log = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0  # an idle worker that has died is noticed after this long at the latest


class QueueExecutor:
    """Implements `core.compute.executor.Executor`; see there for what the methods promise and raise.

    Args:
        store: where runs, checkpoints and results are kept; the caller closes it after the executor.
        registry: kind -> "module:function", imported by the workers only.
        workers: who computes; each has a thread of its own here, and takes the next job whenever it is free.
        environment: what results depend on besides the specification (model fingerprint, device, dtype).
        max_queue: jobs that may wait; more are refused with QueueFull.
        limits: what one owner may have: jobs waiting, computing time, kept trainings.
        max_attempts: workers that a job may take down before it is given up.
        deadline_seconds: a job that takes longer, or that long without a checkpoint, fails with DeadlineExceeded; the
            start of the worker does not count. None for no limit.
        grace_seconds: how long a step may go on after a stop for the deadline or for `close`.
        drain_seconds: how long `close` lets the running jobs go on, to their end or their next checkpoint.
        max_memory_bytes: a job whose process holds more fails with OutOfMemory (on Linux); None for no limit.
        max_store_bytes: after each job the store is pruned to this size; None for no limit.
        turn_seconds: a job that keeps checkpoints makes way after this long, when others wait.
        openings: results that ship, which answer for what they are of.
    """

    def __init__(
        self,
        store: Store,
        registry: Mapping[str, str],
        workers: Sequence[WorkerProcess],
        *,
        environment: Mapping[str, JSON],
        max_queue: int = 64,
        limits: Limits = NO_LIMITS,
        max_attempts: int = 2,
        deadline_seconds: float | None = None,
        grace_seconds: float = 5.0,
        drain_seconds: float = 0.0,
        max_memory_bytes: int | None = None,
        max_store_bytes: int | None = None,
        turn_seconds: float = TURN_SECONDS,
        openings: Openings | None = None,
    ) -> None:
        self._store, self._registry, self._workers = store, dict(registry), list(workers)
        self._deadline, self._grace, self._drain = deadline_seconds, grace_seconds, drain_seconds
        self._limits, self._max_memory_bytes, self._max_store_bytes = (
            limits,
            max_memory_bytes,
            max_store_bytes,
        )
        if max_memory_bytes is not None and private_bytes(os.getpid()) is None:
            log.warning("this system does not tell how much memory a process holds; jobs have no limit of it")
        self._ledger = Ledger(
            store, self._registry, environment,
            max_queue=max_queue, limits=limits, max_attempts=max_attempts, turn_seconds=turn_seconds,
            workers=lambda: sum(worker.available for worker in self._workers), openings=openings,
        )  # fmt: skip
        self._serving: dict[int, WorkerProcess] = {}  # ticket of an attempt -> who computes it
        self._tidying = threading.Lock()
        self._closing = threading.Event()
        self._dispatchers = [
            threading.Thread(target=self._dispatch, args=[worker], name=f"dispatcher {n}", daemon=True)
            for n, worker in enumerate(self._workers)
        ]
        for dispatcher in self._dispatchers:
            dispatcher.start()

    # --- the protocol: from any thread ----------------------------------------------------------------------

    def key(self, spec: JobSpec) -> JobId:
        return self._ledger.key(spec)

    def at_hand(self, spec: JobSpec) -> bool:
        return self._ledger.at_hand(spec)

    def submit(self, spec: JobSpec, owner: str, *, here: bool = False) -> JobId:
        return self._ledger.submit(spec, owner, here)

    def events(self, job_id: JobId, after: int = 0) -> list[tuple[int, Event]]:
        return self._ledger.events(job_id, after)

    def status(self, job_id: JobId) -> JobStatus:
        return self._ledger.status(job_id)

    def result(self, job_id: JobId) -> Trajectory:
        status = self._ledger.status(job_id)
        if status.state is not State.DONE:
            raise NoResult(status.message)
        trajectory = self._store.get_result(job_id)
        if trajectory is None:  # damaged or removed since; the next submit computes it again
            raise JobNotFound()
        return trajectory

    def cancel(self, job_id: JobId, owner: str) -> None:
        if run := self._ledger.cancel(job_id, owner):
            self._tell_to_stop(run)

    def discard(self, job_id: JobId, owner: str) -> None:
        if run := self._ledger.discard(job_id, owner):
            self._tell_to_stop(run)

    def erase(self, job_id: JobId) -> bool:
        return self._ledger.erase(job_id)

    def mine(self, kind: str, owner: str) -> list[OwnJob]:
        return self._ledger.mine(kind, owner)

    def kept(self, job_id: JobId) -> Checkpoint | None:
        return self._store.get_checkpoint(job_id)

    def kept_step(self, job_id: JobId) -> int | None:
        return self._store.checkpoint_step(job_id)

    def resume(self) -> list[JobId]:
        return self._ledger.resume()

    def usual_seconds(self, kind: str) -> float | None:
        return self._ledger.usual_seconds(kind)

    def capacity(self) -> Capacity:
        return self._ledger.capacity()

    def warm_up(self) -> None:
        """Start the workers now, so that the first job need not wait for them."""
        for worker in self._workers:
            worker.warm_up()

    @property
    def worker_pid(self) -> int | None:
        """The process that computes (of several, the first), for tests; None before the first job."""
        return self._workers[0].pid

    def close(self) -> None:
        """Let the running jobs end within `drain_seconds`, then stop each after its step, within `grace_seconds` more.

        Unfinished jobs wait for `resume`.
        """
        self._closing.set()
        for run in self._ledger.close(self._drain):
            self._tell_to_stop(run)
        latest = time.monotonic() + self._grace
        for dispatcher in self._dispatchers:
            dispatcher.join(max(0.0, latest - time.monotonic()))
        for worker in self._workers:
            worker.stop(seconds=1.0)
        for dispatcher, worker in zip(self._dispatchers, self._workers, strict=True):
            dispatcher.join()
            worker.dispose()

    # --- the dispatchers: one thread for each worker, the only one that listens to it ----------------------

    def _dispatch(self, worker: WorkerProcess) -> None:
        while not self._closing.is_set():
            if not worker.prepare():  # others can take the next job meanwhile
                continue
            run = self._ledger.take(_LOOK_SECONDS)
            if run is None:
                continue
            ticket = run.ticket
            self._serving[ticket] = worker
            try:
                self._serve(run, worker)
            except Exception:  # the boundary of the thread: it must outlive a mistake, and the job must end
                log.exception("the dispatcher failed at run %s", run.key)
                worker.kill()
                if not run.state.final:
                    self._ledger.ended(run, Failed.because(UnexpectedError()))
            finally:
                del self._serving[ticket]
            self._tidy()

    def _serve(self, run: Run, worker: WorkerProcess) -> None:
        """Have one run computed, up to its end or the worker's."""
        watch = Watch(
            self._deadline, self._grace, self._max_memory_bytes,
            ask=lambda: self._ask_to_end(run),
            insist=lambda why: self._insist(run, worker, why),
        )  # fmt: skip
        try:
            worker.start(suspect=run.crashes > 0)
            worker.send(self._order(run))
            if run.stop_requested:  # asked for before there was a worker to hear it
                self._tell_to_stop(run)
            watch.begin(worker.private_bytes)
            for event, details in worker.hear(run.ticket, on_ready=watch.renew):
                if details:
                    log.error("a job of kind %s failed:\n%s", run.spec.kind, details)
                if isinstance(event, TERMINAL):
                    watch.end()
                    return self._ledger.ended(run, event)
                if isinstance(event, Checkpoint):
                    watch.renew()
                if self._ledger.record(run, event):
                    self._tell_to_stop(run)
        except WorkerGone as gone:
            watch.end()
            self._ledger.lost(run, gone.was_ready)
        finally:
            watch.end()

    def _order(self, run: Run) -> dict[str, JSON]:
        return {
            "type": "run",
            "ticket": run.ticket,
            "key": run.key,
            "function": self._registry[run.spec.kind],
            "params": dict(run.spec.params),
        }

    def _tell_to_stop(self, run: Run) -> None:
        ticket = run.ticket
        if worker := self._serving.get(ticket):
            worker.send({"type": "stop", "ticket": ticket})

    def _ask_to_end(self, run: Run) -> None:
        run.verdict = Failed.because(DeadlineExceeded())
        self._tell_to_stop(run)

    def _insist(self, run: Run, worker: WorkerProcess, why: str) -> None:
        """End the process. Memory that earlier jobs may have left behind is not held against this one at first."""
        if why == "time":
            run.verdict = Failed.because(DeadlineExceeded())
        elif why == "memory" and worker.fresh:
            run.verdict = Failed.because(OutOfMemory())
        worker.kill()

    def _tidy(self) -> None:
        """Keep the store within its limits."""
        try:
            with self._tidying:
                for kind, number in self._limits.kept.items():
                    self._store.keep_newest(kind, number)
                if self._max_store_bytes is not None:
                    self._store.prune(self._max_store_bytes)
        except (OSError, ComputeError):
            log.exception("the store could not be tidied up")
