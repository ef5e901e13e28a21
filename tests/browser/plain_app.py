"""Strangers' words in every kind of place that a page has for them: text, boxes, captions, labels of buttons."""

import streamlit as st

from pages.components.plain import plain
from tests.browser.plain_words import WORDS

for k, words in enumerate(WORDS):
    with st.container(key=f"markdown-{k}"):
        st.markdown(plain(words))
    with st.container(key=f"warning-{k}"):
        st.warning(plain(words))
    with st.container(key=f"caption-{k}"):
        st.caption(plain(words))
    with st.container(key=f"button-{k}"):
        st.button(plain(words), key=f"press-{k}")
    with st.container(key=f"popover-{k}"):
        st.popover(plain(words))
    with st.container(key=f"bold-{k}"):
        st.markdown(f"**Pinned: {plain(words)}**")
st.caption("ready")
