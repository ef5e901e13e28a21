"""What every row of the benchmark is made of: two things timed in turns, their ratio, its spread, a goal."""

from __future__ import annotations

import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from core.settings import ROOT

# As the worker has it: threads that wait for each other sleep, so a busy machine slows both sides alike.
ENVIRONMENT = {**os.environ, "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive")}


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        figure: what is measured.
        ours, peer: medians, in `unit`.
        ratio: the median of the ratios of the repeats, which is what the goal is about.
        low, high: the smallest and the largest of those ratios.
        sign, goal: the goal, such as "<=" and 0.85.
        note: what the number does not say by itself.
    """

    figure: str
    ours: float
    peer: float
    unit: str
    ratio: float
    low: float
    high: float
    sign: str
    goal: float
    note: str = ""

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal if self.sign == "<=" else self.ratio >= self.goal


def row(
    figure: str,
    pairs: Sequence[tuple[float, float]],
    sign: str,
    goal: float,
    *,
    unit: str = "s",
    faster: bool = False,
    note: str = "",
) -> Row:
    """From (ours, peer) of every repeat. The ratio is ours / peer, or peer / ours where `faster` times are counted."""
    ratios = sorted(peer / ours if faster else ours / peer for ours, peer in pairs)
    ours, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
    middle = statistics.median(ratios)
    return Row(figure, ours, peer, unit, middle, ratios[0], ratios[-1], sign, goal, note)


def alternate(
    ours: Callable[[], object], peer: Callable[[], object], repeats: int
) -> list[tuple[float, float]]:
    """Seconds of both, in turns, who goes first changing too: whatever else the machine does slows both."""
    pairs = []
    for repeat in range(repeats):
        if repeat % 2:
            second, first = seconds(peer), seconds(ours)
        else:
            first, second = seconds(ours), seconds(peer)
        pairs.append((first, second))
    return pairs


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes, until the device has finished it."""
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def matrix_peak(device: str, dtype: torch.dtype = torch.float32) -> float:
    """FLOP/s of the fastest of twenty 1024 x 1024 matrix products (4096 on a GPU), with this process's threads."""
    n = 1024 if device == "cpu" else 4096
    a = torch.randn(n, n, device=device).to(dtype)
    torch.mm(a, a)
    return 2 * n**3 / min(seconds(lambda: torch.mm(a, a)) for _ in range(20))


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """p of the power law cost ~ size^p that fits best, by least squares in the logarithms."""
    x, y = [math.log(s) for s in sizes], [math.log(c) for c in costs]
    mean_x, mean_y = statistics.mean(x), statistics.mean(y)
    products = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return products / sum((a - mean_x) ** 2 for a in x)


def peak_memory() -> float:
    """The most memory that this process has had so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def memory_now() -> float:
    """The memory that this process has now, in MB; where only the peak can be read, that."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        return peak_memory()
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def run_python(code: str, *arguments: str) -> str:
    """What a fresh Python prints that runs `code` in the root of this project."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@contextmanager
def empty_folder():
    """A temporary folder, as a Path."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
