"""The words between a page, an executor and a worker: specifications, events, errors.

Nothing here computes, waits or touches a disk, and nothing imports torch: a page may import this
module for free.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
JobId: TypeAlias = str  # 64 hexadecimal digits: the key of the specification

# Stays below the smallest pipe buffer, so that handing a specification to the worker never blocks.
MAX_SPEC_BYTES = 32_000
_KIND = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_KEY = re.compile(r"[0-9a-f]{64}")


class ComputeError(Exception):
    """Base of every named error of the executor; its message is a sentence for the user."""

    advice = "The computation could not be done. Try again."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.advice)


class QueueFull(ComputeError):
    """No place in the queue; `retry_after_seconds` says when to ask again."""

    def __init__(self, waiting: int, retry_after_seconds: float) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(
            f"{waiting} computations are waiting already. Try again in {retry_after_seconds:.0f} s."
        )


class QuotaExceeded(ComputeError):
    """One owner has as much as one may have; `retry_after_seconds` says when to ask again, if that is known."""

    advice = (
        "You have as many computations waiting as one person may have. Cancel one, or wait for one to end."
    )

    def __init__(self, message: str | None = None, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class InvalidSpec(ComputeError, ValueError):
    advice = "This computation is not described correctly. Reload the page and choose the settings again."


class NotOwner(ComputeError):
    advice = "Only who has asked for this computation, and has not discarded it, can do this."


class JobNotFound(ComputeError):
    advice = "This computation is not known, or its result has been removed. Press Run to compute it."


class NoResult(ComputeError):
    advice = "This computation has no result yet. Wait until it has ended."


class DeadlineExceeded(ComputeError):
    advice = "The computation took longer than is allowed here. Choose fewer steps or fewer pictures."


class OutOfMemory(ComputeError):
    advice = "The computation needs more memory than there is. Choose fewer pictures or a smaller network."


class WorkerLost(ComputeError):
    advice = "The process that computed this has died. Press Run to try again."


class Poisoned(ComputeError):
    advice = (
        "This computation ended its process twice, so it is not tried again. Change a setting and run that."
    )


class CheckpointCorrupt(ComputeError):
    advice = "The saved training state is damaged. Press Run to train from the beginning."


class BackendUnavailable(ComputeError):
    advice = "Nothing can be computed at the moment. Ask whoever runs this app to look into its log."


class StoreFull(ComputeError):
    advice = "The disk that keeps the results is full. Free some space, then start the job again."


class UnexpectedError(ComputeError):
    advice = "Something unexpected went wrong; the details are in the log. Change a setting, or try again."


def canonical_json(value: JSON) -> str:
    """The one text for a JSON value: sorted keys, no spaces, no NaN; raises InvalidSpec for anything else."""
    _require_text_keys(value)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSpec(f"Settings must be finite numbers, texts, lists and tables: {error}.") from error


def _require_text_keys(value: Any, depth: int = 0) -> None:
    """json.dumps turns {1: "a"} into {"1": "a"} without a word: two settings would share a key."""
    if depth > 32:
        raise InvalidSpec("Settings are nested more than 32 levels deep; flatten them.")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidSpec(f"The name of a setting must be text, not {key!r}.")
            _require_text_keys(item, depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _require_text_keys(item, depth + 1)


def require_key(key: object) -> str:
    """Return `key` if it is 64 lower-case hexadecimal digits, else raise JobNotFound.

    Keys become file names and arrive in URLs, so nothing else may pass.
    """
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise JobNotFound()
    return key


@dataclass(frozen=True)
class JobSpec:
    """What to compute: a kind (which job) and its parameters (JSON only). Hashable; compares by content."""

    kind: str
    params: Mapping[str, JSON] = field(compare=False)
    canonical: str = field(init=False, repr=False)  # the parameters as canonical JSON

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or not _KIND.fullmatch(self.kind):
            raise InvalidSpec(f"{self.kind!r:.80} is not the name of a computation.")
        if not isinstance(self.params, Mapping):
            raise InvalidSpec("Settings must be a table of names and values.")
        canonical = canonical_json(dict(self.params))
        if len(canonical) > MAX_SPEC_BYTES:
            raise InvalidSpec(f"Settings are limited to {MAX_SPEC_BYTES} bytes; shorten the text.")
        object.__setattr__(self, "canonical", canonical)
        # A private copy: what the caller does to its dictionary afterwards must not change the key.
        object.__setattr__(self, "params", MappingProxyType(json.loads(canonical)))

    def key(self, environment: Mapping[str, JSON]) -> JobId:
        """SHA-256 of kind, parameters and environment (device, dtype, seats, ...).

        The environment's dtype is the pretrained network's. A job that names no `model` computes in float32, or in what
        its own parameters say, so its key is the same under every dtype.
        """
        relevant = dict(environment)
        if "dtype" in relevant and "model" not in self.params:
            relevant["dtype"] = "float32"
        text = canonical_json([self.kind, self.canonical, relevant])
        return hashlib.sha256(text.encode()).hexdigest()


class State(StrEnum):
    """Where a job is. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (State.DONE, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Queued:
    position: int  # 1 = next to start
    eta_seconds: float | None  # until it has ended; None while nothing comparable was measured


@dataclass(frozen=True)
class Started:
    total: int | None


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of the computation: `arrays` are uint8 and ready to be shown; index 0 … total-1."""

    index: int
    total: int
    arrays: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        for name, array in self.arrays.items():
            if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
                raise TypeError(f"Frame array {name!r} must be a uint8 numpy array.")


@dataclass(frozen=True)
class Metric:
    """Numbers after `step` of `total` steps (step counts from 1)."""

    step: int
    total: int
    values: dict[str, float]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A state to resume from after `step` steps. In an executor's events, `arrays` is empty: the store has them."""

    step: int
    name: str
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class Done:
    result_key: str


@dataclass(frozen=True)
class Failed:
    error_name: str
    message: str

    @classmethod
    def because(cls, error: Exception) -> Failed:
        return cls(type(error).__name__, str(error))


@dataclass(frozen=True)
class Cancelled:
    pass


Event: TypeAlias = Queued | Started | Frame | Metric | Checkpoint | Done | Failed | Cancelled
TERMINAL = (Done, Failed, Cancelled)
