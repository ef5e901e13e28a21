"""A film as bytes for the browser: uint32 little-endian length of the header, JSON header, pixels.

Nothing is lost, and the browser need not paint a picture to read it back: a canvas may lie about what was painted, by
design, where a browser protects its user from being recognised. Pixels travel raw, or, in a film larger than `raw_limit`,
deflated (zlib, RFC 1950) where that is smaller. A chunk holds up to `CHUNK_FRAMES` frames of one row. Before it is deflated
each frame is replaced by its difference, modulo 256, from the one before in the chunk ("frames"); of smooth pictures then
each pixel by its difference from what the three pixels left of it, above it, and between the two foretell ("pixels"), as
PNG's filters do. While a run is still growing everything stays raw: the processor has better things to do.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from pages.components.player.film import Film, FilmError, Row

CHUNK_FRAMES = 16
MAX_BYTES = 48_000_000
FORETOLD = ("frames", "frames pixels")  # from what a chunk may be taken the difference of


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
        "terms": [asdict(term) for term in film.terms],
        "open": film.open,
        "marks": film.marks,
        "strip": film.strip_row or film.rows[0].name,
        "strip_sample": film.strip_sample,
        "start": film.start,
        "clock": film.clock,
        "name": film.name,
        "autoplay": film.autoplay,
        "loops": film.loops,
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
        codec, blob = min(_codings(tiles), key=lambda coding: len(coding[1])) if compress else ("raw", raw)
        if len(blob) > 0.9 * len(raw):
            codec, blob = "raw", raw
        digest = hashlib.blake2b(raw, digest_size=8).hexdigest()
        chunks.append(
            {"codec": codec, "first": begin, "count": len(tiles), "bytes": len(blob), "digest": digest}
        )
        blobs.append(blob)
    return {
        "name": row.name,
        "label": row.label,
        "caption": row.caption,
        "ends": row.ends,
        "sign": row.sign,
        "shown": row.shown,
        "limit": row.limit,
        "blank": row.blank,
        "drawn": row.drawn,
        "once": row.once,
        "frames": frames,
        "height": height,
        "width": width,
        "channels": channels,
        "chunks": chunks,
    }


def _codings(tiles: np.ndarray) -> list[tuple[str, bytes]]:
    """A chunk (frames, batch, height, width, channels) deflated, after each way of foretelling it."""
    return [(f"deflate {foretold}", _deflated(differences(tiles, foretold))) for foretold in FORETOLD]


def differences(tiles: np.ndarray, foretold: str) -> np.ndarray:
    """What `tiles`, uint8 (frames, batch, height, width, channels), differ in from what is foretold, modulo 256."""
    left = tiles.copy()
    if "frames" in foretold:
        left[1:] -= tiles[:-1]
    if "pixels" in foretold:
        for axis in (2, 3):
            ahead, behind = np.moveaxis(left, axis, 0)[1:], np.moveaxis(left, axis, 0)[:-1]
            ahead -= behind.copy()
    return left


def _deflated(differing: np.ndarray) -> bytes:
    """With run lengths only: of differences a search for longer matches takes ten times as long and finds none."""
    packer = zlib.compressobj(1, strategy=zlib.Z_RLE)
    return packer.compress(differing.tobytes()) + packer.flush()
