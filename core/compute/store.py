"""What outlives a process: results, checkpoints and uploads as files, runs in a table.

    runs.sqlite3            the table of runs (see runs.py)
    results/ab/<key>        trajectories, by the key of the job that computed them
    checkpoints/<key>/<n>   states to resume from, by step; the newest two are kept
    blobs/ab/<sha256>       uploaded pictures and the like, by their own hash

A file is whole or absent (files.py); a damaged one counts as absent. The command line looks after a store:

    python -m core.compute.store verify|prune [--data FOLDER] [--max-mb 2000]
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import re
import shutil
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from core.compute.files import read_sealed, set_aside, sweep, touch, whole_files, write_sealed, write_whole
from core.compute.jobs import Checkpoint, require_key
from core.compute.runs import RunTable
from core.settings import Settings
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


class Store:
    """Thread-safe, and safe beside other processes that use the same folder."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._results, self._blobs = self.path / "results", self.path / "blobs"
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
        write_sealed(self._result_path(key), trajectory.to_bytes())

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
        """Keep a checkpoint and drop all but the newest two. Raises StoreFull, OSError; older ones then stay."""
        folder = self._checkpoints / require_key(key)
        meta = {"step": checkpoint.step, "name": checkpoint.name}
        payload = Trajectory(arrays=checkpoint.arrays, meta=meta).to_bytes()
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

    # --- blobs ---------------------------------------------------------------------------------------------

    def put_blob(self, data: bytes) -> str:
        """Keep bytes; return their SHA-256, which names them in a JobSpec. Raises StoreFull, OSError."""
        name = hashlib.sha256(data).hexdigest()
        if self.get_blob(name) is None:
            write_whole(self._blob_path(name), [data])
        return name

    def get_blob(self, name: str) -> bytes | None:
        """The bytes with this SHA-256; None when they are not here or damaged."""
        path = self._blob_path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        if hashlib.sha256(data).hexdigest() != name:
            set_aside(path)
            return None
        touch(path)
        return data

    def _blob_path(self, name: str) -> Path:
        return self._blobs / require_key(name)[:2] / name

    # --- housekeeping --------------------------------------------------------------------------------------

    def usage(self) -> Usage:
        results = [path.stat().st_size for path in whole_files(self._results)]
        rest = (sum(path.stat().st_size for path in whole_files(d)) for d in (self._checkpoints, self._blobs))
        return Usage(len(results), sum(results), *rest)

    def in_use(self) -> set[str]:
        """Keys of queued and running jobs, and the blobs that their parameters name."""
        rows = self.runs.unfinished()
        return {row.key for row in rows} | {name for row in rows for name in _HASH.findall(row.params)}

    def prune(self, max_bytes: int) -> int:
        """Remove the files least recently used until at most `max_bytes` are left; return the bytes freed.

        What a queued or running job uses stays, even if that is more than `max_bytes`.
        """
        sweep(self.path)
        used = self.in_use()
        files = []
        for path in (p for d in (self._results, self._checkpoints, self._blobs) for p in whole_files(d)):
            owner = path.parent.name if self._checkpoints in path.parents else path.name
            found = path.stat()
            files.append((found.st_mtime, found.st_size, owner, path))
        excess = sum(size for _, size, _, _ in files) - max_bytes
        freed = 0
        for _, size, owner, path in sorted(files):
            if freed >= excess:
                break
            if owner not in used:
                path.unlink(missing_ok=True)
                freed += size
                if self._results in path.parents:
                    self.runs.forget(owner)
        return freed

    def verify(self) -> list[str]:
        """Read every file; return the names of the damaged ones, which are set aside."""
        damaged = [p.name for p in whole_files(self._blobs) if self.get_blob(p.name) is None]
        for folder in (self._results, self._checkpoints):
            damaged += [f"{p.parent.name}/{p.name}" for p in whole_files(folder) if read_sealed(p) is None]
        return damaged

    def close(self) -> None:
        with self._opening:
            if self._runs is not None:
                self._runs.close()
                self._runs = None


def main(arguments: list[str] | None = None) -> int:
    """The command line; the exit status of `verify` is 1 when something was damaged."""
    parser = argparse.ArgumentParser(prog="python -m core.compute.store", description="Look after a store.")
    parser.add_argument("command", choices=["verify", "prune"])
    parser.add_argument("--data", type=Path, help="the folder of the store (default: the app's own)")
    parser.add_argument("--max-mb", type=int, default=2000, help="what prune leaves, in MB (default: 2000)")
    options = parser.parse_args(arguments)
    folder = options.data or Settings.from_environment().data_dir
    if not folder.is_dir():
        parser.error(f"{folder} is not a folder; give the one that the app uses with --data")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    store = Store(folder)
    if options.command == "verify":
        damaged = store.verify()
        print(f"{len(damaged)} damaged files" + "".join(f"\n  {name}" for name in damaged))
    else:
        freed, damaged = store.prune(options.max_mb * 1_000_000), []
        print(f"{freed / 1e6:.1f} MB freed, {store.usage().total_bytes / 1e6:.1f} MB left")
    store.close()
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main())
