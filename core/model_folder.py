"""Finds a model folder and says which model it is, without loading it (and without torch)."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

EXPECTED = (
    "model_index.json",
    "unet/config.json",
    "scheduler/scheduler_config.json",
    "tokenizer/tokenizer_config.json",
    "text_encoder/config.json",
)
_SAMPLED_ABOVE = 512 * 2**20  # bytes; a file larger than this is fingerprinted from samples
_CHUNK = 2**20
# One of these must be there: without any, transformers silently makes up an empty vocabulary.
_VOCABULARIES = ("tokenizer.json", "spiece.model", "vocab.txt")


class ModelNotFound(ValueError):
    """No model folder there; the message names the path and what is expected in it."""


def find_model_folder(source: str | Path) -> Path:
    """The folder of the model `source`: a path, or a hub id that was downloaded before.

    The app never goes to the network: a hub id is looked up in the local cache only.

    Raises:
        ModelNotFound: names the path and the files that it should hold.
    """
    folder = Path(source).expanduser()
    if not folder.is_dir() and _looks_like_hub_id(str(source)):
        folder = _from_hub_cache(str(source))
    missing = [name for name in EXPECTED if not (folder / name).is_file()]
    missing += [
        f"{part}/*.safetensors"
        for part in ("unet", "text_encoder")
        if not any(folder.glob(f"{part}/*.safetensors"))
    ]
    if not any((folder / "tokenizer" / name).is_file() for name in _VOCABULARIES):
        missing.append(f"tokenizer/{' or '.join(_VOCABULARIES)}")
    if missing:
        raise ModelNotFound(
            f"No usable model at {folder}: {', '.join(missing)} missing. Expected is a folder in the DeepFloyd-IF "
            "format, with unet/, scheduler/, tokenizer/, text_encoder/ and model_index.json, weights as safetensors. "
            "Set DIFFUSION_MODEL to such a folder."
        )
    return folder


def _looks_like_hub_id(source: str) -> bool:
    return source.count("/") == 1 and not source.startswith((".", "/", "~"))


def _from_hub_cache(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise ModelNotFound(
            f"{hub_id!r} is neither a folder nor a model in this machine's hub cache. Download it once with "
            f"`hf download {hub_id}`, or set DIFFUSION_MODEL to a folder."
        ) from error


def fingerprint(folder: Path) -> str:
    """16 hex digits that change when the weights or a configuration change. Stored results are kept under it."""
    files = sorted(
        p
        for pattern in ("**/*.json", "**/*.safetensors", "**/*.txt", "**/*.model")
        for p in folder.glob(pattern)
    )
    return _fingerprint(tuple((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in files), str(folder))


@lru_cache(maxsize=8)
def _fingerprint(files: tuple[tuple[str, int, int], ...], folder: str) -> str:
    digest = hashlib.sha256()
    for name, size, _ in files:
        digest.update(f"{Path(name).relative_to(folder)}\0{size}\0".encode())
        with open(name, "rb") as file:
            # Hashing 9 GB of weights at every start would cost half a minute; 64 samples find any other training.
            stride = size // 64 if size > _SAMPLED_ABOVE else _CHUNK
            for offset in range(0, size, stride):
                file.seek(offset)
                digest.update(file.read(_CHUNK))
    return digest.hexdigest()[:16]
