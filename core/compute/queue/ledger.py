"""The books of an executor: which runs there are, in which order they are served, and how they ended.

Pages call from any thread, the dispatcher from its own; one lock guards it all, and nothing under the lock
waits for a worker. The ledger knows nothing of processes, so every executor can keep its books with it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import takewhile

from core.compute.executor import Capacity, JobStatus, OwnJob
from core.compute.queue.answers import Answers
from core.compute.queue.ended import (
    end_of_crashed,
    end_of_interrupted,
    forget_old,
    give_up,
    last_event,
    last_status,
    next_run,
    own_job,
    recorded,
)
from core.compute.queue.estimates import Durations
from core.compute.queue.fair import FairQueue
from core.compute.queue.quotas import NO_LIMITS, DeviceTime, Limits, in_words
from core.compute.queue.rows import Rows
from core.compute.queue.run import Run
from core.compute.store import Openings, Store
from core.jobs import (
    JSON,
    BackendUnavailable,
    Cancelled,
    Checkpoint,
    Done,
    Event,
    Failed,
    InvalidSpec,
    JobId,
    JobNotFound,
    JobSpec,
    NotOwner,
    Queued,
    QueueFull,
    QuotaExceeded,
    Started,
    State,
    require_key,
)

_MAX_OWNER_LENGTH = 200
# A job that keeps checkpoints may take hours. After this long it makes way, at its next checkpoint, for what waits.
TURN_SECONDS = 5.0


class Ledger:
    """Accepts, orders, records and ends runs. Every public method is thread-safe and quick.

    `openings` are results that ship: one is taken into the store when it is first asked for.
    `workers` tells how many there are to compute: with none, stored results are answered, waiting jobs wait for one
    to come back, and new ones are refused with BackendUnavailable.
    """

    def __init__(
        self,
        store: Store,
        kinds: Collection[str],
        environment: Mapping[str, JSON],
        *,
        max_queue: int,
        limits: Limits = NO_LIMITS,
        max_attempts: int,
        turn_seconds: float = TURN_SECONDS,
        workers: Callable[[], int] = lambda: 1,
        openings: Openings | None = None,
    ) -> None:
        self._store, self._kinds, self._environment = store, kinds, dict(environment)
        self._max_queue, self._limits, self._max_attempts = max_queue, limits, max_attempts
        self._turn_seconds, self._workers = turn_seconds, workers
        self._changed = threading.Condition()
        self._queue = FairQueue()
        self._runs: OrderedDict[str, Run] = OrderedDict()  # ended ones in the order of their end
        self._running: dict[str, Run] = {}  # by key, in the order of their starts
        self._rows, self._answers = Rows(store), Answers(store, openings)
        self._durations = Durations(store.runs.durations())
        self._device_time = DeviceTime(limits, store.runs.charges(limits.window_seconds))
        self._closing = False

    # --- for pages ------------------------------------------------------------------------------------------

    def key(self, spec: JobSpec) -> JobId:
        return spec.key(self._environment)

    def at_hand(self, spec: JobSpec) -> bool:
        """Whether the result need not be computed: it is kept, or ships."""
        return self._answers.at_hand(spec, self.key(spec))

    def submit(self, spec: JobSpec, owner: str, here: bool = False) -> JobId:
        if spec.kind not in self._kinds:
            raise InvalidSpec(f"{spec.kind!r} is not a computation of this app.")
        if not isinstance(owner, str) or not 0 < len(owner) <= _MAX_OWNER_LENGTH:
            raise InvalidSpec("A computation needs an owner: a name of 1 to 200 characters.")
        key = self.key(spec)
        # Outside the lock: the first time, it reads the file, or takes up the one that ships.
        stored = self._answers.taken_up(spec, key, here)
        if not stored and key not in self._runs and len(self._queue) >= self._max_queue:
            # Without the lock, which a write to a slow disk may hold: in a rush, most are refused, and at once.
            raise QueueFull(self._max_queue, self._place_is_free_in([]))
        with self._changed:
            if self._closing:
                raise BackendUnavailable()
            run = self._runs.get(key)
            if run and run.state is State.DONE and not stored:
                stored = self._answers.taken_up(spec, key, here)  # ended between the lines above
            if run and (not run.state.final or (run.state is State.DONE and stored)):
                self._attach(run, owner)
            elif stored:
                self._accept(self._new_run(key, spec, {owner}), Done(key))
            else:
                self._require_room(owner)
                self._accept(self._new_run(key, spec, {owner}))
        return key

    def events(self, key: JobId, after: int) -> list[tuple[int, Event]]:
        with self._changed:
            if run := self._runs.get(require_key(key)):
                return run.log.since(after)
        seq, event = last_event(recorded(self._store, key))
        return [(seq, event)] if seq > after else []

    def status(self, key: JobId) -> JobStatus:
        with self._changed:
            run = self._runs.get(require_key(key))
            status = self._status(run) if run else None
        if status is None:
            return last_status(recorded(self._store, key))
        if status.state is State.DONE and not self._store.has_result(key):
            raise JobNotFound()  # removed since
        return status

    def cancel(self, key: JobId, owner: str) -> Run | None:
        """Detach an owner; return the run whose worker must be told to stop, if that is so."""
        with self._changed:
            run = self._runs.get(require_key(key))
            if owner not in (run or recorded(self._store, key)).claimants:
                raise NotOwner()
            if run is None or run.state.final or owner not in run.owners:
                return None  # it has ended, or this owner waits for it no longer
            run.former_owners.add(owner)
            return self._detach(run, owner)

    def discard(self, key: JobId, owner: str) -> Run | None:
        """As `cancel`; what is kept goes with its last claimant, at once or when the worker has stopped."""
        with self._changed:
            run = self._runs.get(require_key(key))
            if run is None:
                give_up(self._store, recorded(self._store, key), owner)
                return None
            if owner not in run.claimants:
                raise NotOwner()
            if run.state is State.DONE:
                return None
            run.former_owners.discard(owner)
            run.earlier_owners.discard(owner)
            if owner in run.owners and not run.state.final:
                return self._detach(run, owner)
            run.owners.discard(owner)
            if run.state.final:
                self._drop_what_nobody_claims(run)
            self._rows.save(run)
            return None

    def erase(self, key: JobId) -> bool:
        """Remove result and checkpoints of a run that has ended, which cannot begin meanwhile; False for another."""
        with self._changed:
            run = self._runs.get(require_key(key))
            if run is not None and not run.state.final:
                return False
            self._store.erase(key)
            return True

    def mine(self, kind: str, owner: str) -> list[OwnJob]:
        rows = [row for row in self._store.runs.of_owner(kind, owner) if self.key(row.spec) == row.key]
        with self._changed:
            return [own_job(row, self._runs.get(row.key), owner) for row in rows]

    def resume(self) -> list[JobId]:
        """Queue what a crash interrupted; answer what it interrupted just after the result was stored."""
        resumed = []
        for record in self._store.runs.unfinished():
            stored = self._store.has_result(record.key)
            with self._changed:
                if record.key in self._runs or self._closing:
                    continue
                run = self._new_run(record.key, record.spec, record.waiting)
                run.crashes, run.submitted_at = record.crashes, record.submitted_at
                same = record.kind in self._kinds and record.spec.key(self._environment) == record.key
                end = end_of_interrupted(run, stored, same)
                self._enter(run, end)
                if end is None:
                    resumed.append(record.key)
        return resumed

    def usual_seconds(self, kind: str) -> float | None:
        with self._changed:
            usual = self._durations.usual(kind)
        return self._answers.usual_seconds(kind) if usual is None else usual

    def capacity(self) -> Capacity:
        with self._changed:
            return Capacity(self._workers(), len(self._running), len(self._queue), self._max_queue)

    # --- for the dispatchers --------------------------------------------------------------------------------

    def take(self, patience: float | None = None) -> Run | None:
        """Wait for the next run and mark it as running; None when the executor closes, or after `patience` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or len(self._queue), patience)
            if self._closing or (key := self._queue.pop()) is None:
                return None
            run = self._runs[key]
            run.move(State.RUNNING)
            run.log.append(Started(run.total))
            self._running[run.key] = run
            self._rows.save(run)
            return run

    def record(self, run: Run, event: Event) -> bool:
        """Note what a running job has yielded; True if it is to be stopped because it makes way for others."""
        with self._changed:
            run.log.append(event)
            run.note_progress(event)
            if not isinstance(event, Checkpoint):
                return False
            # It gets on, so the next crash is not held against it, by the next server neither.
            if run.crashes:
                run.crashes = 0
                self._rows.save(run)
            run.keeps_checkpoints = True
            had_its_turn = len(self._queue) and run.runs_for() >= self._turn_seconds
            if run.stop_requested or not (had_its_turn or self._closing):
                return False
            run.stop_requested = run.makes_way = True
            return True

    def ended(self, run: Run, event: Done | Failed | Cancelled) -> None:
        """The worker has ended a run: note it, or queue the run again if it is wanted after all."""
        with self._changed:
            self._charge(run)
            if isinstance(event, Cancelled):
                if run.verdict:
                    event = run.verdict
                elif run.owners:  # makes way; or asked for again while it was being stopped; or all closes
                    return self._queue_again(run, urgent=not run.makes_way)
            self._end(run, event)

    def lost(self, run: Run, worker_was_ready: bool) -> None:
        """The worker has died under a run: queue it again, or give it up."""
        stored = self._store.has_result(run.key)
        with self._changed:
            self._charge(run)
            run.crashes += not self._closing
            attempts = 1 if self._closing else self._max_attempts - run.crashes
            if end := end_of_crashed(run, stored, attempts, worker_was_ready, self._max_attempts == 1):
                self._end(run, end)
            else:
                self._queue_again(run)

    def close(self, drain_seconds: float = 0.0) -> list[Run]:
        """Take nothing more; return the runs that still run after a while, whose workers must be told to stop."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._running, drain_seconds)
            for run in self._running.values():
                run.stop_requested = True
            return list(self._running.values())

    # --- under the lock -------------------------------------------------------------------------------------

    def _new_run(self, key: str, spec: JobSpec, owners: set[str]) -> Run:
        former = self._runs.get(key)
        return next_run(key, spec, owners, former, None if former else self._store.runs.get(key))

    def _detach(self, run: Run, owner: str) -> Run | None:
        """One owner less waits for a run that has not ended; returns it if its worker must be told to stop."""
        run.owners.discard(owner)
        if run.state is State.QUEUED:
            self._queue.leave(run.key, owner)
            if not run.owners:
                self._end(run, Cancelled())
                return None
        self._rows.save(run)
        run.stop_requested = not run.owners
        return run if run.stop_requested else None

    def _drop_what_nobody_claims(self, run: Run) -> None:
        if not run.claimants and run.state is not State.DONE:
            self._store.drop_checkpoints(run.key)

    def _accept(self, run: Run, answer: Done | Failed | Cancelled | None = None) -> None:
        """Enter a new run, into the table first: what cannot be kept is not accepted."""
        self._store.runs.save(run.record())
        self._rows.forget(run.key)
        self._enter(run, answer)

    def _enter(self, run: Run, answer: Done | Failed | Cancelled | None = None) -> None:
        self._runs[run.key] = run
        if answer:
            self._end(run, answer)
        else:
            self._enqueue(run)

    def _enqueue(self, run: Run, urgent: bool = False) -> None:
        self._queue.push(run.key, run.owners, urgent)
        run.log.append(Queued(*self._place_of(run)))
        self._changed.notify_all()

    def _queue_again(self, run: Run, urgent: bool = True) -> None:
        self._stands_still(run)
        run.move(State.QUEUED)
        self._enqueue(run, urgent)
        self._rows.save(run)

    def _attach(self, run: Run, owner: str) -> None:
        run.former_owners.discard(owner)
        run.earlier_owners.discard(owner)
        if owner not in run.owners:
            run.owners.add(owner)
            if run.state is State.QUEUED:
                self._queue.join(run.key, owner)
            self._rows.save(run)

    def _require_room(self, owner: str) -> None:
        waiting, most = self._queue.waiting_for(owner), self._limits.waiting
        if most is not None and waiting >= most:
            order = [self._runs[key] for key in self._queue.order()]
            retry = self._place_is_free_in(list(takewhile(lambda run: owner not in run.owners, order)))
            raise QuotaExceeded(
                f"You have {waiting} computations waiting, as many as one person may have. "
                f"Cancel one, or try again in {in_words(retry)}.",
                retry,
            )
        # What each of those who wait for a running run will be charged for it, if it ends now.
        shares = [run.runs_for() / len(run.owners) for run in self._running.values() if owner in run.owners]
        self._device_time.require(owner, sum(shares))
        if len(self._queue) >= self._max_queue:
            raise QueueFull(len(self._queue), self._place_is_free_in([]))
        if not self._workers():
            raise BackendUnavailable()

    def _place_is_free_in(self, ahead: list[Run]) -> float:
        """Seconds until the job behind those of `ahead` leaves the queue; 5 s where nothing is known."""
        left = self._forecast(ahead)
        return min(300.0, max(1.0, 5.0 if left is None else left))

    def _forecast(self, ahead: Iterable[Run]) -> float | None:
        running = list(self._running.values())  # one look at it: a refusal asks without the lock
        return self._durations.forecast(running, ahead, self._workers())

    def _charge(self, run: Run) -> None:
        """An attempt has ended: those who wait for it pay, or who cancelled it if nobody does."""
        payers = run.owners or run.former_owners
        if payers and run.started_at is not None:
            self._rows.charge(self._device_time.charge(payers, run.runs_for()))

    def _stands_still(self, run: Run) -> None:
        self._running.pop(run.key, None)
        self._changed.notify_all()

    def _end(self, run: Run, event: Done | Failed | Cancelled) -> None:
        """The only place where a run ends."""
        self._stands_still(run)
        if run.key in self._queue:
            for owner in list(run.owners):
                self._queue.leave(run.key, owner)
        if isinstance(event, Failed):
            run.failure = event
        run.move({Done: State.DONE, Failed: State.FAILED, Cancelled: State.CANCELLED}[type(event)])
        run.log.append(event)
        self._drop_what_nobody_claims(run)
        if run.state is State.DONE and run.started_at:
            self._durations.note(run.spec.kind, run.runs_for())
        self._rows.save(run)
        self._runs.move_to_end(run.key)
        forget_old(self._runs)

    def _status(self, run: Run) -> JobStatus:
        if run.state is State.QUEUED:
            return run.status(*self._place_of(run))
        return run.status(None, None if run.state.final else self._durations.forecast([run], []))

    def _place_of(self, run: Run) -> tuple[int, float | None]:
        """Of a queued run: its position, from 1, and the seconds until it has ended, if that is known."""
        order = self._queue.order()
        position = order.index(run.key) + 1
        return position, self._forecast([self._runs[key] for key in order[:position]])
