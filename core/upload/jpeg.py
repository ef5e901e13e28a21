"""JPEG: what its markers say before anything is decoded.

Cameras put more around a picture than in it: thumbnails, maker's notes, depth and gain maps, a second JPEG behind the
first (MPO, Ultra HDR). All of that is cut out; colour profile and orientation are read here, tables and scans are passed
on. Format: ITU-T T.81, annex B; the profile's pieces: ICC.1:2022, annex B.4.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from core.upload.limits import (
    DAMAGED,
    MAX_COEFFICIENTS,
    MAX_JPEG_PIXELS,
    MAX_JPEG_SCANS,
    MAX_PARTS,
    MAX_PROFILE,
    MAX_SCANNED,
    BadPicture,
)
from core.upload.source import Source

SIGNATURE = b"\xff\xd8\xff"
_SOI, _EOI, _SOS, _COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length: TEM, RST0 to RST7, SOI
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15; the gaps are DHT, JPG, DAC
_DECODED = {
    0xC0,
    0xC1,
    0xC2,
    0xC9,
    0xCA,
}  # baseline, extended, progressive; the last two with arithmetic coding
_PROGRESSIVE = {0xC2, 0xCA}
_LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}
_DROPPED = {*range(0xE1, 0xEE), 0xEF, _COMMENT}  # APP0 (JFIF) and APP14 (Adobe) say how colours are stored
_BEHIND_A_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


@dataclass(frozen=True)
class _Frame:
    """A start-of-frame segment: width and height in pixels, sampling factors (across, down) of each component;
    progressive: with several scans over each."""

    width: int
    height: int
    sampling: tuple[tuple[int, int], ...]
    progressive: bool

    def coefficients(self) -> int:
        """Bytes of all coefficients: two each, components in whole blocks of 8 × 8."""
        across, down = (max(pair[axis] for pair in self.sampling) for axis in (0, 1))
        blocks = sum(
            -(-self.width * h // (8 * across)) * -(-self.height * v // (8 * down)) for h, v in self.sampling
        )
        return 128 * blocks


def read_jpeg(data: bytes) -> Source:
    """The markers of a JPEG, checked. Raises BadPicture for kinds and sizes that are not decoded."""
    kept, exif, pieces = [b"\xff\xd8"], b"", []
    frame = None
    place = 2
    for _ in range(MAX_PARTS):
        marker, start, place = _segment(data, place)
        body = data[start:place]
        if marker == _SOS:
            if frame is None:
                raise BadPicture(DAMAGED)
            scans = data[start - 4 :]
            one_scan = len(body) > 0 and body[0] == len(frame.sampling) and not frame.progressive
            passes = _passes(data, place)
            coefficients = 0 if one_scan and passes == 1 else frame.coefficients()
            _check_cost(frame, passes, coefficients)
            profile = _joined(pieces)
            return Source(
                "JPEG", b"".join([*kept, scans]), exif, profile, passes=passes, coefficients=coefficients
            )
        if marker in _FRAMES and frame is None:
            frame = _frame(marker, body)
        elif marker == 0xF7:
            raise BadPicture("This is a JPEG-LS picture: save it as PNG or as an ordinary JPEG.")
        elif marker == 0xE1 and body[:6] == b"Exif\0\0" and not exif:
            exif = body[6:]
        elif marker == 0xE2 and body[:12] == b"ICC_PROFILE\0" and len(body) > 14:
            pieces.append((body[12], body[13], body[14:]))
        if marker not in _DROPPED and marker not in _ALONE:
            kept.append(data[start - 4 : place])
    raise BadPicture("This JPEG is stored in far too many pieces: open it and save it again.")


def _segment(data: bytes, place: int) -> tuple[int, int, int]:
    """The next marker from `place` on, where its body begins, and where it ends. Raises BadPicture at the file's end."""
    place = data.find(b"\xff", place)  # bytes in between are skipped, as decoders do
    while 0 <= place < len(data) - 1 and data[place + 1] in (0x00, 0xFF):
        place = place + 1 if data[place + 1] == 0xFF else data.find(b"\xff", place + 2)
    if not 0 <= place < len(data) - 1 or data[place + 1] == _EOI:
        raise BadPicture(DAMAGED)
    marker = data[place + 1]
    if marker in _ALONE:
        return marker, place + 2, place + 2
    length = int.from_bytes(data[place + 2 : place + 4], "big")
    end = place + 2 + length
    if length < 2 or end > len(data):
        raise BadPicture(DAMAGED)
    return marker, place + 4, end


def _frame(marker: int, body: bytes) -> _Frame:
    """Raises BadPicture, with its name, for a kind of JPEG that is not decoded."""
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise BadPicture(DAMAGED)
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if marker in _LOSSLESS:
        raise BadPicture(
            "This is a lossless JPEG, as medical devices write it: save it as PNG or as an ordinary JPEG."
        )
    if marker not in _DECODED:
        raise BadPicture(
            "This is a hierarchical JPEG, which hardly any program reads: save it as an ordinary JPEG or PNG."
        )
    if precision != 8:
        raise BadPicture(
            f"This JPEG has {precision} bits a colour: save it as an ordinary JPEG (8 bits) or as PNG."
        )
    if components not in (1, 3, 4):
        raise BadPicture(f"This JPEG has {components} colour channels: save it in RGB, or as PNG.")
    if height == 0:
        raise BadPicture(
            "This JPEG does not say how high it is, as some scanners leave it: open it and save it again."
        )
    sampling = tuple((body[7 + 3 * k] >> 4, body[7 + 3 * k] & 15) for k in range(components))
    if not all(1 <= h <= 4 and 1 <= v <= 4 for h, v in sampling):
        raise BadPicture(DAMAGED)
    return _Frame(width, height, sampling, progressive=marker in _PROGRESSIVE)


def _passes(data: bytes, place: int) -> int:
    """Scans of the first picture in the file; `place` is where the first one's coded data begins."""
    passes = 1
    while passes <= MAX_JPEG_SCANS:
        behind = _BEHIND_A_SCAN.search(data, place)
        if behind is None or data[behind.start() + 1] == _EOI:
            return passes
        marker, place = data[behind.start() + 1], behind.start() + 2
        if marker not in _ALONE:
            place += int.from_bytes(data[place : place + 2], "big")
        passes += marker == _SOS
    return passes


def _check_cost(frame: _Frame, passes: int, coefficients: int) -> None:
    size = f"{frame.width} × {frame.height} pixels"
    if frame.width * frame.height > MAX_JPEG_PIXELS:
        raise BadPicture(
            f"The picture has {size} and the limit is {MAX_JPEG_PIXELS // 10**6} megapixels: save a smaller copy of it."
        )
    if coefficients > MAX_COEFFICIENTS:
        raise BadPicture(
            f"This progressive JPEG has {size}, more than can be held at once: save it without “progressive”, or smaller."
        )
    if passes > MAX_JPEG_SCANS or passes * frame.width * frame.height > MAX_SCANNED:
        raise BadPicture("This JPEG is stored in far too many passes: save it as PNG.")


def _joined(pieces: list[tuple[int, int, bytes]]) -> bytes | None:
    """The profile of APP2 segments (number, count, bytes), or None if one is missing or it is too large."""
    pieces = sorted(pieces)
    if not pieces or [number for number, _, _ in pieces] != list(range(1, pieces[0][1] + 1)):
        return None
    profile = b"".join(piece for _, _, piece in pieces)
    return profile if len(profile) <= MAX_PROFILE else None
