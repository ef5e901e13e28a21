"""What the jobs of Part A load: the model of the settings, and a student's picture."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.compute.context import JobContext
from core.compute.store import Blobs
from core.media import from_pixels
from core.model_folder import encoder_apart, find_model_folder, fingerprint, has_encoder, shipped_folders
from core.pictures import load_picture
from core.schedule import NoiseSchedule
from core.settings import Settings

# diffusers and transformers take seconds to import, and only the worker needs them: the pages, which import this
# module for their specifications, must not wait. So they are imported where a model is loaded.
if TYPE_CHECKING:
    from core.pretrained import TextToImageModel
    from core.prompt_book import PromptBook

UPLOAD = "upload-"
_LOADING = threading.Lock()  # jobs that compute beside each other want one model, not two


class ModelChanged(ValueError):
    """The page was opened on another model than the one that is there now."""


class PictureGone(ValueError):
    """An uploaded picture that the store no longer holds."""


def load_model(expected_fingerprint: str, context: JobContext) -> TextToImageModel:
    """The model of the settings, or one that ships beside it, kept in the worker between jobs.

    Raises:
        ModelChanged: the folder's contents are not what the page asked for.
        core.prompt_file.BadEmbeddings, core.prompt_book.NoEncoder: prompts cannot be embedded; see there.
    """
    from core.pretrained import load_pretrained

    settings = Settings.from_environment()
    folder = _model_folder(expected_fingerprint)
    key = ("model", expected_fingerprint, context.device)
    with _LOADING:
        if key not in context.cache:
            apart = settings.embeddings is not None or encoder_apart(folder) or not has_encoder(folder)
            dtype = getattr(torch, settings.resolved_dtype())
            model = load_pretrained(folder, context.device, dtype, with_encoder=not apart)
            book = open_book(model, folder, settings, context) if apart else None
            context.cache[key] = replace(model, book=book, together=context.share(model.evaluate))
        return context.cache[key]


def open_book(model: TextToImageModel, folder: Path, settings: Settings, context: JobContext) -> PromptBook:
    """Where the embeddings for this model come from. Raises as `load_model`."""
    from core.prompt_book import PromptBook
    from core.prompt_file import read_prompt_file

    given = read_prompt_file(settings.embeddings) if settings.embeddings else None
    return PromptBook(
        folder, tokens=model.text_tokens, width=model.text_width, device=context.device, shelf=context.store, given=given,
    )  # fmt: skip


def prompts_in(params: Mapping[str, Any]) -> list[str]:
    """The prompts that a job of Part A asks for, the unconditional one among them."""
    found = [column["prompt"] for column in params.get("columns", ())]
    if "second" in params:
        found.append(params["second"]["prompt"])
    if "prompt" in params.get("fork", {}):
        found.append(params["fork"]["prompt"])
    return [*found, params.get("unconditional", "")]


def load_schedule(expected_fingerprint: str) -> NoiseSchedule:
    """The noise schedule of the same model, without its network.

    Raises:
        ModelChanged: as `load_model`.
    """
    from diffusers import DDPMScheduler

    folder = _model_folder(expected_fingerprint)
    return NoiseSchedule.from_diffusers(DDPMScheduler.from_pretrained(folder / "scheduler"))


def _model_folder(expected_fingerprint: str) -> Path:
    settings = Settings.from_environment()
    for folder in (find_model_folder(settings.model), *shipped_folders()):
        if fingerprint(folder, settings.embeddings) == expected_fingerprint:
            return folder
    raise ModelChanged(
        "The model has been replaced since this was asked for; reload the page, or export the notebook again."
    )


def load_reference(reference: str, context: JobContext) -> Tensor:
    """A shipped or uploaded picture as a float tensor (3, 64, 64) in [-1, 1].

    Raises:
        PictureGone: an upload that has been removed from the store.
    """
    return torch.from_numpy(from_pixels(reference_pixels(reference, context.store.blobs)))


def reference_pixels(reference: str, blobs: Blobs) -> np.ndarray:
    """The same as uint8 (64, 64, 3)."""
    if not reference.startswith(UPLOAD):
        return load_picture(reference)
    data = blobs.get(reference.removeprefix(UPLOAD))
    if data is None:
        raise PictureGone("The uploaded picture is no longer kept here; upload it again.")
    # Our own PNG, written after the upload gate had checked and re-encoded what the student sent.
    return np.asarray(Image.open(io.BytesIO(data), formats=["PNG"]).convert("RGB"))
