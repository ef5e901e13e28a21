"""Settings from the environment: which model, where results are kept, which device.

| variable | meaning | default |
|---|---|---|
| DIFFUSION_MODEL | folder or hub id of a DeepFloyd-IF-shaped model | assets/models/emoji64 |
| DIFFUSION_DATA_DIR | where results and runs are kept | ~/.cache/diffusion-lessons |
| DIFFUSION_DEVICE | cpu, cuda, mps, or auto | auto |
| DIFFUSION_SEATS | how many jobs compute at the same time on a GPU, in shared calls of the network | 4 on cuda, else 1 |
| DIFFUSION_EXECUTOR | who computes: local, or ray for the actors of a Ray cluster | local |
| DIFFUSION_RAY_ADDRESS | host:port of the cluster's head | |
| DIFFUSION_RAY_ACTORS | how many actors compute at the same time | 1 |

With ray, the device is the actors' and must be named: cpu or cuda.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
DEVICES = ("auto", "cpu", "cuda", "mps")
EXECUTORS = ("local", "ray")
MOST_ACTORS = 64
MOST_SEATS = 32
GPU_SEATS = 4
_ADDRESS = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")


class BadSetting(ValueError):
    """A setting that cannot be used; the message names the variable."""


@dataclass(frozen=True)
class Settings:
    """Read once at start-up, passed on from there."""

    model: str
    data_dir: Path
    device: str
    executor: str = "local"
    ray_address: str = ""
    ray_actors: int = 1
    seats: int | None = None  # None: as the device suggests

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises BadSetting, which names the variable, for a value that cannot be used."""
        device = environment.get("DIFFUSION_DEVICE") or "auto"
        if device not in DEVICES:
            raise BadSetting(f"DIFFUSION_DEVICE is {device!r}; it must be one of {', '.join(DEVICES)}.")
        data_dir = environment.get("DIFFUSION_DATA_DIR") or Path.home() / ".cache" / "diffusion-lessons"
        model = environment.get("DIFFUSION_MODEL") or str(ASSETS / "models" / "emoji64")
        executor = environment.get("DIFFUSION_EXECUTOR") or "local"
        if executor not in EXECUTORS:
            raise BadSetting(f"DIFFUSION_EXECUTOR is {executor!r}; it must be one of {', '.join(EXECUTORS)}.")
        address, actors = environment.get("DIFFUSION_RAY_ADDRESS") or "", 1
        if executor == "ray":
            actors = _read_cluster(address, environment.get("DIFFUSION_RAY_ACTORS") or "1", device)
        seats = environment.get("DIFFUSION_SEATS") or None
        if seats is not None:
            seats = _read_number("DIFFUSION_SEATS", seats, MOST_SEATS)
        return cls(model, Path(data_dir).expanduser(), device, executor, address, actors, seats)

    def resolved_device(self) -> str:
        """The torch device: "auto" takes CUDA, then MPS, then the CPU.

        Raises:
            BadSetting: a device was asked for that this machine does not have.
        """
        if self.executor == "ray":
            return self.device  # the actors' machines have it, whatever this one has
        import torch  # a page that only shows stored results does not need it

        present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if self.device == "auto":
            return next(name for name in ("cuda", "mps", "cpu") if present[name])
        if not present[self.device]:
            raise BadSetting(
                f"DIFFUSION_DEVICE is {self.device!r}, but this machine has no such device; use auto or cpu."
            )
        return self.device

    def resolved_seats(self) -> int:
        """How many jobs compute at the same time in the embedded executor: one on a CPU, whose cores one job fills."""
        return self.seats or (GPU_SEATS if self.resolved_device() == "cuda" else 1)

    def environment(self) -> dict[str, str]:
        """What results depend on besides their specification; part of a job's key, wherever it is submitted."""
        found = {"device": self.resolved_device(), "dtype": "float32"}
        if self.executor == "local" and (seats := self.resolved_seats()) > 1:
            found["seats"] = str(seats)  # the size of a shared call decides how its sums are rounded
        return found


def _read_cluster(address: str, actors: str, device: str) -> int:
    """The number of actors. Raises BadSetting when one of the cluster's settings cannot be used."""
    if not _ADDRESS.fullmatch(
        address
    ):  # not ray://…, whose client sends pickles, nor "auto", which may start a cluster
        raise BadSetting(f"DIFFUSION_RAY_ADDRESS is {address!r}; it must be host:port of the cluster's head.")
    number = _read_number("DIFFUSION_RAY_ACTORS", actors, MOST_ACTORS)
    if device not in ("cpu", "cuda"):
        raise BadSetting(
            "With DIFFUSION_EXECUTOR=ray, set DIFFUSION_DEVICE to what the actors have: cpu or cuda."
        )
    return number


def _read_number(name: str, value: str, most: int) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= most):
        raise BadSetting(f"{name} is {value!r}; it must be a number from 1 to {most}.")
    return int(value)
