"""What a shipped model's training captions said: the phrases of its objects and scenes, and the words around them.

`python -m scripts.emoji.phrases` and `python -m scripts.storybook.phrases` write the lists; they are read without torch
and without the pictures.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from core.emoji_pictures import EMOJI_FOLDER

FILE = "phrases.json"
FOLDERS = {"emoji64": EMOJI_FOLDER, "storybook64": EMOJI_FOLDER.parent / "storybook"}
"""Shipped model -> where its list lies."""
NEAR = 0.72  # of difflib's ratio, 1 for the same word: a letter or two of a word are wrong
_WORD = re.compile(r"[^\W\d_]{3,}")  # shorter ones hold a sentence together, and name nothing


class PhrasesMissing(ValueError):
    """The list of phrases is absent or damaged."""


@dataclass(frozen=True)
class CaptionPhrases:
    """What the captions said.

    Attributes:
        phrases: such as "a rocket ship", which were shown often.
        templates: such as "a photo of {}", all styles' together.
        more: phrases that were shown too, each seldom.
        around: the words of captions that stand in none of these, such as colours and the names of grounds.
    """

    phrases: tuple[str, ...]
    templates: tuple[str, ...]
    more: tuple[str, ...] = ()
    around: tuple[str, ...] = ()

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of a training caption, in lower case."""
        return frozenset(words_of((*self.phrases, *self.templates, *self.more, *self.around)))

    def never_shown(self, prompt: str) -> tuple[str, ...]:
        """The words of the prompt that stood in no caption, each once, in their order."""
        return tuple(dict.fromkeys(word for word in words_of([prompt]) if word not in self.words))

    def near(self, word: str, most: int = 3) -> tuple[str, ...]:
        """Up to `most` phrases with a word that is spelt nearly like this one, or that stands in it ("house")."""
        phrases = (*self.phrases, *self.more)
        known = sorted(set(words_of(phrases)))
        inside = sorted(
            (part for part in known if len(part) > 3 and part in word.lower()), key=len, reverse=True
        )
        found = [*difflib.get_close_matches(word.lower(), known, most, NEAR), *inside][:most]
        shortest = [min((p for p in phrases if part in words_of([p])), key=len) for part in found]
        return tuple(dict.fromkeys(shortest))

    def in_the_style_of(self, prompt: str, phrase: str) -> str:
        """The phrase with what `prompt` has before its object: beside "a painting of a cat", "a dog" is painted."""
        beginnings = [template.removesuffix("{}") for template in self.templates if template.endswith("{}")]
        beginnings.sort(key=len, reverse=True)
        return next((begin for begin in beginnings if prompt.lower().startswith(begin)), "") + phrase


def words_of(texts: Iterable[str]) -> list[str]:
    """The words that name something, in lower case, in their order."""
    return [word.lower() for text in texts for word in _WORD.findall(text)]


def load_phrases(folder: Path) -> CaptionPhrases:
    """Raises PhrasesMissing."""
    try:
        listed = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return CaptionPhrases(**{name: tuple(texts) for name, texts in listed.items()})
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise PhrasesMissing(f"Restore {folder} from the repository: {error}.") from error
