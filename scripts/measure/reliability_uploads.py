"""The row about bad uploads: what core.media.read_picture does with two hundred of them."""

from __future__ import annotations

import io
import json
import random
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from core import media
from core.media import BadPicture, read_picture
from core.settings import ROOT
from scripts.measure.reliability_rows import Row, moments, require

_SECRET = b"52.2053 N 0.1218 E"  # where the picture was taken; none of it may come out
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def uploads(folder: Path, repeat: int) -> Row:
    """`repeat` bad files of twenty kinds go through the upload gate, in a process of its own."""
    rng = moments(6)
    for number in range(repeat):
        name, make = list(BAD.items())[number % len(BAD)]
        (folder / f"{number:04d} {name}").write_bytes(make(rng))
    command = [sys.executable, "-m", "scripts.measure.reliability_uploads", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    require(run.returncode == 0, f"the process ended with status {run.returncode}: {run.stderr[-300:]}")
    found = json.loads(run.stdout)
    return Row(
        f"{repeat} bad uploads of {len(BAD)} kinds",
        "no crash, memory +< 100 MB, no metadata comes out",
        f"{found['refused']} refused with a sentence, {found['read']} read as pixels, {found['leaks']} with metadata; "
        f"memory +{found['mb']:.0f} MB at most",
        found["refused"] + found["read"] == repeat and found["leaks"] == 0 and found["mb"] < 100,
    )


def read_all(folder: Path) -> dict[str, float]:
    """Every file in the folder through the gate, and out again as PNG."""
    files = sorted(folder.iterdir())
    read_picture(
        png(noise(np.random.default_rng(0)))
    )  # what Pillow loads at the first picture is not the files' doing
    before = peak_kilobytes(forget=True)
    found = {"refused": 0, "read": 0, "leaks": 0}
    for file in files:
        data = file.read_bytes()
        try:
            pixels = read_picture(data)
        except BadPicture as error:
            sentence = str(error)
            require(sentence.endswith(".") and len(sentence) < 250, f"{file.name}: {sentence}")
            found["refused"] += 1
            continue
        found["read"] += 1
        require(pixels.shape == (64, 64, 3) and pixels.dtype == np.uint8, f"{file.name} is no picture")
        out = media.png(pixels)
        again = Image.open(io.BytesIO(out))
        again.load()
        found["leaks"] += bool(again.info or again.getexif() or _SECRET in out or b"script" in out)
    found["mb"] = (peak_kilobytes() - before) / 1000
    return found


def peak_kilobytes(forget: bool = False) -> float:
    """The most memory that this process has held; on Linux, `forget` lets it count from now on.

    A new process inherits its parent's peak there, below which nothing would be seen.
    """
    if not sys.platform.startswith("linux"):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1000 if sys.platform == "darwin" else 1)
    if forget:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return float(status.partition("VmHWM:")[2].split()[0])


# ---- the files -----------------------------------------------------------------------------------------------


def noise(rng: np.random.Generator, side: int = 64) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))


def _picture(rng: random.Random) -> Image.Image:
    return noise(np.random.default_rng(rng.randrange(2**32)), rng.choice([48, 64, 200]))


def saved(picture: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def png(picture: Image.Image) -> bytes:
    return saved(picture, "PNG")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunk(name: bytes, body: bytes, rng: random.Random) -> bytes:
    """A PNG with one more chunk behind its header."""
    whole = png(_picture(rng))
    return whole[:33] + chunk(name, body) + whole[33:]


def bomb(rng: random.Random) -> bytes:
    """A well-formed grey PNG of 25 to 180 megapixels in some hundred kilobytes."""
    side = rng.randrange(5_000, 13_400)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 + side)) for _ in range(side)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return _SIGNATURE + header + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def claims(rng: random.Random) -> bytes:
    """A PNG header that claims up to 2^62 pixels, and nothing behind it."""
    width, height = rng.choice([(65535, 65535), (2**31 - 1, 2**31 - 1), (1, 2**31 - 1), (0, 0), (2**31, 5)])
    return (
        _SIGNATURE
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", b"")
    )


