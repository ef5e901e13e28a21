"""Phrases in the prose that set the page's controls: markdown links such as [t = 750](#set:t=750)."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

_JS = """
export default function ({ setTriggerValue, parentElement }) {
  const page = parentElement.ownerDocument ?? document;
  const click = (event) => {
    const link = event.target.closest?.('a[href*="#set:"]');
    if (!link) return;
    event.preventDefault();
    const text = decodeURIComponent(link.getAttribute("href").split("#set:")[1]);
    setTriggerValue("set", Object.fromEntries(new URLSearchParams(text)));
  };
  // One listener, whichever of the calls below came last; who goes takes only its own away.
  page.__phrases?.abort();
  const mine = (page.__phrases = new AbortController());
  page.addEventListener("click", click, { signal: mine.signal, capture: true });
  return () => mine.abort();
}
"""

_mount = st.components.v2.component("phrases", html="<span></span>", js=_JS)


def phrases(on_set: Callable[[dict[str, str]], None], *, key: str = "phrases") -> None:
    """Listens for clicks on phrases; `on_set` gets {field: text} before the script runs again."""

    def clicked() -> None:
        wanted = (st.session_state.get(key) or {}).get("set")
        if wanted:
            on_set(wanted)

    _mount(key=key, on_set_change=clicked, height=1)
