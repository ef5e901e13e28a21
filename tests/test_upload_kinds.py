"""Pictures as scanners and other programs write them: each is read rightly, or refused by its name."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from core.media import BadPicture, flaw, read_picture
from tests.upload_files import (
    chunk,
    encode,
    growth,
    raw_png,
    scene,
    segment,
    shown,
    with_chunks,
    with_segments,
)

PLAIN = shown(scene())
PNG, JPEG = encode(scene()), encode(scene(), "JPEG", quality=95)
WORKFLOW = (
    b'{"nodes":[' + b'{"id":1,"type":"KSampler"},' * 48_000 + b"]}"
)  # 1.3 MB, as image generators store it


# ---- text in PNGs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    {
        "zTXt": [chunk(b"zTXt", b"workflow\0\0" + zlib.compress(WORKFLOW))],
        "tEXt": [chunk(b"tEXt", b"workflow\0" + WORKFLOW)],
        "iTXt": [chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(WORKFLOW * 3))],
        "a bomb": [chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(80_000_000), 9))] * 3,
        "thousands": [chunk(b"tEXt", b"k\0" + bytes([k % 250])) for k in range(20_000)],
        "no zlib": [chunk(b"zTXt", b"note\0\0nothing packed"), chunk(b"zTXt", b"note\0\7" + bytes(30))],
        "a wrong checksum": [chunk(b"tEXt", b"a\0b")[:-4] + b"oops"],
        "no keyword": [chunk(b"tEXt", b""), chunk(b"iTXt", b"\0"), chunk(b"zTXt", b"")],
        "resolution, time, private": [chunk(b"pHYs", b""), chunk(b"tIME", b"?"), chunk(b"prVt", bytes(100))],
    }.values(),
)
@pytest.mark.parametrize("at_end", [False, True], ids=["before", "behind"])
def test_text_of_any_length_leaves_the_pixels_as_they_are(text, at_end):
    np.testing.assert_array_equal(read_picture(with_chunks(PNG, *text, at_end=at_end)), PLAIN)


def test_text_bombs_cost_no_memory():
    bomb = chunk(b"iTXt", b"note\0\1\0\0\0" + zlib.compress(bytes(100_000_000), 9))
    profile = chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(100_000_000), 9))
    assert growth(with_chunks(PNG, bomb, profile, bomb)) < 30


def test_more_pieces_than_any_program_writes_are_refused():
    with pytest.raises(BadPicture, match="far too many pieces"):
        read_picture(with_chunks(PNG, chunk(b"prVt", b"") * 120_000))
    with pytest.raises(BadPicture, match="far too many pieces"):
        read_picture(with_segments(JPEG, segment(0xFE, b"") * 120_000))


# ---- depths and transparency ---------------------------------------------------------------------------------


def clear(*numbers: int) -> bytes:
    return chunk(b"tRNS", struct.pack(f">{len(numbers)}H", *numbers))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_one_clear_grey_is_white_and_its_neighbours_are_not(depth, interlaced):
    """In 16 bits, the neighbours differ in the lowest bit alone, which 8 bits would not tell apart."""
    most = (1 << depth) - 1
    ours, neighbour = (0x4E21, 0x4E20) if depth == 16 else (most // 2, most // 2 + 1)
    grey = np.full((64, 64), neighbour)
    grey[16:48, 16:48] = ours
    pixels = read_picture(raw_png(grey, depth, 0, clear(ours), interlaced=interlaced))
    assert (pixels[16:48, 16:48] == 255).all()
    assert np.abs(pixels[:10].astype(int) - round(255 * neighbour / most)).max() <= 1


@pytest.mark.parametrize("interlaced", [False, True])
def test_one_clear_colour_of_48_bits_is_told_from_its_neighbours(interlaced):
    colours = np.tile(np.array([0x4E21, 0x1234, 0xFF00]), (64, 64, 1))
    colours[:32, :, 1] += 1
    pixels = read_picture(raw_png(colours, 16, 2, clear(0x4E21, 0x1234, 0xFF00), interlaced=interlaced))
    assert (pixels[32:] == 255).all()
    assert (pixels[:32] == (0x4E, 0x12, 0xFF)).all()


def test_bits_of_a_clear_colour_that_the_picture_has_not_are_ignored():
    grey = np.zeros((64, 64), int)
    grey[:32] = 3
    assert (read_picture(raw_png(grey, 2, 0, clear(0xFFF0)))[32:] == 255).all()


def test_a_palette_with_clear_and_half_clear_colours():
    numbers = np.repeat(np.arange(4), 16)[None].repeat(64, axis=0)
    palette = chunk(b"PLTE", bytes([0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0, 255]))
    pixels = read_picture(raw_png(numbers, 2, 3, palette, chunk(b"tRNS", bytes([0, 255, 128]))))
    for column, expected in zip(
        (8, 24, 40, 56), ((255,) * 3, (200, 0, 0), (127,) * 3, (0, 0, 255)), strict=True
    ):
        assert np.abs(pixels[32, column].astype(int) - expected).max() <= 1


def test_sixteen_bits_keep_a_smooth_ramp_and_their_transparency():
    ramp = np.linspace(0, 65535, 64).round().astype(int)
    grey = np.tile(ramp, (64, 1))
    expected = np.linspace(0, 255, 64)[None, :, None]
    assert np.abs(read_picture(raw_png(grey, 16, 0)) - expected).max() <= 1
    with_alpha = np.stack([grey, np.full_like(grey, 65535)], axis=2)
    with_alpha[32:, :, 1] = 0
    pixels = read_picture(raw_png(with_alpha, 16, 4))
    assert np.abs(pixels[:32] - expected).max() <= 1 and (pixels[32:] == 255).all()


def test_interlaced_black_and_white():
    chequered = (np.indices((64, 64)).sum(axis=0) // 8) % 2
    np.testing.assert_array_equal(
        read_picture(raw_png(chequered, 1, 0, interlaced=True))[..., 0], 255 * chequered
    )


# ---- animations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("default_image", [False, True])
def test_of_an_animated_png_the_first_picture_is_taken(default_image):
    others = [Image.new("RGB", (160, 120), colour) for colour in ("black", "white")]
    data = encode(
        scene(), "PNG", save_all=True, append_images=others, duration=200, default_image=default_image
    )
    np.testing.assert_array_equal(read_picture(data), PLAIN)
    second = b"fcTL\0\0\0" + bytes([2 if default_image else 1])
    broken = data.replace(second, b"fcTL\0\0\0\7")  # a wrong number, which is of no interest
    assert broken != data
    np.testing.assert_array_equal(read_picture(broken), PLAIN)


# ---- other formats -------------------------------------------------------------------------------------------


def media(brand: bytes, *others: bytes) -> bytes:
    body = brand + bytes(4) + b"".join(others)
    return struct.pack(">I", 8 + len(body)) + b"ftyp" + body + bytes(2000)


@pytest.mark.parametrize(
    ("data", "says"),
    {
        "iPhone": (media(b"heic", b"mif1", b"MiHB", b"heic"), r"HEIC photo.*JPEG.*Most Compatible"),
        "iPhone, newer": (media(b"mif1", b"mif1", b"heic", b"tmap"), "HEIC photo"),
        "AVIF": (encode(scene(), "AVIF"), "AVIF picture"),
        "AVIF, by its other brand": (media(b"mif1", b"avif", b"miaf"), "AVIF picture"),
        "live photo": (media(b"qt  "), "video"),
        "Canon": (media(b"crx ", b"isom"), "raw file"),
        "GIF": (encode(scene(), "GIF"), "GIF"),
        "BMP": (encode(scene(), "BMP"), "BMP"),
        "TIFF": (encode(scene(), "TIFF"), "TIFF"),
        "big-endian TIFF": (b"MM\0*" + bytes(100), "TIFF"),
        "JPEG 2000": (encode(scene(), "JPEG2000"), "JPEG 2000"),
        "icon": (encode(scene(), "ICO"), "icon"),
        "PPM": (encode(scene(), "PPM"), "PNM"),
        "EPS": (encode(scene(), "EPS"), "PostScript"),
        "PDF": (encode(scene(), "PDF"), "PDF document.*screenshot"),
        "SVG": (b'<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG drawing"),
        "SVG in UTF-16": ('<svg xmlns="http://www.w3.org/2000/svg"/>'.encode("utf-16"), "SVG drawing"),
        "Photoshop": (b"8BPS\0\1" + bytes(100), "Photoshop"),
        "JPEG XL": (b"\xff\x0a" + bytes(100), "JPEG XL"),
        "web page": (b"<!DOCTYPE html><html><body><svg></svg></body></html>", "web page"),
        "document": (b"PK\x03\x04" + bytes(100), "office document"),
        "DICOM": (bytes(128) + b"DICM" + bytes(100), "DICOM"),
        "words": (b"to be or not to be", "not a picture this app can read"),
    }.values(),
)
def test_other_formats_are_refused_by_name_with_what_to_do(data, says):
    with pytest.raises(BadPicture, match=says) as caught:
        read_picture(data)
    message = str(caught.value)
    assert message.endswith(".") and len(message) < 200 and ("PNG" in message or "JPEG" in message)


def test_avif_is_refused_because_its_decoder_reserves_what_the_stream_claims():
    """Pillow reads AVIF. A file of 64 × 64 pixels by its header can have 36 megapixels inside, which cost as much."""
    data = encode(Image.new("L", (6000, 6000), 128), "AVIF", speed=10)
    place = data.index(b"ispe") + 8
    small = data[:place] + struct.pack(">II", 64, 64) + data[place + 8 :]
    assert len(small) < 5000 and Image.open(io.BytesIO(small)).size == (64, 64)
    with pytest.raises(BadPicture, match="AVIF"):
        read_picture(small)


# ---- pictures that show nothing ------------------------------------------------------------------------------


def logo(colour: tuple[int, int, int]) -> bytes:
    """A square of one colour on nothing."""
    plane = np.zeros((64, 64, 4), np.uint8)
    plane[20:44, 20:44] = (*colour, 255)
    return encode(Image.fromarray(plane))


def test_a_white_logo_is_seen_on_another_ground():
    on_white = read_picture(logo((255, 255, 255)))
    assert (on_white == 255).all() and "one even colour" in flaw(on_white)
    for ground, number in (("black", 0), ("grey", 128)):
        pixels = read_picture(logo((255, 255, 255)), ground=ground)
        assert (pixels[30, 30] == 255).all() and (pixels[5, 5] == number).all() and flaw(pixels) is None


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.full((64, 64, 3), 200, np.uint8), "one even colour"),
        (np.random.default_rng(0).integers(0, 30, (64, 64, 3), dtype=np.uint8), "nearly black"),
        (PLAIN, None),
        (PLAIN // 4, None),  # dark, but not black
        (
            np.where(np.arange(64)[:, None, None] == 9, 0, np.full((64, 64, 3), 255)).astype(np.uint8),
            None,
        ),  # one line
    ],
)
def test_a_picture_that_shows_nothing_is_told(pixels, says):
    assert (flaw(pixels) is None) if says is None else says in flaw(pixels)


def test_a_wrong_ground_is_the_callers_fault():
    with pytest.raises(ValueError, match="white, black, grey"):
        read_picture(PNG, ground="chessboard")


def test_pillow_itself_still_gives_up_on_long_text():
    """If it no longer does, cutting text out is no longer needed for that."""
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "x" * 2_000_000, zip=True)
    with pytest.raises(ValueError, match="MAX_TEXT_CHUNK"):
        Image.open(io.BytesIO(encode(scene(), pnginfo=note)))
