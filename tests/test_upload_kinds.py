"""Pictures as phones, cameras, scanners and other programs write them: each is read rightly, or refused by its name."""

from __future__ import annotations

import base64
import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from core.media import BadPicture, flaw, read_picture
from tests.upload_files import (
    SIGNATURE,
    chunk,
    encode,
    raw_png,
    scene,
    segment,
    shown,
    with_chunks,
    with_segments,
)

ROOT = Path(__file__).resolve().parent.parent
PLAIN = shown(scene())
PNG, JPEG = encode(scene()), encode(scene(), "JPEG", quality=95)
WORKFLOW = (
    b'{"nodes":[' + b'{"id":1,"type":"KSampler"},' * 48_000 + b"]}"
)  # 1.3 MB, as image generators store it
EXIF_6 = Image.Exif()
EXIF_6[0x0112] = 6  # "turn a quarter clockwise to show"


def looks_like(data: bytes, expected: np.ndarray, most: float) -> None:
    """The mean difference of all numbers is at most so many of 255."""
    assert np.abs(read_picture(data).astype(int) - expected).mean() <= most


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


def test_more_pieces_than_any_program_writes_are_refused():
    with pytest.raises(BadPicture, match="far too many pieces"):
        read_picture(with_chunks(PNG, chunk(b"prVt", b"") * 120_000))
    with pytest.raises(BadPicture, match="far too many pieces"):
        read_picture(with_segments(JPEG, segment(0xFE, b"") * 120_000))


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
