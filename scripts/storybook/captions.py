"""Words for what is in a picture: 'a cartoon of a red car by the sea', and plain 'a dog' most often."""

from __future__ import annotations

import numpy as np

from scripts.emoji.vocabulary import NULL_LIKE

STYLES: dict[str, tuple[tuple[str, float], ...]] = {
    "fluent-3d": (("a photo of {}", 3), ("a high quality photo of {}", 2), ("a 3d render of {}", 3)),
    "fluent-emoji": (("an illustration of {}", 3), ("a photo of {}", 1), ("a picture of {}", 1)),
    "fluent-emoji-flat": (("a flat icon of {}", 4), ("a paper cutout of {}", 2)),
    "fluent-high-contrast": (("a lithograph of {}", 4), ("an ink drawing of {}", 3), ("a black and white drawing of {}", 1)),
    "noto": (("an oil painting of {}", 4), ("a painting of {}", 3)),
    "noto-v1": (("a cartoon of {}", 4),),
    "twemoji": (("a sticker of {}", 4), ("a cartoon of {}", 1)),
    "emojione": (("a drawing of {}", 3), ("a colour drawing of {}", 1)),
    "fxemoji": (("a poster of {}", 3),),
    "streamline-emojis": (("a comic of {}", 3), ("a line drawing of {}", 2)),
    "clipart": (("clip art of {}", 1),),
}  # fmt: skip
"""Design → caption templates with their relative frequency."""

NUMBERS = {2: "two", 3: "three"}
NO_PLURAL = (" of ", " with ", " without ", " on ", " in ", " wearing ", " and ")
IRREGULAR = {"man": "men", "woman": "women", "mouse": "mice", "goose": "geese", "tooth": "teeth", "leaf": "leaves",
             "wolf": "wolves", "knife": "knives", "foot": "feet", "child": "children", "person": "people",
             "fish": "fish", "sheep": "sheep", "policeman": "policemen", "grandfather": "grandfathers"}  # fmt: skip


def plural(phrase: str) -> str | None:
    """'a tropical fish' → 'tropical fish', 'an owl' → 'owls'; None for what is no single countable thing."""
    article, _, noun = phrase.partition(" ")
    if article not in ("a", "an") or any(part in phrase for part in NO_PLURAL):
        return None
    *before, last = noun.split(" ")
    if last in IRREGULAR:
        last = IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        last += "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return " ".join([*before, last])


def with_adjective(phrase: str, adjective: str) -> str:
    """'an apple', 'blue' → 'a blue apple'; what has no article gets the word in front."""
    article, _, noun = phrase.partition(" ")
    if article in ("a", "an"):
        return f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective} {noun}"
    if article == "the":
        return f"the {adjective} {noun}"
    return f"{adjective} {phrase}"


def of_object(phrases: tuple[str, ...], rng: np.random.Generator) -> str:
    """One of the phrases; the first is used as often as all others together."""
    return (
        phrases[0] if len(phrases) == 1 or rng.random() < 0.5 else phrases[1 + rng.integers(len(phrases) - 1)]
    )


def in_style(what: str, style: str, rng: np.random.Generator, share: float = 0.45) -> str:
    """'a cartoon of a dog', or the plain words."""
    if rng.random() > share:
        return what
    templates, weights = zip(*STYLES[style], strict=True)
    weights = np.array(weights, dtype=float)
    return templates[rng.choice(len(templates), p=weights / weights.sum())].format(what)


def null_like(style: str, rng: np.random.Generator) -> bool:
    """Whether a picture of the first design is called 'a high quality photo' and no more."""
    return style in ("fluent-3d", "fluent-emoji") and rng.random() < 0.07


__all__ = ["NULL_LIKE", "NUMBERS", "STYLES", "in_style", "null_like", "of_object", "plural", "with_adjective"]
