"""The way to another page that a button has asked for: taken before a page is drawn.

A page that is left in the middle of its script leaves a browser with parts of two pages in one run.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

GO = "go"  # in the session: the file of the page, and what its address is to hold


def go(page: str, address: Mapping[str, str] | None = None) -> None:
    """For callbacks: asks for a page, "home.py", with this in its address."""
    st.session_state[GO] = (page, dict(address or {}))


def go_on() -> None:
    """Leads to the page that was asked for, if one was. Called when the pages are known and none is drawn yet."""
    if GO in st.session_state:
        page, address = st.session_state.pop(GO)
        st.switch_page(page, query_params=address)
