"""The material of the world: sprites, the words for them, and what is kept from the training.

A folder with `sprites.npz` and `sprites.json`, as `scripts.storybook.build_sprites` writes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.emoji.vocabulary import Entry, entries, with_article

HELD_OUT = Path(__file__).with_name("held_out.json")
CLIP_ART, INK, FIRST = "clipart", "fluent-high-contrast", "fluent-3d"

COURSE = {"dog face", "man", "old man", "pencil", "rocket", "skull", "top hat", "water wave"} | {
    "castle", "automobile", "cat face", "house", "red heart", "owl", "penguin", "mushroom", "panda", "lion"
}  # fmt: skip
"""Objects that the course asks for, or that its illusions and edits need: shown three times as often."""

SHARES = {"vocabulary": 0.7, "others": 0.22, "clip art": 0.08}

NAMED_HUES = {"red": 0, "orange": 28, "yellow": 52, "green": 120, "blue": 220, "purple": 275, "pink": 325}
"""Colour → its hue in degrees."""
GREYS = ("white", "grey", "black")


OTHER_LICENCE = frozenset(
    {"computer/hardware/8port_switch_denco.svg", "computer/hardware/firewall_denco_01.svg"}
)
"""Clip art whose own description names the GPL, though its package dedicates all to the public domain: not drawn."""


class SpritesMissing(ValueError):
    """The folder holds no sprite set; the message says how to make one."""


@dataclass(frozen=True)
class Choice:
    """One drawn object: which sprite, and how it may be called."""

    sprite: int
    name: str  # published name, by which objects are held out and judged
    phrases: tuple[str, ...]  # 'a dog', 'a puppy'; the first is the likeliest
    style: str


class Sprites:
    """All sprites with their rows; those of held-out objects are never drawn.

    Attributes:
        pictures: uint8 (N, 64, 64, 4), straight alpha.
        rows: of every picture its name, style, tags, group, subgroup, code.
    """

    def __init__(self, folder: Path, part: int | None = None):
        """`part` 0 or 1 keeps one of two disjoint halves of the sprites, for two networks to be compared.

        Raises:
            SpritesMissing: the folder has no sprite set.
        """
        try:
            self.pictures = np.load(folder / "sprites.npz")["sprites"]
            self.rows = json.loads((folder / "sprites.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise SpritesMissing(
                f"There is no sprite set in {folder} ({error.filename} is missing): make one with "
                f"python -m scripts.storybook.build_sprites --to {folder}."
            ) from error
        held_out = json.loads(HELD_OUT.read_text(encoding="utf-8"))
        self.held_out: frozenset[str] = frozenset(held_out["objects"])
        self.unions: frozenset[tuple[str, str]] = frozenset(map(tuple, held_out["unions"]))
        self.of_name: dict[str, list[int]] = {}
        for i, row in enumerate(self.rows):
            if row["style"] == CLIP_ART or (part is not None and i % 2 != part):
                continue
            if row["name"] not in self.held_out:
                self.of_name.setdefault(row["name"], []).append(i)
        self.clip_art = [
            i
            for i, row in enumerate(self.rows)
            if row["style"] == CLIP_ART
            and (part is None or i % 2 == part)
            and row["code"] not in OTHER_LICENCE
            and not self.held_out & {row["name"], *row["tags"]}
        ]
        self.vocabulary = [e for e in entries() if any(n in self.of_name for n in (e.name, *e.others))]
        self._colours: dict[int, str | None] = {}
        self._weights = np.array([3.0 if e.name in COURSE else 1.0 for e in self.vocabulary])
        self._weights /= self._weights.sum()
        learnt = {n for e in self.vocabulary for n in (e.name, *e.others)}
        self.others = sorted(set(self.of_name) - learnt)

    def draw(self, rng: np.random.Generator) -> Choice:
        """An object by `SHARES`, in one of its designs."""
        kind = rng.random()
        if kind < SHARES["vocabulary"]:
            return self.of_entry(self.vocabulary[rng.choice(len(self.vocabulary), p=self._weights)], rng)
        if kind < SHARES["vocabulary"] + SHARES["others"]:
            name = self.others[rng.integers(len(self.others))]
            return self._choice(self._design(name, rng), name, (called(name),))
        sprite = self.clip_art[rng.integers(len(self.clip_art))]
        return self._choice(sprite, self.rows[sprite]["name"], clip_art_phrases(self.rows[sprite]))

    def of_entry(self, entry: Entry, rng: np.random.Generator) -> Choice:
        """One of the vocabulary's objects, in one of its pictures and designs."""
        shown = [(name, phrases) for name, phrases in entry.pictures() if name in self.of_name]
        name, phrases = shown[0 if rng.random() < 0.5 else rng.integers(len(shown))]
        return self._choice(self._design(name, rng), entry.name, phrases)

    def _choice(self, sprite: int, name: str, phrases: tuple[str, ...]) -> Choice:
        return Choice(sprite, name, phrases, self.rows[sprite]["style"])

    def _design(self, name: str, rng: np.random.Generator) -> int:
        designs = self.of_name[name]
        return designs[rng.integers(len(designs))]

    def image(self, sprite: int) -> Image.Image:
        """The picture as an RGBA image, 64 × 64."""
        return Image.fromarray(self.pictures[sprite])

    def colour(self, sprite: int) -> str | None:
        """What a person would call the sprite's colour, None if it has several or none that is named."""
        if sprite not in self._colours:
            self._colours[sprite] = self._colour(sprite)
        return self._colours[sprite]

    def _colour(self, sprite: int) -> str | None:
        rgba = self.pictures[sprite].reshape(-1, 4)
        seen = rgba[rgba[:, 3] > 128][:, :3].astype(np.float32) / 255  # (n, 3)
        if not len(seen):
            return None
        top, bottom = seen.max(axis=1), seen.min(axis=1)
        vivid = (top - bottom > 0.35) & (top > 0.3)
        if vivid.mean() < 0.45:
            dull = top - bottom < 0.12
            if dull.mean() > 0.85:
                level = top.mean()
                return "black" if level < 0.3 else "white" if level > 0.82 else "grey"
            return None
        hues = hue_of(seen[vivid])
        shares = {
            name: (np.abs((hues - hue + 180) % 360 - 180) < 16).mean() for name, hue in NAMED_HUES.items()
        }
        name = max(shares, key=shares.get)
        return name if shares[name] > 0.7 else None

    @cached_property
    def names(self) -> list[str]:
        """Of the vocabulary's objects, in their order: what the judge tells apart."""
        return [entry.name for entry in self.vocabulary]

    @cached_property
    def names_set(self) -> frozenset[str]:
        return frozenset(self.names)


