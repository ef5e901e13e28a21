"""What a page needs of the window around it, mounted once above every page, outside every fragment.

A connection that was lost and is there again, the address and its history, machine translation, and what is kept of the
pictures are nobody's part of the page: they are looked after here. The files under `js/` are plain scripts, joined into one
module: no build step.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.components.common import joined

HERE = Path(__file__).parent
COMMON = ("leaving", "opened", "readback", "png_file", "collection")
SCRIPTS = ("connection", "history", "translation", "printing", "popover", "rail", "keeping", "ways", "window")
KEY = "window"
# What an address holds of where one stands in a picture: it follows the hand, and no step back leads there.
UNDERWAY = ("frame", "job")

_mount = st.components.v2.component(
    "window",
    html=(HERE / "window.html").read_text(encoding="utf-8"),
    css=(HERE / "window.css").read_text(encoding="utf-8"),
    js=joined(HERE / "js", SCRIPTS, common=COMMON),
)


def window(pages: Mapping[str, str], page: str) -> None:
    """Draws nothing while all is well. Has the whole script run again when the server may know nothing of this page.

    `pages`: what the folded menu calls every page, by its address below the app's; `page` is the one that is shown.
    """
    with st.container(key=KEY, height="content"):
        _mount(
            key=f"{KEY}/component", data={"underway": UNDERWAY, "pages": dict(pages), "page": page}, height=1,
            on_again_change=lambda: None,
        )  # fmt: skip


def came_by_history() -> bool:
    """Whether this run of the script was asked for by Back or Forward: the address leads then, not the session."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation
