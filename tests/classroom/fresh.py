"""A class that starts from nothing: what the process has once for all its sessions is made anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pages.server.classroom import identity


@contextmanager
def fresh_class(*others: Any) -> Iterator[None]:
    """Settings, rooms and `others` (functions of st.cache_resource) are made anew in the block, and again after it."""
    caches = (identity.class_settings, identity.rooms, *others)
    for cached in caches:
        cached.clear()
    yield
    identity.rooms().close()
    for cached in caches:
        cached.clear()
