"""Computes what the lessons open with and packs it, so that a fresh machine shows every lesson at once: make openings

Each is computed by the lesson's own job, for the model in the settings, and folded for the eye (core/compact.py) into
assets/openings, beside a manifest that says which code, model and machine made them. Can be interrupted and repeated: what
is computed is kept in a store of its own, `openings` in the data folder. When the code of core/ or lessons/ has changed
since, that store is emptied first; ARGS=--keep takes its results all the same. ARGS="A4 A6" computes these lessons only; of
the others it keeps what ships, where that is what they still open with. The manifest then tells of this packing, each file
of its own.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import io
import json
import platform
import re
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from core.compact import FOR_THE_EYE
from core.compute.choose import make_executor
from core.compute.store import ELSEWHERE, Store
from core.compute.store.files import write_whole
from core.compute.store.openings import FORMAT, MANIFEST
from core.jobs import ComputeError, JobSpec, State
from core.model_card import read_card
from core.model_folder import ModelNotFound, find_model_folder, fingerprint
from core.prompt_file import BadEmbeddings
from core.provenance import APP
from core.settings import ROOT, BadSetting, Settings
from core.toy import ExactField, moons
from core.trajectory import Trajectory
from lessons.any_model import fitted
from lessons.cards import card_frames
from lessons.course import COURSE, JOBS
from lessons.lesson import Lesson
from lessons.opening import opening_jobs
from scripts.warm import computed, read_arguments

MOST_BYTES = 40_000_000  # of all that ships
CARD_QUALITY = 70  # of a WebP, of 100
CODE = "code.txt"  # in the store: the code that its results were computed by
SECONDS = "seconds.json"  # ... and how long each took
NOTE = (
    "The pictures of single steps are rounded for the eye: by one grey level of 255 at most, and in noise by an eighth of "
    "its standard deviation; estimates of noise and their differences likewise. The finished pictures and all that was "
    "measured in the run are exact."
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make openings", description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="use results of an earlier version of the code")
    options, wanted = read_arguments(parser)
    try:
        settings = Settings.from_environment()
        folder = find_model_folder(settings.model)
        model, card = fingerprint(folder, settings.embeddings), read_card(settings)
        code = code_digest()
        store = _store(settings.data_dir / "openings", code, options.keep)
        executor = make_executor(settings, store, JOBS)
    except (BadSetting, ModelNotFound, BadEmbeddings) as error:
        sys.exit(str(error))
    jobs = [
        (lesson, title, spec)
        for lesson in COURSE
        for title, spec in opening_jobs(fitted(lesson, card), model, presets=False)
    ]
    seconds = _seconds_of(store)
    try:
        for number, (lesson, title, spec) in enumerate(jobs, start=1):
            if lesson.code not in wanted:
                continue
            began = time.monotonic()
            status = computed(executor, spec, "make openings")
            if status.state is not State.DONE:
                sys.exit(f"[{number}/{len(jobs)}] {title}: {status.message}")
            took = time.monotonic() - began
            if (job := executor.key(spec)) not in seconds:
                seconds[job] = round(took, 1)
                write_whole(store.path / SECONDS, [json.dumps(seconds).encode()])
            print(f"[{number}/{len(jobs)}] {title}, {spec.kind}: {took:.1f} s", flush=True)
        about = {
            "app": APP,
            "code": code,
            "machine": machine(),
            "date": date.today().isoformat(),
            "note": NOTE,
        }
        name = {"name": card.name, "fingerprint": model}
        ships = shipped(settings.openings, model, {lesson.code for lesson in COURSE} - set(wanted))
        missing = [
            title
            for _, title, spec in jobs
            if spec.key({}) not in ships["results"] and not store.has_result(executor.key(spec))
        ]
        if missing:
            print(f"Not packed yet: {len(missing)} of {len(jobs)} are still to be computed.")
            return
        found = [(lesson, title, spec, executor.key(spec)) for lesson, title, spec in jobs]
        pack(found, store, seconds, about, name, settings.openings, ships)
    except ComputeError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped. What was computed is kept; make openings goes on from there.")
    finally:
        executor.close()
        store.close()


def pack(
    jobs: list[tuple[Lesson, str, JobSpec, str]],
    store: Store,
    seconds: Mapping[str, float],
    about: Mapping[str, Any],
    model: Mapping[str, str],
    folder: Path,
    ships: Mapping[str, Mapping[str, Any]],
) -> None:
    """Writes the folder of openings: the results, then the manifest; then it removes what is no longer in that.

    `ships`: "results" and "cards" that stay as they are.
    """
    results: dict[str, Any] = {}
    cards: dict[str, Any] = dict(ships["cards"])
    for lesson, title, spec, key in jobs:
        if spec.key({}) in ships["results"]:
            results[spec.key({})] = ships["results"][spec.key({})]
            continue
        trajectory = store.get_result(key)
        if trajectory is None:
            sys.exit(f"The result of {title} has just been removed or is damaged: run make openings again.")
        data = folded(trajectory, {**about, "seconds": seconds.get(key, 0.0)})
        name = f"{lesson.code}-{spec.kind}-{spec.key({})[:8]}.safetensors"
        results[spec.key({})] = {
            **_written(folder / name, data), "lesson": lesson.code, "title": title, "kind": spec.kind,
            "seconds": seconds.get(key, 0.0),
        }  # fmt: skip
        frames = None if lesson.code in cards else card_frames(trajectory, lesson.black, lesson.card)
        if frames is not None:
            cards[lesson.code] = _card(folder, lesson, frames, spec.params.get("model"))
    for lesson in COURSE:
        if lesson.code not in cards and (frames := drawn_frames(lesson)) is not None:
            cards[lesson.code] = _card(folder, lesson, frames, None)
    size = sum(entry["bytes"] for entry in [*results.values(), *cards.values()])
    if size > MOST_BYTES:
        sys.exit(
            f"The openings take {size / 1e6:.1f} MB, and {MOST_BYTES / 1e6:.0f} MB may ship: the manifest is as it was."
        )
    manifest = {"format": FORMAT, **about, "model": model, "bytes": size, "results": results, "cards": cards}
    _written(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n")
    kept = {MANIFEST, *(entry["file"] for entry in [*results.values(), *cards.values()])}
    for path in folder.iterdir():
        if path.is_file() and path.name not in kept:
            path.unlink()
    print(f"{len(results)} results and {len(cards)} cards, {size / 1e6:.1f} MB, are in {folder}.")


def shipped(folder: Path, model: str, codes: set[str]) -> dict[str, dict[str, Any]]:
    """What a folder has for this model of these lessons: "results" by key, "cards" by code; of a new one nothing."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"results": {}, "cards": {}}
    if manifest["model"]["fingerprint"] != model:
        return {"results": {}, "cards": {}}
    return {
        "results": {key: entry for key, entry in manifest["results"].items() if entry["lesson"] in codes},
        "cards": {code: card for code, card in manifest["cards"].items() if code in codes},
    }


