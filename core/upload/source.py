"""What the walk through a file has found: the input of the decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KINDS = Literal["PNG", "JPEG", "WEBP"]


@dataclass(frozen=True)
class Source:
    """An upload, reduced to what its pixels depend on.

    kind: the format, as Pillow calls it.
    data: the file for the decoder. Text, thumbnails and private parts are cut out.
    exif: the EXIF block as TIFF bytes, or empty; only its orientation is used.
    profile: the ICC profile of the pixels' colours, or None where they are sRGB.
    clear: the one transparent colour of a PNG without alpha, as stored (1 or 3 numbers), or None.
    depth: bits of a channel as stored.
    passes, coefficients: of a JPEG: scans over the picture, and the bytes that they keep at once.
    """

    kind: KINDS
    data: bytes
    exif: bytes = b""
    profile: bytes | None = None
    clear: tuple[int, ...] | None = None
    depth: int = 8
    passes: int = 1
    coefficients: int = 0
