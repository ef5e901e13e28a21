"""The command line that looks after a store:

python -m core.compute.store verify|prune [--data FOLDER] [--max-mb 2000]
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from core.compute.store import Store
from core.jobs import ComputeError
from core.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """The command line. Exit status: 0, 1 when `verify` found damage, 2 when nothing could be done."""
    parser = argparse.ArgumentParser(
        prog="python -m core.compute.store",
        description="Look after a store, also while the app runs. verify reads everything and sets aside what is "
        "damaged; prune removes what was used least recently.",
    )
    parser.add_argument("command", choices=["verify", "prune"])
    parser.add_argument("--data", type=Path, help="the folder of the store (default: the app's own)")
    parser.add_argument("--max-mb", type=int, default=2000, help="what prune leaves, in MB (default: 2000)")
    options = parser.parse_args(arguments)
    folder = options.data or Settings.from_environment().data_dir
    if not folder.is_dir():
        parser.error(f"{folder} is not a folder; give the one that the app uses with --data")
    if options.max_mb < 0:
        parser.error("--max-mb must be at least 0")
    logging.basicConfig(level=logging.CRITICAL)  # what is found is printed below
    store = Store(folder)
    try:
        return _verify(store) if options.command == "verify" else _prune(store, options.max_mb * 1_000_000)
    except (ComputeError, OSError) as error:
        print(f"The store in {folder} could not be worked on: {error}", file=sys.stderr)
        return 2
    finally:
        store.close()


def _verify(store: Store) -> int:
    found = store.verify()
    for name, count in found.counts.items():
        print(f"{count:8d} {name}")
    if not found.damaged:
        print("Everything is whole.")
        return 0
    print(
        f"{len(found.damaged)} damaged, set aside; the app computes their results again when they are asked for:"
    )
    print("\n".join(f"  {name}" for name in found.damaged))
    return 1


def _prune(store: Store, max_bytes: int) -> int:
    freed, usage = store.prune(max_bytes), store.usage()
    print(f"{freed / 1e6:.1f} MB freed, {usage.total_bytes / 1e6:.1f} MB left in {usage.results} results.")
    if usage.total_bytes > max_bytes:
        print("What is left belongs to jobs that wait or run.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
