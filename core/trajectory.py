"""What every algorithm leaves behind: arrays over the steps, and what they mean.

A `Trajectory` is the record of a run: named arrays (steps, batch, channels, height, width) and a
JSON dictionary that says how they were made. It is kept as safetensors, which holds numbers and
nothing that could be executed. This module needs neither torch nor Streamlit, so that a page can
open a stored result without loading a deep learning library.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from core.compact import BadFold, Rounding, fold, unfold

FORMAT_VERSION = 1
FOLDED_VERSION = 2  # the same, with pictures of steps rounded and folded (core.compact)
# The name of a uint8 array that holds the checksum and the JSON: safetensors.numpy.load drops string metadata.
_META_KEY = "trajectory.json"
_CHECKSUM_BYTES = 4


class BadTrajectory(ValueError):
    """The bytes are not a trajectory that this version can read."""


@dataclass(frozen=True)
class Trajectory:
    """The record of one run.

    Attributes:
        arrays: name -> array. What changes from step to step has the shape
            (steps, batch, channels, height, width), float32; what belongs to the whole run (the
            clean picture of an edit, the embedding of a prompt) has the shape that it has.
        meta: JSON values: timesteps, prompts, seeds, coefficients per step, the model's fingerprint.
    """

    arrays: Mapping[str, np.ndarray]
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.arrays:
            raise KeyError(f"No array {name!r} in this trajectory; it has {', '.join(sorted(self.arrays))}.")
        return self.arrays[name]

    @property
    def nbytes(self) -> int:
        """Size of all arrays, in bytes."""
        return sum(array.nbytes for array in self.arrays.values())

    def to_bytes(self, rounding: Rounding | None = None) -> bytes:
        """One safetensors file, as bytes; with a `rounding`, in a tenth of the room: see `core.compact` for what is rounded.

        Raises:
            ValueError, TypeError: `meta` is not JSON (NaN and infinity are not either).
        """
        header: dict[str, Any] = {"version": FORMAT_VERSION, "meta": dict(self.meta)}
        arrays = {name: np.asarray(array, order="C") for name, array in self.arrays.items()}
        if rounding is not None:
            arrays, groups = fold(arrays, rounding)
            header |= {"version": FOLDED_VERSION, "folded": groups}
        meta = json.dumps(header, allow_nan=False).encode()
        if _META_KEY in arrays:
            raise ValueError(f"{_META_KEY!r} is reserved and cannot be the name of an array.")
        sealed = np.frombuffer(_checksum(arrays, meta) + meta, dtype=np.uint8)
        return save_safetensors({**arrays, _META_KEY: sealed})

    @classmethod
    def from_bytes(cls, data: bytes) -> Trajectory:
        """The inverse of `to_bytes`.

        Raises:
            BadTrajectory: truncated, altered, or written by something else.
        """
        try:
            arrays = load_safetensors(data)
            sealed = arrays.pop(_META_KEY).tobytes()
        except (SafetensorError, KeyError) as error:
            raise BadTrajectory(
                f"This file is not a whole trajectory ({error}); compute it again."
            ) from error
        checksum, meta = sealed[:_CHECKSUM_BYTES], sealed[_CHECKSUM_BYTES:]
        if checksum != _checksum(arrays, meta):
            raise BadTrajectory("This trajectory is damaged (its checksum does not fit); compute it again.")
        header = json.loads(meta)
        if header.get("version") not in (FORMAT_VERSION, FOLDED_VERSION):
            raise BadTrajectory(
                f"This trajectory has format {header.get('version')}, this version reads {FORMAT_VERSION} and "
                f"{FOLDED_VERSION}; compute it again."
            )
        try:
            return cls(unfold(arrays, header.get("folded", ())), header["meta"])
        except BadFold as error:
            raise BadTrajectory(f"{error} Compute it again.") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file beside its final place, flushes it, then renames: never half a file."""
        path = Path(path)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        data = self.to_bytes()
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trajectory:
        """Raises FileNotFoundError, or BadTrajectory for a damaged file."""
        return cls.from_bytes(Path(path).read_bytes())


def _checksum(arrays: Mapping[str, np.ndarray], meta: bytes) -> bytes:
    """CRC-32 of names, types, shapes, numbers and meta, 4 bytes: safetensors itself does not notice a flipped bit."""
    crc = zlib.crc32(meta)
    for name, array in sorted(arrays.items()):
        crc = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc)
        crc = zlib.crc32(np.ascontiguousarray(array).data, crc)
    return crc.to_bytes(_CHECKSUM_BYTES, "little")
