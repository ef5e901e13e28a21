"""Loss curves of trainings: running, paused, finished, and those that ship with the app."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.jobs import Checkpoint, Event, Metric
from core.mnist_models import MODEL_FOLDER
from core.trajectory import Trajectory

MOST_POINTS = 1200  # a browser shows no more; longer curves are averaged in blocks


@dataclass(frozen=True, eq=False)
class LossCurve:
    """steps int (N,) counted from 1, losses (N,), seconds (N,) or None if unknown; `every` steps make one point."""

    steps: np.ndarray
    losses: np.ndarray
    seconds: np.ndarray | None
    every: int = 1

    def __len__(self) -> int:
        return len(self.steps)

    @classmethod
    def of_events(cls, events: Iterable[Event]) -> LossCurve:
        """Of a running job. A step that is reported again, after an interruption, counts once."""
        found = {event.step: event.values for event in events if isinstance(event, Metric)}
        steps = sorted(found)
        return cls(
            np.array(steps, dtype=np.int64),
            np.array([found[step]["loss"] for step in steps]),
            np.array([found[step]["seconds"] for step in steps]),
        )

    @classmethod
    def of_result(cls, result: Trajectory) -> LossCurve:
        """Of a finished training."""
        return cls(np.arange(1, len(result["losses"]) + 1), result["losses"], result["seconds"])

    @classmethod
    def of_checkpoint(cls, checkpoint: Checkpoint) -> LossCurve:
        """Of a paused training, up to its last checkpoint."""
        losses = checkpoint.arrays["loop/losses"]
        return cls(np.arange(1, len(losses) + 1), losses, checkpoint.arrays["run/seconds"])

    def drawn(self, most: int = MOST_POINTS) -> LossCurve:
        """The same curve with at most `most` points: means of blocks of steps, each at its last step."""
        size = -(-len(self) // most)
        if size <= 1:
            return self
        ends = np.append(np.arange(size, len(self), size), len(self))  # the last block may be shorter
        starts = np.arange(0, len(self), size)
        means = np.add.reduceat(self.losses, starts) / (ends - starts)
        seconds = None if self.seconds is None else self.seconds[ends - 1]
        return LossCurve(self.steps[ends - 1], means, seconds, self.every * size)

    def steps_per_second(self, last: int = 20) -> float | None:
        """Over the last steps; None before there are two."""
        if self.seconds is None or len(self) < 2:
            return None
        steps, seconds = self.steps[-last:], self.seconds[-last:]
        passed = float(seconds[-1] - seconds[0])
        return float(steps[-1] - steps[0]) / passed if passed > 0 else None


def shipped_curve(preset: str, folder: Path = MODEL_FOLDER) -> LossCurve | None:
    """The curve of the training whose weights ship; None if this copy has none."""
    path = folder / f"{preset}.json"
    if not path.exists():
        return None
    figures = json.loads(path.read_text(encoding="utf-8"))
    every, losses = figures["loss_curve"]["steps_a_point"], figures["loss_curve"]["loss"]
    steps = np.minimum(np.arange(1, len(losses) + 1) * every, figures["steps"])
    seconds = steps * (figures["training_seconds"] / figures["steps"])
    return LossCurve(steps, np.array(losses), seconds, every)


def epoch_ends(total: int, per_epoch: int, most: int = 12) -> Sequence[int]:
    """The last step of each epoch; none if there are too many to be drawn."""
    ends = list(range(per_epoch, total, per_epoch))
    return ends if len(ends) <= most else []
