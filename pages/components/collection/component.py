"""Mounts the collection. The files under `js/` are plain scripts, joined into one module here: no build step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.address import base
from pages.components.common import joined, styled
from pages.components.shelf import picture_address

HERE = Path(__file__).parent
COMMON = ("file_name", "film_strip", "collection")
SCRIPTS = ("facts", "tasks", "card", "export", "page")

_mount = st.components.v2.component(
    "kept_collection",
    html=(HERE / "collection.html").read_text(encoding="utf-8"),
    css=styled(HERE / "collection.css"),
    js=joined(HERE / "js", SCRIPTS, common=COMMON),
)


@dataclass(frozen=True)
class Example:
    """What a kept picture looks like, for whoever has none: a lesson's `code` and `title`, and what is said of its run."""

    code: str
    title: str
    facts: Sequence[tuple[str, str]]


def collection(
    tasks: Mapping[str, Any],
    *,
    strips: Mapping[str, tuple[bytes, int]],
    example: Example,
    first: str,
    key: str,
) -> None:
    """Shows what this browser has kept. The server is told nothing of it, unless one asks for a file that it makes.

    `tasks`: {"title", "tasks": [{"id", "lesson", "title", "text", "pictures", "path"}]}, the list until a teacher's is
    loaded; `strips`: by a lesson's code the small film of its card, a WebP of square frames below each other, and how
    many; `example` and `first`, the path of the page to begin with, are for an empty collection.
    """
    films = {
        code: {"strip": picture_address(webp), "frames": frames} for code, (webp, frames) in strips.items()
    }
    _mount(
        key=key,
        height="content",
        data={
            "tasks": dict(tasks),
            "films": films,
            "example": {
                "code": example.code,
                "title": example.title,
                "facts": [list(fact) for fact in example.facts],
            },
            "base": base(),
            "first": first,
        },
    )
