"""What a training needs, made small enough to be carried to a machine that can fetch nothing.

    python -m scripts.storybook.pack pack --sprites SPRITES --text assets/models/emoji64 --to PACK
    python -m scripts.storybook.pack unpack --from PACK --to FOLDER

`pack` writes the sprites as sheets of WebP (colours rounded a little, transparency exactly) and the text encoder without
the rows of its vocabulary that no caption uses: 98 MB become 45. `unpack` makes FOLDER/sprites and FOLDER/text of it,
which `scripts.storybook.train` reads.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from scripts.emoji.vocabulary import NULL_LIKE, entries
from scripts.storybook import captions, grounds, scenes, sprites, unseen

SIDE, COLUMNS = 64, 16
PER_SHEET = COLUMNS**2
QUALITY = 92  # of WebP's colours, 0 to 100
WORDS = "embeddings.word_embeddings.weight"


def words_of(rows: list[dict]) -> set[str]:
    """Every word that a caption of the world may hold, lower case: of names, phrases, templates, colours, grounds."""
    texts = [
        NULL_LIKE,
        "an abstract pattern",
        "a texture",
        "a picture",
        "and",
        "'s",
        "on the left right top bottom at",
    ]
    texts += [row["name"] for row in rows] + [
        phrase for entry in entries() for phrase in (*entry.phrases, *entry.others)
    ]
    texts += [template for templates in captions.STYLES.values() for template, _ in templates]
    texts += [
        *sprites.NAMED_HUES,
        *sprites.GREYS,
        *grounds.PAINTS,
        *captions.NUMBERS.values(),
        *unseen.PHRASES.values(),
    ]
    texts += [phrase for _, phrases in scenes.SCENES.values() for phrase in phrases]
    rng = np.random.default_rng(0)
    for draw in grounds.GROUNDS:
        drawn = [draw(rng) for _ in range(20)]
        texts += [text for ground in drawn for text in (*ground.phrases, *ground.nouns)]
    found = {word for text in texts for word in re.split(r"[\s-]+", text.lower().replace("{}", " ")) if word}
    plurals = {captions.plural(f"a {word}") for word in found}
    return found | {word for phrase in plurals if phrase for word in phrase.split()}


def pack_sprites(source: Path, target: Path) -> None:
    """Sheets of 16 × 16 sprites, and the rows, compressed."""
    target.mkdir(parents=True, exist_ok=True)
    pictures = np.load(source / "sprites.npz")["sprites"]
    for first in range(0, len(pictures), PER_SHEET):
        part = pictures[first : first + PER_SHEET]
        tiles = np.zeros((PER_SHEET, SIDE, SIDE, 4), np.uint8)
        tiles[: len(part)] = part
        sheet = (
            tiles.reshape(COLUMNS, COLUMNS, SIDE, SIDE, 4)
            .transpose(0, 2, 1, 3, 4)
            .reshape(2 * (COLUMNS * SIDE,) + (4,))
        )
        path = target / f"sheet-{first // PER_SHEET:03d}.webp"
        Image.fromarray(sheet).save(path, quality=QUALITY, alpha_quality=100, method=4)
    (target / "sprites.json.xz").write_bytes(lzma.compress((source / "sprites.json").read_bytes()))


def unpack_sprites(source: Path, target: Path) -> None:
    """The folder that `World` reads."""
    target.mkdir(parents=True, exist_ok=True)
    listed = lzma.decompress((source / "sprites.json.xz").read_bytes())
    found = []
    for path in sorted(source.glob("sheet-*.webp")):
        sheet = np.asarray(Image.open(path).convert("RGBA"))
        tiles = sheet.reshape(COLUMNS, SIDE, COLUMNS, SIDE, 4).transpose(0, 2, 1, 3, 4)
        found.append(tiles.reshape(PER_SHEET, SIDE, SIDE, 4))
    pictures = np.concatenate(found)[: len(json.loads(listed))]
    np.savez(target / "sprites.npz", sprites=pictures)
    (target / "sprites.json").write_bytes(listed)


def pack_text(source: Path, target: Path, words: set[str]) -> None:
    """Tokenizer and encoder; of its table of words only the rows that the words need."""
    shutil.copytree(source / "tokenizer", target / "tokenizer", dirs_exist_ok=True)
    (target / "text_encoder").mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "text_encoder" / "config.json", target / "text_encoder")
    tokenizer = AutoTokenizer.from_pretrained(source / "tokenizer")
    used = {token for word in words for token in tokenizer(word).input_ids} | set(tokenizer.all_special_ids)
    weights = load_file(source / "text_encoder" / "model.safetensors")
    table = weights.pop(WORDS)
    rows = torch.tensor(sorted(used))
    kept = {"rows": rows, "table": table[rows].clone(), "shape": torch.tensor(table.shape)}
    save_file(weights | kept, target / "text_encoder" / "packed.safetensors")


def unpack_text(source: Path, target: Path) -> None:
    """The folder that `TextEncoder` reads. A word that was left out is embedded as nothing."""
    shutil.copytree(source, target, dirs_exist_ok=True)
    packed = target / "text_encoder" / "packed.safetensors"
    weights = load_file(packed)
    rows, kept, shape = (weights.pop(name) for name in ("rows", "table", "shape"))
    table = torch.zeros(*shape.tolist(), dtype=kept.dtype)
    table[rows] = kept
    save_file(weights | {WORDS: table}, target / "text_encoder" / "model.safetensors", {"format": "pt"})
    packed.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["pack", "unpack"])
    parser.add_argument("--sprites", type=Path, help="pack: folder with sprites.npz and sprites.json")
    parser.add_argument(
        "--text",
        type=Path,
        default=Path("assets/models/emoji64"),
        help="pack: folder with tokenizer/ and text_encoder/",
    )
    parser.add_argument("--from", type=Path, dest="source", help="unpack: the packed folder")
    parser.add_argument("--to", type=Path, required=True, help="folder that is written")
    args = parser.parse_args()
    if args.what == "pack":
        if args.sprites is None:
            parser.error("say where the sprites lie with --sprites")
        pack_sprites(args.sprites, args.to / "sprites")
        rows = json.loads((args.sprites / "sprites.json").read_text(encoding="utf-8"))
        pack_text(args.text, args.to / "text", words_of(rows))
    else:
        if args.source is None:
            parser.error("say where the packed folder lies with --from")
        unpack_sprites(args.source / "sprites", args.to / "sprites")
        unpack_text(args.source / "text", args.to / "text")
    size = sum(path.stat().st_size for path in args.to.rglob("*") if path.is_file())
    print(f"{args.to}: {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
