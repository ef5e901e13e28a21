"""Mounts the collection. The files under `js/` are plain scripts, joined into one module here: no build step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.address import base
from pages.components.common import joined, styled

HERE = Path(__file__).parent
COMMON = ("file_name", "collection")
SCRIPTS = ("facts", "tasks", "card", "export", "page")

_mount = st.components.v2.component(
    "kept_collection",
    html=(HERE / "collection.html").read_text(encoding="utf-8"),
    css=styled(HERE / "collection.css"),
    js=joined(HERE / "js", SCRIPTS, common=COMMON),
)


def collection(tasks: Mapping[str, Any], *, first: str, key: str) -> None:
    """Shows what this browser has kept. The server is told nothing of it, unless one asks for a file that it makes.

    `tasks`: {"title", "tasks": [{"id", "lesson", "title", "text", "pictures", "path"}]}, the list until a teacher's is
    loaded; `first`: the path of the page with which an empty collection is best begun.
    """
    _mount(key=key, height="content", data={"tasks": dict(tasks), "base": base(), "first": first})
