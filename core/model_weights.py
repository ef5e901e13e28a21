"""Which weight files of a model folder are read, and how: mapped into memory, without a second copy.

`from_pretrained` first makes a network with random weights and then overwrites them. Of DeepFloyd IF's largest size that
would be 17 GB for nothing. Here the network is made without memory (on PyTorch's "meta" device), and its weights become
views on the file. The operating system reads a page when it is needed and may drop it again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

# As diffusers and transformers name them: whole or in pieces, in float32 or as the variant "fp16".
_NAME = re.compile(r"(?:diffusion_pytorch_)?model(\.fp16)?(?:-\d{5}-of-\d{5})?\.safetensors")


def weight_files(folder: Path, dtype: torch.dtype) -> tuple[list[Path], str | None]:
    """The files to read for weights in `dtype`, and their variant: "fp16" or None.

    Where both are there, float16 reads the variant, which is half the size and says the same after rounding; every
    other type reads the full files. Where one is there, it is read. ([], None) where none is.
    """
    found: dict[str | None, list[Path]] = {None: [], "fp16": []}
    for path in sorted(folder.glob("*.safetensors")):
        if match := _NAME.fullmatch(path.name):
            found["fp16" if match[1] else None].append(path)
    order = ("fp16", None) if dtype == torch.float16 else (None, "fp16")
    variant = next((name for name in order if found[name]), None)
    return found[variant], variant


def map_weights(module: nn.Module, files: Sequence[Path], dtype: torch.dtype | None) -> list[str]:
    """Gives a module that was made on the meta device its weights; returns the names of those that no file has.

    `dtype` None leaves each weight as it is stored; a weight that has the wanted type already is not copied.

    Raises:
        RuntimeError: a weight of another shape, or one that the module does not have.
        safetensors.SafetensorError: a damaged file.
    """
    state: dict[str, Tensor] = {}
    for file in files:
        state |= {name: _as(weight, dtype) for name, weight in load_file(file).items()}
    known = set(module.state_dict())
    if unknown := sorted(set(state) - known):
        raise RuntimeError(f"{len(unknown)} weights belong to no part of the network, {unknown[0]} first.")
    module.load_state_dict(_with_shared(state, module), strict=False, assign=True)
    return sorted(name for name, weight in _tensors(module).items() if weight.is_meta)


def _as(weight: Tensor, dtype: torch.dtype | None) -> Tensor:
    return weight if dtype is None or not weight.is_floating_point() else weight.to(dtype)


def _with_shared(state: Mapping[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """A weight that two parts of a module share is stored once: the other name gets it too."""
    first: dict[int, str] = {}
    whole = dict(state)
    for name, weight in module.state_dict(keep_vars=True).items():
        other = first.setdefault(id(weight), name)
        if other != name and (other in whole) != (name in whole):
            missing, there = (other, name) if name in whole else (name, other)
            whole[missing] = whole[there]
    return whole


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer, those too that are no part of the state."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
