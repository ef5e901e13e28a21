"""Ratios measured side by side: make bench. docs/performance.md explains every row.

    make bench                                  the whole table, under 15 minutes on two quiet cores
    make bench ARGS="--quick --only sampler"    one part of it, with few repeats
    make bench DEVICE=cuda ARGS="--json FILE"   on a GPU; the rows as JSON too

Each part runs in a process of its own, with what it measures and what that is measured against in turns. A part that
fails says so, and the others still run; the exit status is 1 then. A goal that is not met is no failure.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from core.settings import ROOT
from scripts.measure.benchmarks.measure import ENVIRONMENT, Row

REPEATS, QUICK_REPEATS = 5, 2
LIMIT_SECONDS = 600  # of one part; on quiet cores each takes two minutes at most

# Name -> (module:function, the functions called with (repeats, device)), in the order of the table.
PARTS = {
    "sampler": "sampling:sampler",
    "sampler_floor": "sampling:sampler_floor",
    "overhead": "jobs:overhead",
    "press": "browser:press",
    "training": "training:training",
    "training_floor": "training:training_floor",
    "digits": "sampling:digits",
    "digits_floor": "sampling:digits_floor",
    "oracle": "oracle:oracle",
    "scrub": "browser:scrub",
    "first_sight": "browser:first_sight",
    "second": "jobs:second",
    "neighbours": "jobs:neighbours",
    "one_run": "seats:one_run",
    "seats": "seats:seats",
    "start": "browser:start",
    "imports": "browser:imports",
    "growth": "jobs:growth",
}


def measure(name: str, repeats: int, device: str) -> list[Row]:
    module, function = PARTS[name].split(":")
    return getattr(importlib.import_module(f"scripts.measure.benchmarks.{module}"), function)(repeats, device)


def measure_apart(name: str, arguments: argparse.Namespace) -> list[Row] | str:
    """The rows of one part, measured in its own process, or a sentence that says why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "scripts.measure.bench", "--only", name, "--json", str(file)]
        command += ["--device", arguments.device, *(["--quick"] if arguments.quick else [])]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired:
            return f"took longer than {LIMIT_SECONDS} s"
        if done.returncode or not file.exists():
            print(done.stderr[-4000:], file=sys.stderr)
            return (done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1]
        return [Row(**cells) for cells in json.loads(file.read_text(encoding="utf-8"))["rows"]]


def line(cells: Row) -> str:
    """A row of the table in Markdown."""
    goal = f"{'≤' if cells.sign == '<=' else '≥'} {cells.goal:g}"
    met = "yes" if cells.met else "**no**"
    return (
        f"| {cells.figure} | {cells.ours:.4g} {cells.unit} | {cells.peer:.4g} {cells.unit} | {cells.ratio:.3g} "
        f"| {cells.low:.3g} – {cells.high:.3g} | {goal} | {met} | {cells.note} |"
    )


def heading(device: str) -> str:
    import torch

    name = torch.cuda.get_device_name() if device == "cuda" else f"{os.cpu_count()} cores"
    able = torch.backends.cpu.get_cpu_capability()
    return (
        f"{name}, {platform.machine()} {able}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_REPEATS} repeats instead of {REPEATS}")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    arguments = parser.parse_args()
    names, rows, failed = arguments.only or list(PARTS), [], {}
    load = os.getloadavg()[0]
    print(heading(arguments.device) + f"; load before: {load:.1f}\n", flush=True)
    print("| figure | ours | peer or floor | ratio | smallest – largest | goal | met | note |", flush=True)
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in names:
        began = time.monotonic()
        if len(names) == 1:
            found = measure(name, QUICK_REPEATS if arguments.quick else REPEATS, arguments.device)
        else:
            found = measure_apart(name, arguments)
        if isinstance(found, str):
            failed[name] = found
            print(f"| {name} | failed: {found} | | | | | **no** | |", flush=True)
        else:
            rows += found
            print("\n".join(map(line, found)), flush=True)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if arguments.json:
        table = {
            "machine": heading(arguments.device),
            "load_before": load,
            "rows": [asdict(cells) for cells in rows],
            "failed": failed,
        }
        arguments.json.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
