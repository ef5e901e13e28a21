"""Packs emoji64's training pictures and the held-out ones for the lesson "Is it memory?".

    python -m scripts.emoji.pack_pictures --data FOLDER [--to assets/data/emoji]

Writes `pictures.webp`, one lossless sprite, and `pictures.json`, which says what each tile is.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.emoji_pictures import EMOJI_FOLDER, TILE
from scripts.emoji.dataset import load_set
from scripts.emoji.heldout import LIST, load_heldout

COLUMNS = 36


def pack(pictures: Tensor, listed: list[dict[str, str]], folder: Path) -> None:
    """pictures: uint8 (N, 3, 64, 64); listed: split, name and style of each."""
    rows = -(-len(pictures) // COLUMNS)
    tiles = np.full((rows * COLUMNS, TILE, TILE, 3), 255, np.uint8)
    tiles[: len(pictures)] = pictures.permute(0, 2, 3, 1).numpy()
    sprite = (
        tiles.reshape(rows, COLUMNS, TILE, TILE, 3).swapaxes(1, 2).reshape(rows * TILE, COLUMNS * TILE, 3)
    )
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sprite).save(folder / "pictures.webp", lossless=True, quality=100, method=4)
    lines = ",\n".join(json.dumps(row) for row in listed)
    (folder / "pictures.json").write_text(f"[\n{lines}\n]\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=EMOJI_FOLDER)
    args = parser.parse_args()
    data, (heldout, _) = load_set(args.data), load_heldout(args.data)
    listed = [
        {"split": "training", "name": name, "style": style}
        for name, style in zip(data.published, data.styles, strict=True)
    ]
    listed += [
        {"split": "heldout", "name": row["name"], "style": row["style"]}
        for row in json.loads(LIST.read_text())["pictures"]
    ]
    pack(torch.cat([data.pictures, heldout]), listed, args.to)
    print(f"{len(listed)} pictures in {args.to}")


if __name__ == "__main__":
    main()
