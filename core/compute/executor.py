"""What every executor can do, whichever machine computes. Pages know this protocol and nothing behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from core.jobs import Checkpoint, Event, JobId, JobSpec, State

if TYPE_CHECKING:
    from core.trajectory import Trajectory


@dataclass(frozen=True)
class JobStatus:
    """A job at one moment."""

    state: State  # compares equal to its text: status.state == "running"
    spec: JobSpec
    position: int | None = None  # 1 = next to start; None unless queued
    eta_seconds: float | None = None  # until it has ended; None when unknown or ended
    done: int = 0  # steps computed so far ...
    total: int | None = None  # ... out of this many, once the job has said so
    error_name: str | None = None  # of a failed job
    message: str | None = None  # of a failed job: a sentence for the user
    last_seq: int = 0  # number of the newest event; smaller than your `after` means: read again from 0


@dataclass(frozen=True)
class OwnJob:
    """A job that somebody has asked for, and has not discarded."""

    id: JobId
    spec: JobSpec
    state: State
    waiting: bool  # whether they wait for it, so that they can cancel it


@dataclass(frozen=True)
class Capacity:
    """How busy an executor is."""

    workers: int
    running: int
    waiting: int
    max_waiting: int


class Executor(Protocol):
    """Computes jobs, one answer for one question. Every method is thread-safe and, but for close, quick.

    Whoever acts on a job says who they are: an owner has a claim on what they have asked for, until they discard it.
    """

    def key(self, spec: JobSpec) -> JobId:
        """The id that this specification has here, whether or not anybody has asked for it."""
        ...

    def at_hand(self, spec: JobSpec) -> bool:
        """Whether `submit` would answer at once, because the result is kept here or ships with the app."""
        ...

    def submit(self, spec: JobSpec, owner: str, *, here: bool = False) -> JobId:
        """Ask for a computation; the same question has the same id and is computed once.

        A result that ships answers, too; it was computed elsewhere, as its `meta` says. With `here` it does not, and what
        is computed takes its place.

        Owners take turns. A job that keeps checkpoints makes way at one of them when others wait, and goes on later.

        Raises InvalidSpec, QueueFull, QuotaExceeded, StoreFull, BackendUnavailable.
        """
        ...

    def events(self, job_id: JobId, after: int = 0) -> list[tuple[int, Event]]:
        """The events numbered above `after`, in order. A job ends with exactly one of Done, Failed, Cancelled.

        Numbers rise but may have gaps (old frames are thinned out); a frame or metric that comes again
        after a worker was lost replaces the one of the same index or step. Raises JobNotFound.
        """
        ...

    def status(self, job_id: JobId) -> JobStatus:
        """Where the job is. Raises JobNotFound."""
        ...

    def result(self, job_id: JobId) -> Trajectory:
        """The finished trajectory, read from the store. Raises NoResult, JobNotFound."""
        ...

    def cancel(self, job_id: JobId, owner: str) -> None:
        """`owner` waits no longer; when nobody waits, the computation stops before its next step.

        Does nothing once the job has ended. The checkpoints stay: the same question, asked again, goes on from there.
        Raises NotOwner, JobNotFound.
        """
        ...

    def discard(self, job_id: JobId, owner: str) -> None:
        """As cancel, and `owner` gives up what is kept of it; when nobody has a claim left, the checkpoints are removed.

        A job that is done stays: its result is anybody's. Raises NotOwner, JobNotFound, StoreFull, BackendUnavailable.
        """
        ...

    def erase(self, job_id: JobId) -> bool:
        """Remove what is kept of a job, whoever asked for it; False while it waits or runs.

        For what was made of something that had to go. Raises OSError.
        """
        ...

    def mine(self, kind: str, owner: str) -> list[OwnJob]:
        """The jobs of a kind on which `owner` has a claim, newest first; those of another model or version left out."""
        ...

    def kept(self, job_id: JobId) -> Checkpoint | None:
        """The newest checkpoint of a job, with its arrays; None where none is kept."""
        ...

    def kept_step(self, job_id: JobId) -> int | None:
        """After how many steps that one was kept, without reading it."""
        ...

    def resume(self) -> list[JobId]:
        """Queue again what an earlier process left unfinished; to be called once, at start-up."""
        ...

    def usual_seconds(self, kind: str) -> float | None:
        """How long a job of this kind took lately, the median; before one was measured, what those that ship took.

        None where nothing is known.
        """
        ...

    def capacity(self) -> Capacity: ...

    def close(self) -> None:
        """Stop after the current step. What is unfinished stays in the store for `resume`."""
        ...
