"""What the vector field shows, as plain data, and as bytes for the browser.

uint32 little-endian length of the header, JSON header, then little-endian arrays one after the other: points
float32 (N, 2), noise float32 (P, 2), pairs uint16 (P,), and the weights float32 of every snapshot of the network.
Nothing here knows Streamlit or torch.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

EXTENT = 2.7  # the plane is drawn from -EXTENT to EXTENT both ways: all of the data, and 98.6 % of the noise
CURVE_POINTS = 80  # a loss curve has no more: each is the mean of its share of the steps


class SceneError(ValueError):
    """The parts of a scene do not fit together; the message says which part."""


@dataclass(frozen=True, eq=False)
class Snapshots:
    """The network at some steps of its training.

    Attributes:
        id: names the training: the same id and step mean the same weights.
        hidden: width of its hidden layers.
        steps: (S,), after how many training steps.
        weights: float32 (S, parameters), in the order of the state dictionary.
        errors: (S,), mean squared distance to the exact field, over x_t and t, for each component.
    """

    id: str
    hidden: int
    steps: Sequence[int]
    weights: np.ndarray
    errors: Sequence[float]

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or self.weights.dtype != np.float32:
            raise SceneError("The weights of the snapshots must be a float32 array (snapshots, parameters).")
        if not len(self.steps) == len(self.weights) == len(self.errors):
            raise SceneError("Every snapshot needs its step, its weights and its error.")


@dataclass(frozen=True, eq=False)
class Losses:
    """The course of a training.

    Attributes:
        steps, values: the steps, counted from 1, and the loss of each.
        total: how many steps there will be.
        floor: the loss of the exact field, below which no network can go.
        live: whether the training still goes on.
    """

    steps: Sequence[int]
    values: Sequence[float]
    total: int
    floor: float
    live: bool = False


@dataclass(frozen=True, eq=False)
class Scene:
    """Points, noise, and the network so far.

    Attributes:
        points: float (N, 2), the data.
        noise: float (P, 2), where the particles start.
        pairs: int (P,), the data point that each noise is joined to by its conditional path.
        network, losses: None before the training.
        wrong: "to_the_end" or "half_noise" to run the solver wrong on purpose.
        note: a sentence that stands in for the network while there is none; what a training waits for.
        autoplay: play once when the scene opens, unless the browser asks for less motion.
        about: JSON that says what made the picture; it is written into files of it (core/provenance.py).
    """

    points: np.ndarray
    noise: np.ndarray
    pairs: np.ndarray
    network: Snapshots | None = None
    losses: Losses | None = None
    wrong: str | None = None
    note: str = ""
    autoplay: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, array in (("points", self.points), ("noise", self.noise)):
            if array.ndim != 2 or array.shape[1] != 2 or not len(array) or not np.isfinite(array).all():
                raise SceneError(f"The {name} of a scene must be finite pairs (x, y), at least one.")
        if self.pairs.shape != (len(self.noise),) or not 0 <= self.pairs.min() <= self.pairs.max() < len(
            self.points
        ):
            raise SceneError("Each noise needs the number of one data point.")
        if len(self.points) > 65_535:
            raise SceneError("A scene has at most 65,535 points.")

    def to_bytes(self) -> bytes:
        """The bytes that decode.js reads."""
        blobs = [
            np.ascontiguousarray(self.points, "<f4").tobytes(),
            np.ascontiguousarray(self.noise, "<f4").tobytes(),
            np.ascontiguousarray(self.pairs, "<u2").tobytes(),
        ]
        header = {
            "id": hashlib.blake2b(b"".join(blobs), digest_size=8).hexdigest(),
            "counts": {"points": len(self.points), "noise": len(self.noise)},
            "extent": EXTENT,
            "network": None,
            "loss": _curve(self.losses) if self.losses else None,
            "wrong": self.wrong,
            "note": self.note,
            "autoplay": self.autoplay,
            "about": dict(self.about),
        }
        if self.network is not None:
            header["network"] = {
                "id": self.network.id,
                "hidden": self.network.hidden,
                "steps": [int(step) for step in self.network.steps],
                "parameters": self.network.weights.shape[1],
                "errors": [_finite(error) for error in self.network.errors],
            }
            blobs.append(np.ascontiguousarray(self.network.weights, "<f4").tobytes())
        text = json.dumps(header, allow_nan=False).encode()
        return b"".join((struct.pack("<I", len(text)), text, *blobs))


def _curve(losses: Losses) -> dict[str, object]:
    """The losses in at most CURVE_POINTS means, and the mean of the last tenth."""
    steps, values = np.asarray(losses.steps, float), np.asarray(losses.values, float)
    parts = np.array_split(np.arange(len(steps)), min(CURVE_POINTS, len(steps))) if len(steps) else []
    recent = values[-max(20, len(values) // 10) :]
    return {
        "at": [float(steps[part].mean()) for part in parts],
        "values": [_finite(values[part].mean()) for part in parts],
        "total": losses.total,
        "floor": losses.floor,
        "done": int(steps[-1]) if len(steps) else 0,
        "live": losses.live,
        "recent": _finite(recent.mean()) if len(recent) else None,
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
