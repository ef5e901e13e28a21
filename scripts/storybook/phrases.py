"""Writes what storybook64's training captions said, for the pages: python -m scripts.storybook.phrases --sprites FOLDER

The captions are composed from parts (scripts/storybook/world.py), so the parts are listed, not the captions. What is held
out is in none of them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from core.caption_phrases import FILE, FOLDERS, words_of
from scripts.storybook.captions import NULL_LIKE, NUMBERS, STYLES, plural
from scripts.storybook.grounds import GROUNDS
from scripts.storybook.scenes import SCENES
from scripts.storybook.sprites import GREYS, NAMED_HUES, Sprites, called, clip_art_phrases
from scripts.storybook.textures import TEXTURES

DRAWN = 60  # of each ground: some draw a colour or a season, by which they are named
FIXED = (
    "a picture", "an abstract pattern", "a texture", "on the left", "on the right", "at the top", "at the bottom", "and",
)  # fmt: skip


def listed(sprites: Sprites) -> dict[str, list[str]]:
    """As core/caption_phrases.py reads it: what the vocabulary, the scenes and the grounds are called, then the rest."""
    objects = {
        phrase
        for entry in sprites.vocabulary
        for name, phrases in entry.pictures()
        if name in sprites.of_name
        for phrase in phrases
    }
    scenes = {phrase for _, phrases in SCENES.values() for phrase in phrases}
    behind, nouns = grounds()
    often = objects | scenes | nouns
    more = {called(name) for name in sprites.others} - often
    templates = list(
        dict.fromkeys([*(template for style in STYLES.values() for template, _ in style), NULL_LIKE])
    )
    clip_art = {phrase for sprite in sprites.clip_art for phrase in clip_art_phrases(sprites.rows[sprite])}
    several = {plural(phrase) or "" for phrase in (*objects, *more, *clip_art)}
    said = {*behind, *clip_art, *several, *FIXED, *NAMED_HUES, *GREYS, *NUMBERS.values()}
    around = set(words_of(said)) - set(words_of([*often, *more, *templates]))
    return {
        "phrases": in_order(often),
        "templates": templates,
        "more": in_order(more),
        "around": sorted(around),
    }


def grounds() -> tuple[set[str], set[str]]:
    """What follows an object ("by the sea"), and what a ground is called without one ("a beach")."""
    behind, nouns = set(), set()
    for draw in {**GROUNDS, **TEXTURES}:
        for seed in range(DRAWN):
            ground = draw(np.random.default_rng(seed))
            behind.update(ground.phrases)
            nouns.update(ground.nouns)
    return behind, nouns


def in_order(phrases: set[str]) -> list[str]:
    """By the alphabet, behind their articles."""
    return sorted(phrases, key=lambda phrase: (phrase.removeprefix("a ").removeprefix("an "), phrase))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sprites", type=Path, required=True, help="folder with the sprite set")
    folder = FOLDERS["storybook64"]
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(listed(Sprites(parser.parse_args().sprites)), indent=0, ensure_ascii=False) + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
