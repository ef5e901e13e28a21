"""Photographs as phones and cameras write them: each is read rightly and upright, or refused by its name."""

from __future__ import annotations

import base64
import io
import struct

import numpy as np
import pytest
from PIL import Image

from core.media import BadPicture, read_picture
from tests.upload_files import (
    SIGNATURE,
    chunk,
    encode,
    growth,
    looks_like,
    raw_png,
    scene,
    segment,
    shown,
    with_segments,
)

PLAIN = shown(scene())
PNG, JPEG = encode(scene()), encode(scene(), "JPEG", quality=95)
EXIF_6 = Image.Exif()
EXIF_6[0x0112] = 6  # "turn a quarter clockwise to show"


# ---- what cameras write --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height"), [(4032, 3024), (8160, 6120), (9248, 6936)], ids=["12", "50", "64"]
)
def test_a_phones_photograph_is_read_and_stands_upright(width, height):
    """In grey, so that the test itself stays small; the next one has colours."""
    stored = scene(width, height).convert("L").transpose(Image.Transpose.ROTATE_90)
    looks_like(encode(stored, "JPEG", quality=80, exif=EXIF_6), shown(scene().convert("L")), 2)


def test_a_phones_photograph_keeps_its_colours_within_100_MB():
    stored = scene(4032, 3024).transpose(Image.Transpose.ROTATE_90)
    data = encode(stored, "JPEG", quality=80, exif=EXIF_6)
    looks_like(data, PLAIN, 2)
    assert growth(data) < 60
    rows = np.random.default_rng(0).integers(0, 256, (6120 // 8, 8160 // 8), dtype=np.uint8)
    assert growth(encode(Image.fromarray(rows).resize((8160, 6120)), "JPEG", quality=80)) < 60


def test_a_photograph_of_up_to_four_megapixels_is_decoded_whole():
    """As before: the same numbers as Pillow's, to the bit."""
    data = encode(scene(2000, 2000), "JPEG", quality=90)
    np.testing.assert_array_equal(read_picture(data), shown(Image.open(io.BytesIO(data))))


def test_a_large_progressive_photograph_is_read_while_its_coefficients_fit():
    looks_like(encode(scene(4032, 3024), "JPEG", quality=80, progressive=True), PLAIN, 2)
    small = encode(scene(), "JPEG", progressive=True)
    with pytest.raises(BadPicture, match="progressive JPEG has 8000 × 6000"):
        read_picture(claiming(small, 8000, 6000))


def claiming(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG with another size in its frame header."""
    place = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2")) + 5
    return jpeg[:place] + struct.pack(">HH", height, width) + jpeg[place + 4 :]


def test_a_jpeg_that_claims_more_than_cameras_have_is_refused():
    for width, height in ((65_500, 65_500), (10_000, 6_501)):
        with pytest.raises(BadPicture, match=f"{width} × {height} pixels and the limit is 65 megapixels"):
            read_picture(claiming(JPEG, width, height))


def test_passes_over_a_large_picture_are_counted_by_its_size():
    data = encode(Image.new("L", (4000, 4000), 128), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert read_picture(data).shape == (64, 64, 3)
    with pytest.raises(BadPicture, match="passes"):
        read_picture(data[:-2] + last * 16 + b"\xff\xd9")  # fewer than 64, but on 16 megapixels


def ultra_hdr(photo: bytes) -> bytes:
    """A photo with an HDR gain map behind it, announced in XMP and MPF as Android's camera does."""
    gain = encode(Image.new("L", (40, 30), 90), "JPEG")
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b'<x:xmpmeta hdrgm:Version="1.0"/>')
    return with_segments(photo, xmp, segment(0xE2, b"MPF\0II*\0\x08\0\0\0" + b"\xff" * 60)) + gain


def thumbnail() -> bytes:
    """An EXIF block that holds a small JPEG, as every camera writes it."""
    small = encode(Image.new("RGB", (64, 48), "magenta"), "JPEG")
    first = struct.pack("<HHHIII", 1, 0x0112, 3, 1, 1, 26)  # orientation 1, then the second directory
    second = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(small), 0)
    return segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + first + second + small)


