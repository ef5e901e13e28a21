"""What no training has seen: held-out objects on white and on grounds, photographs, and unions kept apart."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from scripts.storybook.captions import with_adjective
from scripts.storybook.ground import Ground
from scripts.storybook.grounds import (
    GROUNDS,
    city,
    desert,
    drawn,
    forest,
    meadow,
    mountains,
    night,
    room,
    sea,
    snow,
    sunset,
    white,
)
from scripts.storybook.sprites import CLIP_ART, Choice, called
from scripts.storybook.world import World

PHOTOGRAPHS = Path("assets/data/photographs")
SEED = 20261128  # another than the training's

KINDS = {
    "night": night, "sunset": sunset, "grass": meadow, "sea": sea, "snow": snow, "desert": desert,
    "mountains": mountains, "forest": forest, "city": city, "room": room,
}  # fmt: skip
"""Name of a ground, as unions write it → how it is drawn."""

PHRASES = {
    "night": "at night", "sunset": "at sunset", "grass": "on grass", "sea": "by the sea", "snow": "in the snow",
    "desert": "in the desert", "mountains": "in the mountains", "forest": "in the forest", "city": "in the city",
    "room": "in a room",
}  # fmt: skip


def to_float(pixels: np.ndarray) -> Tensor:
    """uint8 (N, 64, 64, 3) → float (N, 3, 64, 64) in [−1, 1]."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def objects(world: World, count: int, *, on_grounds: bool) -> Tensor:
    """`count` held-out objects, each in one design, alone on white or on a drawn ground: (count, 3, 64, 64)."""
    rng = np.random.default_rng([SEED, on_grounds])
    designs = [
        i
        for i, row in enumerate(world.sprites.rows)
        if row["name"] in world.sprites.held_out and row["style"] != CLIP_ART
    ]
    found = []
    for i in rng.permutation(designs)[:count]:
        row = world.sprites.rows[i]
        ground = _coloured(rng) if on_grounds else white(rng)
        choice = Choice(int(i), row["name"], (called(row["name"]),), row["style"])
        found.append(world.with_object(choice, rng, ground, alone=True).pixels)
    return to_float(np.stack(found))


def _coloured(rng: np.random.Generator) -> Ground:
    while (ground := drawn(GROUNDS, rng)).kind == "white":
        pass
    return ground


def photographs(folder: Path = PHOTOGRAPHS) -> Tensor:
    """The photographs that ship for measuring, (N, 3, 64, 64)."""
    rows = json.loads((folder / "photographs.json").read_text(encoding="utf-8"))
    return to_float(np.stack([np.asarray(Image.open(folder / row["file"]).convert("RGB")) for row in rows]))


def scenery(count: int) -> Tensor:
    """Grounds without objects that no training drew, for inpainting: (count, 3, 64, 64)."""
    from scripts.storybook.world import reduced

    rng = np.random.default_rng([SEED, 2])
    draws = list(KINDS.values())
    return to_float(np.stack([reduced(draws[k % len(draws)](rng).image) for k in range(count)]))


@dataclass(frozen=True)
class Asked:
    """A prompt, and what must be seen for it to be right."""

    prompt: str
    name: str
    ground: str | None = None
    colour: str | None = None


def unions(world: World, *, held_out: bool, count: int) -> list[Asked]:
    """Prompts of object and ground or object and colour: those never shown together, or as many that were."""
    phrases = {entry.name: entry.phrases[0] for entry in world.sprites.vocabulary}
    kept = sorted(world.sprites.unions)
    if not held_out:  # the same objects, each with what another one is kept from
        kept = [(name, kept[(k + 1) % len(kept)][1]) for k, (name, _) in enumerate(kept)]
        kept = [union for union in kept if union not in world.sprites.unions]
    chosen = np.random.default_rng([SEED, 3, held_out]).permutation(len(kept))[:count]
    found = []
    for k in sorted(chosen):
        name, what = kept[k]
        if name not in phrases:
            continue
        if what in PHRASES:
            found.append(Asked(f"{phrases[name]} {PHRASES[what]}", name, ground=what))
        else:
            found.append(Asked(with_adjective(phrases[name], what), name, colour=what))
    return found


def vocabulary(world: World, count: int) -> list[Asked]:
    """`count` objects of the vocabulary with their first phrases, drawn without repetition."""
    chosen = np.random.default_rng([SEED, 4]).permutation(len(world.sprites.vocabulary))[:count]
    return [Asked(world.sprites.vocabulary[k].phrases[0], world.sprites.vocabulary[k].name) for k in chosen]
