"""Embeddings of prompts whose text encoder is too large to stay in memory beside the network.

A prompt is looked up in the file of embeddings, if there is one, then in the store; what is in neither is embedded by a
process that ends (streamed_encoder.py), and kept in the store under the prompt and the encoder.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file
from torch import Tensor

from core.model_folder import encoder_fingerprint
from core.prompt_file import EMPTY, NoSuchPrompt, normal
from core.settings import ROOT
from core.trajectory import Trajectory

_REMEMBERED = 64  # embeddings in memory: 80 MB with DeepFloyd IF
_LIMIT_SECONDS = (
    1800  # of one process; 4.7 billion parameters take a minute from a disk, many from a slow network drive
)


class EncoderFailed(ValueError):
    """The process that embeds has given up; the message says why."""


class NoEncoder(ValueError):
    """There is neither a text encoder nor a file of embeddings."""


class Shelf(Protocol):
    """What is asked of the store."""

    def get_result(self, key: str) -> Trajectory | None: ...

    def put_result(self, key: str, trajectory: Trajectory) -> None: ...


class PromptBook:
    """(prompts) -> embeddings (prompts, tokens, width), float32 on the CPU. Thread-safe.

    Args:
        folder: of the model.
        tokens, width: the shape that the network expects of an embedding.
        device: where the encoder computes: "cuda", or anything else for the CPU.
        shelf: the store that keeps what has been embedded.
        given: {prompt: (tokens, width)} of a file of embeddings, or None.

    Raises:
        NoEncoder: there is no encoder, and no file.
        EncoderFailed: an embedding has another shape.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tokens: int,
        width: int,
        device: str,
        shelf: Shelf,
        given: Mapping[str, Tensor] | None = None,
    ) -> None:
        self._folder, self._shape, self._shelf = folder, (tokens, width), shelf
        self._device = "cuda" if device == "cuda" else "cpu"
        self._given = {normal(prompt): matrix.float() for prompt, matrix in (given or {}).items()}
        self._names = tuple(given or ())
        for prompt, matrix in self._given.items():
            self._check(prompt, matrix)
        self._encoder = encoder_fingerprint(folder)
        if self._encoder is None and not self._given:
            raise NoEncoder(
                f"{folder} has no text_encoder/, and DIFFUSION_EMBEDDINGS names no file of embeddings, so no prompt can be "
                "used; give it one or the other (docs/hosting.md)."
            )
        self.embedded = 0  # prompts that were in neither, so far
        self._recent: OrderedDict[str, Tensor] = OrderedDict()
        self._lock = threading.Lock()  # guards what is remembered
        # Two jobs that ask for one prompt start one process; those whose prompts are known go on meanwhile.
        self._reading = threading.Lock()

    @property
    def known(self) -> tuple[str, ...] | None:
        """The only prompts there are; None where an encoder embeds any."""
        return self._names if self._encoder is None else None

    def __call__(self, prompts: Sequence[str]) -> Tensor:
        """Raises NoSuchPrompt, EncoderFailed."""
        wanted = list(map(normal, prompts))
        self._provide(wanted)
        return torch.stack([self._at_hand(prompt) for prompt in wanted])

    def prepare(self, prompts: Iterable[str]) -> None:
        """Embeds those that are missing, in one go. Raises NoSuchPrompt, EncoderFailed."""
        self._provide(map(normal, prompts))

    def _provide(self, prompts: Iterable[str]) -> None:
        wanted = list(dict.fromkeys(prompts))
        missing = self._missing(wanted)
        if missing and self._encoder is None:
            raise NoSuchPrompt(missing[0], self._names)
        if not missing:
            return
        with self._reading:
            missing = self._missing(wanted)  # another's process may have embedded them meanwhile
            if missing and EMPTY not in missing and self._look_up(EMPTY) is None:
                # guidance asks for it next, and a process that reads gigabytes should not run twice
                missing.append(EMPTY)
            for prompt, matrix in zip(missing, self._embed(missing) if missing else (), strict=True):
                self._check(prompt, matrix)
                meta = {"prompt": prompt, "encoder": self._encoder}
                self._shelf.put_result(self._key(prompt), Trajectory({"embedding": matrix.numpy()}, meta))
                self._remember(prompt, matrix)
                self.embedded += 1

    def _missing(self, prompts: Iterable[str]) -> list[str]:
        return [prompt for prompt in prompts if self._look_up(prompt) is None]

    def _at_hand(self, prompt: str) -> Tensor:
        found = self._look_up(prompt)
        if found is None:  # more prompts at once than are remembered, and the store has lost one
            with self._reading:
                (found,) = self._embed([prompt])
        return found

    def _look_up(self, prompt: str) -> Tensor | None:
        if prompt in self._given:
            return self._given[prompt]
        with self._lock:
            if prompt in self._recent:
                self._recent.move_to_end(prompt)
                return self._recent[prompt]
        kept = None if self._encoder is None else self._shelf.get_result(self._key(prompt))
        if kept is None:
            return None
        matrix = torch.from_numpy(kept["embedding"].copy())
        self._remember(prompt, matrix)
        return matrix

    def _remember(self, prompt: str, matrix: Tensor) -> None:
        with self._lock:
            self._recent[prompt] = matrix
            while len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)

    def _key(self, prompt: str) -> str:
        text = json.dumps(["embedding", self._encoder, self._device, self._shape[0], prompt])
        return hashlib.sha256(text.encode()).hexdigest()

    def _check(self, prompt: str, matrix: Tensor) -> None:
        if tuple(matrix.shape) != self._shape:
            raise EncoderFailed(
                f"The embedding of “{prompt[:60]}” has the shape {tuple(matrix.shape)}, and the network in "
                f"{self._folder / 'unet'} expects {self._shape}: they do not belong together."
            )

    def _embed(self, prompts: Sequence[str]) -> Tensor:
        """By a process of its own, whose memory is free again when it has ended."""
        with tempfile.TemporaryDirectory(prefix="embeddings-") as place:
            order = {
                "folder": str(self._folder), "prompts": list(prompts), "tokens": self._shape[0], "device": self._device,
                "to": str(Path(place) / "embeddings.safetensors"),
            }  # fmt: skip
            process = subprocess.Popen(
                [sys.executable, "-m", "core.streamed_encoder"], cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
            with process:
                said = _converse(process, json.dumps(order))
            if process.returncode:
                raise EncoderFailed(
                    (said.strip().splitlines() or ["The text encoder’s process has died."])[-1]
                )
            return load_file(order["to"])["embeddings"]


def _converse(process: subprocess.Popen[str], order: str) -> str:
    """Gives the order, keeps the pipe open while the process works (its end would end it), returns what it complains of.

    Raises EncoderFailed when it takes too long.
    """
    if process.stdin is None or process.stderr is None:
        raise ValueError("The process was started without the pipes to talk to it.")
    late = threading.Timer(_LIMIT_SECONDS, process.kill)
    late.start()
    try:
        process.stdin.write(order + "\n")
        process.stdin.flush()
        return process.stderr.read()
    except BrokenPipeError:
        return process.stderr.read()
    finally:
        late.cancel()
        process.wait()
