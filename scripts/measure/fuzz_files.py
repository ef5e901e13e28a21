"""Valid files of every kind that the upload gate knows, and what may happen to them: for scripts/measure/fuzz_uploads.py.

A mutation is decided by its number alone, so that any file of a run can be made again. Half of them know the format they
damage: they exchange, repeat and resize the parts of a file and mend lengths and checksums, so that the damage gets past the
first look into the decoders and the colour management behind it.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageCms

from scripts.measure.reliability_uploads import chunk, saved

_PNG = b"\x89PNG\r\n\x1a\n"
_NUMBERS = (
    0,
    1,
    2,
    7,
    8,
    63,
    64,
    127,
    128,
    255,
    256,
    2000,
    8000,
    32767,
    32768,
    65500,
    65535,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
_SIDES = (0, 1, 7, 8, 9, 64, 160, 500, 1999, 2000, 2001, 4000, 4600, 8000, 16383, 65500)
_NAMES = (
    b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"eXIf", b"PLTE", b"IDAT", b"acTL", b"fcTL", b"fdAT", b"zTXt",
)  # fmt: skip
# Depth and colour type of each kind of PNG.
_PNG_KINDS = (
    (1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (1, 3), (4, 3), (8, 3), (8, 4), (16, 4), (8, 6), (16, 6),
)  # fmt: skip


def mutated(number: int, files: Mapping[str, bytes], seed: int = 0) -> bytes:
    """The file of this number: one of `files` with one to four mutations."""
    rng = random.Random(f"{seed}/{number}")
    names = sorted(files)
    data = files[rng.choice(names)]
    for _ in range(rng.choice((1, 1, 2, 4))):
        if rng.random() < 0.1:
            data = _splice(data, files[rng.choice(names)], rng)
        else:
            data = _mutation(data, rng)(data, rng)
    return data


def _mutation(data: bytes, rng: random.Random) -> Callable[[bytes, random.Random], bytes]:
    if rng.random() < 0.5:
        return rng.choice((_flip, _overwrite, _insert, _delete, _repeat, _cut))
    if data.startswith(_PNG):
        return rng.choice((_png_parts, _png_header, _png_body, _png_pixels, _png_profile))
    if data.startswith(b"\xff\xd8"):
        return rng.choice((_jpeg_parts, _jpeg_frame, _jpeg_body, _jpeg_scans))
    if data.startswith(b"RIFF"):
        return rng.choice((_webp_parts, _webp_sizes))
    return _flip


# ---- the valid files -----------------------------------------------------------------------------------------


def valid_files() -> dict[str, bytes]:
    """By name: PNG of each depth and colour type, JPEG and WebP of each kind, and of other formats one each."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    smooth = noise.resize((160, 120), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    dull = bytes(
        byte ^ 1 if 2000 < place < 2040 else byte for place, byte in enumerate(profile)
    )  # its curve, a little
    packed = chunk(b"iCCP", b"name\0\0" + zlib.compress(dull))
    files = {}
    for depth, kind in _PNG_KINDS:
        files[f"{depth} bits, type {kind}.png"] = _raw_png(rng, depth, kind, 0)
        if depth in (1, 16):
            files[f"{depth} bits, type {kind}, interlaced.png"] = _raw_png(rng, depth, kind, 1)
    others = [Image.new("RGB", (160, 120), colour) for colour in ("red", "blue")]
    files |= {
        "profile.png": saved(smooth, "PNG", icc_profile=dull, exif=exif),
        "grey, profile.png": _with(saved(smooth.convert("L"), "PNG"), packed),
        "linear.png": _with(saved(smooth, "PNG"), chunk(b"gAMA", struct.pack(">I", 100_000)), chunk(b"tRNS", bytes(6))),
        "primaries.png": _with(
            saved(smooth, "PNG"), chunk(b"gAMA", struct.pack(">I", 45_455)),
            chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),
        ),
        "coded.png": _with(saved(smooth.convert("RGBA"), "PNG"), chunk(b"cICP", bytes([12, 13, 0, 1]))),
        "text.png": _with(saved(smooth, "PNG"), chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(9_000_000), 9))),
        "animated.png": saved(smooth, "PNG", save_all=True, append_images=others),
        "4 megapixels.png": saved(Image.new("RGBA", (2000, 2000), (9, 99, 199, 99)), "PNG", icc_profile=dull),
        "4 megapixels, one clear.png": _with(saved(Image.new("RGB", (2000, 2000)), "PNG"), chunk(b"tRNS", bytes(6)), packed),
        "photo.jpg": saved(smooth, "JPEG", quality=90, exif=exif, icc_profile=dull),
        "full colour.jpg": saved(smooth, "JPEG", subsampling=0, restart_marker_blocks=3),
        "grey.jpg": saved(smooth.convert("L"), "JPEG"),
        "inks.jpg": saved(smooth.convert("CMYK"), "JPEG", icc_profile=_ink_profile(rng)),
        "progressive.jpg": saved(smooth, "JPEG", progressive=True, exif=exif),
        "progressive inks.jpg": saved(smooth.convert("CMYK"), "JPEG", progressive=True),
        "20 megapixels.jpg": saved(Image.new("L", (5000, 4000), 99), "JPEG", exif=exif),
        "several.jpg": saved(smooth, "MPO", save_all=True, append_images=others),
        "lossy.webp": saved(smooth, "WEBP", exif=exif, icc_profile=dull),
        "lossless.webp": saved(noise, "WEBP", lossless=True, icc_profile=dull),
        "alpha.webp": saved(smooth.convert("RGBA").rotate(20), "WEBP"),
        "animated.webp": saved(smooth, "WEBP", save_all=True, append_images=others),
        "4 megapixels.webp": saved(Image.new("RGBA", (2000, 2000), (9, 99, 199, 99)), "WEBP", lossless=True),
    }  # fmt: skip
    kinds = ("GIF", "BMP", "TIFF", "AVIF", "ICO", "JPEG2000", "PDF", "PPM")
    return files | {f"other.{kind.lower()}": saved(noise, kind) for kind in kinds}


