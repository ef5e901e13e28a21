"""Phrases in the prose that set the page's controls: markdown links such as [t = 750](#set:t=750); and its symbols, which
light up what they stand for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from pages.components.common import joined

HERE = Path(__file__).parent
COMMON = ("quantities",)
SCRIPTS = ("symbols", "phrases")

_mount = st.components.v2.component("phrases", html="<span></span>", js=joined(HERE, SCRIPTS, common=COMMON))


def phrases(on_set: Callable[[dict[str, str]], None], *, on: str = "", key: str = "phrases") -> None:
    """Listens for clicks on phrases; `on_set` gets {field: text} before the script runs again.

    `on` names the preset that the controls are set to, which its button then looks and says.
    """

    def clicked() -> None:
        wanted = (st.session_state.get(key) or {}).get("set")
        if wanted:
            on_set(wanted)

    _mount(key=key, data={"on": on}, on_set_change=clicked, height=1)
