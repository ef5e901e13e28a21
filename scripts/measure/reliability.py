"""What the computing of this app withstands, measured: make reliability

Every row does real work in a folder of its own, and says what was demanded, what was measured, and whether it holds.
The figures of the last run are in docs/reliability.md.

    make reliability ARGS="--list"
    make reliability ARGS="--row burst --row cancels --repeat 100"
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from scripts.measure.reliability_disk import damage, full_disk, write_failures
from scripts.measure.reliability_kills import (
    server_sampling,
    server_training,
    worker_sampling,
    worker_training,
)
from scripts.measure.reliability_queue import burst, cancels, strangers, turns
from scripts.measure.reliability_rows import Broken, Row
from scripts.measure.reliability_uploads import uploads

# name -> (what measures it, how many repetitions count as the demanded ones)
ROWS: dict[str, tuple[Callable[[Path, int], Row], int]] = {
    "burst": (burst, 5),
    "turns": (turns, 5),
    "cancels": (cancels, 1000),
    "strangers": (strangers, 1000),
    "worker-sampling": (worker_sampling, 50),
    "worker-training": (worker_training, 50),
    "server-sampling": (server_sampling, 50),
    "server-training": (server_training, 50),
    "full-disk": (full_disk, 3),
    "write-failures": (write_failures, 1),
    "damage": (damage, 1000),
    "uploads": (uploads, 200),
}


def measure(name: str, repeat: int | None = None) -> Row:
    """One row, in a temporary folder. What must never happen makes it a row that does not hold."""
    function, usual = ROWS[name]
    with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
        try:
            return function(Path(folder), usual if repeat is None else repeat)
        except Broken as broken:
            return Row(function.__doc__.split("\n")[0], "it does not happen", str(broken), False)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.measure.reliability", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--row", action="append", choices=list(ROWS), help="measure this one only; may be repeated"
    )
    parser.add_argument("--repeat", type=int, help="how often, instead of the demanded number")
    parser.add_argument(
        "--log", default=os.devnull, help="a file for what the workers say (default: nowhere)"
    )
    parser.add_argument("--list", action="store_true", help="name the rows and stop")
    options = parser.parse_args(arguments)
    if options.list:
        for name, (function, usual) in ROWS.items():
            print(f"{name:16} {usual:5}  {function.__doc__.splitlines()[0]}")
        return 0
    if options.repeat is not None and options.repeat < 1:
        parser.error("--repeat must be at least 1")
    logging.basicConfig(level=logging.CRITICAL)  # the executor reports every death, and here they are meant
    with open(options.log, "ab") as said:  # workers inherit the standard error; this process keeps its own
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
        os.dup2(said.fileno(), 2)
    print("| | demanded | measured | holds | took |\n|---|---|---|---|---|", flush=True)
    rows = []
    for name in options.row or ROWS:
        begun = time.monotonic()
        row = measure(name, options.repeat)
        rows.append(row)
        took = time.monotonic() - begun
        print(
            f"| {row.what} | {row.demanded} | {row.measured} | {'yes' if row.holds else 'NO'} | {took:.0f} s |",
            flush=True,
        )
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
