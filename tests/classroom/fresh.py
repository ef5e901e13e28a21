"""A class that starts from nothing: what the process has once for all its sessions is made anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pages.ui.classroom import place


@contextmanager
def fresh_class(*others: Any) -> Iterator[None]:
    """Settings, rooms and `others` (functions of st.cache_resource) are made anew in the block, and again after it."""
    caches = (place.class_settings, place.rooms, *others)
    for cached in caches:
        cached.clear()
    yield
    place.rooms().close()
    for cached in caches:
        cached.clear()