def _raw_png(rng: np.random.Generator, depth: int, kind: int, adam7: int) -> bytes:
    """48 × 48 of noise. The passes of Adam7 make for fewer or more bytes; too many are ignored by decoders."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    row = (48 * channels * depth + 7) // 8
    body = zlib.compress(rng.integers(0, 2, 2 * 48 * (row + 8), dtype=np.uint8).tobytes())
    extra = chunk(b"PLTE", rng.bytes(3 << min(depth, 8))) + chunk(b"tRNS", rng.bytes(2)) if kind == 3 else b""
    extra += chunk(b"tRNS", bytes(2 * channels)) if kind in (0, 2) else b""
    header = struct.pack(">IIBBBBB", 48, 48, depth, kind, 0, 0, adam7)
    return _PNG + chunk(b"IHDR", header) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _ink_profile(rng: np.random.Generator) -> bytes:
    """A press's profile: a table of 3 × 3 × 3 × 3 inks to Lab, of noise."""
    identity = struct.pack(">9i", *(65536 * number for number in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    lut = b"mft2" + bytes(4) + bytes([4, 3, 3, 0]) + identity + struct.pack(">HH", 2, 2)
    lut += struct.pack(">HH", 0, 65535) * 4 + rng.bytes(2 * 3 * 81) + struct.pack(">HH", 0, 65535) * 3
    lut += bytes(-len(lut) % 4)
    size = 128 + 4 + 12 + len(lut)
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x3i", size, 0x02400000, b"prtr", b"CMYK", b"Lab ", b"acsp", 63190, 65536, 54061
    )
    return header.ljust(128, b"\0") + struct.pack(">I4sII", 1, b"A2B0", 144, len(lut)) + lut


def _with(png: bytes, *chunks: bytes) -> bytes:
    return png[:33] + b"".join(chunks) + png[33:]


# ---- damage to any bytes -------------------------------------------------------------------------------------


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 9) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, rng: random.Random) -> bytes:
    place, width = rng.randrange(len(data) + 1), rng.choice((1, 2, 4))
    return (
        data[:place]
        + (rng.choice(_NUMBERS) & (256**width - 1)).to_bytes(width, "big")
        + data[place + width :]
    )


