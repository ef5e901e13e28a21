"""The row about the exact answer: one chunk after another against the formula written as it is."""

from __future__ import annotations

import json

from scripts.measure.benchmarks.measure import Row, row, run_python

BATCH = 64

# At σ = 3 the answer mixes many digits, so that comparing the two answers says something. A process each, because
# the most memory that a process has had never goes down again. The naive broadcast of 64 digits over 60,000 would
# be 12 GB a copy, three times over: it is made for one digit and for four, and the line through both is followed to
# 64. That flatters it, as nothing is swapped.
CODE = """
import json, sys, time, torch
from core.datasets import load_mnist
from core.oracle import denoise_exactly, posterior_mean_naive
from scripts.measure.benchmarks.measure import memory_now, peak_memory
device, naive = sys.argv[1], sys.argv[2] == "naive"
pictures = load_mnist("train", device=device).pictures
z = pictures[:64].float() / 255
z = z + 3.0 * torch.randn(z.shape, generator=torch.Generator().manual_seed(0)).to(device)
def work(z, pictures):
    return posterior_mean_naive(z, 1.0, 3.0, pictures) if naive else denoise_exactly(z, 3.0, pictures).mean
def memory():
    return torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else peak_memory()
work(z[:1], pictures[:100])
before = torch.cuda.memory_allocated() / 2**20 if device == "cuda" else memory_now()
found = []
for batch in (1, 4) if naive else (64,):
    began = time.perf_counter()
    mean = work(z[:batch], pictures)[0].flatten().tolist()  # a copy on the CPU: the device has finished
    found.append([time.perf_counter() - began, memory() - before])
print(json.dumps([found, mean]))
"""


def measured(device: str, kind: str) -> tuple[float, float, list[float]]:
    """For 64 digits: seconds, MB beyond what the loaded process had; and the first digit's answer."""
    found, mean = json.loads(run_python(CODE, device, kind))
    if kind == "ours":
        return (*found[0], mean)
    one, four = found
    return (*(a + (b - a) / 3 * (BATCH - 1) for a, b in zip(one, four, strict=True)), mean)


def oracle(repeats: int, device: str) -> list[Row]:
    """64 noisy digits against 60,000: seconds and peak memory of both ways."""
    times, memories, difference = [], [], 0.0
    for _ in range(repeats):
        fast, fast_mb, mean = measured(device, "ours")
        slow, slow_mb, same = measured(device, "naive")
        difference = max(difference, *(abs(a - b) for a, b in zip(mean, same, strict=True)))
        times.append((fast, slow))
        memories.append((fast_mb, slow_mb))
    note = f"naive from 1 and 4 digits; largest difference {difference:.0e}"
    return [
        row("oracle, 64 digits: naive / ours", times, ">=", 5.0, faster=True, note=note),
        row("oracle, peak memory: ours / naive", memories, "<=", 0.1, unit="MB", note=note),
    ]