def jpeg_claims(rng: random.Random) -> bytes:
    """A JPEG whose frame header says 65,500 pixels a side."""
    data = bytearray(saved(_picture(rng), "JPEG"))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", 65500, 65500)
    return bytes(data)


def many_passes(rng: random.Random) -> bytes:
    """A progressive JPEG of some thousand passes over one picture."""
    data = saved(Image.new("L", (1500, 1500), 128), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * rng.randrange(2000, 20_000) + b"\xff\xd9"


def located(rng: random.Random, file_format: str) -> bytes:
    """A photograph with a position, a comment and a name of 10,000 characters in its metadata."""
    picture = _picture(rng)
    exif = picture.getexif()
    exif[0x010E], exif[0x9286] = _SECRET.decode(), "n" * 10_000  # ImageDescription, UserComment
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 12.0, 19.0), 3: "E", 4: (0.0, 7.0, 18.0)})
    return saved(picture, file_format, exif=exif)


def cut(rng: random.Random, file_format: str) -> bytes:
    whole = saved(_picture(rng), file_format)
    return whole[: rng.randrange(1, len(whole))]


def flipped(rng: random.Random, file_format: str) -> bytes:
    data = bytearray(saved(_picture(rng), file_format))
    for _ in range(rng.randrange(1, 20)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def polyglot(rng: random.Random) -> bytes:
    """A picture that is a page, an archive or a program as well."""
    page, archive = b"<script>alert(1)</script>", b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)
    return rng.choice([
        png(_picture(rng)) + page + archive,
        b"%PDF-1.7\n" + png(_picture(rng)),
        b"GIF89a/*" + bytes(90) + b"*/=1;alert(1)//" + page,
        page + saved(_picture(rng), "JPEG"),
        b"RIFF\x24\x00\x00\x00WEBP" + page + archive,
    ])  # fmt: skip


def svg(rng: random.Random) -> bytes:
    inside = rng.choice([
        b"<script>alert(1)</script>", b'<image href="file:///etc/passwd"/>',
        b'<image href="http://169.254.169.254/latest/meta-data"/>',
    ])  # fmt: skip
    entity = rng.choice([b"", b'<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'])
    return (
        b'<?xml version="1.0"?>' + entity + b'<svg xmlns="http://www.w3.org/2000/svg">' + inside + b"</svg>"
    )


BAD: dict[str, Callable[[random.Random], bytes]] = {
    "bomb.png": bomb,
    "claims.png": claims,
    "claims.jpg": jpeg_claims,
    "passes.jpg": many_passes,
    "text-bomb.png": lambda rng: with_chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(80_000_000), 9), rng),
    "profile-bomb.png": lambda rng: with_chunk(
        b"iCCP", b"name\0\0" + zlib.compress(bytes(80_000_000), 9), rng
    ),
    "name.png": lambda rng: with_chunk(b"tEXt", b"n" * 10_000 + b"\0" + _SECRET, rng),
    "drawing.svg": svg,
    "polyglot.png": polyglot,
    "cut.png": lambda rng: cut(rng, "PNG"),
    "cut.jpg": lambda rng: cut(rng, "JPEG"),
    "cut.webp": lambda rng: cut(rng, "WEBP"),
    "flipped.png": lambda rng: flipped(rng, "PNG"),
    "flipped.jpg": lambda rng: flipped(rng, "JPEG"),
    "flipped.webp": lambda rng: flipped(rng, "WEBP"),
    "located.jpg": lambda rng: located(rng, "JPEG"),
    "located.png": lambda rng: located(rng, "PNG"),
    "located.webp": lambda rng: located(rng, "WEBP"),
    "other.tiff": lambda rng: saved(_picture(rng), rng.choice(["TIFF", "BMP", "GIF", "ICO", "PPM"])),
    "random.bin": lambda rng: rng.randbytes(rng.randrange(0, 4000)),
    "too-big.png": lambda rng: png(_picture(rng)) + bytes(media.MAX_BYTES),
    "thread.png": lambda rng: png(Image.new("RGB", (rng.randrange(2000, 60_000), 8))),
}


if __name__ == "__main__":
    print(json.dumps(read_all(Path(sys.argv[1]))))
