"""PNG: the chunks that change pixels, and nothing else of the file.

A PNG may carry any amount of text (image generators store their whole workflow), packed so that some kilobytes become
gigabytes; a reader that unpacks it has to refuse the file. Nothing here depends on text: it is cut out unread, as are
animation (the first picture stays), resolution, dates and private chunks. Format: W3C, Portable Network Graphics,
third edition (2025), in whose order of precedence colour is read: cICP, iCCP, sRGB, then gAMA and cHRM.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from core.upload.colour import HLG, PQ, coded_profile, power_profile
from core.upload.limits import DAMAGED, MAX_PARTS, MAX_PROFILE, BadPicture
from core.upload.source import Source

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE = 0, 2, 3  # colour types that have no alpha channel
_NEUTRAL = 45455  # gAMA of nearly every file: 1/2.2, which decoders take for sRGB


def read_png(data: bytes) -> Source:
    """The chunks of a PNG, sorted out. Raises BadPicture for what no PNG reader shows rightly."""
    kept: list[memoryview] = [memoryview(SIGNATURE)]
    asides: dict[bytes, bytes] = {}
    header = None
    for name, body, whole in _chunks(data):
        if name == b"CgBI":
            raise BadPicture(
                "This PNG was packed for an iPhone app: save it as PNG or JPEG with another program."
            )
        if name == b"IHDR":
            if header is None and len(body) == 13:
                header = bytes(body)
                kept.append(whole)
            continue
        ancillary = name[0] & 0x20
        if not ancillary:
            kept.append(whole)  # PLTE, IDAT, IEND
        elif name in (b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"eXIf") and name not in asides:
            if zlib.crc32(name + bytes(body)) == int.from_bytes(whole[-4:], "big"):
                asides[name] = bytes(body)
                if name == b"tRNS" and header is not None and header[9] == _PALETTE:
                    kept.append(whole)
    if header is None:
        raise BadPicture(DAMAGED)
    return Source(
        "PNG", b"".join(kept), exif=asides.get(b"eXIf", b""), profile=_profile(asides),
        clear=_clear(asides.get(b"tRNS"), header[8], header[9]), depth=header[8],
    )  # fmt: skip


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """Name, body and the whole of each chunk, up to IEND; of a file cut short, the rest as its last one."""
    view, place = memoryview(data), len(SIGNATURE)
    for _ in range(MAX_PARTS):
        if place + 8 > len(data):
            return
        length = int.from_bytes(view[place : place + 4], "big")
        name, end = bytes(view[place + 4 : place + 8]), place + 12 + length
        yield name, view[place + 8 : min(end - 4, len(data))], view[place : min(end, len(data))]
        if name == b"IEND" or end > len(data):
            return
        place = end
    raise BadPicture("This PNG is stored in far too many pieces: open it and save it again.")


def _clear(body: bytes | None, depth: int, colour_type: int) -> tuple[int, ...] | None:
    """The transparent colour of tRNS: 16-bit numbers, of which the picture's own bits count."""
    channels = {_GREY: 1, _RGB: 3}.get(colour_type)
    if body is None or channels is None or len(body) < 2 * channels:
        return None
    return tuple(number & ((1 << depth) - 1) for number in struct.unpack_from(f">{channels}H", body))


def _profile(chunks: dict[bytes, bytes]) -> bytes | None:
    """The ICC profile that the colour chunks give or amount to, or None for sRGB."""
    coded = chunks.get(b"cICP", b"")
    if len(coded) == 4:
        primaries, transfer, matrix, full_range = coded
        if transfer in (PQ, HLG):
            raise BadPicture(
                "This PNG is a high-dynamic-range picture (HDR): save it as an ordinary PNG or JPEG."
            )
        if matrix == 0 and full_range == 1 and (profile := coded_profile(primaries, transfer)) is not None:
            return profile
    if b"iCCP" in chunks:
        return _unpacked(chunks[b"iCCP"])
    if b"sRGB" in chunks or b"gAMA" not in chunks:
        return None  # as browsers do: chromaticities alone would leave the gamma to be guessed
    gamma = int.from_bytes(chunks[b"gAMA"][:4], "big")
    colours = chunks.get(b"cHRM", b"")
    if len(colours) >= 32:
        return power_profile(gamma / 1e5, [number / 1e5 for number in struct.unpack_from(">8I", colours)])
    return None if abs(gamma / _NEUTRAL - 1) < 0.05 else power_profile(gamma / 1e5)


def _unpacked(body: bytes) -> bytes | None:
    """The profile of iCCP: a name, 0, a method, and the packed bytes; None if damaged or over MAX_PROFILE."""
    _, _, packed = body.partition(b"\0")
    if not packed or packed[0] != 0:
        return None
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], MAX_PROFILE)
    except zlib.error:
        return None
    return profile if unpacker.eof else None
