"""The pictures that emoji64 was trained on, and others that it never saw, as they ship with the app.

One lossless sprite of 64 × 64 tiles, row by row, and a list of what they are; NumPy and Pillow only, no torch.
Made by `scripts/emoji/pack_pictures.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

EMOJI_FOLDER = Path(__file__).resolve().parent.parent / "assets" / "data" / "emoji"
TILE = 64  # pixels


class EmojiPicturesMissing(ValueError):
    """The sprite or its list is absent or damaged; the message says what to do."""


@dataclass(frozen=True, eq=False)
class EmojiPictures:
    """N pictures with their names ("red apple") and styles ("fluent-3d")."""

    pixels: np.ndarray  # uint8 (N, 64, 64, 3)
    names: tuple[str, ...]
    styles: tuple[str, ...]


def load_emoji_pictures(split: str = "training", folder: Path = EMOJI_FOLDER) -> EmojiPictures:
    """The pictures of one split, "training" or "heldout".

    Raises:
        EmojiPicturesMissing: a file is absent or damaged, or the two do not fit together.
        ValueError: there is no such split.
    """
    if split not in ("training", "heldout"):
        raise ValueError(f'Choose the split "training" or "heldout", not {split!r}.')
    try:
        listed = json.loads((folder / "pictures.json").read_text(encoding="utf-8"))
        with Image.open(folder / "pictures.webp", formats=["WEBP"]) as sprite:
            pixels = np.asarray(sprite.convert("RGB"))
    except (OSError, ValueError, UnidentifiedImageError) as error:
        raise EmojiPicturesMissing(f"Restore {folder} from the repository: {error}.") from error
    rows, columns = pixels.shape[0] // TILE, pixels.shape[1] // TILE
    tiles = pixels.reshape(rows, TILE, columns, TILE, 3).swapaxes(1, 2).reshape(-1, TILE, TILE, 3)
    if len(listed) > len(tiles):
        raise EmojiPicturesMissing(
            f"Restore {folder} from the repository: {len(listed)} pictures are listed, {len(tiles)} there."
        )
    chosen = [k for k, row in enumerate(listed) if row["split"] == split]
    return EmojiPictures(
        tiles[chosen],
        tuple(listed[k]["name"] for k in chosen),
        tuple(listed[k]["style"] for k in chosen),
    )
