"""Pairs of prompts for anagrams and hybrids: those that the shipped model manages, and the course's own.

Chosen by looking at samples under several seeds. How often twenty other, fixed pairs work is measured by
`scripts/judge_illusions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lessons.prompts import FACE


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


ANAGRAM_SHOWN = (
    Pair("Car / face", "a 3d render of an automobile", FACE),
    Pair("Grin / anger", FACE, "a 3d render of an angry face"),
    Pair("Tree / heart", "a 3d render of a tree", "a 3d render of a heart"),
    Pair("Car / face, half turn", "a 3d render of an automobile", FACE, more={"view": "rotate 180"}),
    Pair("Fails: face / moon, negative", FACE, "a 3d render of a full moon", more={"view": "negative"}),
)
ANAGRAM_COURSE = (
    Pair("old man / campfire", "an old man", "people around a campfire"),
    Pair("waterfalls / man with hat", "waterfalls", "a man wearing a hat"),
    Pair("village / dog", "a snowy mountain village", "a photo of a dog"),
)
HYBRID_SHOWN = (
    Pair("Apple / face, σ = 2", "a 3d render of a red apple", FACE),
    Pair("Apple / face, σ = 4", "a 3d render of a red apple", FACE, more={"sigma": 4.0}),
    Pair("Heart / face, σ = 4", "a 3d render of a heart", FACE, more={"sigma": 4.0}),
    Pair("Mountain / ink house", "a 3d render of a mountain", "an ink drawing of a house"),
    Pair("Fails: tree / face", "a 3d render of a tree", FACE),
)
HYBRID_COURSE = (
    Pair("skull / waterfalls", "a lithograph of a skull", "a lithograph of waterfalls"),
    Pair("pencil / rocket", "a pencil", "a rocket ship"),
    Pair("waterfalls / dog", "waterfalls", "a photo of a dog"),
)


def suggestions(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Every prompt of the pairs once, in their order."""
    return tuple(dict.fromkeys(prompt for pair in pairs for prompt in (pair.one, pair.two)))
