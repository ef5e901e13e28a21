"""Finds a model folder and says which model it is, without loading it (and without torch).

`text_encoder/` may be missing as a whole: then the prompts of a file of embeddings are all there are.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.settings import MODELS, SHIPPED_MODELS

EXPECTED = (
    "model_index.json",
    "unet/config.json",
    "scheduler/scheduler_config.json",
)
# Both or neither: without them prompts come from a file of embeddings (prompt_file.py).
EXPECTED_OF_TEXT = (
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
    # A folder that is not there at all is told of as a whole one, with everything that belongs into it.
    with_text = (folder / "text_encoder").exists() or not (folder / "unet").exists()
    expected, parts = (
        (EXPECTED + EXPECTED_OF_TEXT, ("unet", "text_encoder")) if with_text else (EXPECTED, ("unet",))
    )
    missing = [name for name in expected if not (folder / name).is_file()]
    missing += [f"{part}/*.safetensors" for part in parts if not any(folder.glob(f"{part}/*.safetensors"))]
    if with_text and not has_tokenizer(folder):
        missing.append(f"tokenizer/{' or '.join(_VOCABULARIES)}")
    if missing:
        raise ModelNotFound(
            f"No usable model at {folder}: {', '.join(missing)} missing. Expected is a folder in the DeepFloyd-IF "
            "format, with unet/, scheduler/, tokenizer/, text_encoder/ and model_index.json, weights as safetensors. "
            "Set DIFFUSION_MODEL to such a folder."
        )
    return folder


def shipped_folders() -> list[Path]:
    """The folders of the models that ship with the project, the default one first."""
    return [MODELS / name for name in SHIPPED_MODELS]


def has_tokenizer(folder: Path) -> bool:
    """Whether the folder can say which tokens a prompt becomes."""
    return any((folder / "tokenizer" / name).is_file() for name in _VOCABULARIES)


def class_named(folder: Path, part: str) -> str | None:
    """The class that the configuration of `part` ("unet", "text_encoder") names; None where it names none."""
    try:
        config = json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    named = config.get("_class_name") or config.get("architectures") if isinstance(config, dict) else None
    name = named[0] if isinstance(named, list) and named else named
    return name if isinstance(name, str) else None


def has_encoder(folder: Path) -> bool:
    """Whether the folder has a text encoder; without one, a file has the embeddings of all prompts there are."""
    return (folder / "text_encoder").is_dir()


def encoder_apart(folder: Path) -> bool:
    """Whether prompts are embedded by a process that ends: DeepFloyd IF's T5 is larger than its networks."""
    return class_named(folder, "text_encoder") == "T5EncoderModel"


def width_of_tokens(config: Mapping[str, Any]) -> int:
    """How many numbers a network of this configuration expects in the vector of a token. Raises KeyError."""
    inner = config.get("unet", config)  # a PatchUNet holds the configuration of the network it wraps
    return int(inner.get("encoder_hid_dim") or inner["cross_attention_dim"])


def token_width(folder: Path) -> int:
    """The same, read from the folder's network without loading it.

    Raises ModelNotFound where the folder does not say it.
    """
    try:
        config = json.loads((folder / "unet" / "config.json").read_text(encoding="utf-8"))
        return width_of_tokens(config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelNotFound(
            f"{folder / 'unet' / 'config.json'} does not say how wide a token’s vector is."
        ) from error


def _looks_like_hub_id(source: str) -> bool:
    return source.count("/") == 1 and not source.startswith((".", "/", "~"))


def _from_hub_cache(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, IncompleteSnapshotError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, local_files_only=True))
    except IncompleteSnapshotError as error:
        return Path(error.snapshot_path)  # downloaded in part, on purpose: who loads it says what it lacks
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise ModelNotFound(
            f"{hub_id!r} is neither a folder nor a model in this machine's hub cache. Download it once with "
            f"`hf download {hub_id}`, or set DIFFUSION_MODEL to a folder."
        ) from error


def fingerprint(folder: Path, embeddings: Path | None = None) -> str:
    """16 hex digits that change when the weights or a configuration change. Stored results are kept under it.

    With a file of embeddings, which decides what a prompt means, they change with its contents, too.
    """
    files = _files(folder) + ([embeddings] if embeddings is not None and embeddings.is_file() else [])
    return _fingerprint(_described(files), str(folder))


def encoder_fingerprint(folder: Path) -> str | None:
    """The same of the text encoder and its tokenizer, which together make an embedding; None without an encoder."""
    if not has_encoder(folder):
        return None
    files = [path for part in ("text_encoder", "tokenizer") for path in _files(folder / part)]
    return _fingerprint(_described(files), str(folder))


def _files(folder: Path) -> list[Path]:
    """What a model consists of, in the order of the paths; asked for many times a page, hence one walk for all kinds."""
    kinds = (".json", ".safetensors", ".txt", ".model")
    return sorted(
        Path(place, name) for place, _, names in os.walk(folder) for name in names if name.endswith(kinds)
    )


def _described(files: list[Path]) -> tuple[tuple[str, int, int], ...]:
    return tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)


@lru_cache(maxsize=16)
def _fingerprint(files: tuple[tuple[str, int, int], ...], folder: str) -> str:
    digest = hashlib.sha256()
    for name, size, _ in files:
        path = Path(name)  # a file of embeddings lies anywhere, and moving it changes nothing
        called = path.relative_to(folder) if path.is_relative_to(folder) else "embeddings"
        digest.update(f"{called}\0{size}\0".encode())
        with open(name, "rb") as file:
            # Hashing 9 GB of weights at every start would cost half a minute; 64 samples find any other training.
            stride = size // 64 if size > _SAMPLED_ABOVE else _CHUNK
            for offset in range(0, size, stride):
                file.seek(offset)
                digest.update(file.read(_CHUNK))
    return digest.hexdigest()[:16]
