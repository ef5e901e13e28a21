"""Results that ship with the app: what its lessons open with, computed elsewhere and kept in little room.

    openings/manifest.json      what made them, and which file is whose
    openings/<name>             a trajectory each, as `Trajectory.to_bytes` folds it

A result is found by the key of its specification alone, without device and number format: it is an answer that another
machine gave, and says so in its `meta` under ELSEWHERE. The specification holds the fingerprint of the model, so that
results of another model are never found; those of another version of the app are passed over as a whole.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from core.jobs import JobSpec
from core.provenance import APP

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
FORMAT = 1
ELSEWHERE = "elsewhere"  # in the meta of a result: which machine computed it, when, and what was rounded


class Openings:
    """The folder of openings, read when it is first asked, and when `make openings` has made it anew since.

    Thread-safe: nothing is written into the folder, and who reads at the same time reads the same.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Which file was read, by its time and number, and what it says.
        self._read: tuple[tuple[int, int] | None, Mapping[str, Any]] | None = None

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What is in the folder; {} where that is nothing which this version can use, and the log says why."""
        try:
            found = (self.folder / MANIFEST).stat()
            file = found.st_mtime_ns, found.st_ino
        except OSError:
            file = None  # reading says what is the matter
        read = self._read
        if read is None or read[0] != file:
            read = self._read = file, self._what_it_says()
        return read[1]

    def _what_it_says(self) -> Mapping[str, Any]:
        try:
            found = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.error(
                "the openings that ship cannot be read (%s); lessons compute what they open with", error
            )
            return {}
        if (found.get("format"), found.get("app")) != (FORMAT, APP):
            log.warning(
                "the openings that ship were made by %s, and this is %s: lessons compute what they open with. "
                "`make openings` makes them anew.", found.get("app"), APP,
            )  # fmt: skip
            return {}
        return found

    def why_not(self, fingerprint: str) -> str | None:
        """A sentence where the openings are of another model than the one with this fingerprint; None where they fit."""
        model = self.manifest.get("model")
        if model is None or model["fingerprint"] == fingerprint:
            return None
        return (
            f"The openings that ship are of the model {model['name']} ({model['fingerprint']}), and the model here is "
            f"{fingerprint}: lessons of Part A compute what they open with. `make openings` makes them for this model."
        )

    def card(self, code: str, fingerprint: str) -> tuple[bytes, int] | None:
        """The small film of a lesson's card, a WebP of square frames below each other, and how many frames it has.

        None where there is none, or it is another model's than the one with this fingerprint.
        """
        entry = self.manifest.get("cards", {}).get(code)
        if entry is None or entry["model"] not in (None, fingerprint):
            return None
        data = self._file(entry)
        return None if data is None else (data, entry["frames"])

    def usual_seconds(self, kind: str) -> float | None:
        """How long jobs of this kind took where they were computed, the median; None where none ships."""
        took = [
            entry["seconds"] for entry in self.manifest.get("results", {}).values() if entry["kind"] == kind
        ]
        return median(took) if took else None

    def ships(self, spec: JobSpec) -> bool:
        """Whether there is a result of this specification."""
        return spec.key({}) in self.manifest.get("results", {})

    def read(self, spec: JobSpec) -> bytes | None:
        """The result of this specification as bytes; None where it does not ship, or is not what the manifest says."""
        entry = self.manifest.get("results", {}).get(spec.key({}))
        return None if entry is None else self._file(entry)

    def _file(self, entry: Mapping[str, Any]) -> bytes | None:
        try:
            data = (self.folder / entry["file"]).read_bytes()
        except OSError as error:
            log.error("an opening that ships cannot be read (%s): it is computed, or not shown", error)
            return None
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            log.error(
                "%s is not what the manifest of the openings says: it is computed, or not shown",
                entry["file"],
            )
            return None
        return data
