"""Where a file that was taken home comes from, written into the file itself, and read back from it.

A picture that is passed on loses its page. So every file that the app makes carries the prompts, seeds, γ and timesteps of
its run, the model, the app's version and the address of the page, as one JSON text that needs no app to be read:

    PNG    json.loads(Image.open(file).info["provenance"])
    WebP   json.loads(Image.open(file).getexif().get_ifd(0x8769)[0x9286][8:])    EXIF UserComment, behind "ASCII"
    GIF    json.loads(Image.open(file).info["comment"])                         the comment extension
    NPZ    json.loads(str(np.load(file)["provenance"]))

`read` does the same for any of them. In WebP and GIF the text is ASCII, with other letters as JSON's \\u escapes, because
neither format says how such a text is to be read.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

VERSION = "0.1.0"  # the app's, as in pyproject.toml
APP = f"diffusion-lessons {VERSION}"
KEY = "provenance"  # of a PNG's text chunk and of an NPZ's entry
_CHARSET = b"ASCII\0\0\0"  # how an EXIF UserComment begins
_CANNOT = (OSError, ValueError, KeyError, TypeError, IndexError, SyntaxError, zipfile.BadZipFile)


class NoProvenance(ValueError):
    """The file does not say where it comes from, or is none of the four formats."""


@dataclass(frozen=True)
class Provenance:
    """What made a file.

    Attributes:
        lesson: code and title, "A6 · Classifier-free guidance".
        link: the address of the page with the settings of the run; "" where none is known.
        model: the models that computed it, by name: "emoji64", "b6/epoch-10".
        fingerprint: what names their weights: one text for each model.
        prompts: each prompt of the run once, in the order in which they appear in `job`.
        seeds, gammas: one for each picture where the run has them by picture, otherwise each once; γ is None for a picture
            that was sampled without guidance.
        t: the time of every step, in order: 999..0 in diffusion (0 is clean), 0..1 in flow matching (1 is clean).
        job: {"kind": ..., "params": {...}}, all that the computation was given.
        note: what was done to the pictures for the sake of the file's size, in a sentence; "" for nothing.
        app: name and version of the program.
    """

    lesson: str
    link: str = ""
    model: tuple[str, ...] = ()
    fingerprint: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    gammas: tuple[float | None, ...] = ()
    t: tuple[float, ...] = ()
    job: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    app: str = APP

    def to_json(self, *, ascii_only: bool = False) -> str:
        """One line of JSON with the names of the attributes. Raises ValueError for NaN and infinity."""
        return json.dumps(asdict(self), ensure_ascii=ascii_only, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """The inverse of `to_json`; names that this version does not know are passed over.

        Raises NoProvenance: the text is something else.
        """
        try:
            found = json.loads(text)
            known = {item.name for item in fields(cls)}
            values: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in found.items()
                if name in known
            }
            return cls(**values)
        except (ValueError, TypeError, AttributeError) as error:
            raise NoProvenance("This text does not say where a file comes from.") from error

    def save_options(self, file_format: str) -> dict[str, Any]:
        """What Pillow's `save` is to be given, so that a "PNG", "WEBP" or "GIF" file holds this."""
        if file_format == "PNG":
            info = PngInfo()
            info.add_itxt("Software", self.app)
            info.add_itxt("Title", self.lesson)
            info.add_itxt(KEY, self.to_json())
            return {"pnginfo": info}
        text = self.to_json(ascii_only=True).encode("ascii")
        if file_format == "GIF":
            return {"comment": text}
        if file_format == "WEBP":
            exif = Image.Exif()
            exif[ExifTags.Base.Software] = self.app
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = _CHARSET + text
            return {"exif": exif}
        raise ValueError(f"{file_format!r} holds no provenance; use PNG, WEBP, GIF, or `core.npz`.")


def read(data: bytes) -> Provenance:
    """The provenance in the bytes of a PNG, WebP, GIF or NPZ file. Raises NoProvenance."""
    try:
        return Provenance.from_json(_text(data))
    except NoProvenance:
        raise
    except _CANNOT as error:
        raise NoProvenance("This file does not say where it comes from.") from error


def _text(data: bytes) -> str:
    if data.startswith(b"PK"):
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return str(arrays[KEY])
    with Image.open(io.BytesIO(data), formats=("PNG", "WEBP", "GIF")) as picture:
        if picture.format == "PNG":
            picture.load()  # text may stand behind the pixels
            return str(picture.info[KEY])
        if picture.format == "GIF":
            return bytes(picture.info["comment"]).decode("ascii")
        comment: bytes = picture.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
        return comment[len(_CHARSET) :].decode("ascii")
