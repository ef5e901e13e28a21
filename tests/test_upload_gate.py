"""The upload gate `read_picture` against real files, good and bad."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import media
from core.media import BadPicture, read_picture
from tests.upload_files import SIGNATURE, chunk, encode

ROOT = Path(__file__).resolve().parent.parent
RED, WHITE = (200, 30, 30), (255, 255, 255)


def noise_picture(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def png_claiming(width: int, height: int, *extra: bytes) -> bytes:
    """A well-formed PNG of one grey, row by row, without ever holding its pixels here."""
    packer = zlib.compressobj(9)
    row = bytes(1 + width)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return SIGNATURE + header + b"".join(extra) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


# ---- what comes through -----------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_come_through(file_format):
    pixels = read_picture(encode(Image.new("RGB", (90, 70), RED), file_format, quality=95))
    assert pixels.shape == (64, 64, 3) and pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - RED).max() <= 4


def test_a_picture_of_the_right_size_is_untouched():
    picture = noise_picture(64, 64)
    np.testing.assert_array_equal(read_picture(encode(picture)), np.asarray(picture))


def test_crop_keeps_the_middle_and_letterbox_keeps_everything():
    wide = Image.new("RGB", (500, 100), RED)  # 5 : 1
    wide.paste((0, 0, 255), (200, 0, 300, 100))  # the middle square is blue
    assert (read_picture(encode(wide), fit="crop")[:, 8:-8] == (0, 0, 255)).all()
    boxed = read_picture(encode(wide), size=50, fit="letterbox")
    assert (boxed[:18] == WHITE).all() and (boxed[-18:] == WHITE).all()  # 50 wide leaves 10 rows of picture
    assert (boxed[24, 2] == RED).all() and (boxed[24, 25] == (0, 0, 255)).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_are_white(mode):
    picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 32, 64, 64))
    pixels = read_picture(encode(picture.convert(mode)))
    assert (pixels[:30] == 255).all() and (pixels[34:] == 0).all()


def test_half_transparent_black_is_mid_grey():
    assert abs(int(read_picture(encode(Image.new("RGBA", (64, 64), (0, 0, 0, 128))))[5, 5, 0]) - 127) <= 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16"])
def test_every_other_mode_keeps_black_and_white(mode):
    half = np.zeros((64, 64), np.uint8)
    half[:, 32:] = 255
    if mode == "I;16":
        data = encode(Image.fromarray(half.astype(np.uint16) * 257))
    elif mode == "CMYK":
        data = encode(Image.fromarray(half).convert("CMYK"), "JPEG", quality=100)
    else:
        data = encode(Image.fromarray(half).convert(mode))
    pixels = read_picture(data)
    assert pixels[:, :28].max() <= 3 and pixels[:, 36:].min() >= 252


def test_sixteen_bit_grey_is_scaled_not_clipped():
    grey = Image.fromarray(np.full((64, 64), 32768, np.uint16))
    assert abs(int(read_picture(encode(grey))[0, 0, 0]) - 128) <= 1


def test_orientation_is_applied_and_the_position_stays_behind():
    picture = Image.new("RGB", (64, 64), WHITE)
    picture.paste(RED, (0, 0, 64, 16))  # red on top as stored
    exif = picture.getexif()
    exif[0x0112] = 6  # "turn a quarter clockwise to show"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)  # GPS latitude
    data = encode(picture, "JPEG", quality=95, exif=exif)
    assert b"Exif" in data and Image.open(io.BytesIO(data)).getexif().get_ifd(0x8825)
    pixels = read_picture(data)
    assert np.abs(pixels[:, 56:].astype(int) - RED).max() < 40  # the top is on the right now
    assert pixels[:, :40].min() > 220
    again = Image.open(io.BytesIO(media.png(pixels)))
    assert not again.getexif() and not again.info


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (64, 64), color) for color in (RED, (0, 0, 255))]
    data = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert (read_picture(data) == RED).all()


def test_a_phone_picture_of_several_pictures_is_read():
    views = [noise_picture(64, 64), noise_picture(64, 64)]
    data = encode(views[0], "MPO", save_all=True, append_images=views[1:])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    assert read_picture(data).shape == (64, 64, 3)


def test_a_small_picture_is_enlarged():
    assert (read_picture(encode(Image.new("RGB", (8, 8), RED))) == RED).all()


# ---- what is refused, and how -----------------------------------------------------------------------

BOMB = png_claiming(13300, 13300)
GIF = encode(Image.new("P", (64, 64)), "GIF", save_all=True, append_images=[Image.new("P", (64, 64), 1)])
JPEG = encode(noise_picture(256, 256), "JPEG", quality=90)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("data", "says"),
    {
        "empty": (b"", "empty"),
        "text": (b"to be or not to be" * 50, "PNG, JPEG or WebP"),
        "svg": (
            b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
            "PNG, JPEG or WebP",
        ),
        "gif": (GIF, "PNG, JPEG or WebP"),
        "bmp": (encode(noise_picture(64, 64), "BMP"), "PNG, JPEG or WebP"),
        "tiff": (encode(noise_picture(64, 64), "TIFF"), "PNG, JPEG or WebP"),
        "gif that begins like a script": (b"GIF89a/*" + bytes(100) + b"*/=1;alert(1)", "PNG, JPEG or WebP"),
        "over 16 MB": (JPEG + bytes(media.MAX_BYTES), "16 MB"),
        "bomb": (BOMB, "4 megapixels"),
        "just over the limit": (png_claiming(2001, 2000), "4 megapixels"),
        "claims 2^32 pixels, over Pillow's own limit": (
            SIGNATURE
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 65535, 65535, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", b""),
            "4 megapixels",
        ),
        "one pixel": (encode(Image.new("RGB", (1, 1))), "at least 8 × 8"),
        "a thread": (encode(Image.new("RGB", (1000, 8))), "too long and thin"),
        "truncated jpeg": (JPEG[: len(JPEG) // 2], "damaged"),
        "truncated png": (encode(noise_picture(64, 64))[:4000], "damaged"),
        "truncated webp": (encode(noise_picture(64, 64), "WEBP", lossless=True)[:4000], "damaged|can read"),
        "only a signature": (SIGNATURE, "damaged|can read"),
    }.values(),
)
def test_refused_with_one_sentence(data, says):
    with pytest.raises(BadPicture, match=says) as caught:
        read_picture(data)
    message = str(caught.value)
    assert message.endswith(".") and len(message) < 200 and "Error" not in message


def test_the_bomb_is_small_and_refused_before_it_unpacks():
    assert len(BOMB) < 600_000 and Image.open(io.BytesIO(BOMB)).size == (13300, 13300)
    check = """
