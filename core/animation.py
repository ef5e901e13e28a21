"""Frames to an animated WebP or GIF, small enough to be sent to somebody. NumPy and Pillow only.

Noise does not compress: of a film of a denoising run, nearly all bytes are the noise in x_t. Two things make it smaller
without being seen. Pictures are enlarged only as far as a slide needs (`moderate_scale`), because every enlarged pixel costs
bytes, too. And x_t is rounded where it is noisy (`near_lossless`), by a small fraction of the noise that is in it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from core.provenance import Provenance

LONGEST_SIDE = 672  # pixels of an enlarged film: five pictures of 64 beside each other, twice as large
MOST_SCALE = 6
SHORTEST = 20  # milliseconds: browsers slow down what is faster
_PALETTE_SAMPLE = 160 * 160  # pixels that choose a GIF's colours; more of them change nothing that is seen
_NOISE_SHARE = 8  # x_t is rounded by at most an eighth of the standard deviation of its noise
_COARSEST = 16  # of 255: the largest step between neighbouring levels after rounding

Tick = Callable[[int], None]  # told the number of frames done; what it raises ends the work


class BadFrames(ValueError):
    """The arrays are no film; the message says what they should be."""


def moderate_scale(height: int, width: int) -> int:
    """By which whole number to enlarge frames so that their longer side stays within LONGEST_SIDE; 1 to MOST_SCALE."""
    return max(1, min(MOST_SCALE, LONGEST_SIDE // max(height, width)))


def near_lossless(pixels: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """Pixels of x_t with fewer levels where there is much noise: none is moved by more than an eighth of σ.

    pixels: uint8 (steps, ...), which show values in [-1, 1]. sigmas: the standard deviation of the noise in each step, in
    units of the values, 0 to 1. Black and white stay, and where σ is small, everything does. Returns uint8, as `pixels`.
    """
    if len(pixels) != len(sigmas):
        raise BadFrames(f"{len(sigmas)} values of σ for {len(pixels)} steps: give one for each.")
    rounded = np.array(pixels)
    for frame, sigma in zip(rounded, sigmas, strict=True):
        error = sigma * 127.5 / _NOISE_SHARE  # of 255 levels
        step = 1
        while 2 * step <= _COARSEST and step <= error:  # rounding to steps of 2s moves a level by s at most
            step *= 2
        if step > 1:
            levels = 255 // step  # intervals between the levels, which reach from 0 to 255
            frame[...] = np.rint(np.rint(frame * (levels / 255.0)) * (255.0 / levels)).astype(np.uint8)
    return rounded


def animated_webp(
    frames: np.ndarray,
    *,
    milliseconds: int | Sequence[int] = 80,
    scale: int = 1,
    about: Provenance | None = None,
    tick: Tick = lambda done: None,
) -> bytes:
    """A WebP animation that gives back exactly these frames, played without end.

    Args:
        frames: uint8 (N, H, W, 1 or 3).
        milliseconds: how long each frame stands, or one number a frame, from 20 upwards.
        scale: every pixel becomes a square of so many, so edges stay sharp.
        about: is kept in the file.

    Raises:
        BadFrames, or ValueError for a scale or a time that cannot be used.
    """
    frames = _checked(frames, scale)
    durations = _durations(milliseconds, len(frames))
    images = []
    for k, frame in enumerate(frames):
        image = Image.fromarray(_enlarged(frame, scale))
        _tell_when_encoded(image, k, tick)
        images.append(image)
    # Of libwebp's efforts, this one takes half of the largest one's time for files as small.
    return _save(images, "WEBP", about, duration=durations, loop=0, lossless=True, method=4, quality=50)


def animated_gif(
    frames: np.ndarray,
    *,
    milliseconds: int | Sequence[int] = 80,
    scale: int = 1,
    about: Provenance | None = None,
    tick: Tick = lambda done: None,
) -> bytes:
    """A GIF animation of these frames in 256 colours that all of them share, played without end.

    With colours of its own for each frame, noise would flicker between palettes, and each would cost 768 bytes. Times are
    kept in steps of 10 ms. For the rest, see `animated_webp`.
    """
    frames = _checked(frames, scale)
    durations = _durations(milliseconds, len(frames))
    palette = _shared_palette(frames)
    colours = palette.getpalette("RGB") or []
    images = []
    for k, frame in enumerate(frames):
        chosen = Image.fromarray(_rgb(frame)).quantize(palette=palette, dither=Image.Dither.NONE)
        image = Image.fromarray(_enlarged(np.asarray(chosen)[..., None], scale), mode="P")
        image.putpalette(colours)
        images.append(image)
        tick(k + 1)
    return _save(images, "GIF", about, duration=durations, loop=0, optimize=False)


def _shared_palette(frames: np.ndarray) -> Image.Image:
    """256 colours chosen by pixels from all frames, the later ones more often: the pictures come out of the noise there."""
    generator = np.random.default_rng(0)  # the same film gives the same file
    where = np.sqrt(generator.random(_PALETTE_SAMPLE)) * len(frames)  # density rises linearly over the frames
    height, width = frames.shape[1:3]
    rows = generator.integers(0, height, _PALETTE_SAMPLE)
    columns = generator.integers(0, width, _PALETTE_SAMPLE)
    chosen = _rgb(frames[where.astype(int), rows, columns][None])  # (1, sample, 3)
    side = int(_PALETTE_SAMPLE**0.5)
    return Image.fromarray(chosen.reshape(side, side, 3)).quantize(256, method=Image.Quantize.FASTOCTREE)


def _rgb(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.shape[-1] == 3 else pixels.repeat(3, axis=-1)


def _enlarged(frame: np.ndarray, scale: int) -> np.ndarray:
    """(H, W, C) -> (scale H, scale W, C), without the last axis where C is 1, as Pillow wants it."""
    large = frame.repeat(scale, axis=0).repeat(scale, axis=1)
    return large[..., 0] if large.shape[-1] == 1 else large


def _tell_when_encoded(image: Image.Image, k: int, tick: Tick) -> None:
    """Pillow's WebP encoder has no progress, but it seeks every picture's first frame before it encodes it."""

    def told(frame: int) -> None:
        del image.seek  # once: the encoder ends by going back to where the first picture stood
        image.seek(frame)
        tick(k)

    image.seek = told  # type: ignore[method-assign]


def _checked(frames: np.ndarray, scale: int) -> np.ndarray:
    frames = np.asarray(frames)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] not in (1, 3) or 0 in frames.shape:
        raise BadFrames(
            "Frames have to be uint8 (number, height, width, 1 or 3) with at least one frame, "
            f"not {frames.dtype} {frames.shape}."
        )
    if not 1 <= scale <= 32:
        raise ValueError(f"scale is {scale}: use a whole number from 1 to 32.")
    return frames


def _durations(milliseconds: int | Sequence[int], count: int) -> list[int]:
    durations = [milliseconds] * count if isinstance(milliseconds, int) else list(milliseconds)
    if len(durations) != count or min(durations) < SHORTEST:
        raise ValueError(
            f"milliseconds is {milliseconds}: use one number or {count}, each at least {SHORTEST}."
        )
    return durations


def _save(images: list[Image.Image], file_format: str, about: Provenance | None, **options: object) -> bytes:
    if about is not None:
        options |= about.save_options(file_format)
    buffer = io.BytesIO()
    images[0].save(buffer, file_format, save_all=True, append_images=images[1:], **options)
    return buffer.getvalue()
