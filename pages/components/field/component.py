"""Mounts the vector field. The files under `js/` are plain scripts, joined into one module here: no build step."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.common import joined, styled, with_buttons
from pages.components.field.scene import Scene

HERE = Path(__file__).parent
# The first three compute and touch no page; tests load them alone.
MATHEMATICS = ("exact", "network", "solvers")
COMMON = (
    "leaving",
    "while_here",
    "pixel_ratio",
    "readback",
    "room",
    "file_name",
    "png_file",
    "save_png",
    "parts",
    "clamp",
    "svg",
)
SCRIPTS = (*MATHEMATICS, "decode", "view", "layers", "panel", "loss", "controls", "field")


def script(name: str) -> str:
    """The source of one of the component's scripts."""
    return (HERE / "js" / f"{name}.js").read_text(encoding="utf-8")


_mount = st.components.v2.component(
    "vector_field",
    html=with_buttons(HERE / "field.html"),
    css=styled(HERE / "field.css", common=("theme", "transport")),
    js=joined(HERE / "js", SCRIPTS, common=COMMON),
)


def vector_field(
    scene: Scene, view: Mapping[str, str], *, key: str, on_view: Callable[[Mapping[str, str]], None]
) -> None:
    """Show a scene under its controls.

    `view`: the settings as texts, as they stand in the URL: t, show, field, solver, steps, beside, particles, after,
    drop. What differs from what the browser has is set there; the rest is left to the student's hand.
    `on_view(texts)` is called before the script runs again, whenever the hand has come to rest on other settings.
    """
    memory = _memory(key)
    if dict(view) != {**memory["sent"], **_committed(key, memory["epoch"])}:
        memory.update(epoch=memory["epoch"] + 1, sent=dict(view))

    def changed() -> None:
        texts = _committed(key, memory["epoch"])
        if texts:
            on_view(texts)

    data = scene.to_bytes()
    digest = hashlib.blake2b(data, digest_size=16).digest()
    if digest != memory["digest"]:
        # Streamlit keeps large messages in the browser for a few runs and then refers to them. While a fragment polls,
        # a message that returns to earlier bytes may be referred to just after it was let go: so none returns.
        memory.update(digest=digest, turn=memory["turn"] + 1)
    envelope = json.dumps({"epoch": memory["epoch"], "view": memory["sent"], "turn": memory["turn"]}).encode()
    _mount(
        key=key,
        data=b"".join((struct.pack("<I", len(envelope)), envelope, data)),
        default={"view": None},
        on_view_change=changed,
    )


def set_anew(key: str) -> None:
    """The next scene's settings are set in the browser even if the page set the same ones last: it may have played on."""
    memory = _memory(key)
    memory.update(epoch=memory["epoch"] + 1, sent={})


def _memory(key: str) -> dict[str, Any]:
    return st.session_state.setdefault(f"{key}.memory", {"epoch": 0, "sent": {}, "turn": 0, "digest": b""})


def _committed(key: str, epoch: int) -> dict[str, str]:
    """The settings that the browser has sent since Python last set them."""
    view = (st.session_state.get(key) or {}).get("view")
    if not isinstance(view, dict) or view.get("epoch") != epoch or not isinstance(view.get("values"), dict):
        return {}
    return {str(name): str(text) for name, text in view["values"].items()}
