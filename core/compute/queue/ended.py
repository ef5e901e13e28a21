"""What is remembered of runs that have ended: in memory for a while, afterwards by their rows in the table."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from core.compute.executor import JobStatus, OwnJob
from core.compute.queue.run import Run
from core.compute.store import Store
from core.compute.store.runs import RunRecord, owners_text
from core.jobs import Cancelled, Done, Event, Failed, JobNotFound, NotOwner, Queued, State, UnexpectedError

_KEPT_RUNS = 64  # ended runs whose events stay in memory; the table answers for older ones
_KEPT_FRAME_BYTES = 64 << 20  # of all ended runs together


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
