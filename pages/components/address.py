"""Where on this server the app lies: what the scripts in the browser put before an address."""

from __future__ import annotations

import streamlit as st


def base() -> str:
    """The path below which the app lies, with a slash before it; empty for none."""
    path = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""
