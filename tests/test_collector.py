"""What a server has imported is not walked through by the garbage collector after each run of a script."""

from __future__ import annotations

import subprocess
import sys

from core.settings import ROOT

# In a process of its own: what is frozen stays so.
SETTLE = """
import gc
import streamlit_app
from pages.ui.collector import settle_modules
before = len(gc.get_objects())
first, again = settle_modules(), settle_modules()
class Node: pass
node = Node(); node.itself = node
import weakref
watch = weakref.ref(node)
del node
gc.collect()
print(before, len(gc.get_objects()), first, again, watch() is None)
"""


def test_libraries_are_spared_and_garbage_is_not():
    done = subprocess.run(
        [sys.executable, "-c", SETTLE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    before, after, first, again, collected = done.stdout.split()
    assert int(after) < int(before) / 20
    assert (first, again, collected) == ("True", "False", "True")
