"""make fuzz: ten minutes of damaged pictures through the upload gate, in a process that is watched from outside.

    python -m scripts.measure.fuzz_uploads --minutes 10
    python -m scripts.measure.fuzz_uploads --count 500          # as often as that, however long it takes
    python -m scripts.measure.fuzz_uploads --number 4711        # one file again, written to fuzz-4711.bin and read

The gate may give a picture or refuse with a sentence; any other exception, a crash of a decoder, a file that takes longer
than half a minute, or memory that grows by 100 MB ends the run with the number of the file, status 1. The memory is the peak
that Linux notes of the process, beyond what it has after a few ordinary files.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from core.media import BadPicture
from core.settings import ROOT
from scripts.measure.fuzz_files import mutated, valid_files

GATE = "core.media:read_picture"
NOTE = "number"  # the file in which the worker notes what it reads
LIMIT_MB = 100
PATIENCE = 30.0  # seconds that one file may take by the clock, on a machine that is busy with other things


@dataclass(frozen=True)
class Found:
    """What a run has seen. peak_mb: the growth of the process; slowest: seconds of its processor for one file, and which."""

    files: int
    read: int
    refused: int
    slowest: float
    slowest_number: int
    peak_mb: float


class Failed(Exception):
    """The gate did what it must not do. The message names the file's number and what happened."""


def fuzz(*, minutes: float = 0.0, count: int = 0, seed: int = 0, gate: str = GATE) -> Found:
    """Files number 0, 1, 2 … through the gate, for so many minutes or so often, in a process of its own.

    Raises: Failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        for (
            name,
            data,
        ) in valid_files().items():  # made here, so that the worker has held no picture before it starts
            (Path(folder) / name).write_bytes(data)
        place = Path(folder) / NOTE
        place.write_bytes(bytes(8))
        command = [sys.executable, "-W", "ignore", "-m", "scripts.measure.fuzz_uploads", "--worker", folder]
        command += ["--minutes", str(minutes), "--count", str(count), "--seed", str(seed), "--gate", gate]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as worker:
            try:
                return _watched(worker, place)
            finally:
                worker.kill()


def _watched(worker: subprocess.Popen[str], place: Path) -> Found:
    ready = worker.stdout.readline()  # what the libraries and the first files need is there
    before = _peak_mb(worker.pid) if ready else 0.0
    peak, number, since = before, -1, time.monotonic()
    os.set_blocking(worker.stdout.fileno(), False)
    report = ""
    while ready and not report and worker.poll() is None:
        time.sleep(0.1)
        report = worker.stdout.readline()
        peak = max(peak, _peak_mb(worker.pid))
        now = int.from_bytes(place.read_bytes(), "big")
        if now != number:
            number, since = now, time.monotonic()
        if peak - before > LIMIT_MB:
            raise Failed(f"Memory has grown by {peak - before:.0f} MB by file {now}.")
        if time.monotonic() - since > PATIENCE:
            raise Failed(f"File {now} takes more than {PATIENCE:.0f} s.")
    if not report:
        number = int.from_bytes(place.read_bytes(), "big")
        worker.wait()
        raise Failed(
            f"File {number} ended the process with status {worker.returncode}: {worker.stderr.read()[-2000:]}"
        )
    return Found(**json.loads(report), peak_mb=peak - before)


def _peak_mb(pid: int) -> float:
    """The most memory that a process has held since its program began, in MB; nan where there is no /proc to ask."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return float("nan")
    return float(status.partition("VmHWM:")[2].split()[0]) / 1000 if "VmHWM:" in status else 0.0


def work(
    folder: Path, minutes: float, count: int, seed: int, gate: Callable[..., np.ndarray]
) -> dict[str, float]:
    """The worker's part: notes each file's number before it is read."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != NOTE}
    for name in ("photo.jpg", "profile.png", "lossy.webp", "inks.jpg"):
        gate(files[name])
    print("ready", flush=True)
    read = refused = 0
    slowest, which = 0.0, 0
    end = time.monotonic() + 60 * minutes if minutes else None
    with open(folder / NOTE, "r+b", buffering=0) as note:
        for number in itertools.count() if end else range(count):
            if end is not None and time.monotonic() > end:
                break
            data = mutated(number, files, seed)
            note.seek(0)
            note.write(number.to_bytes(8, "big"))
            began = time.process_time()
            try:
                pixels = gate(data, fit=("crop", "letterbox")[number % 2])
                if pixels.shape != (64, 64, 3) or pixels.dtype != np.uint8:
                    raise Failed(f"File {number} became {pixels.dtype} {pixels.shape}.")
                read += 1
            except BadPicture as error:
                if not str(error).endswith(".") or len(str(error)) > 250:
                    raise Failed(f"File {number} is refused with {str(error)[:300]!r}.") from error
                refused += 1
            took = time.process_time() - began
            if took > slowest:
                slowest, which = took, number
    return {
        "files": read + refused,
        "read": read,
        "refused": refused,
        "slowest": slowest,
        "slowest_number": which,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--count", type=int, default=0, help="so many files instead of so many minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int, help="one file alone")
    parser.add_argument("--gate", default=GATE, help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    module, _, name = given.gate.partition(":")
    gate = getattr(importlib.import_module(module), name)
    if given.number is not None:
        data = mutated(given.number, valid_files(), given.seed)
        Path(f"fuzz-{given.number}.bin").write_bytes(data)
        try:
            print(f"fuzz-{given.number}.bin is read: {gate(data).shape}")
        except BadPicture as error:
            print(f"fuzz-{given.number}.bin is refused: {error}")
        return 0
    if given.worker is not None:
        print(json.dumps(work(given.worker, given.minutes, given.count, given.seed, gate)), flush=True)
        sys.stdin.read()  # alive until the peak has been read
        return 0
    try:
        found = fuzz(
            minutes=0 if given.count else given.minutes, count=given.count, seed=given.seed, gate=given.gate
        )
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(asdict(found), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
