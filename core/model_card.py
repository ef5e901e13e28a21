"""What the pages have to know of a model before it is loaded: whether the lessons are about it, and what it can be asked.

Read from the folder's configurations, without torch; only a file of embeddings of torch's own format needs that.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.model_folder import class_named, find_model_folder, has_encoder
from core.prompt_file import prompts_of
from core.prompt_reading import IF_TEXT_TOKENS
from core.settings import Settings

# diffusers' network, in which DeepFloyd IF and anybody's model comes. Every other class that is loaded is this project's.
ANYBODYS = "UNet2DConditionModel"
_SNAPSHOT = re.compile(r"models--(?P<owner>.+?)--(?P<name>.+)")  # a folder of the hub's cache


@dataclass(frozen=True)
class ModelCard:
    """One model, as the pages see it."""

    name: str
    ours: bool  # one of this project's: the lessons' prompts, prose and numbers are about it
    text_tokens: int  # of a prompt; the rest is cut off
    prompts: tuple[str, ...] | None  # the only ones there are, where there is no encoder; None: any
    dynamic_threshold: bool  # its scheduler asks for x̂₀ to be scaled instead of clipped (lesson A6)
    training_pictures: bool = (
        False  # those it was trained on ship, so that lesson A12 can look for the nearest
    )


def read_card(settings: Settings) -> ModelCard:
    """The card of the model in the settings.

    Raises:
        ModelNotFound: there is none. BadEmbeddings: it has no encoder, and the file of embeddings cannot be used.
    """
    folder = find_model_folder(settings.model)
    network = class_named(folder, "unet")
    ours = network != ANYBODYS
    prompts = None
    if settings.embeddings and not has_encoder(folder):
        prompts = prompts_of(settings.embeddings)
    elif not has_encoder(folder):
        prompts = ()
    scheduler = _table(folder / "scheduler" / "scheduler_config.json")
    tokens = _table(folder / "tokenizer" / "tokenizer_config.json").get("model_max_length") if ours else None
    return ModelCard(
        name=_name(folder, settings.model),
        ours=ours,
        text_tokens=tokens or IF_TEXT_TOKENS,
        prompts=prompts,
        dynamic_threshold=bool(scheduler.get("thresholding")),
        training_pictures=network == "PatchUNet",  # emoji64's; storybook64's were composed and are gone
    )


def _name(folder: Path, source: str) -> str:
    """The folder's own name, or what the hub calls it."""
    if snapshot := _SNAPSHOT.fullmatch(folder.parent.parent.name):
        return snapshot["name"]
    return folder.resolve().name or source


def _table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the loader says what is wrong with it
        return {}
    return table if isinstance(table, dict) else {}
