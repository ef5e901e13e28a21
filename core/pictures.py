"""The test pictures that ship with the app: 64 × 64 pixels, openly licensed.

Six are photographs, of which no model here has seen any; they lie with those on which models are measured.

emoji64 was trained on most of those that are emoji; the titles say which it has never seen, and lesson A12 what
difference that makes. `assets/pictures/pictures.json` lists them in the order in which they are offered. NumPy and
Pillow only, no torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.media import BadPicture, read_picture

PICTURES = Path(__file__).resolve().parent.parent / "assets" / "pictures"
PHOTOGRAPHS = PICTURES.parent / "data" / "photographs"
PHOTO = "photo-"  # begins the slug of a photograph


class PicturesMissing(ValueError):
    """The folder of test pictures is incomplete; the message names the file."""


class UnknownPicture(ValueError):
    """No test picture has this slug; the message lists those there are."""


@dataclass(frozen=True)
class Picture:
    """One test picture and where it comes from.

    `code` and `style` name the emoji it is (Unicode code points in hexadecimal; "fluent-3d" or "noto"); both are
    None for a picture drawn for this project.
    """

    slug: str
    title: str
    alt: str
    source: str
    licence: str
    code: str | None
    style: str | None


def list_pictures(folder: Path = PICTURES) -> tuple[Picture, ...]:
    """All test pictures, the default one first. Raises PicturesMissing if the list is absent or damaged."""
    path = folder / "pictures.json"
    names = {field.name for field in fields(Picture)}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PicturesMissing(f"{path} is missing: restore it from the repository.") from error
    except ValueError as error:
        raise PicturesMissing(f"{path} is not valid JSON: restore it from the repository.") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) and set(row) == names for row in rows):
        raise PicturesMissing(f"{path} has to list objects with exactly the keys {', '.join(sorted(names))}.")
    return tuple(Picture(**row) for row in rows)


def picture_path(slug: str, folder: Path = PICTURES) -> Path:
    """Where the PNG of a listed picture lies."""
    return (
        PHOTOGRAPHS / f"{slug.removeprefix(PHOTO)}.png" if slug.startswith(PHOTO) else folder / f"{slug}.png"
    )


def load_picture(slug: str, folder: Path = PICTURES) -> np.ndarray:
    """The pixels of one test picture: uint8 (64, 64, 3).

    Raises: UnknownPicture for a slug that is not listed; PicturesMissing if its file is absent or damaged.
    """
    slugs = [picture.slug for picture in list_pictures(folder)]
    if slug not in slugs:  # also keeps a slug from a link from naming a path
        raise UnknownPicture(f"There is no test picture {slug[:40]!r}: choose one of {', '.join(slugs)}.")
    path = picture_path(slug, folder)
    try:
        return _decoded(path, path.stat().st_mtime_ns).copy()
    except FileNotFoundError as error:
        raise PicturesMissing(f"{path} is missing: restore it from the repository.") from error
    except BadPicture as error:
        raise PicturesMissing(f"{path} can't be read: restore it from the repository.") from error


@lru_cache(maxsize=64)
def _decoded(path: Path, modified: int) -> np.ndarray:
    """A lesson offers all test pictures each time that it is drawn, and to decode them takes 30 ms."""
    return read_picture(path.read_bytes(), size=64)
