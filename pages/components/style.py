"""The few rules of layout that Streamlit's theme cannot express; each page asks for them once."""

from pathlib import Path

import streamlit as st

SHEET = Path(__file__).with_name("page.css")


def page_style() -> None:
    """Adds `page.css` to the page; it takes no room."""
    st.html(SHEET)
