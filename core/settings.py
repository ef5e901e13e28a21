"""Settings from the environment: which model, where results are kept, which device.

| variable | meaning | default |
|---|---|---|
| DIFFUSION_MODEL | folder or hub id of a DeepFloyd-IF-shaped model | assets/models/emoji64 |
| DIFFUSION_DATA_DIR | where results and runs are kept | ~/.cache/diffusion-lessons |
| DIFFUSION_DEVICE | cpu, cuda, mps, or auto | auto |
| DIFFUSION_DTYPE | what the network computes in: float32, float16, bfloat16, or auto | auto: float16 on cuda |
| DIFFUSION_OPENINGS | folder of results that ship, for what lessons open with; not there: none | assets/openings |
| DIFFUSION_EMBEDDINGS | file of prompt embeddings, for a model without its text encoder | |
| DIFFUSION_AT_ONCE | a run that usually takes fewer seconds begins by itself when a control changes; 0: none does | 15 |
| DIFFUSION_SEATS | how many jobs compute at the same time on a GPU, in shared calls of the network | 4 on cuda, else 1 |
| DIFFUSION_EXECUTOR | who computes: local, or ray for the actors of a Ray cluster | local |
| DIFFUSION_RAY_ADDRESS | host:port of the cluster's head | |
| DIFFUSION_RAY_ACTORS | how many actors compute at the same time | 1 |

Only the network computes in DIFFUSION_DTYPE: schedule, sampler and training stay in float32 or better. With ray, the
device is the actors' and must be named: cpu or cuda. A class has settings of its own, read in the same way:
core/classroom/settings.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
MODELS = ASSETS / "models"
SHIPPED_MODELS = ("emoji64", "storybook64")  # below assets/models; the first is the default
PREFIX = "DIFFUSION_"
MOST_ACTORS = 64
MOST_SEATS = 32
GPU_SEATS = 4
LONGEST_AT_ONCE = 3600  # seconds
Device = Literal["auto", "cpu", "cuda", "mps"]
Dtype = Literal["auto", "float32", "float16", "bfloat16"]
Executor = Literal["local", "ray"]
# Not ray://…, whose client sends pickles, nor "auto", which may start a cluster.
_ADDRESS = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")
_MUST_BE = {
    "device": f"one of {', '.join(get_args(Device))}",
    "dtype": f"one of {', '.join(get_args(Dtype))}",
    "executor": f"one of {', '.join(get_args(Executor))}",
    "at_once": f"a number of seconds from 0 to {LONGEST_AT_ONCE}",
    "ray_actors": f"a number from 1 to {MOST_ACTORS}",
    "seats": f"a number from 1 to {MOST_SEATS}",
    "embeddings": "a file, in the home of somebody whom this machine knows if it begins with ~",
    "openings": "a folder, in the home of somebody whom this machine knows if it begins with ~",
    "data_dir": "a folder, in the home of somebody whom this machine knows if it begins with ~",
}


class BadSetting(ValueError):
    """A setting that cannot be used; the message names the variable."""


def _from_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:  # no such user
        raise ValueError(str(error)) from error


class Settings(BaseSettings):
    """Read once at start-up, passed on from there. An empty variable counts as unset."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    model: str = str(MODELS / SHIPPED_MODELS[0])
    data_dir: Annotated[Path, AfterValidator(_from_home)] = Field(
        default_factory=lambda: _from_home(Path("~/.cache/diffusion-lessons"))
    )
    device: Device = "auto"
    dtype: Dtype = "auto"
    embeddings: Annotated[Path, AfterValidator(_from_home)] | None = None
    openings: Annotated[Path, AfterValidator(_from_home)] = ASSETS / "openings"
    executor: Executor = "local"
    ray_address: str = ""
    ray_actors: int = Field(1, ge=1, le=MOST_ACTORS)
    seats: int | None = Field(None, ge=1, le=MOST_SEATS)  # None: as the device suggests
    at_once: float = Field(15.0, ge=0, le=LONGEST_AT_ONCE, allow_inf_nan=False)  # seconds

    @model_validator(mode="after")
    def _describe_a_cluster_whole(self) -> Self:
        if self.executor == "ray":
            if not _ADDRESS.fullmatch(self.ray_address):
                raise ValueError(
                    f"{PREFIX}RAY_ADDRESS is {self.ray_address!r}; it must be host:port of the cluster's head."
                )
            if self.device not in ("cpu", "cuda"):
                raise ValueError(
                    f"With {PREFIX}EXECUTOR=ray, set {PREFIX}DEVICE to what the actors have: cpu or cuda."
                )
        return self

    @classmethod
    def from_environment(cls) -> Settings:
        """Raises BadSetting, which names the variable, for a value that cannot be used."""
        try:
            return cls()
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            if not problem["loc"]:  # of several settings together
                raise BadSetting(problem["msg"].removeprefix("Value error, ")) from None
            name = str(problem["loc"][0])
            raise BadSetting(
                f"{PREFIX}{name.upper()} is {problem['input']!r}; it must be {_MUST_BE[name]}."
            ) from None

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
                f"{PREFIX}DEVICE is {self.device!r}, but this machine has no such device; use auto or cpu."
            )
        return self.device

    def resolved_dtype(self) -> str:
        """What the pretrained network computes in: "auto" takes float16 on CUDA, and float32 elsewhere."""
        if self.dtype != "auto":
            return self.dtype
        return "float16" if self.resolved_device() == "cuda" else "float32"

    def resolved_seats(self) -> int:
        """How many jobs compute at the same time in the embedded executor: one on a CPU, whose cores one job fills."""
        return self.seats or (GPU_SEATS if self.resolved_device() == "cuda" else 1)

    def computing(self) -> str:
        """Who computes, in words: "cuda (NVIDIA RTX A4000) in float16, 4 computations at a time"."""
        device, seats = self.resolved_device(), self.resolved_seats()
        if self.executor == "ray":
            return f"{self.ray_actors} actors of a cluster, each on {device} in {self.resolved_dtype()}"
        if device == "cuda":
            import torch

            device = f"cuda ({torch.cuda.get_device_name()})"
        together = f"{seats} computations" if seats > 1 else "one computation"
        return f"{device} in {self.resolved_dtype()}, {together} at a time"

    def environment(self) -> dict[str, str]:
        """What results depend on besides their specification; part of a job's key, wherever it is submitted."""
        found = {"device": self.resolved_device(), "dtype": self.resolved_dtype()}
        if self.executor == "local" and (seats := self.resolved_seats()) > 1:
            found["seats"] = str(seats)  # the size of a shared call decides how its sums are rounded
        return found
