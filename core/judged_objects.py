"""The objects that the judge of objects tells apart, and which of them a prompt asks for. Read without torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

OBJECT_JUDGE = Path(__file__).parent.parent / "assets" / "models" / "object-judge"
WEIGHTS, FIGURES = "classifier.safetensors", "classifier.json"
_ARTICLES = frozenset({"a", "an", "the"})
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class JudgedObjects:
    """What the judge can tell apart.

    Attributes:
        phrases: name of the object → what a prompt may call it, the usual first.
        accuracy: kind of drawings → "top-1" and "top-5" of the judge on them, 0 to 1.
        fingerprint: of the judge's weights, which what it says depends on.
    """

    phrases: Mapping[str, tuple[str, ...]]
    accuracy: Mapping[str, Mapping[str, float]]
    fingerprint: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.phrases)

    def called(self, name: str) -> str:
        """ "a dog", where the object is published as "dog face"."""
        return self.phrases[name][0]

    def asked_for(self, prompt: str) -> str | None:
        """The object that a prompt asks for: the first that it names, by as many words as there are; None if it names none.

        Of two that follow each other at once the second is the object, and the first says of what kind: "an orange cat" is
        a cat, "a car at sunset" a car.
        """
        found, follows = None, 0
        for name, start, end in self._named_in(_words(prompt)):
            if found is not None and start > follows:
                break
            found, follows = name, end
        return found

    def _named_in(self, words: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
        """(name, first word, the word behind it) of every object, from left to right, each by its longest phrase."""
        at = 0
        while at < len(words):
            length = next((n for n in range(self._longest, 0, -1) if words[at : at + n] in self._of_words), 0)
            if length:
                yield self._of_words[words[at : at + length]], at, at + length
            at += length or 1

    @cached_property
    def _of_words(self) -> dict[tuple[str, ...], str]:
        named: dict[tuple[str, ...], str] = {}
        for name, phrases in self.phrases.items():
            for phrase in phrases:
                words = _words(phrase)
                named.setdefault(words[1:] if words[0] in _ARTICLES else words, name)
        return named

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._of_words))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def load_judged_objects(folder: Path = OBJECT_JUDGE) -> JudgedObjects:
    """Raises FileNotFoundError: the judge's folder is not there."""
    told: dict[str, Any] = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    phrases = {name: tuple(told["phrases"][name]) for name in told["names"]}
    accuracy = {kind: told[kind] for kind in ("learnt drawings", "new drawings")}
    return JudgedObjects(phrases, accuracy, hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:16])
