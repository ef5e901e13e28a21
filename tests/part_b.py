"""What the tests of Part B's lessons share: small networks in a store, few digits, and a way to run a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.compute.context import JobContext
from core.compute.store import Store
from core.datasets import Digits, load_mnist
from core.jobs import Frame
from core.training import build_network
from core.training_settings import MnistSettings
from core.trajectory import Trajectory
from lessons.training import Record, small, spec

OBJECTIVES = ("denoise", "pure_noise", "flow", "class_flow")


def values(lesson, **changes: Any) -> dict[str, Any]:
    """What the controls of a lesson's module hold: its defaults, but for these."""
    return {**lesson.LESSON.defaults(), **changes}


def settings_of(objective: str) -> MnistSettings:
    return MnistSettings(
        objective=objective, width=8, learning_rate=1e-2, batch_size=8, epochs=1, pictures=32
    )


class Bench:
    """A job context with 300 training digits, and fresh networks stored as if they had been trained."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        train = load_mnist("train")
        self.train, self.test = Digits(train.pictures[:300], train.labels[:300]), load_mnist("test")
        self.context = JobContext("cpu", self.store, {
            ("digits", "train", "cpu"): self.train, ("digits", "test", "cpu"): self.test,
        })  # fmt: skip
        self.networks: dict[str, nn.Module] = {}

    def trained(self, objective: str, name: str = "epoch-1", seed: int = 0) -> dict[str, str]:
        """Stores a network with lively statistics; returns how a job names it."""
        settings = settings_of(objective)
        network = build_network(settings)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
        record = Record(weights={name: small(network.state_dict())})
        job = spec(settings).key({"seed": seed})
        self.store.put_result(job, record.result(settings, 4, None))
        half = {k: torch.from_numpy(w).float() if w.dtype.kind == "f" else torch.from_numpy(w)
                for k, w in record.weights[name].items()}  # fmt: skip
        network.load_state_dict(half)
        self.networks[job] = network.eval()
        return {"source": job, "name": name}

    def run(self, job: Callable, params: Mapping[str, Any]) -> tuple[Trajectory, list[Frame]]:
        """The result, which survives being stored, and the frames before it."""
        events, frames = job(params, self.context), []
        while True:
            try:
                frames.append(next(events))
            except StopIteration as end:
                result = end.value
                break
        assert [frame.index for frame in frames] == list(range(frames[0].total))
        assert all(np.isfinite(array).all() for array in result.arrays.values())
        again = Trajectory.from_bytes(result.to_bytes())
        assert again.meta == result.meta and again.arrays.keys() == result.arrays.keys()
        return again, frames


def noise_of(count: int, seed: int) -> Tensor:
    """The lessons' noises, drawn here by hand."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randn(1, 1, 28, 28, generator=generator)[0] for _ in range(count)])