def _written(path: Path, data: bytes) -> dict[str, Any]:
    """Writes a file of the folder; returns what the manifest says of it."""
    write_whole(path, [data])
    path.chmod(0o644)  # it is checked in, and read by whoever runs the app
    return {"file": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _card(folder: Path, lesson: Lesson, frames: np.ndarray, model: Any) -> dict[str, Any]:
    """The film of a lesson's card, uint8 (frames, H, W, C), as one WebP: the frames below each other."""
    strip = frames.reshape(-1, *frames.shape[2:])
    picture = Image.fromarray(strip[..., 0] if strip.shape[-1] == 1 else strip)
    file = io.BytesIO()
    picture.convert("RGB").save(file, "WEBP", quality=CARD_QUALITY, method=6)
    return {
        **_written(folder / f"{lesson.code}.webp", file.getvalue()),
        "frames": len(frames),
        "model": model,
    }


def drawn_frames(lesson: Lesson) -> np.ndarray | None:
    """Of B5, which the browser computes: points that the exact field carries from noise to the two moons.

    Of B12, which begins with drawings: a small figure as a hand draws it.
    """
    if lesson.code == "B12":
        return _by_hand()
    if lesson.code != "B5":
        return None
    generator = torch.Generator().manual_seed(0)
    field = ExactField(moons(500, generator))
    x, shown = torch.randn(700, 2, generator=generator), []
    for step in range(44):
        if step % 4 == 0:
            shown.append(_dotted(x))
        x = x + field(x, step / 44).velocity / 44
    return np.stack([*shown, _dotted(x)])


def _by_hand(side: int = 96) -> np.ndarray:
    """uint8 (frames, side, side, 1): a house in one stroke, white on black, in pixels of 28 as on the lesson's sheet."""
    corners = [(7, 23), (7, 13), (14, 5), (21, 13), (7, 13), (21, 13), (21, 23), (7, 23)]
    shown = []
    for done in range(2, len(corners) + 1):
        sheet = Image.new("L", (28, 28))
        ImageDraw.Draw(sheet).line(corners[:done], fill=255, width=2)
        shown.append(np.asarray(sheet.resize((side, side), Image.Resampling.NEAREST))[..., None])
    return np.stack(shown)


def _dotted(points: torch.Tensor, side: int = 96, reach: float = 2.6) -> np.ndarray:
    """uint8 (side, side, 1): points within ±reach, white on black."""
    picture = np.zeros((side, side, 1), np.uint8)
    column, row = ((points.numpy().T * [[1], [-1]] + reach) / (2 * reach) * side).astype(int)
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    picture[row[inside], column[inside]] = 255
    return picture


def folded(trajectory: Trajectory, about: Mapping[str, Any]) -> bytes:
    """A result as it ships: rounded for the eye, and with a word of where it comes from."""
    return replace(trajectory, meta={**trajectory.meta, ELSEWHERE: dict(about)}).to_bytes(FOR_THE_EYE)


def code_digest() -> str:
    """16 hex digits that change with the code of core/ and lessons/, and not with its comments, docstrings or layout."""
    digest = hashlib.sha256()
    for path in sorted([*(ROOT / "core").rglob("*.py"), *(ROOT / "lessons").rglob("*.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                said = ast.get_docstring(node, clean=False) is not None
                node.body = node.body[1:] if said else node.body
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0{ast.dump(tree)}\0".encode())
    return digest.hexdigest()[:16]


def machine() -> str:
    """The processor's name and the system, which decide how sums are rounded."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:  # not Linux
        found = None
    processor = found[1].strip() if found else platform.processor() or platform.machine()
    return f"{processor}, {platform.system()}"


def _store(path: Path, code: str, keep: bool) -> Store:
    """The store of what was computed, emptied where other code computed it."""
    by = path / CODE
    before = by.read_text(encoding="utf-8") if by.is_file() else code
    if before != code and not keep:
        print(f"The code has changed since ({before} → {code}): computing anew.")
        shutil.rmtree(path)
    store = Store(path)
    write_whole(by, [code.encode()])
    return store


def _seconds_of(store: Store) -> dict[str, float]:
    path = store.path / SECONDS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


if __name__ == "__main__":
    main()
