"""What a server has imported is not walked through by the garbage collector after each run of a script."""

from __future__ import annotations

import subprocess
import sys
import tomllib

from core.settings import ROOT

# In a process of its own: what is frozen stays so.
SETTLE = """
import gc
import streamlit_app
from pages.server.collector import settle_modules
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


# An old cycle, which the collections of new objects do not see, goes within some pauses of a server that is used.
SERVE = """
import asyncio, gc, weakref
from pages.server import collector
collector.PAUSE = 0.05
class Node: pass
def old_cycle():
    node = Node(); node.itself = node
    gc.collect(); gc.collect()
    return weakref.ref(node)
async def main():
    serving = asyncio.create_task(collector.collect_while_serving())
    await asyncio.sleep(0)
    watch = old_cycle()
    used = [[k] for k in range(5000)]
    for _ in range(200):
        if watch() is None:
            break
        await asyncio.sleep(0.05)
    used.clear()
    await asyncio.sleep(0.5)
    rested = gc.get_stats()[2]["collections"]
    await asyncio.sleep(0.5)
    print(watch() is None, gc.get_stats()[2]["collections"] - rested)
    serving.cancel()
asyncio.run(main())
"""


def test_a_server_collects_while_it_is_used_and_not_when_nothing_happens():
    done = subprocess.run([sys.executable, "-c", SERVE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "0"]


def test_streamlit_leaves_collecting_to_this_app():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["runner"]["postScriptGC"] is False
