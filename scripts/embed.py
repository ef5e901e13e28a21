"""Embeds prompts ahead of a class, where the model's text encoder is too large to stay in memory: make embed PROMPTS=file

PROMPTS is a text file with a prompt a line; without one, those that the lessons open with and offer are embedded. The
empty prompt, which guidance needs, is always among them. What is in the store already is not embedded again. `ARGS="--to
FILE.safetensors"` also writes a file of all of them: with `DIFFUSION_EMBEDDINGS` it is enough on a machine that has no
encoder.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

from core.compute.store import Store
from core.model_folder import ModelNotFound, encoder_apart, find_model_folder, has_encoder, token_width
from core.pretrained import BadModelFolder, load_pretrained
from core.prompt_book import EncoderFailed, PromptBook
from core.prompt_file import EMPTY, normal, write_prompt_file
from core.prompt_reading import IF_TEXT_TOKENS
from core.settings import BadSetting, Settings
from lessons.any_model import course_prompts

MOST_BYTES = 1_000_000  # of a file of prompts


def read_prompts(path: Path) -> list[str]:
    """The lines of a UTF-8 file that are not empty, each once. Raises OSError, UnicodeDecodeError."""
    with path.open("rb") as file:
        text = file.read(MOST_BYTES).decode("utf-8-sig")
    return list(dict.fromkeys(prompt for line in text.splitlines() if (prompt := normal(line))))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make embed", description=__doc__.splitlines()[0])
    parser.add_argument(
        "prompts", nargs="?", type=Path, help="file with a prompt a line; default: the lessons' own"
    )
    parser.add_argument(
        "--to", type=Path, metavar="FILE", help="write the embeddings to this safetensors file, too"
    )
    arguments = parser.parse_args()
    try:
        prompts = read_prompts(arguments.prompts) if arguments.prompts else list(course_prompts())
        settings = Settings.from_environment()
        folder = find_model_folder(settings.model)
        if not has_encoder(folder):
            sys.exit(f"{folder} has no text_encoder/, so there is nothing to embed with.")
        if not encoder_apart(folder) and not arguments.to:
            print(
                f"The text encoder of {folder} is small, and asked as prompts come: nothing has to be done ahead."
            )
            return
        began, wanted = time.monotonic(), list(dict.fromkeys([EMPTY, *prompts]))
        print(
            f"{len(wanted)} prompts for {folder}, on {settings.resolved_device()}. Those that are new pass through the "
            "encoder together; that says nothing until it has ended.",
            flush=True,
        )
        embeddings, new = embed(folder, settings, wanted)
        if arguments.to:
            write_prompt_file(arguments.to, dict(zip(wanted, embeddings, strict=True)))
    except UnicodeDecodeError:
        sys.exit(f"{arguments.prompts} is not a text file in UTF-8.")
    except (BadSetting, ModelNotFound, BadModelFolder, EncoderFailed, OSError) as error:
        sys.exit(str(error))
    print(
        f"{new} of {len(wanted)} prompts embedded in {time.monotonic() - began:.0f} s; all are in {settings.data_dir}."
    )
    if arguments.to:
        print(
            f"{arguments.to} holds them, too: DIFFUSION_EMBEDDINGS={arguments.to} teaches with these and no encoder."
        )


def embed(folder: Path, settings: Settings, prompts: list[str]) -> tuple[torch.Tensor, int]:
    """Embeddings (len(prompts), tokens, width), and how many of them were not in the store."""
    if not encoder_apart(folder):
        return load_pretrained(folder).embed(prompts).float(), len(prompts)
    store = Store(settings.data_dir)
    try:
        book = PromptBook(
            folder, tokens=IF_TEXT_TOKENS, width=token_width(folder), device=settings.resolved_device(), shelf=store,
        )  # fmt: skip
        return book(prompts), book.embedded
    finally:
        store.close()


if __name__ == "__main__":
    main()
