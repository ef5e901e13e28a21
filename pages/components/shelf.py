"""Published bytes: each under its own SHA-256, so that an address always means the same bytes."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import OrderedDict

import streamlit as st

from pages.components.address import base

_served = threading.Event()
SHELF_BYTES = 256_000_000  # some two hundred films; what was asked for least recently goes first


class Shelf:
    """Bytes by their SHA-256, in memory, at most `max_bytes` in all. Thread-safe.

    What has gone is published again by the next page that shows it: nothing is kept here alone.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._lock = max_bytes, threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()  # least recently asked for first
        self._size = 0

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._size

    def put(self, data: bytes) -> str:
        """Keep these bytes; returns their SHA-256 in hexadecimal. Raises ValueError for more than fit on the shelf."""
        if len(data) > self._max_bytes:
            raise ValueError(
                f"{len(data):,} bytes do not fit on a shelf of {self._max_bytes:,}: show fewer pictures."
            )
        name = hashlib.sha256(data).hexdigest()
        with self._lock:
            if name not in self._kept:
                self._kept[name] = data
                self._size += len(data)
            self._kept.move_to_end(name)
            while self._size > self._max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest)
        return name

    def get(self, name: str) -> bytes | None:
        """The bytes whose SHA-256 this is; None for what was never here, or is here no longer."""
        with self._lock:
            if name not in self._kept:
                return None
            self._kept.move_to_end(name)
            return self._kept[name]


@st.cache_resource(show_spinner=False)
def shelf() -> Shelf:
    """The one shelf of this server."""
    return Shelf(SHELF_BYTES)


def serve_films() -> None:
    """Said once by the app that has `served_routes`: from now on its players fetch."""
    _served.set()


def own_routes() -> bool:
    """Whether this server has routes of its own, from which browsers fetch: `streamlit_app.py` adds them.

    Without them, in a script that shows a player by itself, everything travels over the WebSocket.
    """
    return _served.is_set()


def publish(data: bytes) -> str:
    """Put a film on the shelf; returns the address, on this server, at which a browser finds it."""
    return f"{base()}/films/{shelf().put(data)}"


def picture_address(webp: bytes) -> str:
    """Where a browser finds this WebP: on the shelf, or in the address itself where this server has no routes."""
    return publish(webp) if own_routes() else "data:image/webp;base64," + base64.b64encode(webp).decode()
