"""Pictures in and out: the upload gate, and arrays to pixels and PNG. Animations are in `core.animation`.

NumPy and Pillow only, so that a page can use it without loading torch. Three kinds of array appear here:

* values: floats, channels first, `(..., C, H, W)` with C = 1 or 3, as the networks compute them;
* pixels: uint8, channels last, `(H, W, C)` with C = 1 or 3, as files and screens want them;
* frames: a stack of pixels, `(N, H, W, C)`.
"""

from __future__ import annotations

import io
import math
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from core.provenance import Provenance
from core.upload.gate import decode
from core.upload.limits import MAX_BYTES as MAX_BYTES  # callers of read_picture find these here
from core.upload.limits import BadPicture as BadPicture

# What transparent parts lie on, in the order in which they are tried.
GROUNDS: tuple[Literal["white", "black", "grey"], ...] = ("white", "black", "grey")
_SMALL_BYTES = 64 * 1024  # of pixels: a photograph of 128 × 128
_EVEN = 10  # of 255: a picture whose channels differ by less shows nothing
_DARK = 40  # of 255: a picture that is darker everywhere shows next to nothing
_NEARLY_ALL = 99.5  # percent of the pixels


# ---- the upload gate --------------------------------------------------------------------------------


def read_picture(
    data: bytes,
    *,
    size: int = 64,
    fit: Literal["crop", "letterbox"] = "crop",
    ground: Literal["white", "black", "grey"] = "white",
) -> np.ndarray:
    """Turn an uploaded file into a square RGB picture, or refuse it.

    The limits are checked before anything is unpacked: a PNG of 500 KB can claim 13300 x 13300 pixels. What
    comes back is pixels alone, as a browser shows them: upright by the EXIF orientation, in sRGB by the colour
    profile; text and all other metadata (position, camera, comments) stay behind, unread. Of an animation, the first
    frame is taken. Small pictures are enlarged, from 8 x 8 pixels upwards.

    data: the bytes of a PNG, JPEG or WebP file of at most 16 MB: PNG and WebP up to 4 megapixels, JPEG up to 65 (it
    is decoded at a half, a quarter or an eighth).
    size: side of the result in pixels.
    fit: "crop" keeps the largest centred square; "letterbox" keeps everything, on white.
    ground: what transparent parts lie on.
    Returns: uint8 (size, size, 3).
    Raises: BadPicture for anything else.
    """
    if fit not in ("crop", "letterbox"):
        raise ValueError(f"fit is {fit!r}: use 'crop' or 'letterbox'.")
    if ground not in GROUNDS:
        raise ValueError(f"ground is {ground!r}: use one of {', '.join(GROUNDS)}.")
    if not 1 <= size <= 1024:
        raise ValueError(f"size is {size}: use 1 to 1024 pixels.")
    picture = decode(data, ground)
    if fit == "crop":
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
    else:
        picture = ImageOps.pad(picture, (size, size), Image.Resampling.LANCZOS, color="white")
    return np.array(picture)


def read_visible(data: bytes, *, fit: Literal["crop", "letterbox"] = "crop") -> tuple[np.ndarray, str]:
    """`read_picture` on the first of GROUNDS on which there is something to see: white but for white logos and the like.

    Returns: uint8 (64, 64, 3) and the ground; on white where no ground helps (`flaw` says what is wrong then).
    Raises: BadPicture.
    """
    for ground in GROUNDS:
        pixels = read_picture(data, fit=fit, ground=ground)
        if flaw(pixels) is None:
            return pixels, ground
    return read_picture(data, fit=fit), GROUNDS[0]


def flaw(pixels: np.ndarray) -> str | None:
    """What is odd about a picture that will hardly show anything, as a sentence; None for an ordinary one.

    pixels: uint8 (H, W, 3).
    """
    if int(np.ptp(pixels, axis=(0, 1)).max()) < _EVEN:
        return "This picture is one even colour: there is nothing in it to see or to recover. Choose another one."
    if np.percentile(pixels.max(axis=2), _NEARLY_ALL) < _DARK:
        return "This picture is nearly black: little of it will be seen. Brighten it, or choose another one."
    return None


# ---- arrays to pixels and back ----------------------------------------------------------------------


GREY = 128.0  # of a signed quantity: nothing
BLUE, ORANGE = (np.reshape(levels, (3, 1, 1)) for levels in ((38.0, 102.0, 190.0), (226.0, 96.0, 32.0)))


MISSING = (255, 0, 255)
# Every number of float16, at the place of its own bits. Trajectories are kept in float16, which has fewer values than most
# of them have pixels, so that a table spares the arithmetic.
HALVES = np.arange(2**16, dtype=np.uint16).view(np.float16)


def _by_table(values: np.ndarray) -> bool:
    return values.dtype == np.float16 and values.size > len(HALVES)


