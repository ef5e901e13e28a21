"""The presenter's view: big type for a projector, and keys that go from stop to stop through a lesson."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.components.common import joined
from pages.server.classroom.identity import person

HERE = Path(__file__).parent
COMMON = ("tab_storage",)

_mount = st.components.v2.component(
    "presenter",
    html=(HERE / "present.html").read_text(encoding="utf-8"),
    css=(HERE / "present.css").read_text(encoding="utf-8"),
    js=joined(HERE / "js", ("present",), common=COMMON),
)


def presenter(*, offer: bool) -> None:
    """Drawn once on every page, where it shows nothing until a tab presents; `offer` draws the switch for that.

    Everything happens in the browser: no key reaches the server.
    """
    who = person()
    offer = offer and (who is None or who.leads)  # a student has no projector
    _mount(key="classroom/presenter", data={"offer": offer}, height="content" if offer else 1)
