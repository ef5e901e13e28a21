"""The embedded executor: one worker process on this machine, fed by one thread of the web process.

store = Store(folder)
executor = LocalExecutor(store, {"sampling": "lessons.sampling:run"}, environment={"model": fingerprint})
executor.resume()
job = executor.submit(JobSpec("sampling", {"seed": 7}), owner="ada")
for seq, event in executor.events(job, after=0): ...
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from core.compute.executor import Capacity, JobStatus
from core.compute.jobs import (
    JSON,
    TERMINAL,
    Event,
    Failed,
    JobId,
    JobNotFound,
    JobSpec,
    NoResult,
    State,
    UnexpectedError,
)
from core.compute.ledger import TURN_SECONDS, Ledger
from core.compute.process import WorkerGone, WorkerProcess
from core.compute.run import Run
from core.compute.store import Store
from core.trajectory import Trajectory

log = logging.getLogger(__name__)


class LocalExecutor:
    """Implements `core.compute.executor.Executor`; see there for what the methods promise and raise.

    Args:
        store: where runs, checkpoints and results are kept; the caller closes it after the executor.
        registry: kind -> "module:function", imported by the worker only: this process never loads torch.
        environment: what results depend on besides the specification (model fingerprint, device, dtype).
        max_queue: jobs that may wait; more are refused with QueueFull.
        device: torch device string handed to the jobs.
        max_per_owner: jobs that one owner may have waiting; None for no limit.
        max_attempts: workers that a job may take down before it is given up.
        deadline_seconds: a job that takes longer fails with DeadlineExceeded; None for no limit.
        grace_seconds: how long a step may go on after a stop for the deadline or for `close`.
        max_store_bytes: after each job the store is pruned to this size; None for no limit.
        turn_seconds: a job that keeps checkpoints makes way after this long, when others wait.
    """

    def __init__(
        self,
        store: Store,
        registry: Mapping[str, str],
        *,
        environment: Mapping[str, JSON],
        max_queue: int = 64,
        device: str = "cpu",
        max_per_owner: int | None = None,
        max_attempts: int = 2,
        deadline_seconds: float | None = None,
        grace_seconds: float = 5.0,
        max_store_bytes: int | None = None,
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        self._store, self._registry = store, dict(registry)
        self._deadline, self._grace, self._max_store_bytes = deadline_seconds, grace_seconds, max_store_bytes
        self._ledger = Ledger(
            store, self._registry, environment,
            max_queue=max_queue, max_per_owner=max_per_owner, max_attempts=max_attempts,
            turn_seconds=turn_seconds,
        )  # fmt: skip
        self._worker = WorkerProcess(store.path, device)
        self._dispatcher = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)
        self._dispatcher.start()

    # --- the protocol: from any thread ----------------------------------------------------------------------

    def submit(self, spec: JobSpec, owner: str) -> JobId:
        return self._ledger.submit(spec, owner)

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

    def resume(self) -> list[JobId]:
        return self._ledger.resume()

    def capacity(self) -> Capacity:
        return self._ledger.capacity(workers=1)

    def warm_up(self) -> None:
        """Start the worker process now, so that the first job need not wait for it."""
        self._worker.warm_up()

    @property
    def worker_pid(self) -> int | None:
        """The process that computes, for the health page and for tests; None before the first job."""
        return self._worker.pid

    def close(self) -> None:
        """Stop after the current step, at most `grace_seconds` later; unfinished jobs wait for `resume`."""
        if run := self._ledger.close():
            self._tell_to_stop(run)
        self._dispatcher.join(self._grace)
        self._worker.stop(seconds=1.0)
        self._dispatcher.join()
        self._worker.dispose()

    # --- the dispatcher: one thread, the only one that listens to the worker -------------------------------

    def _dispatch(self) -> None:
        while (run := self._ledger.take()) is not None:
            try:
                self._serve(run)
            except Exception:  # the boundary of the thread: it must outlive a mistake, and the job must end
                log.exception("the dispatcher failed at run %s", run.key)
                self._worker.kill()
                if not run.state.final:
                    self._ledger.ended(run, Failed.because(UnexpectedError()))
            if self._max_store_bytes is not None:
                self._prune()

    def _serve(self, run: Run) -> None:
        """Have one run computed, up to its end or the worker's."""
        timers = self._deadline_timers(run)
        try:
            self._worker.start()
            self._worker.send(self._order(run))
            if run.stop_requested:  # asked for before there was a worker to hear it
                self._tell_to_stop(run)
            for timer in timers:
                timer.start()
            for event, details in self._worker.hear(run.ticket):
                if details:
                    log.error("a job of kind %s failed:\n%s", run.spec.kind, details)
                if isinstance(event, TERMINAL):
                    return self._ledger.ended(run, event)
                if self._ledger.record(run, event):
                    self._tell_to_stop(run)
        except WorkerGone as gone:
            self._ledger.lost(run, gone.was_ready)
        finally:
            for timer in timers:
                timer.cancel()

    def _order(self, run: Run) -> dict[str, JSON]:
        return {
            "type": "run",
            "ticket": run.ticket,
            "key": run.key,
            "function": self._registry[run.spec.kind],
            "params": dict(run.spec.params),
        }

    def _tell_to_stop(self, run: Run) -> None:
        self._worker.send({"type": "stop", "ticket": run.ticket})

    def _deadline_timers(self, run: Run) -> list[threading.Timer]:
        """At the deadline ask; after the grace period end the process, whose single step goes on for too long."""
        if self._deadline is None:
            return []
        return [
            threading.Timer(self._deadline, self._too_slow, [run]),
            threading.Timer(self._deadline + self._grace, self._worker.kill),
        ]

    def _too_slow(self, run: Run) -> None:
        run.too_slow = True
        self._tell_to_stop(run)

    def _prune(self) -> None:
        try:
            self._store.prune(self._max_store_bytes)
        except OSError:
            log.exception("the store could not be pruned")
