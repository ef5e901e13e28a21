"""The rows about the executor: what it adds, what it saves, how neighbours fare, and how all of it grows."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from core.compute.local import LocalExecutor
from core.compute.queue.fair import FairQueue
from core.compute.store import Store
from core.compute.store.runs import RunRecord
from core.jobs import Frame, JobId, JobSpec
from core.model_folder import find_model_folder, fingerprint
from core.settings import ROOT, Settings
from core.trajectory import Trajectory
from lessons.course import JOBS
from scripts.measure.benchmarks.measure import ENVIRONMENT, Row, empty_folder, exponent, row, seconds

NUM_STEPS = 34
POLL_SECONDS = 0.01  # looking more often takes the processor from what is looked at

# A process of its own, with the worker's environment and its place in the scheduler's order: the same network,
# batch and timesteps, and nothing else.
BARE = f"""
import os, sys, time, torch
from core.pretrained import load_pretrained
os.nice(1)
model = load_pretrained(sys.argv[1], sys.argv[2])
embedding = model.embed(["a red apple", ""])
x_t = torch.randn(2, *model.picture_shape, device=model.device)
model(x_t, 500, embedding)
print("ready", flush=True)
for _ in sys.stdin:
    began = time.perf_counter()
    for t in model.schedule.strided_timesteps({NUM_STEPS}):
        answer = model(x_t, t, embedding)
    answer.sum().item()
    print(time.perf_counter() - began, flush=True)
"""


class JobFailed(Exception):
    """The executor could not do what was asked; the message is its own."""


class BareCalls:
    """The network calls alone, in a process that is kept between rounds."""

    def __init__(self, device: str) -> None:
        folder = find_model_folder(Settings.from_environment().model)
        self._process = subprocess.Popen(
            [sys.executable, "-c", BARE, str(folder), device],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        if self._process.stdout.readline().strip() != "ready":
            raise JobFailed("The process for the bare network calls could not start; see the lines above.")

    def seconds(self) -> float:
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def spec_of(seed: int, num_steps: int = NUM_STEPS, pictures: int = 1) -> JobSpec:
    model = fingerprint(find_model_folder(Settings.from_environment().model))
    columns = [
        {"prompt": "a red apple", "seed": 1000 * seed + k, "guidance_scale": 7.0} for k in range(pictures)
    ]
    return JobSpec("denoise", {"model": model, "num_steps": num_steps, "columns": columns})


@contextmanager
def executor_in(folder: Path, device: str) -> Iterator[LocalExecutor]:
    store = Store(folder)
    environment = {"device": device, "dtype": "float32"}
    executor = LocalExecutor(store, JOBS, device=device, environment=environment)
    try:
        yield executor
    finally:
        executor.close()
        store.close()


def finish(executor: LocalExecutor, job: JobId) -> Trajectory:
    """Waits as a page does, by looking."""
    while not (status := executor.status(job)).state.final:
        time.sleep(POLL_SECONDS)
    if status.message:
        raise JobFailed(status.message)
    return executor.result(job)


def ask(executor: LocalExecutor, spec: JobSpec, owner: str = "ada") -> float:
    """Seconds from asking to holding the trajectory."""
    return seconds(lambda: finish(executor, executor.submit(spec, owner)))


def first_frame(executor: LocalExecutor, spec: JobSpec) -> float:
    """Seconds from asking to holding the first frame; the job is cancelled then, as no other may run beside it."""
    began = time.perf_counter()
    job = executor.submit(spec, "ada")
    while not (came := any(isinstance(event, Frame) for _, event in executor.events(job))):
        if executor.status(job).state.final:
            break
        time.sleep(POLL_SECONDS)
    took = time.perf_counter() - began
    if not came:
        raise JobFailed(executor.status(job).message or "The job ended without a frame.")
    executor.cancel(job, "ada")
    while not executor.status(job).state.final:
        time.sleep(POLL_SECONDS)
    return took


def overhead(repeats: int, device: str) -> list[Row]:
    """A whole job through the executor (queue, process, frames, record, store) against its 34 network calls."""
    bare, pairs = BareCalls(device), []
    with empty_folder() as folder, executor_in(folder, device) as executor:
        ask(executor, spec_of(0))  # the worker starts and loads the model
        for seed in range(1, repeats + 1):
            alone, job = (bare.seconds(), None) if seed % 2 else (None, ask(executor, spec_of(seed)))
            pairs.append((job or ask(executor, spec_of(seed)), alone or bare.seconds()))
        first = [first_frame(executor, spec_of(1000 + seed)) for seed in range(repeats)]
    bare.close()
    note = f"the first frame after {statistics.median(first):.2f} s"
    return [row("a job through the executor / bare network calls", pairs, "<=", 1.05, note=note)]


def second(repeats: int, device: str) -> list[Row]:
    """The same job again: in the same process, and in one that has just been started on the same folder."""
    again, restarted = [], []
    with empty_folder() as folder:
        with executor_in(folder, device) as executor:
            ask(executor, spec_of(0))
            first = {seed: ask(executor, spec_of(seed)) for seed in range(1, repeats + 1)}
            again = [(ask(executor, spec_of(seed)), first[seed]) for seed in first]
        for seed in first:
            with executor_in(folder, device) as executor:
                executor.resume()
                restarted.append((ask(executor, spec_of(seed)), first[seed]))
    return [
        row("second asking / first", again, "<=", 0.02),
        row("second asking after a restart / first", restarted, "<=", 0.02),
    ]


def neighbours(repeats: int, device: str) -> list[Row]:
    """8 students' jobs at once against one after another; and who waits how long behind one who asks for much."""
    totals, waits, steps = [], [], 10
    with empty_folder() as folder, executor_in(folder, device) as executor:
        ask(executor, spec_of(0, steps))
        for repeat in range(1, repeats + 1):
            one_by_one = sum(
                ask(executor, spec_of(100 * repeat + k, steps), f"student {k}") for k in range(8)
            )
            began = time.perf_counter()
            jobs = [executor.submit(spec_of(100 * repeat + 10 + k, steps), f"student {k}") for k in range(8)]
            for job in jobs:
                finish(executor, job)
            totals.append((time.perf_counter() - began, one_by_one))
            waits.append(_places(executor, repeat, steps))
    return [
        row("8 students at once / one after another", totals, "<=", 1.05),
        row(
            "fairness: last of 7 students behind one with 6 jobs / 8 turns",
            waits,
            "<=",
            1.0,
            unit="jobs",
            note="by the order in which the jobs ended",
        ),
    ]


