"""The controls of a lesson as data: what values they take, and how a value stands in a URL.

A field is declared once, in its lesson; the page draws it, the URL carries it, phrases in the prose set
it, and `parse` is the one gate for all of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar

from core.settings import SHIPPED_MODELS
from lessons.characters import quoted
from lessons.numbers import NotANumber, TwoReadings, is_plain, read_number, read_numbers, written

MOST_DIGITS = 30  # of a whole number that is looked at exactly


class BadValue(ValueError):
    """A value that a field does not take; the message is a sentence for the student."""


@dataclass(frozen=True)
class Field:
    """Name (in URLs and specifications), label (on screen), and the value that a lesson opens with."""

    name: str
    label: str
    default: Any
    help: str = ""
    made: ClassVar[bool] = False  # holds what a student has made: no preset puts the default in its place

    def parse(self, text: str) -> Any:
        """The value that `text` stands for. Raises BadValue."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it is read.")

    def follow(self, text: str) -> tuple[Any, str | None]:
        """The value that `text` stands for in a link, and a sentence where a reader should know how it was read."""
        return self.parse(text), None

    def encode(self, value: Any) -> str:
        """The inverse of `parse`."""
        return str(value)

    def require_text(self, text: object) -> str:
        """`text` itself. What a browser sends may be anything; raises BadValue for what is not text."""
        if not isinstance(text, str):
            raise BadValue(f"{self.label} is read from text, not from {type(text).__name__}.")
        return text


