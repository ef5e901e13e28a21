"""Rows about kill -9: of the worker and of the server, at random moments of sampling and of training.

A server of its own, to be killed:

    python -m scripts.measure.reliability_kills FOLDER sampling|training SEED
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.compute.dispatch import QueueExecutor
from core.jobs import JobId
from core.settings import ROOT
from scripts.measure.reliability_rows import (
    PATIENCE,
    Row,
    closed,
    counting,
    executor_in,
    is_counted,
    moments,
    names,
    require,
    require_one_end,
    same_bits,
    training,
    undisturbed,
    wait,
)

_TOTAL, _SECONDS = 12, 0.01  # of a sampling job: evaluations, and what each takes
# Nobody tells an executor that a kill came from outside: with the usual two attempts, a job that is hit twice before
# it gets on is set aside, as it should be. Here every job is to be hit again and again.
_ATTEMPTS = 10**6
_AT_START = 0.25  # of the kills
_DONE = "nothing accepted is lost, nothing is reported done that is not"
_BITS = f"{_DONE}; a training ends with the same weights, bit for bit"


# ---- the worker --------------------------------------------------------------------------------------------


def worker_sampling(folder: Path, repeat: int) -> Row:
    """The worker is killed while jobs of three owners are computed."""
    executor, rng = executor_in(folder, max_attempts=_ATTEMPTS), moments(1)
    jobs: list[JobId] = []
    for _ in range(repeat):
        while executor.capacity().waiting < 4:
            jobs.append(executor.submit(counting(_TOTAL, _SECONDS), f"student {len(jobs) % 3}"))
        _kill_worker(executor, jobs, rng)
    states = [wait(executor, job).state for job in jobs]
    whole = sum(
        state == "done" and is_counted(executor.result(job), _TOTAL)
        for job, state in zip(jobs, states, strict=True)
    )
    require_one_end(executor, jobs)
    closed(executor)
    return Row(
        f"kill -9 of the worker, {repeat} times while sampling", _DONE,
        f"{len(jobs)} accepted, {whole} done with the right result", whole == len(jobs),
    )  # fmt: skip


def worker_training(folder: Path, repeat: int) -> Row:
    """The worker is killed again and again under one training after the other."""
    executor, rng, kills, trainings, equal = (
        executor_in(folder / "store", max_attempts=_ATTEMPTS),
        moments(2),
        0,
        0,
        0,
    )
    resumed = 0
    while kills < repeat:
        spec = training(seed=trainings)
        job = executor.submit(spec, "ada")
        while kills < repeat and not executor.status(job).state.final:
            kills += _kill_worker(executor, [job], rng)
        require(wait(executor, job).state == "done", "a training was lost")
        resumed += names(executor, job).count("Started") - 1
        equal += same_bits(executor.result(job), undisturbed(folder / f"alone-{trainings}", spec))
        trainings += 1
    closed(executor)
    return Row(
        f"kill -9 of the worker, {kills} times while training", _BITS,
        f"{trainings} trainings, {resumed} times begun again, {equal} equal to the undisturbed one, bit for bit",
        equal == trainings,
    )  # fmt: skip


def _kill_worker(executor: QueueExecutor, jobs: list[JobId], rng: random.Random) -> bool:
    """At a random moment: one in four while it starts, the others some evaluations on. False if it was too late."""

    def done() -> int:
        return sum(executor.status(job).done for job in jobs[-6:])

    def over() -> bool:
        return all(executor.status(job).state.final for job in jobs)

    if rng.random() < _AT_START:
        time.sleep(rng.uniform(0, 1.5))
    else:
        _wait_for_steps(done, over, rng)
    pid = executor.worker_pid
    if over() or pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:  # the last kill, and nobody has noticed yet
        return False
    return True


def _wait_for_steps(done: Callable[[], int], over: Callable[[], bool], rng: random.Random) -> None:
    """Until something has been computed, and then up to 30 evaluations on."""
    before, latest, more = done(), time.monotonic() + PATIENCE, rng.randrange(30)
    for target in (1, more):
        while (
            abs(done() - before) < target and not over()
        ):  # a training that is taken up begins to count anew
            require(time.monotonic() < latest, "nothing gets on after a kill")
            time.sleep(0.002)
        before = done()
    time.sleep(rng.uniform(0, 0.02))


# ---- the server --------------------------------------------------------------------------------------------


class Server:
    """A process with an executor, which says what it accepts and what it has done."""

    def __init__(self, folder: Path, kind: str, seed: int) -> None:
        self._ends = kind == "training"  # it has one job
        self.accepted: list[str] = []
        self.done: list[str] = []
        self.failed: list[str] = []
        self.workers: list[int] = []
        self.steps = 0  # evaluations so far
        command = [sys.executable, "-m", "scripts.measure.reliability_kills", str(folder), kind, str(seed)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            word, _, rest = line.strip().partition(" ")
            if not line.endswith("\n"):
                break  # it was killed in the middle of a word
            if word == "worker":
                self.workers.append(int(rest))
            elif word == "progress":
                self.steps = int(rest)
            else:
                {"accepted": self.accepted, "done": self.done, "failed": self.failed}[word].append(rest)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait_for_a_moment(self, rng: random.Random) -> None:
        """One in four while it starts, the others some evaluations on."""
        if rng.random() < _AT_START:
            time.sleep(rng.uniform(0, 4.0))
        else:
            _wait_for_steps(lambda: self.steps, lambda: self.ended or (self._ends and bool(self.done)), rng)

    def kill(self) -> None:
        """kill -9, and wait until its worker has noticed."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        latest = time.monotonic() + PATIENCE
        while any(_alive(pid) for pid in self.workers):
            require(time.monotonic() < latest, "a worker outlives its server")
            time.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "zombie" not in status.read_text()


