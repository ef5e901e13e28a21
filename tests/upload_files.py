"""Files as other programs write them, built chunk by chunk for the tests of the upload gate; and what reading them costs."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from core.media import read_picture

ROOT = Path(__file__).resolve().parent.parent
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def scene(width: int = 160, height: int = 120) -> Image.Image:
    """Unlike in every direction: red and green above, blue and yellow below, an arrow up."""
    picture = Image.new("RGB", (160, 120), (220, 30, 30))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((80, 0, 159, 59), fill=(30, 170, 60))
    draw.rectangle((0, 60, 79, 119), fill=(40, 70, 200))
    draw.rectangle((80, 60, 159, 119), fill=(240, 210, 40))
    draw.polygon([(80, 10), (60, 45), (100, 45)], fill="black")
    return picture.resize((width, height))


def shown(picture: Image.Image) -> np.ndarray:
    """What the gate gives of a plain picture: the middle square at 64 × 64, by Pillow."""
    return np.array(ImageOps.fit(picture.convert("RGB"), (64, 64), Image.Resampling.LANCZOS))


def encode(picture: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunks(png: bytes, *chunks: bytes, at_end: bool = False) -> bytes:
    """A PNG with more chunks, behind its header or before its end."""
    place = len(png) - 12 if at_end else 33
    return png[:place] + b"".join(chunks) + png[place:]


def raw_png(
    pixels: np.ndarray, depth: int, colour_type: int, *chunks: bytes, interlaced: bool = False
) -> bytes:
    """A PNG of numbers (H, W) or (H, W, C) in any depth; Adam7 if interlaced."""
    height, width = pixels.shape[:2]
    passes = _ADAM7 if interlaced else [(0, 0, 1, 1)]
    rows = b""
    for left, top, across, down in passes:
        part = pixels[top::down, left::across]
        for row in part if part.shape[1] else ():
            rows += b"\0" + _packed(row.reshape(-1), depth)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    return (
        SIGNATURE + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )  # fmt: skip


_ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def _packed(numbers: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        return numbers.astype(">u2").tobytes()
    bits = (numbers[:, None].astype(int) >> np.arange(depth)[::-1]) & 1
    return np.packbits(bits.reshape(-1)).tobytes()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG with more segments behind its first two bytes."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def icc(space: bytes, tags: dict[bytes, bytes], device: bytes = b"mntr", pcs: bytes = b"XYZ ") -> bytes:
    """An ICC profile, version 2.4, of the given tags."""
    table, bodies, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, body in tags.items():
        body += bytes(-len(body) % 4)
        table += struct.pack(">4sII", name, start + len(bodies), len(body))
        bodies += body
    header = (
        struct.pack(">I4sI4s4s4s", start + len(bodies), b"", 0x02400000, device, space, pcs)
        + bytes(12)
        + b"acsp"
    )
    header += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)  # D50
    return header.ljust(128, b"\0") + table + bodies


def xyz(*numbers: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(n * 65536) for n in numbers))


def gamma_curve(exponent: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(exponent * 256))


def sampled_curve(values: np.ndarray) -> bytes:
    """values: 0 to 1, at equal steps."""
    numbers = np.rint(values * 65535).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">I", len(numbers)) + numbers.tobytes()


def looks_like(data: bytes, expected: np.ndarray, most: float) -> None:
    """The mean difference of all numbers is at most so many of 255."""
    assert np.abs(read_picture(data).astype(int) - expected).mean() <= most


def growth(data: bytes) -> float:
    """MB by which a process grows at most when it reads this, after a first small picture of each kind."""
    check = """
import io, sys
from pathlib import Path
from PIL import Image
from core.media import read_picture
def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1000
for kind in ("PNG", "JPEG", "WEBP"):
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, kind)
    read_picture(file.getvalue())
data = sys.stdin.buffer.read()
Path("/proc/self/clear_refs").write_text("5")
before = peak()
read_picture(data)
print(peak() - before)
"""
    if not sys.platform.startswith("linux"):
        pytest.skip("asks Linux for the peak of a process")
    run = subprocess.run([sys.executable, "-c", check], cwd=ROOT, input=data, capture_output=True, check=True)
    return float(run.stdout)
