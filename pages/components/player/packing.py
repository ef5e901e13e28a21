"""A film as bytes for the browser: uint32 little-endian length of the header, JSON header, pixels.

Nothing is lost: pixels travel raw, or, in a film larger than `raw_limit`, as lossless WebP where that is
smaller. A chunk holds up to `CHUNK_FRAMES` frames of one row; as WebP its tiles stand in one sprite, row by row of
the sprite, frame after frame and sample after sample. Noise does not compress, a clean picture does, hence the choice
chunk by chunk. While a run is still growing everything stays raw: the processor has better things to do.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image

from pages.components.player.film import Film, FilmError, Row

CHUNK_FRAMES = 16
MAX_BYTES = 48_000_000
SPRITE_COLUMNS = 16
WEBP_SIDE = 16_383  # the format's limit in pixels


def pack(film: Film, *, raw_limit: int = 1_500_000, first: int = 0) -> bytes:
    """The bytes that the player's JavaScript reads. Raises `FilmError` above `MAX_BYTES` of pixels.

    `first`: leave out the pixels of the frames before this one, and of stills, for a browser that has them.
    """
    size = sum(row.pixels.nbytes for row in film.rows)
    if size > MAX_BYTES:
        raise FilmError(
            f"{size / 1e6:.0f} MB of pictures is too much for a browser: show fewer samples, or every second step."
        )
    compress = size > raw_limit and film.total == len(film.steps)
    blobs: list[bytes] = []
    header = {
        "rows": [_pack_row(row, compress, blobs, first) for row in film.rows],
        "steps": film.steps,
        "columns": film.columns,
        "batch": film.batch,
        "total": film.total,
        "curves": [
            {
                "label": c.label,
                "values": finite(c.values),
                "log": c.log,
                "panel": c.panel,
                "meaning": c.meaning,
            }
            for c in film.curves
        ],
        "numbers": [
            {"symbol": n.symbol, "meaning": n.meaning, "values": finite(n.values)} for n in film.numbers
        ],
        "formula": film.formula,
        "marks": film.marks,
        "strip": film.strip_row or film.rows[0].name,
        "strip_sample": film.strip_sample,
        "start": film.start,
        "clock": film.clock,
        "name": film.name,
        "autoplay": film.autoplay,
        "about": film.about,
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return b"".join((struct.pack("<I", len(text)), text, *blobs))


def read_header(data: bytes) -> dict:
    """The JSON header of packed bytes. Raises `FilmError` if these are not the bytes of a film."""
    try:
        (length,) = struct.unpack_from("<I", data)
        header = json.loads(data[4 : 4 + length])
    except (struct.error, ValueError) as error:
        raise FilmError("These bytes are not a film: make them with pack(film).") from error
    if not isinstance(header, dict) or "rows" not in header:
        raise FilmError("These bytes are not a film: make them with pack(film).")
    return header


def finite(values: Sequence[float | None]) -> list[float | None]:
    """Numbers for JSON: six significant digits, and None for what is missing, infinite or not a number."""
    return [
        float(f"{float(value):.6g}") if value is not None and math.isfinite(float(value)) else None
        for value in values
    ]


def _pack_row(row: Row, compress: bool, blobs: list[bytes], first: int) -> dict:
    frames, _, height, width, channels = row.pixels.shape
    chunks = []
    size = CHUNK_FRAMES if compress else frames
    for begin in range(first, frames, size):
        tiles = row.pixels[begin : begin + size]
        raw = np.ascontiguousarray(tiles).tobytes()
        sprite = _sprite(tiles) if compress else None
        codec, blob = (
            ("webp", sprite) if sprite is not None and len(sprite) < 0.9 * len(raw) else ("raw", raw)
        )
        digest = hashlib.blake2b(raw, digest_size=8).hexdigest()
        chunks.append(
            {"codec": codec, "first": begin, "count": len(tiles), "bytes": len(blob), "digest": digest}
        )
        blobs.append(blob)
    return {
        "name": row.name,
        "label": row.label,
        "caption": row.caption,
        "shown": row.shown,
        "frames": frames,
        "height": height,
        "width": width,
        "channels": channels,
        "chunks": chunks,
    }


def _sprite(tiles: np.ndarray) -> bytes | None:
    """One lossless WebP of (frames, batch, height, width, channels), or None where it is not worth trying."""
    frames, batch, height, width, channels = tiles.shape
    count = frames * batch
    lines = -(-count // SPRITE_COLUMNS)
    if lines * height > WEBP_SIDE or SPRITE_COLUMNS * width > WEBP_SIDE:
        return None
    flat = tiles.reshape(count, height, width, channels)
    if len(_webp(flat[0])) + len(_webp(flat[-1])) > 0.9 * 2 * flat[0].nbytes:
        return None  # two tiles tell noise from pictures for a fraction of the time
    sheet = np.zeros((lines * SPRITE_COLUMNS, height, width, channels), np.uint8)
    sheet[:count] = flat
    sheet = sheet.reshape(lines, SPRITE_COLUMNS, height, width, channels).swapaxes(1, 2)
    return _webp(sheet.reshape(lines * height, SPRITE_COLUMNS * width, channels))


def _webp(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(
        file, "WEBP", lossless=True, quality=0, method=0
    )
    return file.getvalue()
