"""Settings from the environment: which model, where results are kept, which device.

| variable | meaning | default |
|---|---|---|
| DIFFUSION_MODEL | folder or hub id of a DeepFloyd-IF-shaped model | assets/models/emoji64 |
| DIFFUSION_DATA_DIR | where results and runs are kept | ~/.cache/diffusion-lessons |
| DIFFUSION_DEVICE | cpu, cuda, mps, or auto | auto |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
DEVICES = ("auto", "cpu", "cuda", "mps")


class BadSetting(ValueError):
    """A setting that cannot be used; the message names the variable."""


@dataclass(frozen=True)
class Settings:
    """Read once at start-up, passed on from there."""

    model: str
    data_dir: Path
    device: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises BadSetting for a device that nobody knows."""
        device = environment.get("DIFFUSION_DEVICE") or "auto"
        if device not in DEVICES:
            raise BadSetting(f"DIFFUSION_DEVICE is {device!r}; it must be one of {', '.join(DEVICES)}.")
        data_dir = environment.get("DIFFUSION_DATA_DIR") or Path.home() / ".cache" / "diffusion-lessons"
        model = environment.get("DIFFUSION_MODEL") or str(ASSETS / "models" / "emoji64")
        return cls(model=model, data_dir=Path(data_dir).expanduser(), device=device)

    def resolved_device(self) -> str:
        """The torch device: "auto" takes CUDA, then MPS, then the CPU.

        Raises:
            BadSetting: a device was asked for that this machine does not have.
        """
        import torch  # a page that only shows stored results does not need it

        present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if self.device == "auto":
            return next(name for name in ("cuda", "mps", "cpu") if present[name])
        if not present[self.device]:
            raise BadSetting(
                f"DIFFUSION_DEVICE is {self.device!r}, but this machine has no such device; use auto or cpu."
            )
        return self.device

    def environment(self) -> dict[str, str]:
        """What results depend on besides their specification; part of a job's key, wherever it is submitted."""
        return {"device": self.resolved_device(), "dtype": "float32"}
