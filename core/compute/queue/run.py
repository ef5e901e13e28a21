"""One run of a job while it is of interest: its state, who waits for it, and its events."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field

from core.compute.executor import JobStatus
from core.compute.store.runs import RunRecord, owners_text
from core.jobs import Event, Failed, Frame, JobSpec, Metric, State

# What may follow what. A final state has no successor: that is why a job ends exactly once.
_NEXT: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.DONE, State.FAILED, State.CANCELLED}),
    State.RUNNING: frozenset({State.QUEUED, State.DONE, State.FAILED, State.CANCELLED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}

_TICKETS = itertools.count(1)
_FRAME_BYTES = 32 << 20
_MAX_METRICS = 4096


class EventLog:
    """Numbered events in bounded memory: too many frames or metrics, and every second one is dropped.

    A late reader then still sees the whole course, at half the resolution; the stored result has it all.
    """

    def __init__(self, last_seq: int = 0) -> None:
        self.last_seq = last_seq
        self.frame_bytes = 0
        self._metrics = 0
        self._events: list[tuple[int, Event]] = []

    def append(self, event: Event) -> None:
        self.last_seq += 1
        self._events.append((self.last_seq, event))
        if isinstance(event, Frame):
            self.frame_bytes += _frame_bytes(event)
            while self.frame_bytes > _FRAME_BYTES and self._thin(Frame):
                self.frame_bytes = sum(_frame_bytes(e) for _, e in self._events if isinstance(e, Frame))
        elif isinstance(event, Metric):
            self._metrics += 1
            if self._metrics > _MAX_METRICS:
                self._thin(Metric)
                self._metrics = sum(isinstance(e, Metric) for _, e in self._events)

    def since(self, after: int) -> list[tuple[int, Event]]:
        """The events numbered above `after`; reads from the end, as readers mostly lack only the newest."""
        start = len(self._events)
        while start and self._events[start - 1][0] > after:
            start -= 1
        return self._events[start:]

    def drop_frames(self) -> None:
        self._events = [(seq, event) for seq, event in self._events if not isinstance(event, Frame)]
        self.frame_bytes = 0

    def _thin(self, kind: type[Event]) -> bool:
        """Drop every second event of a kind, never the newest; False when only one is left."""
        places = [place for place, (_, event) in enumerate(self._events) if isinstance(event, kind)]
        dropped = set(places[-2::-2])
        self._events = [item for place, item in enumerate(self._events) if place not in dropped]
        return bool(dropped)


def _frame_bytes(frame: Frame) -> int:
    return sum(array.nbytes for array in frame.arrays.values())


@dataclass(eq=False)
class Run:
    """Not thread-safe: the ledger's lock guards it."""

    key: str
    spec: JobSpec
    owners: set[str]  # who waits for it
    log: EventLog = field(default_factory=EventLog)
    former_owners: set[str] = field(default_factory=set)  # who waited for it and cancelled
    earlier_owners: set[str] = field(
        default_factory=set
    )  # of earlier runs of the job: what is kept is theirs, too
    state: State = State.QUEUED
    ticket: int = 0  # number of the attempt; tells its messages from those of others
    crashes: int = 0  # workers that died under it since it last got on (kept a checkpoint)
    stop_requested: bool = False  # the worker was asked to stop
    verdict: Failed | None = None  # ... or its process is being ended, because of this
    makes_way: bool = False  # ... because others wait; it goes on when its turn comes
    keeps_checkpoints: bool = False  # it has kept one, so it can make way
    done: int = 0
    total: int | None = None
    submitted_at: float = field(default_factory=time.time)
    started_at: float | None = None
    finished_at: float | None = None
    failure: Failed | None = None
    _has_metrics: bool = False
    _pace: tuple[float, int] | None = None  # time and step of the first progress of this attempt

    def move(self, state: State) -> None:
        """Change the state; anything but the table's arrows is a mistake in the executor."""
        if state not in _NEXT[self.state]:
            raise RuntimeError(f"a {self.state} run cannot become {state}")
        self.state = state
        if state is State.QUEUED:
            self.started_at = self._pace = None
            self.stop_requested = self.makes_way = False
            self.verdict = None
        elif state is State.RUNNING:
            self.started_at = time.time()
            self.ticket = next(_TICKETS)
        else:
            self.finished_at = time.time()

    @property
    def claimants(self) -> set[str]:
        """Everybody who has asked for the job and has not discarded it."""
        return self.owners | self.former_owners | self.earlier_owners

    def runs_for(self) -> float:
        """Seconds that this attempt has taken, or took; 0 of a run that waits."""
        if self.started_at is None:
            return 0.0
        return (self.finished_at or time.time()) - self.started_at

    def note_progress(self, event: Event) -> None:
        """Metrics count steps of work; frames do so only for a job that has no metrics."""
        if isinstance(event, Metric):
            self._has_metrics = True
            self.done, self.total = event.step, event.total
        elif isinstance(event, Frame) and not self._has_metrics:
            self.done, self.total = event.index + 1, event.total
        else:
            return
        self._pace = self._pace or (time.time(), self.done)

    def seconds_left(self, usual: float | None) -> float | None:
        """Of a running job: from its own pace once it has one, else from what its kind usually takes."""
        now, pace = time.time(), self._pace  # one look at it: a refusal asks without the lock
        if pace and self.total and self.done > pace[1]:
            since, first = pace
            step_ends = since + (now - since) * (self.total - first) / (self.done - first)
            return max(0.0, step_ends - now)
        return None if usual is None else max(0.0, usual - (now - (self.started_at or now)))

    def status(self, position: int | None, eta_seconds: float | None) -> JobStatus:
        return JobStatus(
            state=self.state,
            spec=self.spec,
            position=position,
            eta_seconds=eta_seconds,
            done=self.done,
            total=self.total,
            error_name=self.failure.error_name if self.failure else None,
            message=self.failure.message if self.failure else None,
            last_seq=self.log.last_seq,
        )

    def record(self) -> RunRecord:
        """The row that is kept of this run."""
        waiting = self.claimants if self.state.final else self.owners
        return RunRecord(
            key=self.key,
            kind=self.spec.kind,
            params=self.spec.canonical,
            owners=owners_text(waiting, self.claimants - waiting),
            state=self.state.value,
            crashes=self.crashes,
            last_seq=self.log.last_seq,
            error_name=self.failure.error_name if self.failure else None,
            message=self.failure.message if self.failure else None,
            submitted_at=self.submitted_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
        )