def _places(executor: LocalExecutor, repeat: int, steps: int) -> tuple[float, float]:
    """How many jobs had ended when the last of seven students had theirs; 8 is a round of everybody."""
    busy = [executor.submit(spec_of(100 * repeat + 20 + k, steps), "busy") for k in range(6)]
    others = [executor.submit(spec_of(100 * repeat + 30 + k, steps), f"student {k}") for k in range(7)]
    ended: list[JobId] = []
    while len(ended) < len(busy) + len(others):
        ended += [job for job in busy + others if job not in ended and executor.status(job).state.final]
        time.sleep(POLL_SECONDS)
    return float(max(ended.index(job) for job in others) + 1), 8.0


def growth(repeats: int, device: str) -> list[Row]:
    """The exponents p in cost ~ size^p: of work in steps and pictures, of waiting lines, of what is stored."""
    many = min(repeats, 3)
    steps, pictures, owners = (10, 20, 40), (2, 4, 8), (16, 32, 64)
    with empty_folder() as folder, executor_in(folder, device) as executor:
        ask(executor, spec_of(0))
        seed = iter(range(1, 1000))
        by_steps = [[ask(executor, spec_of(next(seed), n)) for n in steps] for _ in range(many)]
        by_pictures = [[ask(executor, spec_of(next(seed), 10, n)) for n in pictures] for _ in range(many)]
    by_owners = [[min(_line(n) for _ in range(3)) for n in owners] for _ in range(max(many, 3))]
    stored = (10, 100, 1000, 10_000) if repeats >= 5 else (10, 100, 1000)
    by_stored = _stored(stored, max(many, 3))
    return [
        _growth("growth: time in steps", steps, by_steps, 1.05),
        _growth("growth: time in pictures", pictures, by_pictures, 1.05),
        _growth("growth: time of a line of owners, 64 at most", owners, by_owners, 1.05),
        _growth(f"growth: time to ask, in stored runs up to {stored[-1]}", stored, by_stored, 0.1),
    ]


def _growth(figure: str, sizes: tuple[int, ...], costs: list[list[float]], goal: float) -> Row:
    found = sorted(exponent(sizes, repeat) for repeat in costs)
    last = costs[len(costs) // 2]
    note = f"from {sizes[0]} to {sizes[-1]}; the times are those of the two ends"
    return Row(figure, last[-1], last[0], "s", found[len(found) // 2], found[0], found[-1], "<=", goal, note)


def _line(owners: int) -> float:
    """Everybody asks once, looks at the order once, and is served."""

    def work() -> None:
        queue = FairQueue()
        for k in range(owners):
            queue.push(f"job {k}", [f"student {k}"])
        queue.order()
        while queue.pop():
            pass

    return seconds(work)


def _stored(sizes: tuple[int, ...], repeats: int) -> list[list[float]]:
    """Seconds to be answered from a store with so many runs in its table and results in its folder."""
    costs: list[list[float]] = [[] for _ in range(repeats)]
    trajectory = Trajectory({"result": np.zeros((1, 3, 64, 64), np.float32)}, {})
    environment = {"device": "none", "dtype": "float32"}
    with empty_folder() as folder:
        store, written = Store(folder), 0
        for size in sizes:
            for k in range(written, size):
                spec = JobSpec("denoise", {"number": k})
                key = spec.key(environment)
                store.put_result(key, trajectory) if k < 200 else _hollow(store, key)
                store.runs.save(_record(key, spec))
            written = size
            for repeat in range(repeats):
                executor = LocalExecutor(store, JOBS, environment=environment)
                specs = [JobSpec("denoise", {"number": k}) for k in range(repeat, 10)]
                took = seconds(lambda: [executor.result(executor.submit(spec, "ada")) for spec in specs])  # noqa: B023
                costs[repeat].append(took / len(specs))
                executor.close()
        store.close()
    return costs


def _hollow(store: Store, key: str) -> None:
    """A file in the place of a result that nobody will open: writing 10,000 flushed ones would take minutes."""
    path = store.path / "results" / key[:2] / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(64))


def _record(key: str, spec: JobSpec) -> RunRecord:
    now = time.time()
    return RunRecord(
        key=key, kind=spec.kind, params=spec.canonical, owners='["ada"]', state="done", crashes=0, last_seq=3,
        error_name=None, message=None, submitted_at=now, started_at=now, finished_at=now,
    )  # fmt: skip