import resource, sys
from core.media import BadPicture, read_picture
from tests.upload_files import SIGNATURE, chunk, encode
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_picture(data)
except BadPicture:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""  # in a process of its own, because ru_maxrss is a high-water mark
    run = subprocess.run([sys.executable, "-c", check], cwd=ROOT, input=BOMB, capture_output=True, check=True)
    assert int(run.stdout) < 20_000  # kilobytes; unpacked it would be 679,000


def test_a_jpeg_of_thousands_of_passes_is_refused():
    data = encode(Image.new("L", (64, 64), 128), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(BadPicture, match="passes"):
        read_picture(data[:-2] + last * 5000 + b"\xff\xd9")
    assert read_picture(data).shape == (64, 64, 3)


def test_a_polyglot_leaves_only_its_pixels():
    payload = b"<script>alert(1)</script>PK\x03\x04"
    pixels = read_picture(encode(noise_picture(64, 64)) + payload)
    assert b"script" not in media.png(pixels)


def test_every_cut_and_every_flipped_byte_gives_a_picture_or_a_sentence():
    rng = np.random.default_rng(1)
    for file_format in ("PNG", "JPEG", "WEBP"):
        whole = encode(noise_picture(24, 24), file_format)
        for _ in range(150):
            data = bytearray(whole[: rng.integers(1, len(whole) + 1)])
            for place in rng.integers(0, len(data), 3):
                data[place] = rng.integers(0, 256)
            try:
                assert read_picture(bytes(data)).shape == (64, 64, 3)
            except BadPicture as error:
                assert str(error).endswith(".")


def test_wrong_arguments_are_the_callers_fault():
    data = encode(noise_picture(64, 64))
    with pytest.raises(ValueError, match="'crop' or 'letterbox'"):
        read_picture(data, fit="stretch")
    with pytest.raises(ValueError, match="1 to 1024"):
        read_picture(data, size=0)
