"""Mounts the hand. It looks for its place by itself, inside components too, as pages are drawn bit by bit."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.components.common import joined

HERE = Path(__file__).parent
SCRIPTS = ("hand",)

_mount = st.components.v2.component(
    "pointing_hand",
    html=(HERE / "hand.html").read_text(encoding="utf-8"),
    css=(HERE / "hand.css").read_text(encoding="utf-8"),
    js=joined(HERE, SCRIPTS),
)


def hand(selector: str, text: str = "", *, key: str) -> None:
    """Points at the first element that matches the CSS selector and, where given, begins with `text`."""
    _mount(key=key, data={"selector": selector, "text": text}, height=1)
