"""Strangers' words in a page that is written in Markdown."""

import re

# What Streamlit's page makes of text after Markdown has been read, so that a backslash does not help: links of bare
# addresses, icons and emoji of :names:, arrows and dashes of -> and --. A character without width keeps them apart.
APART = "\u2060"  # WORD JOINER
_MADE_LATER = re.compile(r"(?<=www)(?=\.)|(?=@)|(?<=:)(?=[\w/+-])|(?<=[-<>=~])(?=[-<>=~])", re.IGNORECASE)


def plain(text: str) -> str:
    """Text that may hold a stranger's words, as it stands: nothing in a link, a prompt or a name draws or fetches anything.

    Line ends and repeated spaces become single spaces, as on screen.
    """
    apart = _MADE_LATER.sub(APART, " ".join(text.split()))
    return re.sub(r"([!#$&()*+\-.:<=>@\[\\\]^_`{|}~])", r"\\\1", apart)


def shortened(text: str, most: int) -> str:
    """At most so many characters of it, the last one an ellipsis where something is missing."""
    return text if len(text) <= most else text[: most - 1] + "…"
