"""Rows about disks: full for real, failing at every single write, and files that were damaged."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from core.compute.store import Store, files
from core.compute.store.runs import RunRecord
from core.jobs import Checkpoint, ComputeError, JobSpec, State, StoreFull
from core.trajectory import Trajectory
from scripts.measure.reliability_rows import (
    Broken,
    Row,
    closed,
    counting,
    executor_in,
    is_counted,
    moments,
    require,
    wait,
)

_STEPS = 300
_KEY = "ab" * 32
_SENTENCE = StoreFull.advice


# ---- full ----------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own in memory. Raises OSError where it may not be mounted (Linux and root are needed)."""
    folder.mkdir(parents=True)
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("mount") is None:
        raise OSError("only root on Linux may mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        raise OSError("mounting a small disk was refused")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(folder: Path, left: int) -> Path:
    """A file that leaves `left` bytes free."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                require(error.errno == errno.ENOSPC, f"the disk answered {error}")
        file.truncate(file.tell() - left)
    return filler


def full_disk(folder: Path, repeat: int) -> Row:
    """A disk of 8 MB is filled up under a training and sampling jobs, and the server is started anew on it."""
    seen: Counter[str] = Counter()
    try:
        for turn in range(repeat):
            with small_disk(folder / str(turn), 8) as disk:
                _full_disk(disk, turn, (0, 64 << 10, 256 << 10)[turn % 3], seen)
    except OSError as error:
        return Row("A disk that is full", "it is tried on a real one", f"not measured: {error}", False)
    return Row(
        f"A real disk of 8 MB is filled up during a training and 10 sampling jobs, {repeat} times",
        "the previous state is used, the user gets a sentence; accepted = done + failed",
        f"{seen['asked']} asked: {seen['refused']} refused and {seen['failed']} failed with the sentence, {seen['done']} "
        f"done; all {seen['kept']} earlier results read, server started anew on the full disk; after space was made "
        f"{seen['again']} of {seen['asked']} done, {seen['equal']} of {repeat} trainings equal to the undisturbed one",
        seen["refused"] + seen["failed"] + seen["done"] == seen["asked"] == seen["again"] and seen["equal"] == repeat,
    )  # fmt: skip


def _full_disk(disk: Path, seed: int, left: int, seen: Counter[str]) -> None:
    """`left` bytes are free at first, so that it is another write each time that fails."""
    store = disk / "store"
    executor = executor_in(store)
    earlier = [executor.submit(counting(5), "ada") for _ in range(5)]
    for job in earlier:
        wait(executor, job)
    walk = JobSpec("trains", {"seed": seed, "steps": _STEPS, "seconds": 0.01})
    training = executor.submit(walk, "ada")
    wait(executor, training, lambda status: status.done >= 20)
    filler = _fill(disk, left)
    asked, specs = [], [counting(5) for _ in range(10)]
    for number, spec in enumerate(specs):
        seen["asked"] += 1
        try:
            asked.append(executor.submit(spec, f"student {number}"))
        except StoreFull as error:
            require(str(error) == _SENTENCE, f"the user was told {error}")
            seen["refused"] += 1
    for job in asked:
        status = wait(executor, job)
        seen[status.state] += 1
        require(status.state == "done" or status.message == _SENTENCE, f"the user was told {status.message}")
        require(
            status.state != "done" or is_counted(executor.result(job), 5),
            "a result is not what was asked for",
        )
    wait(executor, training)  # it goes on without checkpoints, and cannot keep its result
    _require_kept(executor, earlier)
    require(not list(store.rglob("*.tmp")), "half a file was left behind")
    closed(executor)

    executor = executor_in(store)  # a server that starts on a full disk
    executor.resume()
    _require_kept(executor, earlier)
    seen["kept"] += len(earlier)
    filler.unlink()
    for spec in specs:
        seen["again"] += wait(executor, executor.submit(spec, "ada")).state == "done"
    training = executor.submit(walk, "ada")
    require(wait(executor, training).state == "done", "the training was lost")
    result = executor.result(training)
    require(result.meta["resumed_at"] >= 20, "the training began at the beginning")
    seen["equal"] += np.array_equal(result["weights"], walked(seed))
    closed(executor)


def walked(seed: int) -> np.ndarray:
    """What tests.compute.sample_jobs.trains comes to, without an executor."""
    rng, weights = np.random.default_rng(seed), np.zeros(8)
    for _ in range(_STEPS):
        weights = weights * 0.9 + rng.standard_normal(8)
    return weights


def _require_kept(executor, jobs: list[str]) -> None:
    for job in jobs:
        require(is_counted(executor.result(job), 5), "an earlier result was lost")


# ---- every write ---------------------------------------------------------------------------------------------


def write_failures(folder: Path, repeat: int) -> Row:
    """Every call of the system in every write of the store fails in turn, also after half of the bytes."""
    tried = 0
    for turn in range(repeat):
        store = Store(folder / str(turn))
        kinds = {
            "result": (lambda n, s=store: s.put_result(_KEY, _picture(n)), lambda s=store: s.get_result(_KEY).meta["n"]),
            "checkpoint": (
                lambda n, s=store: s.put_checkpoint(_KEY, Checkpoint(n, f"step {n}", {"w": np.full(9, n)})),
                lambda s=store: s.get_checkpoint(_KEY).step,
            ),
            "upload": (lambda n, s=store: s.blobs.put(b"picture %d" % n), lambda s=store: s.usage().blob_bytes),
        }  # fmt: skip
        for name, (write, read) in kinds.items():
            write(1)
            before = read()
            for code in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
                call = 0
                while _fails(call, code, lambda write=write: write(2)):
                    require(read() == before, f"a failed write of a {name} has changed what there was")
                    require(not list(store.path.rglob("*.tmp")), f"half a {name} was left behind")
                    call += 1
                    tried += 1
                require(read() != before, f"a {name} was not written although nothing failed")
                shutil.rmtree(
                    store.path / {"result": "results", "checkpoint": "checkpoints", "upload": "blobs"}[name]
                )
                write(1)
        store.close()
    return Row(
        "Every call of the system in every write of a result, a checkpoint, an upload fails in turn",
        "the previous state is used, the user gets a sentence",
        f"{tried} failures, {tried} times the previous state, no half file",
        tried > 0,
    )


def _picture(number: int) -> Trajectory:
    return Trajectory({"x": np.full(1000, number, np.float32)}, {"n": number})


def _fails(which: int, code: int, write) -> bool:
    """Let call number `which` fail; False when the write needs fewer calls. A failing os.write writes half first."""
    real, calls = files.os, iter(range(10**6))

    class Failing:
        def __getattr__(self, name: str):
            call = getattr(real, name)
            if name not in ("open", "write", "fsync", "replace"):
                return call

            def counted(*arguments, **options):
                if next(calls) == which:
                    if name == "write":
                        call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                    raise OSError(code, os.strerror(code))
                return call(*arguments, **options)

            return counted

    files.os = Failing()
    try:
        write()
    except StoreFull as error:
        require(str(error) == _SENTENCE and code != errno.EIO, f"the user was told {error}")
        return True
    except OSError as error:
        require(error.errno == code == errno.EIO, f"it was called {error}")
        return True
    finally:
        files.os = real
    return False


# ---- damage --------------------------------------------------------------------------------------------------


def damage(folder: Path, repeat: int) -> Row:
    """Files of every kind are cut short or have bits flipped, at random."""
    rng, used, rows_lost, rows = moments(5), Counter(), 0, 0
    store = Store(folder / "files")
    for turn in range(repeat):
        kind = ("result", "checkpoint", "upload", "table")[turn % 4]
        if kind == "result":
            store.put_result(_KEY, _picture(7))
            _damage(store.path / "results" / _KEY[:2] / _KEY, rng)
            used[kind] += store.get_result(_KEY) is None and not store.has_result(_KEY)
        elif kind == "checkpoint":
            for step in (1, 2):
                store.put_checkpoint(_KEY, Checkpoint(step, f"step {step}", {"w": np.full(9, step)}))
            _damage(store.path / "checkpoints" / _KEY / f"{2:012d}", rng)
            kept = store.get_checkpoint(_KEY)
            used[kind] += kept is not None and kept.step == 1 and kept.arrays["w"].tolist() == [1] * 9
            store.drop_checkpoints(_KEY)
        elif kind == "upload":
            name = store.blobs.put(rng.randbytes(500))
            _damage(store.path / "blobs" / name[:2] / name, rng)
            used[kind] += store.blobs.get(name) is None
        else:
            true, found = _damaged_table(folder / str(turn), rng)
            used[kind] += set(found) <= set(true)
            rows, rows_lost = rows + len(true), rows_lost + len(true) - len(found)
    store.close()
    times = ", ".join(f"{count} {kind}s" for kind, count in used.items())
    return Row(
        f"{repeat} files cut short or with flipped bits",
        "the previous state is used, the cache entry is a miss",
        f"all noticed: {times}; of the tables' rows {100 * (1 - rows_lost / max(1, rows)):.0f} % were rescued, none wrong",
        sum(used.values()) == repeat,
    )


def _damage(path: Path, rng) -> None:
    """Cut the file short, or flip one to eight bits, never back."""
    data = bytearray(path.read_bytes())
    if rng.random() < 0.5:
        data = data[: rng.randrange(len(data))]
    else:
        for place in rng.sample(range(len(data)), rng.randint(1, 8)):
            data[place] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def _damaged_table(folder: Path, rng) -> tuple[list[RunRecord], list[RunRecord]]:
    """The rows of a table before and after its file was damaged; it must take new rows in any case."""
    store = Store(folder)
    for n in range(50):
        store.runs.save(
            RunRecord(
                f"{n:064x}", "count", f'{{"n":{n}}}', '["ada"]', "queued", 0, 1, None, None, n, None, None
            )
        )
    true = store.runs.unfinished()
    store.close()
    _damage(folder / "runs.sqlite3", rng)
    store = Store(folder)
    try:
        found = store.runs.unfinished()
        new = RunRecord(_KEY, "count", "{}", '["ada"]', State.DONE.value, 0, 1, None, None, 1.0, None, None)
        store.runs.save(new)
        require(store.runs.get(_KEY) == new, "a row is not what was written")
    except ComputeError as error:
        raise Broken(f"a damaged table does not answer: {error}") from error
    finally:
        store.close()
        shutil.rmtree(folder)
    return true, found
