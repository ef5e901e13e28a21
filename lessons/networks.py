"""Which trained networks a lesson of Part B can use, and how a job loads one.

A network is named by where it comes from and by the checkpoint:

    {"source": "b8", "name": "epoch-10", "sha256": "..."}       ships with the app
    {"source": "<64 hex digits>", "name": "epoch-5"}            trained here: the id of the training's job
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core import mnist_models
from core.compute.context import JobContext
from core.mnist_models import SHIPPED_EPOCHS, weights_file
from core.networks.folded import folded
from core.networks.mnist_unet import MnistUNet
from core.training import build_network
from core.training_settings import MnistSettings
from lessons.characters import quoted
from lessons.fields import BadValue, Field

AUTO = "auto"
BEFOREHAND = "Trained beforehand"  # what networks that ship are called
MAX_CACHED = 8  # networks kept in a worker
_RUN = re.compile(r"[0-9a-f]{64}")


class NetworkGone(ValueError):
    """The network that the page has chosen is not there any more."""


class NetworkChanged(ValueError):
    """The shipped weights are not those that the page has seen."""


@dataclass(frozen=True)
class NetworkChoice(Field):
    """ "auto" (what ships, else the newest training of one's own), a shipped preset, or the id of a training."""

    presets: tuple[str, ...] = ()

    def parse(self, text: str) -> str:
        if self.require_text(text) not in (AUTO, *self.presets) and not _RUN.fullmatch(text):
            raise BadValue(
                f"{self.label}: {quoted(text)} is no network of this app. Choose one from the list."
            )
        return text


@dataclass(frozen=True)
class Network:
    """A trained network with its checkpoints, oldest first; `label` is what the student reads."""

    source: str
    names: tuple[str, ...]
    settings: MnistSettings
    label: str

    @property
    def ages(self) -> list[str]:
        """What its checkpoints are called: "epoch 1", …"""
        return [title_of(name) for name in self.names]

    def ref(self, name: str) -> dict[str, str]:
        """The network at one checkpoint, for a job. Raises KeyError."""
        if name not in self.names:
            raise KeyError(f"{self.label} has no checkpoint {name!r}; it has {', '.join(self.names)}.")
        epoch = epoch_of(name)
        if self.source in SHIPPED_EPOCHS and epoch is not None:
            path = weights_file(self.source, epoch, mnist_models.MODEL_FOLDER)
            return {"source": self.source, "name": name, "sha256": file_hash(path)}
        return {"source": self.source, "name": name}

    def refs(self, names: Sequence[str] | None = None) -> list[dict[str, str]]:
        """At several checkpoints; at all of them if none are named."""
        return [self.ref(name) for name in (self.names if names is None else names)]


def shipped(preset: str) -> Network | None:
    """A reference preset with the checkpoints whose weights are there; None if there are none.

    Raises:
        core.mnist_models.ModelMissing: a file is damaged.
    """
    epochs = [
        epoch
        for epoch in SHIPPED_EPOCHS[preset]
        if weights_file(preset, epoch, mnist_models.MODEL_FOLDER).exists()
    ]
    if not epochs:
        return None
    settings = mnist_models.shipped_settings(preset, epochs[-1], mnist_models.MODEL_FOLDER)
    changed = {"b8-constant": ", constant learning rate", "b6-slow": ", learning rate 0.002"}.get(preset, "")
    label = f"{BEFOREHAND} (D = {settings.width}{changed})"
    return Network(preset, tuple(f"epoch-{epoch}" for epoch in epochs), settings, label)


def epoch_of(name: str) -> int | None:
    """5 for "epoch-5"; None for a checkpoint in between."""
    kind, _, number = name.partition("-")
    return int(number) if kind == "epoch" else None


def title_of(name: str) -> str:
    """ "epoch-5" -> "epoch 5"."""
    return name.replace("-", " ")


_HASHES: dict[tuple[str, int, int], str] = {}


def file_hash(path: Path) -> str:
    """SHA-256 of a weights file, read once for each version of it."""
    found = path.stat()
    key = (str(path), found.st_mtime_ns, found.st_size)
    if key not in _HASHES:
        _HASHES[key] = hashlib.sha256(path.read_bytes()).hexdigest()
    return _HASHES[key]


def load(ref: Mapping[str, Any], context: JobContext) -> MnistUNet:
    """The network, in evaluation mode on the job's device, to be looked into or trained on; the worker keeps the last few.

    Raises:
        NetworkGone, NetworkChanged, core.mnist_models.ModelMissing: it cannot be had.
    """
    read = _load_shipped if ref["source"] in SHIPPED_EPOCHS else _load_trained
    return _kept("networks", ref, context, lambda: read(ref, context).to(context.device).eval())


def load_to_sample(ref: Mapping[str, Any], context: JobContext) -> MnistUNet:
    """The same network as it is evaluated fastest (core/networks/folded.py). Raises as `load`."""
    return _kept("folded networks", ref, context, lambda: folded(load(ref, context)))


def _kept(
    shelf: str, ref: Mapping[str, Any], context: JobContext, make: Callable[[], MnistUNet]
) -> MnistUNet:
    kept = context.cache.setdefault(shelf, {})
    key = (ref["source"], ref["name"], ref.get("sha256"), context.device)
    if key not in kept:
        kept[key] = make()
        while len(kept) > MAX_CACHED:
            del kept[next(iter(kept))]
    return kept[key]


def _load_shipped(ref: Mapping[str, Any], context: JobContext) -> MnistUNet:
    preset, epoch = ref["source"], epoch_of(ref["name"])
    if epoch is None:
        raise NetworkGone("What ships are the networks after whole epochs: choose one from the list.")
    path = weights_file(preset, epoch, mnist_models.MODEL_FOLDER)
    if path.exists() and file_hash(path) != ref["sha256"]:
        raise NetworkChanged(
            "The network's file has been replaced since this page was opened; reload the page."
        )
    return mnist_models.load_network(preset, epoch, folder=mnist_models.MODEL_FOLDER)


def _load_trained(ref: Mapping[str, Any], context: JobContext) -> MnistUNet:
    result = context.store.get_result(ref["source"])
    if result is None or ref["name"] not in result.meta.get("names", ()):
        raise NetworkGone("The training that made this network is no longer kept here; train it again.")
    network = build_network(MnistSettings(**result.meta["settings"]))
    prefix = f"weights/{ref['name']}/"
    tensors = {
        key.removeprefix(prefix): torch.from_numpy(array.copy())
        for key, array in result.arrays.items()
        if key.startswith(prefix)
    }
    network.load_state_dict({key: w.float() if w.is_floating_point() else w for key, w in tensors.items()})
    return network
