"""Pairs of prompts for anagrams and hybrids: those that the shipped model manages, and the course's own.

Most are of the twenty fixed pairs with which `scripts/emoji/judge_illusions.py` measures how often this works: some of those
whose two readings its judge names, and one of those where it names neither. The others were chosen by looking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Pair:
    """Two prompts for one picture, and the controls under which both readings come out, if there are any."""

    label: str
    one: str
    two: str
    seed: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)  # other controls that this pair wants

    @property
    def values(self) -> dict[str, Any]:
        """What a preset sets."""
        return {"p1": self.one, "p2": self.two, "seed": self.seed, **self.more}


COURSE_SIGMA = {"sigma": 2.0}  # the course's low pass, in pixels

PANDA = Pair("Panda / skull", "a 3d render of a panda", "a 3d render of a skull")
ANAGRAM_SHOWN = (
    Pair("Laughing face / frog", "a 3d render of a laughing face", "a 3d render of a frog"),
    Pair("Sleeping face / happy face", "a 3d render of a sleeping face", "a 3d render of a happy face"),
    PANDA,
    Pair("Maple leaf / heart", "a 3d render of a maple leaf", "a 3d render of a heart"),
    Pair("Penguin / vampire", "a photo of a penguin", "a photo of a vampire"),
    Pair("Fails: ice cream / tree", "a 3d render of an ice cream", "a 3d render of a tree"),
)
ANAGRAM_COURSE = (
    Pair("old man / campfire", "an old man", "people around a campfire"),
    Pair("waterfalls / man with hat", "waterfalls", "a man wearing a hat"),
    Pair("village / dog", "a snowy mountain village", "a photo of a dog"),
)
HYBRID_SHOWN = (
    Pair("Apple / butterfly", "a 3d render of an apple", "an ink drawing of a butterfly", 1, {"sigma": 1.75}),
    Pair(
        "Strawberry / spider", "a 3d render of a strawberry", "an ink drawing of a spider", 1, {"sigma": 1.75}
    ),
    Pair(
        "Mushroom / light bulb",
        "a 3d render of a mushroom",
        "an ink drawing of a light bulb",
        more=COURSE_SIGMA,
    ),
    Pair("Owl / skull", "a 3d render of an owl", "an ink drawing of a skull", more=COURSE_SIGMA),
    Pair(
        "Fails: ice cream / tree",
        "a 3d render of an ice cream",
        "an ink drawing of a tree",
        more=COURSE_SIGMA,
    ),
)
HYBRID_COURSE = (
    Pair("skull / waterfalls", "a lithograph of a skull", "a lithograph of waterfalls", more=COURSE_SIGMA),
    Pair("pencil / rocket", "a pencil", "a rocket ship", more=COURSE_SIGMA),
    Pair("waterfalls / dog", "waterfalls", "a photo of a dog", more=COURSE_SIGMA),
)


def suggestions(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Every prompt of the pairs once, in their order."""
    return tuple(dict.fromkeys(prompt for pair in pairs for prompt in (pair.one, pair.two)))