def to_pixels(values: np.ndarray, *, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Values to pixels: [low, high] becomes 0..255, rounded, and what lies outside is clipped.

    What is no number (NaN) is drawn as nothing that a picture has, magenta, so that a diverged run shows; black where
    there is one channel. This is the one way from numbers to pixels: a running job's frames and its film look alike.
    values: float (..., C, H, W). Returns: uint8 (..., H, W, C). Raises: BadPicture for fewer axes.
    """
    values = np.asarray(values)
    if not high > low:
        raise ValueError(f"low is {low} and high is {high}: high has to be the larger one.")
    if values.ndim < 3:
        raise BadPicture(f"A picture has the shape (..., channels, height, width), not {values.shape}.")

    def levels(values: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # of what is no number
            unit = (values.astype(np.float64) - low) / (high - low)
        return np.rint(np.nan_to_num(np.clip(unit, 0.0, 1.0)) * 255.0).astype(np.uint8)

    found = levels(HALVES)[values.view(np.uint16)] if _by_table(values) else levels(values)
    pixels = np.ascontiguousarray(np.moveaxis(found, -3, -1))  # (..., H, W, C)
    missing = np.isnan(values).any(axis=-3)
    if missing.any():
        pixels[missing] = MISSING if pixels.shape[-1] == 3 else 0
    return pixels


def unit_pixels(values: np.ndarray) -> np.ndarray:
    """The same of pictures in [0, 1], as Part B's digits are."""
    return to_pixels(values, low=0.0)


def difference_pixels(values: np.ndarray, limit: float) -> np.ndarray:
    """Signed quantities, such as noise or the difference of two estimates, as colours around a neutral grey.

    0 is mid-grey and ±`limit` are the ends, the same distance on both sides, so that two pictures with the same limit can
    be compared. Three channels stay themselves; one channel becomes blue (−), grey (0), orange (+).
    values: float (..., 1 or 3, H, W). Returns: uint8 (..., H, W, 3). Raises as `to_pixels`.
    """
    values = np.asarray(values)
    if not (math.isfinite(limit) and limit > 0):
        raise ValueError(f"limit is {limit}; give the positive value that is drawn as the strongest colour.")
    if values.ndim < 3 or values.shape[-3] != 1:
        return to_pixels(values, low=-limit, high=limit)
    if _by_table(values):
        table = difference_pixels(HALVES.astype(np.float32).reshape(-1, 1, 1, 1), limit)  # (65536, 1, 1, 3)
        return table[values.view(np.uint16)[..., 0, :, :], 0, 0]
    with np.errstate(invalid="ignore"):
        strength = np.clip(values / limit, -1.0, 1.0)  # (..., 1, H, W)
    end = np.where(strength < 0, BLUE, ORANGE)  # (..., 3, H, W)
    return to_pixels(GREY + np.abs(strength) * (end - GREY), low=0.0, high=255.0)


def from_pixels(pixels: np.ndarray, *, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Pixels to values, the inverse of `to_pixels`: uint8 (..., H, W, C) to float32 (..., C, H, W)."""
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.ndim < 3:
        raise BadPicture(
            f"Pixels are uint8 (..., height, width, channels), not {pixels.dtype} {pixels.shape}."
        )
    values = low + (high - low) * (pixels.astype(np.float64) / 255.0)
    return np.ascontiguousarray(np.moveaxis(values, -1, -3), dtype=np.float32)


def contact_sheet(frames: np.ndarray, *, columns: int, gap: int = 2, background: int = 255) -> np.ndarray:
    """Frames in reading order on one sheet.

    frames: uint8 (N, H, W, C). columns: frames a line; gap: pixels between them; background: 0..255.
    Returns: uint8 (lines · H + (lines + 1) · gap, columns · W + (columns + 1) · gap, C).
    """
    frames = _frames(frames)
    if columns < 1 or gap < 0:
        raise ValueError(f"columns is {columns}, gap is {gap}: use at least 1 and at least 0.")
    count, height, width, channels = frames.shape
    lines = -(-count // columns)
    sheet = np.full(
        (lines * (height + gap) + gap, columns * (width + gap) + gap, channels), background, dtype=np.uint8
    )
    for index, frame in enumerate(frames):
        top = gap + (index // columns) * (height + gap)
        left = gap + (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = frame
    return sheet


# ---- pixels to files --------------------------------------------------------------------------------


def png(pixels: np.ndarray, *, scale: int = 1, about: Provenance | None = None) -> bytes:
    """A PNG file of pixels (H, W, C); `scale` repeats every pixel, so edges stay sharp.

    about: is kept in the file; without it, there is no metadata. Small pictures without it are encoded once: a page is
    drawn anew at every click, and shows mostly the same ones.
    """
    pixels = np.asarray(pixels)
    if about is None and pixels.dtype == np.uint8 and pixels.nbytes <= _SMALL_BYTES:
        return _small_png(pixels.tobytes(), pixels.shape, scale)
    return _png(pixels, scale, about)


@lru_cache(maxsize=512)
def _small_png(data: bytes, shape: tuple[int, ...], scale: int) -> bytes:
    return _png(np.frombuffer(data, np.uint8).reshape(shape), scale, None)


def _png(pixels: np.ndarray, scale: int, about: Provenance | None) -> bytes:
    if not 1 <= scale <= 32:
        raise ValueError(f"scale is {scale}: use a whole number from 1 to 32.")
    large = _frames(pixels[np.newaxis])[0].repeat(scale, axis=0).repeat(scale, axis=1)
    image = Image.fromarray(large[..., 0] if large.shape[-1] == 1 else large)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True, **(about.save_options("PNG") if about else {}))
    return buffer.getvalue()


def _frames(frames: np.ndarray) -> np.ndarray:
    frames = np.asarray(frames)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] not in (1, 3) or 0 in frames.shape:
        raise BadPicture(
            "Frames have to be uint8 (number, height, width, 1 or 3) with at least one frame, "
            f"not {frames.dtype} {frames.shape}."
        )
    return frames
