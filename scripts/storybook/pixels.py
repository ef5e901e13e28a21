"""From a drawing of any size to a sprite: cropped to what is drawn, its longest side 60 pixels, centred on 64 × 64."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

SIZE, LONGEST = 64, 60
DRAWN = 160  # width at which an SVG is drawn before it is reduced
SEEN = 8  # alpha up to this does not count as drawn: soft shadows would keep a drawing small
FAINT = 1e-3  # opacity up to which a pixel has no colour of its own; dividing by it would make one up


def draw_svg(source: str) -> Image.Image:
    """An SVG, 160 pixels wide, RGBA."""
    import resvg_py  # only the builder needs it

    return Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=source, width=DRAWN))))


def drawn_part(picture: Image.Image) -> Image.Image | None:
    """`picture` as RGBA, cropped to the pixels that are seen; None if none is."""
    picture = picture.convert("RGBA")
    box = picture.getchannel("A").point(lambda alpha: 255 * (alpha > SEEN)).getbbox()
    return picture.crop(box) if box else None


def sprite(part: Image.Image) -> np.ndarray:
    """A cropped picture → uint8 (64, 64, 4), straight alpha, transparent outside.

    Colours are multiplied with their opacity before they are reduced (Lanczos), and divided by it after: otherwise the
    unseen colour of transparent pixels, mostly black, would darken every outline.
    """
    scale = LONGEST / max(part.size)
    size = tuple(max(1, round(side * scale)) for side in part.size)
    opacity = channel(part, "A")
    # one channel after the other: some clip art has 170 million pixels
    reduced = [resized(channel(part, name) * opacity, size) for name in "RGB"]
    alpha = resized(opacity, size).clip(0, 1)
    colours = [np.where(alpha > FAINT, colour / np.maximum(alpha, FAINT), 0) for colour in reduced]
    values = np.stack([*colours, alpha], axis=-1).clip(0, 1)  # (h, w, 4)
    canvas = np.zeros((SIZE, SIZE, 4), np.uint8)
    top, left = (SIZE - size[1]) // 2, (SIZE - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0]] = (values * 255 + 0.5).astype(np.uint8)
    return canvas


def channel(picture: Image.Image, name: str) -> np.ndarray:
    """One channel, float32 (h, w) in [0, 1]."""
    return np.asarray(picture.getchannel(name), np.float32) / 255


def resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """float32 (h, w) → (height, width) of `size`, which names the width first as Pillow does."""
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.LANCZOS))
