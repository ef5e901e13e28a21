"""A file of prompt embeddings: enough to teach with DeepFloyd IF where its text encoder of 4.7 billion parameters is not.

Two forms, both a table {prompt: tensor (tokens, width) or (1, tokens, width)}: a safetensors file, as `make embed` writes
it, and the dictionary of tensors that the course hands out, as torch.save writes it (.pt, .pth). The second is read with
`weights_only=True`, which loads tensors and runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

if TYPE_CHECKING:
    from torch import Tensor

DTYPES = ("float16", "bfloat16", "float32")
EMPTY = ""  # the unconditional prompt
_SHOWN = 40  # prompts that a refusal lists


class BadEmbeddings(ValueError):
    """A file of embeddings that cannot be used; the message names it and says what is wrong."""


class NoSuchPrompt(ValueError):
    """A prompt that is not in the file, where there is no encoder for others; the message lists those there are."""

    def __init__(self, prompt: str, known: tuple[str, ...]) -> None:
        listed = ", ".join(f"“{name}”" for name in known[:_SHOWN] if name != EMPTY)
        more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        super().__init__(
            f"There is no text encoder here, so “{prompt[:60]}” cannot be used; the prompts there are: {listed}{more}."
        )


def normal(prompt: str) -> str:
    """A prompt as it is looked up: without capitals and with single spaces, as the encoder gets to see it."""
    return " ".join(prompt.lower().split())


def prompts_of(path: Path) -> tuple[str, ...]:
    """The prompts of a file, in its order, the empty one among them. Raises BadEmbeddings."""
    return tuple(read_prompt_file(path))


def read_prompt_file(path: Path) -> Mapping[str, Tensor]:
    """{prompt: (tokens, width)} in the types of the file; all of one shape, and all finite.

    Raises:
        BadEmbeddings: missing, damaged, no table of prompts and tensors, without the empty prompt, or of several shapes.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise BadEmbeddings(
            f"DIFFUSION_EMBEDDINGS names {path}, which cannot be read: {error.strerror}."
        ) from error
    return _read(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, _size: int, _changed: int) -> Mapping[str, Tensor]:
    table = _load(path)
    if not isinstance(table, Mapping) or not table:
        raise BadEmbeddings(f"{path} holds no table of prompts and their embeddings.")
    read = {prompt: _matrix(path, prompt, tensor) for prompt, tensor in table.items()}
    shapes = {tuple(matrix.shape) for matrix in read.values()}
    if len(shapes) > 1:
        raise BadEmbeddings(
            f"The embeddings in {path} have several shapes, {' and '.join(map(str, sorted(shapes)))}; all must be of "
            "one encoder."
        )
    if EMPTY not in read:
        raise BadEmbeddings(
            f"{path} lacks the embedding of the empty prompt, “”, which guidance needs; embed it with the others."
        )
    return read


def _load(path: Path) -> Any:
    import pickle

    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, pickle.UnpicklingError, EOFError, RuntimeError, ValueError) as error:
        raise BadEmbeddings(
            f"{path} is not a file of embeddings: it has to be a safetensors file, or a dictionary of tensors written by "
            f"torch.save. ({str(error).splitlines()[0][:120] if str(error) else type(error).__name__})"
        ) from error


def _matrix(path: Path, prompt: Any, tensor: Any) -> Tensor:
    import torch

    if not isinstance(prompt, str) or not isinstance(tensor, torch.Tensor):
        raise BadEmbeddings(
            f"{path} holds a {type(tensor).__name__} under a {type(prompt).__name__}; tensors under texts are expected."
        )
    named = f"The embedding of “{prompt[:60]}” in {path}"
    if str(tensor.dtype).removeprefix("torch.") not in DTYPES:
        raise BadEmbeddings(f"{named} is of {tensor.dtype}; it must be {', '.join(DTYPES)}.")
    matrix = tensor[0] if tensor.ndim == 3 and len(tensor) == 1 else tensor
    if matrix.ndim != 2 or not matrix.numel():
        raise BadEmbeddings(
            f"{named} has the shape {tuple(tensor.shape)}; it must be (tokens, width) or (1, tokens, width)."
        )
    if not matrix.isfinite().all():
        raise BadEmbeddings(f"{named} holds numbers that are not finite.")
    return matrix


def write_prompt_file(path: Path, table: Mapping[str, Tensor]) -> None:
    """Writes {prompt: (tokens, width)} as safetensors. Raises OSError."""
    from safetensors.torch import save_file

    save_file({prompt: matrix.contiguous() for prompt, matrix in table.items()}, path)
