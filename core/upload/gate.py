"""From the bytes of an upload to one RGB picture on a ground: the decoder's side of `core.media.read_picture`."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, UnidentifiedImageError

from core.upload.colour import to_srgb
from core.upload.jpeg import SIGNATURE as JPEG
from core.upload.jpeg import read_jpeg
from core.upload.limits import DAMAGED, MAX_ASPECT, MAX_BYTES, MAX_PIXELS, MIN_SIDE, BadPicture
from core.upload.others import UNKNOWN, refusal
from core.upload.png import SIGNATURE as PNG
from core.upload.png import read_png
from core.upload.source import Source

# What Pillow raises on files that are broken, cut short, or that unpack to more than they should
# (OSError includes its own errors; LookupError is KeyError and IndexError).
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error, zlib.error)
_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(data: bytes, ground: str) -> Image.Image:
    """The first picture of a PNG, JPEG or WebP file: upright, in sRGB, transparent parts on the ground.

    ground: a colour that Pillow knows. Returns: mode RGB, at most 4 megapixels. Raises BadPicture for anything else.
    """
    source = _source(data)
    picture = _opened(source)
    exif = source.exif or picture.info.get("exif", b"")
    profile = source.profile or picture.info.get("icc_profile")
    if source.clear is not None:
        picture = _cleared(picture, source, source.clear)
    turn = _UPRIGHT.get(_orientation(exif))
    if turn is not None:
        picture = picture.transpose(turn)
    return _laid(to_srgb(_plain(picture), profile), ground)


def _source(data: bytes) -> Source:
    """What the file says of itself, before any of it is unpacked."""
    if not data:
        raise BadPicture("The file is empty: choose a PNG, JPEG or WebP picture.")
    if len(data) > MAX_BYTES:
        raise BadPicture(
            f"The file has {len(data) / 2**20:.1f} MB, the limit is {MAX_BYTES // 2**20} MB: save a smaller copy."
        )
    if data.startswith(PNG):
        return read_png(data)
    if data.startswith(JPEG):
        return read_jpeg(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return Source("WEBP", data)
    raise BadPicture(refusal(data))


def _opened(source: Source, *, low_bytes: bool = False) -> Image.Image:
    """The unpacked picture in the mode it was stored in; JPEGs of more than 4 megapixels at 1/2, 1/4 or 1/8.

    low_bytes: of 16-bit RGB, the lower half of each number instead of the upper one.
    """
    try:
        picture = Image.open(io.BytesIO(source.data), formats=[source.kind])  # the header; pixels stay packed
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPicture("The picture has more than 4 megapixels: save a smaller copy of it.") from error
    except UnidentifiedImageError as error:
        raise BadPicture(DAMAGED if source.kind == "JPEG" else UNKNOWN) from error
    except _BROKEN as error:
        raise BadPicture(DAMAGED) from error
    with picture:
        large = picture.width * picture.height > MAX_PIXELS
        if large and source.kind != "JPEG":
            raise BadPicture(
                f"The picture has {picture.width} × {picture.height} pixels and the limit is 4 megapixels: "
                "save a smaller copy of it, for example 1000 pixels wide, or as JPEG."
            )
        _check_shape(picture.width, picture.height)
        if large:
            _reduce(picture, MAX_PIXELS // 4 if source.coefficients else MAX_PIXELS)
        if low_bytes:
            picture.tile = [tile._replace(args="RGB;16L") for tile in picture.tile]
        try:
            picture.load()
        except _BROKEN as error:
            raise BadPicture(DAMAGED) from error
        return picture


def _reduce(picture: Image.Image, pixels: int) -> None:
    """Has a JPEG decoded at the largest of 1/2, 1/4 and 1/8 that leaves so many pixels (at 1/8: as it comes)."""
    scale = next((s for s in (2, 4) if picture.width * picture.height <= pixels * s * s), 8)
    picture.draft(None, (picture.width // scale, picture.height // scale))


def _check_shape(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise BadPicture(
            f"The picture has {width} × {height} pixels: choose one of at least {MIN_SIDE} × {MIN_SIDE}."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise BadPicture(
            f"The picture has {width} × {height} pixels, too long and thin: cut out the part you want."
        )


def _orientation(exif: bytes) -> int:
    """1 to 8, how the camera was held; 1 if the EXIF block is damaged or says nothing, as a picture does not need it."""
    block = Image.Exif()
    try:
        block.load(exif)
        return block.get(_ORIENTATION, 1)
    except _BROKEN:
        return 1


def _cleared(picture: Image.Image, source: Source, colour: tuple[int, ...]) -> Image.Image:
    """A PNG whose one colour is transparent, with that as alpha: looked at in all bits of the file."""
    if picture.mode == "RGB":
        wide = source.depth == 16
        clear = _equal(picture, [number >> 8 if wide else number for number in colour])
        if wide:
            clear &= _equal(_opened(source, low_bytes=True), [number & 255 for number in colour])
    elif picture.mode == "1":
        clear = np.asarray(picture) == np.bool_(colour[0])
    else:  # L holds 2 and 4 bits spread over 0..255; I;16 holds 16 as they are
        spread = 255 // ((1 << source.depth) - 1) if source.depth < 8 else 1
        clear = np.asarray(picture) == np.uint16(colour[0] * spread)
    picture = _plain(picture)
    picture.putalpha(Image.fromarray(np.where(clear, np.uint8(0), np.uint8(255))))
    return picture


def _equal(picture: Image.Image, colour: list[int]) -> np.ndarray:
    """bool (H, W): where a picture has this colour; a channel at a time, to hold less at once."""
    channels = (np.asarray(picture.getchannel(c)) == number for c, number in enumerate(colour))
    return np.logical_and.reduce(list(channels))


def _plain(picture: Image.Image) -> Image.Image:
    """Any mode that the three formats have, in 8 bits: L, LA, RGB, RGBA or CMYK."""
    if picture.mode.startswith("I"):  # 16 bits of grey: Pillow's own conversion clips instead of scaling
        return Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    if picture.mode == "1":
        return picture.convert("L")
    if picture.mode in ("P", "PA"):
        if picture.palette is None:
            raise BadPicture(DAMAGED)
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    return picture


def _laid(picture: Image.Image, ground: str) -> Image.Image:
    if picture.mode in ("LA", "RGBA"):
        laid = Image.new("RGB", picture.size, ground)
        laid.paste(picture, (0, 0), picture)
        return laid
    return picture if picture.mode == "RGB" else picture.convert("RGB")
