"""What emoji64's training captions said: the phrases of its objects and scenes, and the words around them by style.

`python -m scripts.emoji.phrases` writes the list; it is read without torch and without the pictures.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from core.emoji_pictures import EMOJI_FOLDER, EmojiPicturesMissing

FILE = "phrases.json"
NEAR = 0.72  # of difflib's ratio, 1 for the same word: a letter or two of a word are wrong
_WORD = re.compile(r"[^\W\d_]{3,}")  # shorter ones hold a sentence together, and name nothing


@dataclass(frozen=True)
class EmojiPhrases:
    """`phrases` such as "a rocket ship"; `templates` such as "a photo of {}", all styles' together."""

    phrases: tuple[str, ...]
    templates: tuple[str, ...]

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of a training caption, in lower case."""
        return frozenset(word for text in (*self.phrases, *self.templates) for word in _words(text))

    def never_shown(self, prompt: str) -> tuple[str, ...]:
        """The words of the prompt that stood in no caption, each once, in their order."""
        return tuple(dict.fromkeys(word for word in _words(prompt) if word not in self.words))

    def near(self, word: str, most: int = 3) -> tuple[str, ...]:
        """Up to `most` phrases with a word that is spelt nearly like this one, or that stands in it ("house")."""
        known = sorted({part for phrase in self.phrases for part in _words(phrase)})
        inside = sorted(
            (part for part in known if len(part) > 3 and part in word.lower()), key=len, reverse=True
        )
        found = [*difflib.get_close_matches(word.lower(), known, most, NEAR), *inside][:most]
        shortest = [min((p for p in self.phrases if part in _words(p)), key=len) for part in found]
        return tuple(dict.fromkeys(shortest))

    def in_the_style_of(self, prompt: str, phrase: str) -> str:
        """The phrase with what `prompt` has before its object: beside "a painting of a cat", "a dog" is painted."""
        beginnings = [template.removesuffix("{}") for template in self.templates if template.endswith("{}")]
        beginnings.sort(key=len, reverse=True)
        return next((begin for begin in beginnings if prompt.lower().startswith(begin)), "") + phrase


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def load_phrases(folder: Path = EMOJI_FOLDER) -> EmojiPhrases:
    """Raises EmojiPicturesMissing: the list is absent or damaged."""
    try:
        listed = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return EmojiPhrases(tuple(listed["phrases"]), tuple(listed["templates"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmojiPicturesMissing(f"Restore {folder} from the repository: {error}.") from error
