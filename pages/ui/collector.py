"""Streamlit collects garbage after every run of a script, a fragment's too. Here that would cost more than the run."""

from __future__ import annotations

import gc
import sys

MODULES = 20  # so many new ones are worth a look; a collection of all takes as long as drawing a page
_settled = {"modules": 0}  # how many there were at the last look


def settle_modules() -> bool:
    """Takes what has been imported out of what the collector walks through; True if there was enough of it.

    A quarter of a million objects of PyTorch, Streamlit and their like live as long as the process does. To walk them
    takes 0.2 s, in which nobody else's page is drawn, and a page that polls a job does so twice a second. Whatever
    else is alive at this moment is spared as well: once after the start, and once for each library that a page brings.
    """
    if len(sys.modules) < _settled["modules"] + MODULES:
        return False
    _settled["modules"] = len(sys.modules)
    gc.collect()
    gc.freeze()
    return True
