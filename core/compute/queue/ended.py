"""How runs end that nobody ended, and what is remembered of those that have: in memory for a while, then by their rows."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from core.compute.executor import JobStatus, OwnJob
from core.compute.queue.run import EventLog, Run
from core.compute.store import Store
from core.compute.store.runs import RunRecord, owners_text
from core.jobs import (
    BackendUnavailable,
    Cancelled,
    Done,
    Event,
    Failed,
    InvalidSpec,
    JobNotFound,
    JobSpec,
    NotOwner,
    Poisoned,
    Queued,
    State,
    UnexpectedError,
    WorkerLost,
)

_KEPT_RUNS = 64  # ended runs whose events stay in memory; the table answers for older ones
_KEPT_FRAME_BYTES = 64 << 20  # of all ended runs together

# A lesson's own run is asked for by everybody who ever opens its page.
_MOST_CLAIMS = 500


def end_of_crashed(
    run: Run, stored: bool, attempts: int, worker_was_ready: bool, once: bool
) -> Done | Failed | Cancelled | None:
    """How a run ends under which the worker has died; None where one of its `attempts` that are left is to be taken.

    `once`: it never had more than one.
    """
    if stored:  # it died after the last write
        return Done(run.key)
    if run.verdict:
        return run.verdict
    if not run.owners:
        return Cancelled()
    if attempts > 0:
        return None
    if not worker_was_ready:
        return Failed.because(BackendUnavailable())
    return Failed.because(WorkerLost() if once else Poisoned())


def end_of_interrupted(run: Run, stored: bool, same: bool) -> Done | Failed | Cancelled | None:
    """How a run ends that a crash of the server has interrupted; None where it is to be queued.

    `same`: today's code and model would compute what was asked for.
    """
    if stored:
        return Done(run.key)
    if not run.owners:  # it was being stopped
        return Cancelled()
    if not same:  # a result computed with today's model must not be kept under yesterday's key
        return Failed.because(InvalidSpec("The model or the app has changed. Press Run again."))
    return None


def next_run(key: str, spec: JobSpec, owners: set[str], former: Run | None, record: RunRecord | None) -> Run:
    """A run of a job that may have had one before: in memory (`former`), or one that only its row remembers."""
    # Numbers go on where an earlier run of the same job ended: a reader's `after` stays valid.
    last_seq = former.log.last_seq if former else record.last_seq if record else 0
    earlier = former.claimants if former else record.claimants if record else set()
    if record and not State(record.state).final:  # interrupted by a crash and not resumed yet
        owners = owners | record.waiting
    claims = set(sorted(earlier - owners)[:_MOST_CLAIMS])
    return Run(key, spec, owners, EventLog(last_seq), earlier_owners=claims)


def forget_old(runs: OrderedDict[str, Run]) -> None:
    """Of the ended runs keep the newest, and their frames while these fit. `runs` is in the order of the ends."""
    ended = [run for run in reversed(runs.values()) if run.state.final]
    frame_bytes = 0
    for age, run in enumerate(ended):
        if age >= _KEPT_RUNS:
            del runs[run.key]
        elif frame_bytes + run.log.frame_bytes > _KEPT_FRAME_BYTES:
            run.log.drop_frames()
        frame_bytes += run.log.frame_bytes


def recorded(store: Store, key: str) -> RunRecord:
    """The row of a run that is not in memory. Raises JobNotFound, also when its result has been removed."""
    record = store.runs.get(key)
    if record is None or (record.state == State.DONE and not store.has_result(key)):
        raise JobNotFound()
    return record


def give_up(store: Store, record: RunRecord, owner: str) -> None:
    """Remove an owner's claim on a run that only its row remembers, and with the last claim what is kept of it."""
    left = record.claimants - {owner}
    if owner not in record.claimants:
        raise NotOwner()
    if record.state == State.DONE:
        return
    store.runs.save(replace(record, owners=owners_text(record.waiting & left, left - record.waiting)))
    if not left:
        store.drop_checkpoints(record.key)


def own_job(record: RunRecord, run: Run | None, owner: str) -> OwnJob:
    """What a row tells its owner, or the run itself where it is in memory."""
    state = run.state if run else last_status(record).state
    waiting = owner in (run.owners if run else record.waiting) and not state.final
    return OwnJob(record.key, record.spec, state, waiting)


def last_event(record: RunRecord) -> tuple[int, Event]:
    """The one event that a row still tells, with its number."""
    ends: dict[State, Event] = {
        State.DONE: Done(record.key),
        State.FAILED: Failed(record.error_name or UnexpectedError.__name__, record.message or ""),
        State.CANCELLED: Cancelled(),
    }
    event = ends.get(State(record.state), Queued(1, None))  # unfinished: it waits for `resume`
    return max(1, record.last_seq), event


def last_status(record: RunRecord) -> JobStatus:
    """The status that a row tells; an unfinished run waits for `resume`."""
    state = State(record.state) if State(record.state).final else State.QUEUED
    return JobStatus(
        state, record.spec, error_name=record.error_name, message=record.message, last_seq=record.last_seq
    )
