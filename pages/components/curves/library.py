"""plotly's own script, for the browser: the one file that the Python package brings along, compressed once."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.metadata import version

from pages.components.address import base

MEDIA_TYPE = "text/javascript"


@cache
def name() -> str:
    """What the file is called; another version is another file, so that a browser may keep each for ever."""
    return f"plotly-{version('plotly')}.js"


def address() -> str:
    """Where the app's own routes serve it."""
    return f"{base()}/{name()}"


@cache
def packed() -> bytes:
    """The script, gzipped: 1.5 MB in place of 4.8."""
    from plotly.offline import get_plotlyjs  # takes a moment to import, and only who draws curves needs it

    return gzip.compress(get_plotlyjs().encode(), mtime=0)
