"""Mounts the cards. A card's film is one picture, its frames below each other; the browser shows one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.components.address import base
from pages.components.common import joined
from pages.components.shelf import picture_address

HERE = Path(__file__).parent
COMMON = ("opened", "film_strip")
SCRIPTS = ("cards",)

_mount = st.components.v2.component(
    "course_cards",
    html=(HERE / "cards.html").read_text(encoding="utf-8"),
    css=(HERE / "cards.css").read_text(encoding="utf-8"),
    js=joined(HERE, SCRIPTS, common=COMMON),
)


@dataclass(frozen=True)
class Card:
    """One lesson: `path` is its address below the app's, `strip` a WebP of `frames` square pictures below each other."""

    code: str
    title: str
    claim: str
    minutes: int
    path: str
    strip: bytes | None = None
    frames: int = 0


def cards(parts: Mapping[str, Sequence[Card]], *, key: str, small: bool = False) -> None:
    """Draws the cards below the headings of their parts ("": none); those opened in this browser are marked as seen.

    `small` ones go above something to read: nine in a line of a laptop's screen instead of six.
    """
    _mount(
        key=key,
        height="content",
        data={
            "base": base(),
            "small": small,
            "parts": [
                {"heading": heading, "cards": [_told(card) for card in few]} for heading, few in parts.items()
            ],
        },
    )


def _told(card: Card) -> dict[str, object]:
    return {
        "code": card.code,
        "title": card.title,
        "claim": card.claim,
        "minutes": card.minutes,
        "path": card.path,
        "frames": card.frames,
        "strip": picture_address(card.strip) if card.strip else None,
    }