def server_sampling(folder: Path, repeat: int) -> Row:
    """The server is killed while it accepts jobs, computes them, and takes up what the one before left."""
    rng, accepted, reported = moments(3), {}, set()
    for turn in range(repeat):
        server = Server(folder, "sampling", turn)
        server.wait_for_a_moment(rng)
        server.kill()
        accepted.update(dict.fromkeys(server.accepted))
        reported.update(server.done)
        require(not server.failed, "a job failed")
    executor = executor_in(folder)
    false = sum(not is_counted(executor.result(job), _TOTAL) for job in reported)
    executor.resume()
    whole = sum(
        wait(executor, job).state == "done" and is_counted(executor.result(job), _TOTAL) for job in accepted
    )
    closed(executor)
    return Row(
        f"kill -9 of the server, {repeat} times while sampling", _DONE,
        f"{len(accepted)} accepted, {whole} done with the right result; {len(reported)} were reported done before, "
        f"{false} of them wrongly",
        whole == len(accepted) and not false and len(accepted) >= repeat,
    )  # fmt: skip


def server_training(folder: Path, repeat: int) -> Row:
    """The server is killed again and again under one training after the other."""
    rng, kills, equal, seed = moments(4), 0, 0, 0
    for seed in itertools.count():
        server = Server(folder / "store", "training", seed)
        while kills < repeat and not server.done:
            server.wait_for_a_moment(rng)
            if server.done:
                break
            server.kill()
            kills += 1
            server = Server(folder / "store", "training", seed)
        latest = time.monotonic() + PATIENCE
        while not server.done:
            require(time.monotonic() < latest and not server.ended, "a training was lost")
            time.sleep(0.05)
        server.kill()
        executor = executor_in(folder / "store")
        (job,) = set(server.done)
        equal += same_bits(executor.result(job), undisturbed(folder / f"alone-{seed}", training(seed)))
        closed(executor)
        if kills >= repeat:
            break
    return Row(
        f"kill -9 of the server, {kills} times while training", _BITS,
        f"{seed + 1} trainings, {equal} equal to the undisturbed one, bit for bit", equal == seed + 1,
    )  # fmt: skip


def serve(folder: Path, kind: str, seed: int) -> None:
    """The server that is killed: takes up what is left, asks for more, says what happens, one line each."""

    def say(*words: object) -> None:
        print(*words, flush=True)

    executor = executor_in(folder)
    jobs = executor.resume()
    pid, done, ended = None, 0, 0
    for turn in itertools.count():
        if kind == "training":
            jobs = jobs or [executor.submit(training(seed), "ada")]
        elif executor.capacity().waiting < 4:
            jobs.append(executor.submit(counting(_TOTAL, _SECONDS), f"student {turn % 3}"))
            say("accepted", jobs[-1])
        for job in list(jobs):
            if (status := executor.status(job)).state.final:
                say(status.state, job)
                jobs.remove(job)
                ended += 1
        if kind == "training" and not jobs:
            break
        now = ended * _TOTAL + sum(executor.status(job).done for job in jobs)
        if now != done:
            say("progress", now)
            done = now
        if (found := executor.worker_pid) not in (pid, None):  # None: there is none at the moment
            pid = found
            say("worker", pid)
        time.sleep(0.005)
    threading.Event().wait()  # for the end


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
