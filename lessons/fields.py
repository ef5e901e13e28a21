"""The controls of a lesson as data: what values they take, and how a value stands in a URL.

A field is declared once, in its lesson; the page draws it, the URL carries it, phrases in the prose set
it, and `parse` is the one gate for all of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class BadValue(ValueError):
    """A value that a field does not take; the message is a sentence for the student."""


@dataclass(frozen=True)
class Field:
    """Name (in URLs and specifications), label (on screen), and the value that a lesson opens with."""

    name: str
    label: str
    default: Any
    help: str = ""

    def parse(self, text: str) -> Any:
        """The value that `text` stands for. Raises BadValue."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it is read.")

    def encode(self, value: Any) -> str:
        """The inverse of `parse`."""
        return str(value)

    def require_text(self, text: object) -> str:
        """`text` itself. What a browser sends may be anything; raises BadValue for what is not text."""
        if not isinstance(text, str):
            raise BadValue(f"{self.label} is read from text, not from {type(text).__name__}.")
        return text


@dataclass(frozen=True)
class Number(Field):
    """A whole number or, with `integer=False`, a decimal one, within [minimum, maximum]."""

    minimum: float = 0
    maximum: float = 1
    step: float = 1
    integer: bool = True
    slider: bool = True

    def parse(self, text: str) -> int | float:
        self.require_text(text)
        try:
            value = float(text) + 0.0  # -0 and 0 are one value, so they are one job
        except ValueError as error:
            raise BadValue(f"{self.label} must be a number, not “{text[:40]}”.") from error
        if not math.isfinite(value) or not self.minimum <= value <= self.maximum:
            raise BadValue(
                f"{self.label} must lie between {_shortest(self.minimum)} and {_shortest(self.maximum)}, "
                f"not “{text[:40]}”."
            )
        if not self.integer:
            return value
        if value != int(value):
            raise BadValue(f"{self.label} must be a whole number, not “{text[:40]}”.")
        return int(value)

    def encode(self, value: Any) -> str:
        return str(value) if self.integer else _shortest(value)


@dataclass(frozen=True)
class Numbers(Field):
    """A short list of numbers, such as the guidance scales to compare: written "0,1,7.5"."""

    minimum: float = 0
    maximum: float = 1
    max_count: int = 6
    integer: bool = False

    def parse(self, text: str) -> tuple[float, ...]:
        one = Number(
            self.name, self.label, 0, minimum=self.minimum, maximum=self.maximum, integer=self.integer
        )
        parts = [part for part in re.split(r"[,\s;]+", self.require_text(text).strip()) if part]
        if not 1 <= len(parts) <= self.max_count:
            raise BadValue(f"{self.label}: give between 1 and {self.max_count} numbers, separated by commas.")
        values = [one.parse(part) for part in parts]
        return tuple(dict.fromkeys(values))  # the same number twice would be the same picture twice

    def encode(self, value: Sequence[float]) -> str:
        return ",".join(_shortest(v) for v in value)


@dataclass(frozen=True)
class Choice(Field):
    """One of a few values; `labels` are what the student reads."""

    options: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def parse(self, text: str) -> str:
        if self.require_text(text) not in self.options:
            raise BadValue(f"{self.label} must be one of {', '.join(self.options)}, not “{text[:40]}”.")
        return text

    def label_of(self, value: str) -> str:
        return self.labels[self.options.index(value)] if self.labels else value


@dataclass(frozen=True)
class Text(Field):
    """A prompt. Longer text is refused, not cut; what the model's tokenizer cuts is shown by the page."""

    max_length: int = 300
    suggestions: tuple[str, ...] = ()

    def parse(self, text: str) -> str:
        text = " ".join(self.require_text(text).split())
        if len(text) > self.max_length:
            raise BadValue(
                f"{self.label} is limited to {self.max_length} characters; this has {len(text)}. Shorten it."
            )
        return text


@dataclass(frozen=True)
class PictureRef(Field):
    """A shipped test picture by its slug, or an uploaded one by the SHA-256 of its pixels."""

    def parse(self, text: str) -> str:
        if not re.fullmatch(r"(?!upload-)[a-z0-9-]{1,60}|upload-[0-9a-f]{64}", self.require_text(text)):
            raise BadValue(
                f"{self.label}: “{text[:40]}” is no picture of this app. Choose one, or upload your own."
            )
        return text


def _shortest(value: float) -> str:
    """7.0 as "7", 0.1 as "0.1", and no digit lost: a link has to give back the very number."""
    if abs(value) < 1e15 and value == int(value):
        return str(int(value))
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def seed_field(default: int = 0) -> Number:
    """The seed of the random numbers: the same seed gives the same picture."""
    return Number(
        "seed", "Seed", default, "Chooses the noise. The same seed gives the same noise.",
        maximum=2**31 - 1, slider=False,
    )  # fmt: skip
