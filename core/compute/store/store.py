"""What outlives a process: results, checkpoints and uploads as files, runs in a table.

    runs.sqlite3            the table of runs (see runs.py)
    results/ab/<key>        trajectories, by the key of the job that computed them
    checkpoints/<key>/<n>   states to resume from, by step; the newest two are kept
    blobs/ab/<sha256>       uploaded pictures and the like, by their own hash (see blobs.py)

A file is whole or absent (files.py); a damaged one counts as absent.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.compute.store.blobs import Blobs
from core.compute.store.files import (
    read_sealed,
    set_aside,
    sweep,
    touch,
    whole_files,
    write_sealed,
)
from core.compute.store.runs import RunTable
from core.jobs import Checkpoint, require_key
from core.trajectory import BadTrajectory, Trajectory

log = logging.getLogger(__name__)

_KEPT_CHECKPOINTS = 2  # the newest, and the one before it should the newest turn out damaged
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Usage:
    """Bytes on the disk, and the number of results."""

    results: int
    result_bytes: int
    checkpoint_bytes: int
    blob_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.result_bytes + self.checkpoint_bytes + self.blob_bytes


@dataclass(frozen=True)
class Verification:
    """What `verify` read, by kind, and what of it was damaged."""

    counts: dict[str, int]
    damaged: list[str]


class Store:
    """Thread-safe, and safe beside other processes that use the same folder."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._results = self.path / "results"
        self.blobs = Blobs(self.path / "blobs")
        self._checkpoints = self.path / "checkpoints"
        self._verified: dict[str, tuple[int, int]] = {}  # key -> (inode, size) of the file last found whole
        self._runs: RunTable | None = None
        self._opening = threading.Lock()

    @property
    def runs(self) -> RunTable:
        """The table of runs, opened at the first use: a worker process never needs it."""
        with self._opening:
            if self._runs is None:
                self._runs = RunTable(self.path / "runs.sqlite3")
            return self._runs

    # --- results -------------------------------------------------------------------------------------------

    def _result_path(self, key: str) -> Path:
        return self._results / require_key(key)[:2] / key

    def put_result(self, key: str, trajectory: Trajectory) -> None:
        """Keep a result, wholly or not at all. Raises StoreFull, OSError."""
        self.put_result_bytes(key, trajectory.to_bytes())

    def put_result_bytes(self, key: str, payload: bytes) -> None:
        """The same, of what `Trajectory.to_bytes` has written."""
        write_sealed(self._result_path(key), payload)

    def get_result_bytes(self, key: str) -> bytes | None:
        """The result as `Trajectory.to_bytes` wrote it; None when there is none or it is damaged."""
        path = self._result_path(key)
        payload = read_sealed(path)
        if payload is not None:
            touch(path)
        return payload

    def get_result(self, key: str) -> Trajectory | None:
        """The result; None when there is none, it is damaged, or another version wrote it."""
        payload = self.get_result_bytes(key)
        return None if payload is None else self._open(self._result_path(key), payload)

    def has_result(self, key: str) -> bool:
        """Is there a whole result? The file is read and checked once; later calls look at its inode and size."""
        path = self._result_path(key)
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        identity = (found.st_ino, found.st_size)
        if self._verified.get(key) != identity:
            if read_sealed(path) is None:
                return False
            self._verified[key] = identity
        touch(path)
        return True

    def erase(self, key: str) -> None:
        """Remove a result and the checkpoints of its run: what was made of something that had to go. Raises OSError."""
        self._result_path(key).unlink(missing_ok=True)
        self._verified.pop(key, None)
        self.drop_checkpoints(key)

    @staticmethod
    def _open(path: Path, payload: bytes) -> Trajectory | None:
        try:
            return Trajectory.from_bytes(payload)
        except BadTrajectory as error:  # whole, but of another version of this program: a miss as well
            log.warning("%s: %s", path.name, error)
            set_aside(path)
            return None

    # --- checkpoints ---------------------------------------------------------------------------------------

    def put_checkpoint(self, key: str, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint and drop all but the newest two. Raises StoreFull, OSError; older ones then stay.

        Another server on this folder that ends the same run takes their folder away, perhaps while one is written.
        """
        folder = self._checkpoints / require_key(key)
        meta = {"step": checkpoint.step, "name": checkpoint.name}
        payload = Trajectory(arrays=checkpoint.arrays, meta=meta).to_bytes()
        try:
            write_sealed(folder / f"{checkpoint.step:012d}", payload)
        except FileNotFoundError:
            write_sealed(folder / f"{checkpoint.step:012d}", payload)
        for path in sorted(whole_files(folder))[:-_KEPT_CHECKPOINTS]:
            path.unlink(missing_ok=True)

    def get_checkpoint(self, key: str) -> Checkpoint | None:
        """The newest checkpoint that is whole; None when there is none."""
        for path in sorted(whole_files(self._checkpoints / require_key(key)), reverse=True):
            payload = read_sealed(path)
            kept = None if payload is None else self._open(path, payload)
            if kept is not None:
                return Checkpoint(kept.meta["step"], kept.meta["name"], dict(kept.arrays))
        return None

    def checkpoint_step(self, key: str) -> int | None:
        """After how many steps the newest checkpoint was kept, without reading it; None when there is none."""
        names = [path.name for path in whole_files(self._checkpoints / require_key(key))]
        return int(max(names)) if names else None

    def drop_checkpoints(self, key: str) -> None:
        folder = self._checkpoints / require_key(key)
        shutil.rmtree(folder, ignore_errors=True)  # it may not be there

    # --- housekeeping --------------------------------------------------------------------------------------

    def usage(self) -> Usage:
        results = [path.stat().st_size for path in whole_files(self._results)]
        rest = (
            sum(path.stat().st_size for path in whole_files(d))
            for d in (self._checkpoints, self.blobs.folder)
        )
        return Usage(len(results), sum(results), *rest)

    def in_use(self) -> set[str]:
        """Keys of queued and running jobs, and the blobs that their parameters name."""
        rows = self.runs.unfinished()
        return {row.key for row in rows} | {name for row in rows for name in _HASH.findall(row.params)}

    def prune(self, max_bytes: int) -> int:
        """Remove the files least recently used until at most `max_bytes` are left; return the bytes freed.

        What a queued or running job uses stays, even if that is more than `max_bytes`. Files that were set aside as
        damaged go first.
        """
        sweep(self.path)
        aside = _stats(path for folder in self._folders for path in folder.rglob("*.damaged"))
        kept = _stats(path for folder in self._folders for path in whole_files(folder))
        excess = sum(found.st_size for found, _ in aside + kept) - max_bytes
        if excess <= 0:
            return 0
        freed = 0
        for found, path in aside:
            path.unlink(missing_ok=True)
            freed += found.st_size
        used = self.in_use()
        for found, path in sorted(kept, key=lambda item: item[0].st_mtime):
            if freed >= excess:
                break
            if self._owner_of(path) not in used and self._remove(path, found.st_mtime):
                freed += found.st_size
        return freed

    def keep_newest(self, kind: str, number: int) -> list[str]:
        """Of each owner's runs of a kind keep the newest `number`, and remove the files of older ones.

        A run counts when it has a result or a checkpoint; it stays as long as it is among the newest of one owner, or
        a queued or running job uses it. Returns the keys of the removed runs.
        """
        used, removed = self.in_use(), []
        so_far: Counter[str] = Counter()
        for record in self.runs.of_kind(kind, limit=-1):
            if not self._result_path(record.key).exists() and self.checkpoint_step(record.key) is None:
                continue
            owners = record.claimants
            so_far.update(owners)
            if record.key not in used and all(so_far[owner] > number for owner in owners):
                self.drop_checkpoints(record.key)
                self._result_path(record.key).unlink(missing_ok=True)
                self.runs.forget(record.key)
                removed.append(record.key)
        return removed

    @staticmethod
    def _is_sealed(path: Path) -> bool:
        """Removed in the meantime is not damaged."""
        return read_sealed(path) is not None or not path.with_name(path.name + ".damaged").exists()

    @property
    def _folders(self) -> tuple[Path, ...]:
        return self._results, self._checkpoints, self.blobs.folder

    def _owner_of(self, path: Path) -> str:
        """The key or the content hash to which a file belongs."""
        return path.parent.name if self._checkpoints in path.parents else path.name

    def _remove(self, path: Path, last_used: float) -> bool:
        """Remove a file, unless somebody has used it since; with a result goes its row."""
        try:
            if path.stat().st_mtime != last_used:
                return False
        except FileNotFoundError:
            return False
        path.unlink(missing_ok=True)
        if self._results in path.parents:
            self.runs.forget(path.name)
        return True

    def verify(self) -> Verification:
        """Read everything; damaged files are set aside, and damaged rows of the table are removed."""
        counts, damaged = {}, []
        for folder in self._folders:
            paths = sorted(whole_files(folder))
            counts[folder.name] = len(paths)
            for path in paths:
                whole = self.blobs.is_whole if folder == self.blobs.folder else self._is_sealed
                if not whole(path):
                    damaged.append(str(path.relative_to(self.path)))
        rows = self.runs.drop_damaged()
        counts["rows of the table of runs"] = len(self.runs) + len(rows)
        return Verification(counts, damaged + [f"runs.sqlite3: the row of {key}" for key in rows])

    def close(self) -> None:
        with self._opening:
            if self._runs is not None:
                self._runs.close()
                self._runs = None


def _stats(paths: Iterable[Path]) -> list[tuple[os.stat_result, Path]]:
    """What the system says about each file; one that somebody removes at this moment is left out."""
    found = []
    for path in paths:
        try:
            found.append((path.stat(), path))
        except FileNotFoundError:
            log.info("%s was removed meanwhile", path.name)
    return found