def clip_art_phrases(row: dict) -> tuple[str, ...]:
    """What a piece of clip art is called: nothing where its name is a number or a sentence."""
    plain = row["name"].replace("-", " ")
    return (called(plain),) if plain.replace(" ", "").isalpha() and len(plain) < 30 else ()


def called(name: str) -> str:
    """'ant' → 'an ant', 'clapping hands' → 'clapping hands': an article where the last word is no plural."""
    last = name.split()[-1]
    return with_article(name if not last.endswith("s") or last.endswith(("ss", "us", "is")) else f"{name}*")


def hue_of(rgb: np.ndarray) -> np.ndarray:
    """(n, 3) in [0, 1], none of them grey → hues in degrees (n,)."""
    top, bottom = rgb.max(axis=1), rgb.min(axis=1)
    spread = np.maximum(top - bottom, 1e-6)
    r, g, b = rgb.T
    sector = np.where(
        top == r, (g - b) / spread % 6, np.where(top == g, (b - r) / spread + 2, (r - g) / spread + 4)
    )
    return 60 * sector


def recoloured(image: Image.Image, name: str) -> Image.Image:
    """The sprite in a named colour: its commonest hue becomes that colour's, the others turn with it.

    A grey name takes the colours away, and lifts or lowers the brightness.
    """
    alpha = image.getchannel("A")
    pixels = np.asarray(image, dtype=np.float32)[..., :3] / 255
    if name in GREYS:
        grey = pixels @ np.array([0.3, 0.59, 0.11], dtype=np.float32)
        low, high = {"white": (0.55, 1.0), "grey": (0.25, 0.75), "black": (0.02, 0.42)}[name]
        result = np.repeat((low + (high - low) * grey)[..., None], 3, axis=2)
    else:
        hsv = np.asarray(image.convert("RGB").convert("HSV")).copy()
        seen = (np.asarray(alpha) > 128) & (hsv[..., 1] > 60) & (hsv[..., 2] > 60)
        if not seen.any():
            return image
        common = np.bincount(hsv[..., 0][seen] // 8, minlength=32).argmax() * 8 + 4
        hsv[..., 0] = hsv[..., 0] + np.uint8((round(NAMED_HUES[name] / 360 * 256) - common) % 256)
        result = np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"), dtype=np.float32) / 255
    changed = Image.fromarray((result * 255).round().clip(0, 255).astype(np.uint8))
    changed.putalpha(alpha)
    return changed
