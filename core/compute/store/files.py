"""Files that are whole or absent.

Write: a temporary file beside the target, flush, fsync, rename. Read: the file carries the SHA-256 of its
payload in front, so that a truncated or bit-flipped file is noticed, moved aside and counts as a miss.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from core.jobs import StoreFull

log = logging.getLogger(__name__)

_DIGEST_BYTES = 32
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_ABANDONED_SECONDS = 3600  # nobody writes one file for an hour: such a temporary file is a crash's remainder


def write_sealed(path: Path, payload: bytes) -> None:
    """Write digest + payload to `path`, wholly or not at all. Raises StoreFull, OSError."""
    write_whole(path, [hashlib.sha256(payload).digest(), payload])


def read_sealed(path: Path) -> bytes | None:
    """The payload; None when there is no such file or it is damaged (then it is moved aside and logged)."""
    try:
        with path.open("rb", buffering=0) as file:  # digest and payload apart: slicing would copy the payload
            digest, payload = file.read(_DIGEST_BYTES), file.readall()
    except FileNotFoundError:
        return None
    if hashlib.sha256(payload).digest() != digest:
        set_aside(path)
        return None
    return payload


def write_whole(path: Path, parts: list[bytes]) -> None:
    """Write the parts to `path`, wholly or not at all. Raises StoreFull, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            for part in parts:
                rest = memoryview(part)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in _FULL:
            raise StoreFull() from error
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Make the rename itself survive a power cut, where the system lets a directory be opened.

    The file is whole and in its place already, so a failure is not the writer's.
    """
    if os.name == "posix":
        try:
            descriptor = os.open(directory, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            log.exception("a power cut might lose the newest file in %s", directory.name)


def set_aside(path: Path) -> None:
    """Rename a damaged file to `<name>.damaged`: never read again, still there for whoever wants to look."""
    log.error("damaged file set aside: %s", path.name)
    try:
        os.replace(path, path.with_name(path.name + ".damaged"))
    except FileNotFoundError:
        log.info("%s was set aside by somebody else", path.name)


def touch(path: Path) -> None:
    """Note the use of a file: its modification time is what `prune` goes by."""
    try:
        os.utime(path)
    except FileNotFoundError:
        log.info("%s was removed while it was used", path.name)


def whole_files(directory: Path) -> Iterator[Path]:
    """The files below a directory, without temporary and damaged ones."""
    # os.walk passes over a folder that another server takes away meanwhile.
    for folder, _, names in os.walk(directory):
        for name in names:
            if not name.startswith(".") and not name.endswith(".damaged"):
                yield Path(folder, name)


def sweep(directory: Path) -> None:
    """Remove the temporary files that crashes have left behind."""
    for path in directory.rglob(".*.tmp"):
        try:
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()
        except FileNotFoundError:  # its writer has just renamed it
            continue
