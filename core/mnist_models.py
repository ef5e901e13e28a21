"""The shipped networks of Part B: which there are, and how they are written and read.

Weights are safetensors: kernels and matrices as float16, everything else as float32. Half precision moves
a weight by at most 1 part in 2000 and halves what a student downloads; they are computed with as float32. The
settings that a network was trained with lie in the same file, so a wider or longer trained one replaces it as it is.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.networks.mnist_unet import MnistUNet
from core.training import build_network
from core.training_settings import MnistSettings

MODEL_FOLDER = Path(__file__).parent.parent / "assets" / "models" / "mnist"
SETTINGS = "settings"  # the key in a file's metadata
SHIPPED_EPOCHS = {
    "b2": (1, 5), "b4": (1, 5), "b6": (1, 5, 10), "b6-slow": (1, 5, 10), "b8": (1, 5, 10), "b8-constant": (1, 5, 10),
    "b11": (4,), "b12": (10,),
}  # fmt: skip


class ModelMissing(ValueError):
    """The weights asked for are not there, or cannot be read."""


def weights_file(preset: str, epoch: int, folder: Path = MODEL_FOLDER) -> Path:
    """Where the weights of a reference preset ("b6") after an epoch lie."""
    return folder / f"{preset}-epoch-{epoch}.safetensors"


def save_weights(path: Path, weights: dict[str, Tensor], settings: MnistSettings) -> None:
    """Writes a state dict and its settings beside their place, then renames: never half a file."""
    small = {key: (w.half() if w.ndim >= 2 else w).contiguous() for key, w in weights.items()}
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    save_file(small, temporary, metadata={SETTINGS: json.dumps(asdict(settings))})
    temporary.replace(path)


def load_network(
    preset: str, epoch: int, device: str | torch.device = "cpu", folder: Path = MODEL_FOLDER
) -> MnistUNet:
    """The network of a reference preset after an epoch, in evaluation mode.

    Raises:
        ModelMissing: it is not shipped, its file is damaged, or it belongs to another network.
    """
    if epoch not in SHIPPED_EPOCHS.get(preset, ()):
        have = "; ".join(
            f"{name} after {', '.join(map(str, epochs))}" for name, epochs in SHIPPED_EPOCHS.items()
        )
        raise ModelMissing(
            f"Choose one of the trained networks: {have} epochs; not {preset!r} after {epoch}."
        )
    path = weights_file(preset, epoch, folder)
    try:
        network = build_network(shipped_settings(preset, epoch, folder))
        weights = {key: w.float() if w.is_floating_point() else w for key, w in load_file(path).items()}
        network.load_state_dict(weights)
    except (SafetensorError, RuntimeError) as error:
        raise ModelMissing(f"{path.name} is damaged or belongs to another network: make it again.") from error
    return network.to(device).eval()


def shipped_settings(preset: str, epoch: int, folder: Path = MODEL_FOLDER) -> MnistSettings:
    """What the network of `preset` after `epoch` was trained with.

    Raises:
        ModelMissing: as `load_network`.
    """
    path = weights_file(preset, epoch, folder)
    try:
        with safe_open(path, framework="pt") as file:
            return MnistSettings(**json.loads((file.metadata() or {})[SETTINGS]))
    except FileNotFoundError as error:
        raise ModelMissing(
            f"{path.name} is missing: make it with scripts/mnist/train.py {preset}."
        ) from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelMissing(f"{path.name} is damaged or belongs to another network: make it again.") from error
