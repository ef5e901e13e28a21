"""Garbage is collected when it is worth it, and not after every run of a script, as Streamlit would.

A collection walks through everything that is alive and holds up everybody meanwhile: with a hundred sessions a third of
a second after each run, five times what the run itself takes. `runner.postScriptGC` is therefore off in
.streamlit/config.toml, and what is here takes its place.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time

MODULES = 20  # so many new ones are worth a look; a collection of all takes as long as drawing a page
PAUSE = 10.0  # seconds between two collections, at least
SHARE = 50  # and so many times as long as the last one took: 2 % of the time
_settled = {"modules": 0}  # how many there were at the last look


def settle_modules() -> bool:
    """Takes what has been imported out of what the collector walks through; True if there was enough of it.

    A quarter of a million objects of PyTorch, Streamlit and their like live as long as the process does, and take 0.2 s
    to walk. Whatever else is alive at this moment is spared as well: once after the start, and once for each library that
    a page brings.
    """
    if len(sys.modules) < _settled["modules"] + MODULES:
        return False
    _settled["modules"] = len(sys.modules)
    gc.collect()
    gc.freeze()
    return True


async def collect_while_serving() -> None:
    """Collects what closed sessions and past runs have left, now and then, until it is cancelled.

    Python does so by itself, too, but by the number of objects: it does not see that some of them hold pictures.
    """
    pause, before = PAUSE, _young_collections()
    while True:
        await asyncio.sleep(pause)
        now = _young_collections()
        if now == before:  # nothing has happened since
            continue
        began = time.perf_counter()
        await asyncio.to_thread(gc.collect)
        pause = max(PAUSE, SHARE * (time.perf_counter() - began))
        before = _young_collections()


def _young_collections() -> int:
    """How often Python has looked at new objects: once for some hundreds of them."""
    return gc.get_stats()[0]["collections"]