@pytest.mark.parametrize(
    "data",
    {
        "several pictures (MPO)": encode(
            scene(), "MPO", quality=95, save_all=True, append_images=[Image.new("RGB", (160, 120))]
        ),
        "a gain map (Ultra HDR)": ultra_hdr(JPEG),
        "a thumbnail": with_segments(JPEG, thumbnail()),
        "progressive": encode(scene(), "JPEG", quality=95, progressive=True),
        "a comment, Photoshop's block, XMP of a megabyte": with_segments(
            JPEG, segment(0xFE, b"hello"), segment(0xED, b"Photoshop 3.0\x008BIM\x04"),
            *[segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000))] * 20,
        ),
        "junk between its parts": JPEG.replace(b"\xff\xdb", b"\0\1\2\xff\xff\xdb", 1),
        "trailing bytes": JPEG + bytes(range(256)),
        "damaged EXIF": encode(scene(), "JPEG", quality=95, exif=b"Exif\0\0" + b"\xff" * 40),
        "an orientation that does not exist": with_segments(
            JPEG, segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x0112, 3, 1, 99, 0))
        ),
    }.values(),
)  # fmt: skip
def test_what_cameras_put_around_a_picture_does_not_matter(data):
    looks_like(data, PLAIN, 2)


def test_arithmetic_coding_is_read():
    """Sixteen pixels a side of the scene, as `cjpeg -arithmetic` of libjpeg-turbo 2.1 wrote them."""
    data = base64.b64decode(
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1x"
        "eXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/yQAR"
        "CAAQABADASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/AD1+ZduunL4XeT0trBA5rGwWE/FAnulIB4egnzWhOmVU3y+pGdQY"
        "vjZntEgWMsfwzCf7IO5xDxOKmt07jNfuGGTyYPCG8+FOK5XbJ42jzusAoP/Z"
    )
    pixels = read_picture(data)
    corners = (pixels[6, 6], pixels[6, -6], pixels[-6, 6], pixels[-6, -6])
    assert [int(np.argmax(corner)) for corner in corners] == [0, 1, 2, 0]  # red, green, blue, yellow
    assert corners[3][1] > 150


def changed(jpeg: bytes, place: int, byte: int) -> bytes:
    """A JPEG with one byte of its frame header changed; 1 is the kind of frame, 4 the bits a colour, 9 the colours."""
    frame = jpeg.index(b"\xff\xc0")
    return jpeg[: frame + place] + bytes([byte]) + jpeg[frame + place + 1 :]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (changed(JPEG, 4, 12), "12 bits a colour: save it as an ordinary JPEG"),
        (changed(JPEG, 1, 0xC3), "lossless JPEG"),
        (changed(JPEG, 1, 0xC5), "hierarchical JPEG"),
        (changed(JPEG, 1, 0xF7), "JPEG-LS"),
        (changed(JPEG, 9, 2), "2 colour channels"),
        (claiming(JPEG, 160, 0), "how high it is"),
        (JPEG[: len(JPEG) // 2], "damaged or incomplete"),
        (JPEG[:300], "damaged or incomplete"),
        (PNG[: len(PNG) // 2], "damaged or incomplete"),
        (
            raw_png(np.zeros((16, 16), int), 8, 3),
            "damaged or incomplete",
        ),  # a palette picture without a palette
        (SIGNATURE + chunk(b"CgBI", bytes(4)) + PNG[8:], "packed for an iPhone app"),
    ],
)
def test_what_is_not_decoded_is_refused_by_its_name(data, says):
    with pytest.raises(BadPicture, match=says):
        read_picture(data)


# ---- orientation ---------------------------------------------------------------------------------------------

AS_STORED = {
    1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
}  # fmt: skip


@pytest.mark.parametrize("orientation", AS_STORED)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_however_the_camera_was_held_the_picture_stands_upright(orientation, kind):
    turn = AS_STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = scene() if turn is None else scene().transpose(turn)
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}, "PNG": {}}[kind]
    looks_like(encode(stored, kind, exif=exif, **options), PLAIN, 2 if kind == "JPEG" else 0)
