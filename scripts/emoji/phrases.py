"""Writes what emoji64's training captions said, for the pages: python -m scripts.emoji.phrases"""

from __future__ import annotations

import json

from core.caption_phrases import FILE
from core.emoji_pictures import EMOJI_FOLDER
from scripts.emoji.scenes import SCENES
from scripts.emoji.vocabulary import NULL_LIKE, STYLES, entries


def listed() -> dict[str, list[str]]:
    """Phrases in alphabetical order behind their articles, templates by style."""
    objects = {phrase for entry in entries() for _, phrases in entry.pictures() for phrase in phrases}
    scenes = {phrase for _, phrases in SCENES.values() for phrase in phrases}
    return {
        "phrases": sorted(objects | scenes, key=lambda phrase: phrase.removeprefix("a ").removeprefix("an ")),
        "templates": [*dict.fromkeys(template for style in STYLES.values() for template in style), NULL_LIKE],
    }


def main() -> None:
    text = json.dumps(listed(), indent=0, ensure_ascii=False) + "\n"
    (EMOJI_FOLDER / FILE).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
