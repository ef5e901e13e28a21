"""Pinned runs in an address: the values of the controls that a run was made with, up to three runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from lessons.address import pairs_in
from lessons.characters import quoted
from lessons.fields import BadValue
from lessons.lesson import Lesson

MOST = 3  # pinned runs: with the page's own four, as many as stand side by side on a projector
REFERENCE = "reference"  # in the address: a pin of the lesson's own values


def read_pins(lesson: Lesson, text: str) -> list[dict[str, Any]]:
    """The pins that an address holds: "seed=3&count=2|reference". Raises BadValue."""
    if not lesson.pinnable:
        raise BadValue("This lesson has no runs to pin.")
    parts = text.split("|")
    if len(parts) > MOST:
        raise BadValue(f"At most {MOST} runs are pinned; the link names {len(parts)}.")
    return [_read_pin(lesson, part) for part in parts]


def _read_pin(lesson: Lesson, text: str) -> dict[str, Any]:
    pin = lesson.defaults()
    if text == REFERENCE:
        return pin
    try:
        if not text:
            raise ValueError("an empty pin")
        pairs = pairs_in(text, 100)
    except ValueError as error:
        raise BadValue(
            f"A pinned run is written like “seed=3” or “{REFERENCE}”, not {quoted(text)}."
        ) from error
    for name, value in pairs:
        try:
            pin[name] = lesson.field(name).parse(value)
        except KeyError as error:
            raise BadValue(f"A pinned run sets {quoted(name)}, which this lesson does not have.") from error
    return pin


def write_pins(lesson: Lesson, pins: Sequence[Mapping[str, Any]]) -> str:
    """The inverse of `read_pins`: what differs from the lesson's own values."""
    return "|".join(
        urlencode({f.name: f.encode(pin[f.name]) for f in lesson.fields if pin[f.name] != f.default})
        or REFERENCE
        for pin in pins
    )
