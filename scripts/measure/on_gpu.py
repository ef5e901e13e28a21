"""What only a GPU can show, in one go and at most nine minutes: scripts/measure/on_gpu.sh

The tests marked `cuda` (parity with IFPipeline on the device among them), rows of the bench, and lesson B8's reference
training. Each part has a process and a limit of its own; one that fails or is late says so, and the others still run. All
goes into one JSON file, to be copied into docs/performance.md. With `--device cpu --short` the same parts are rehearsed
without a GPU: the figures then say nothing about one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.settings import ROOT
from scripts.measure.benchmarks.measure import ENVIRONMENT

# Seconds: together nine minutes at most, whatever happens.
LIMITS = {"tests": 150, "sampler": 70, "one_run": 40, "seats": 70, "training_step": 60, "training": 140}
BENCH = {"sampler": "sampler", "one_run": "one_run", "seats": "seats", "training_step": "training"}
SHORT_STEPS = 20  # of a training that is only rehearsed

TRAINING = """
import itertools, json, sys, time, torch
from core.datasets import load_mnist
from core.training import train_mnist
from core.training_settings import REFERENCE
device, most = sys.argv[1], int(sys.argv[2])
settings = REFERENCE["b8"]
digits = load_mnist("train", device=device)
began, losses = time.perf_counter(), []
for event in itertools.islice(train_mnist(settings, digits), most or None):
    values = getattr(event, "values", {})
    if "loss" in values:
        losses.append(values["loss"])
if device == "cuda":
    torch.cuda.synchronize()
print(json.dumps({"steps": len(losses), "seconds": time.perf_counter() - began, "first loss": losses[0],
                  "last loss": losses[-1], "whole training": not most}))
"""


def machine(device: str) -> dict[str, Any]:
    """What was measured on."""
    import torch

    found = {
        "device": device, "torch": torch.__version__, "cuda": torch.version.cuda, "cores": os.cpu_count(),
        "machine": platform.machine(), "date": datetime.now(UTC).strftime("%Y-%m-%d"), "load before": os.getloadavg()[0],
    }  # fmt: skip
    if device == "cuda":
        about = torch.cuda.get_device_properties(0)
        found |= {"gpu": about.name, "gpu memory, GB": about.total_memory / 1e9}
    return found


def part(name: str, device: str, short: bool, folder: Path) -> dict[str, Any]:
    """One part's figures. Raises CalledProcessError, TimeoutExpired."""
    limit = LIMITS[name] * (4 if device == "cpu" else 1)
    environment = ENVIRONMENT | {"DIFFUSION_TEST_DEVICE": device}
    if name == "tests":
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-m", "cuda", "tests/test_on_cuda.py"]
        done = _run(command, limit, environment)
        return {"said": done.stdout.strip().splitlines()[-1]}
    if name == "training":
        command = [sys.executable, "-c", TRAINING, device, str(SHORT_STEPS if short else 0)]
        return json.loads(_run(command, limit, environment).stdout.splitlines()[-1])
    file = folder / f"{name}.json"
    command = [
        sys.executable,
        "-m",
        "scripts.measure.bench",
        "--only",
        BENCH[name],
        "--device",
        device,
        "--json",
        str(file),
    ]
    _run([*command, *(["--quick"] if short else [])], limit, environment)
    return {"rows": json.loads(file.read_text(encoding="utf-8"))["rows"]}


def _run(command: list[str], limit: int, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit, check=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/measure/on_gpu.sh", description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: a rehearsal")
    parser.add_argument("--short", action="store_true", help="few repeats, and a few steps of the training")
    parser.add_argument("--json", type=Path, default=Path("on_gpu.json"), metavar="FILE")
    parser.add_argument("--only", nargs="+", choices=list(LIMITS), help="these parts only")
    arguments = parser.parse_args()
    about = machine(arguments.device)
    print(json.dumps(about), flush=True)
    found: dict[str, Any] = {"machine": about, "parts": {}, "failed": {}}
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.only or LIMITS:
            began = time.monotonic()
            try:
                figures = part(name, arguments.device, arguments.short, Path(folder))
            except subprocess.TimeoutExpired as error:
                found["failed"][name] = f"took longer than {error.timeout:.0f} s"
            except subprocess.CalledProcessError as error:
                found["failed"][name] = (error.stdout + error.stderr)[-2000:]
            else:
                found["parts"][name] = figures | {"took, s": round(time.monotonic() - began, 1)}
            print(f"{name}: {json.dumps(found['parts'].get(name) or found['failed'][name])}", flush=True)
            arguments.json.write_text(
                json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
            )
    sys.exit(1 if found["failed"] else 0)


if __name__ == "__main__":
    main()
