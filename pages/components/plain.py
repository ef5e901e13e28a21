"""Strangers' words in a page that is written in Markdown."""

import re


def plain(text: str) -> str:
    """Text that may hold a stranger's words, as it stands: Markdown in a link must not draw or fetch anything."""
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~$:-])", r"\\\1", text)