def _insert(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.randbytes(rng.randrange(1, 40)) + data[place:]


def _delete(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + data[place + rng.randrange(1, 40) :]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + data[place : place + rng.randrange(1, 400)] * rng.choice((2, 3, 50)) + data[place:]


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _splice(data: bytes, other: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]


def _number_in(body: bytes, rng: random.Random) -> bytes:
    return rng.choice((_flip, _overwrite, _overwrite, _cut, _insert))(body, rng)


# ---- damage that a PNG's checksums do not tell -----------------------------------------------------------------


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    place, found = 8, []
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def _png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    return _PNG + b"".join(chunk(name, body) for name, body in chunks)


def _png_parts(data: bytes, rng: random.Random) -> bytes:
    return _png(
        _shuffled(
            _chunks(data), rng, lambda: (rng.choice(_NAMES), rng.randbytes(rng.choice((0, 1, 4, 6, 32, 300))))
        )
    )


def _png_header(data: bytes, rng: random.Random) -> bytes:
    size = struct.pack(">II", rng.choice(_SIDES), rng.choice(_SIDES))
    kind = bytes([rng.choice((1, 2, 4, 8, 16)), rng.choice((0, 2, 3, 4, 6)), 0, 0, rng.randrange(2)])
    header = rng.choice((size + data[24:29], data[16:24] + kind, size + kind))
    return data[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + data[33:]


def _png_body(data: bytes, rng: random.Random) -> bytes:
    chunks = _chunks(data)
    if chunks:
        place = rng.randrange(len(chunks))
        chunks[place] = (chunks[place][0], _number_in(chunks[place][1], rng))
    return _png(chunks)


def _png_pixels(data: bytes, rng: random.Random) -> bytes:
    return _repacked(data, rng, b"IDAT", 0)


def _png_profile(data: bytes, rng: random.Random) -> bytes:
    return _repacked(data, rng, b"iCCP", 6)


def _repacked(data: bytes, rng: random.Random, name: bytes, skip: int) -> bytes:
    """What a chunk has packed, unpacked, damaged and packed again."""
    chunks = _chunks(data)
    for place, (own, body) in enumerate(chunks):
        if own == name:
            try:
                inside = zlib.decompressobj().decompress(body[skip:], 300_000)
            except zlib.error:
                continue
            for _ in range(rng.randrange(1, 5)):
                inside = _number_in(inside, rng)
            chunks[place] = (own, body[:skip] + zlib.compress(inside, 1))
    return _png(chunks)


def _shuffled(parts: list, rng: random.Random, new: Callable[[], object]) -> list:
    """A list of parts with one taken away, repeated, put elsewhere, or a new one put in."""
    parts = list(parts) or [new()]
    place, other = rng.randrange(len(parts)), rng.randrange(len(parts))
    what = rng.randrange(4)
    if what == 0:
        del parts[place]
    elif what == 1:
        parts[other:other] = [parts[place]] * rng.choice((1, 2, 30))
    elif what == 2:
        parts[place], parts[other] = parts[other], parts[place]
    else:
        parts.insert(place, new())
    return parts


# ---- damage that fits a JPEG's lengths ---------------------------------------------------------------------------


def _segments(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The segments up to the first scan, and the rest."""
    place, found = 2, []
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        found.append((data[place + 1], data[place + 4 : place + 2 + length]))
        place += 2 + max(length, 2)
    return found, data[place:]


def _jpeg(segments: list[tuple[int, bytes]], rest: bytes) -> bytes:
    return (
        b"\xff\xd8"
        + b"".join(struct.pack(">BBH", 255, name, (len(body) + 2) & 65535) + body for name, body in segments)
        + rest
    )


def _jpeg_parts(data: bytes, rng: random.Random) -> bytes:
    segments, rest = _segments(data)
    return _jpeg(
        _shuffled(segments, rng, lambda: (rng.randrange(0xC0, 256), rng.randbytes(rng.randrange(60)))), rest
    )


def _jpeg_frame(data: bytes, rng: random.Random) -> bytes:
    segments, rest = _segments(data)
    for place, (name, body) in enumerate(segments):
        if 0xC0 <= name <= 0xCF and name not in (0xC4, 0xC8, 0xCC) and len(body) > 6:
            what = rng.randrange(4)
            if what < 2:
                body = body[:1] + struct.pack(">HH", rng.choice(_SIDES), rng.choice(_SIDES)) + body[5:]
            elif what == 2:
                body = body[:7] + bytes([rng.choice((0x11, 0x12, 0x21, 0x22, 0x41, 0x14, 0x44))]) + body[8:]
            else:
                name = rng.randrange(0xC0, 0xD0)
            segments[place] = (name, body)
    return _jpeg(segments, rest)


def _jpeg_body(data: bytes, rng: random.Random) -> bytes:
    segments, rest = _segments(data)
    if segments:
        place = rng.randrange(len(segments))
        segments[place] = (segments[place][0], _number_in(segments[place][1], rng)[:65_000])
    return _jpeg(segments, rest)


def _jpeg_scans(data: bytes, rng: random.Random) -> bytes:
    """The last scan again and again, as decoders of progressive pictures allow."""
    last = data.rfind(b"\xff\xda")
    often = min(rng.choice((1, 5, 60, 300)), 2_000_000 // max(len(data) - last, 1))
    return data if last < 0 else data[:-2] + data[last:-2] * often + b"\xff\xd9"


# ---- damage that fits a WebP's sizes -----------------------------------------------------------------------------


def _riff(data: bytes) -> list[tuple[bytes, bytes]]:
    place, found = 12, []
    while place + 8 <= len(data):
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        found.append((data[place : place + 4], data[place + 8 : place + 8 + length]))
        place += 8 + length + length % 2
    return found


def _webp(chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(inside)) + inside + bytes(len(inside) % 2) for name, inside in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _webp_parts(data: bytes, rng: random.Random) -> bytes:
    names = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ")
    return _webp(_shuffled(_riff(data), rng, lambda: (rng.choice(names), rng.randbytes(rng.randrange(60)))))


def _webp_sizes(data: bytes, rng: random.Random) -> bytes:
    """Another width or height: 24 bits in VP8X, 14 in VP8L and in VP8."""
    chunks = _riff(data)
    places = {
        b"VP8X": rng.choice((4, 7)),
        b"VP8L": 1,
        b"VP8 ": rng.choice((6, 8)),
        b"ANMF": rng.choice((0, 3, 6, 9)),
    }
    for k, (name, inside) in enumerate(chunks):
        if name in places and rng.random() < 0.7:
            place, width = places[name], 3 if name in (b"VP8X", b"ANMF") else 2
            side = max(0, rng.choice(_SIDES) - 1) & (256**width - 1)
            chunks[k] = (name, inside[:place] + side.to_bytes(width, "little") + inside[place + width :])
    return _webp(chunks)
