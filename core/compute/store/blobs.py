"""What students bring along: pictures, drawings, masks, as bytes under their own hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

from core.compute.store.files import set_aside, touch, write_whole
from core.jobs import require_key


class Blobs:
    """Bytes by their SHA-256, each in a file. Thread-safe, and safe beside other processes that use the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Keep bytes; return their SHA-256, which names them in a JobSpec. Raises StoreFull, OSError."""
        name = hashlib.sha256(data).hexdigest()
        if self.get(name) is None:
            write_whole(self._path(name), [data])
        return name

    def get(self, name: str) -> bytes | None:
        """The bytes with this SHA-256; None when they are not here or damaged. Raises JobNotFound for what is no hash."""
        path = self._path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        if hashlib.sha256(data).hexdigest() != name:
            set_aside(path)
            return None
        touch(path)
        return data

    def remove(self, name: str) -> None:
        """The bytes are gone; nothing happens where they are not here. Raises JobNotFound for what is no hash, OSError."""
        self._path(name).unlink(missing_ok=True)

    @staticmethod
    def is_whole(path: Path) -> bool:
        """Whether a file of the folder is what its name says; one that is not is set aside. Unlike `get`, no use of it."""
        try:
            whole = hashlib.sha256(path.read_bytes()).hexdigest() == path.name
        except FileNotFoundError:  # removed in the meantime is not damaged
            return True
        if not whole:
            set_aside(path)
        return whole

    def _path(self, name: str) -> Path:
        return self.folder / require_key(name)[:2] / name