@dataclass(frozen=True)
class Typed(Field):
    """What is read from typed digits: numbers, in the ways of `lessons.numbers`."""

    @cached_property
    def words(self) -> frozenset[str]:
        """What people write before or behind the number: "γ =", "px", "epochs", "lr ="."""
        words = set(re.findall(r"[^\W\d]\w*", f"{self.label} {self.name}".casefold()))
        words |= {"px"} if "pixels" in words else set()
        words |= {"".join(part[0] for part in self.name.split("_"))} if "_" in self.name else set()
        return frozenset(words - {"of", "to"})

    @property
    def example(self) -> str:
        """How to write a value that is taken."""
        return self.encode(self.default)

    def read_out(self, text: str) -> str | None:
        """How `text`, which `parse` takes, was understood; None where there is but one way to take it."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it was read.")

    def unreadable(self, text: str, error: NotANumber) -> BadValue:
        """What the student is told of text that is no number, or more than one."""
        if isinstance(error, TwoReadings):
            ways = [f"“{way}”" for way in error.ways]
            return BadValue(
                f"{self.label}: {quoted(text)} can be read in more than one way. "
                f"Write {', '.join(ways[:-1])} or {ways[-1]}."
            )
        return BadValue(
            f"{self.label} must be a number, not {quoted(str(error))}; write it like {self.example}."
        )

    def exactly(self, value: Decimal, text: str, *, whole: bool) -> int | float:
        """The number without rounding a whole one; -0 and 0 are one value, so they are one job. Raises BadValue."""
        if whole:
            if not value.is_zero() and value.adjusted() > MOST_DIGITS:
                return float(value)  # beyond every limit, and whoever knows the limit says so
            if value != value.to_integral_value():
                near = f"write {math.floor(value)} or {math.ceil(value)}"
                raise BadValue(f"{self.label} must be a whole number, not {quoted(text)}: {near}.")
            return int(value)
        number = float(value) + 0.0
        if number == 0 and not value.is_zero():
            raise BadValue(f"{self.label}: {quoted(text)} is too small to be told from 0; write 0.")
        return number


@dataclass(frozen=True)
class Number(Typed):
    """A whole number or, with `integer=False`, a decimal one, within [minimum, maximum]."""

    minimum: float = 0
    maximum: float = 1
    step: float = 1
    integer: bool = True
    slider: bool = True

    def parse(self, text: str) -> int | float:
        try:
            value = read_number(self.require_text(text), whole=self.integer, words=self.words)
        except NotANumber as error:
            raise self.unreadable(text, error) from error
        return self.within(value, text)

    def within(self, value: Decimal, text: str) -> int | float:
        """The number itself, if it lies within the limits. Raises BadValue."""
        if not self.minimum <= (value if self.integer else float(value)) <= self.maximum:
            read = "" if is_plain(text, whole=self.integer) else f", which reads as {written(value)}"
            raise BadValue(
                f"{self.label} must lie between {written(self.minimum)} and {written(self.maximum)}, "
                f"not {quoted(text)}{read if len(read) < 60 else ''}."
            )
        return self.exactly(value, text, whole=self.integer)

    def encode(self, value: Any) -> str:
        return str(value) if self.integer else written(value)

    def read_out(self, text: str) -> str | None:
        return None if is_plain(text, whole=self.integer) else self.encode(self.parse(text))


@dataclass(frozen=True)
class Numbers(Typed):
    """A short list of numbers, such as the guidance scales to compare: written "0;1;7.5"."""

    minimum: float = 0
    maximum: float = 1
    max_count: int = 6
    integer: bool = False

    def parse(self, text: str) -> tuple[float, ...]:
        try:
            values = read_numbers(self.require_text(text), whole=self.integer, words=self.words)
        except NotANumber as error:
            raise self.unreadable(text, error) from error
        if not 1 <= len(values) <= self.max_count:
            raise BadValue(
                f"{self.label}: give between 1 and {self.max_count} numbers, separated by semicolons."
            )
        one = Number(
            self.name, self.label, 0, minimum=self.minimum, maximum=self.maximum, integer=self.integer
        )
        # The same number twice would be the same picture twice.
        return tuple(dict.fromkeys(one.within(value, written(value)) for value in values))

    def follow(self, text: str) -> tuple[tuple[float, ...], str | None]:
        """Links of two numbers were written "0,7" before lists had semicolons: they go on meaning two, said aloud."""
        try:
            return self.parse(text), None
        except BadValue as error:
            if not (
                isinstance(error.__cause__, TwoReadings) and re.fullmatch(r"(0|[1-9]\d*),(0|[1-9]\d*)", text)
            ):
                raise
        value = self.parse(text.replace(",", ";"))
        first, second = map(written, value) if len(value) == 2 else (written(value[0]),) * 2
        note = f"{self.label}: the link’s {quoted(text)} was read as {first} and {second}. "
        note += f"For one number write {first}.{second}."
        return value, note

    def encode(self, value: Sequence[float]) -> str:
        return ";".join(written(v) for v in value)

    @property
    def example(self) -> str:
        return self.shown(self.default)

    def shown(self, value: Sequence[float]) -> str:
        """The list as it stands in the text box."""
        return "; ".join(written(v) for v in value)

    def read_out(self, text: str) -> str | None:
        value = self.parse(text)
        items = [item.strip() for item in text.strip("; \t").split(";")]
        as_shown = len(items) == len(value) and all(is_plain(item, whole=self.integer) for item in items)
        return None if as_shown else self.shown(value)


@dataclass(frozen=True)
class Choice(Field):
    """One of a few values; `labels` are what the student reads."""

    options: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def parse(self, text: str) -> str:
        if self.require_text(text) not in self.options:
            raise BadValue(f"{self.label} must be one of {', '.join(self.options)}, not {quoted(text)}.")
        return text

    def label_of(self, value: str) -> str:
        return self.labels[self.options.index(value)] if self.labels else value


MODEL = "model"


def model_field() -> Choice:
    """Which of the two models that ship is asked. Under another model there is no such choice (lessons/any_model.py)."""
    return Choice(
        MODEL, "Model", SHIPPED_MODELS[0],
        "emoji64 remembers 1,493 pictures. storybook64 was never shown one picture twice, and learns to draw.",
        options=SHIPPED_MODELS,
    )  # fmt: skip


@dataclass(frozen=True)
class Text(Field):
    """A prompt. Longer text is refused, not cut; what the model's tokenizer cuts is shown by the page."""

    max_length: int = 300
    suggestions: tuple[str, ...] = ()
    said: str = "This model draws, for instance:"  # above the suggestions
    only: tuple[str, ...] = ()  # where not empty: the prompts there are

    def parse(self, text: str) -> str:
        text = " ".join(self.require_text(text).split())
        if self.only and text not in self.only:
            named = ", ".join(f"“{prompt}”" for prompt in self.only if prompt)
            raise BadValue(
                f"{self.label} must be one of the prompts there are, not “{text[:60]}”: {named}; others need a text encoder."
            )
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
                f"{self.label}: {quoted(text)} is no picture of this app. Choose one, or upload your own."
            )
        return text


def seed_field(default: int = 0) -> Number:
    """The seed of the random numbers: the same seed gives the same picture."""
    return Number(
        "seed", "Seed", default, "Chooses the noise. The same seed gives the same noise.",
        maximum=2**31 - 1, slider=False,
    )  # fmt: skip
