"""What a ground is, and the lines and colours that the drawn ones share.

Everything is drawn at twice its size, CANVAS × CANVAS, and reduced at the end. A ground says what it may be called and
where things stand on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SIZE, SCALE = 64, 2
CANVAS = SIZE * SCALE

Rgb = tuple[float, float, float]
Rng = np.random.Generator


@dataclass(frozen=True)
class Ground:
    """A drawn ground.

    Attributes:
        image: RGB, CANVAS × CANVAS.
        kind: by which unions are held out, 'night'; None for a ground that has no name.
        phrases: what follows the object, 'at night'; may be empty.
        floor: height in [0, 1] from which things stand, 1 at the bottom; None where they float.
        dark: whether black ink would not show.
        nouns: what the picture is called without any object, 'a night sky'.
    """

    image: Image.Image
    kind: str | None = None
    phrases: tuple[str, ...] = ()
    floor: float | None = None
    dark: bool = False
    nouns: tuple[str, ...] = ()


def jittered(colour: Rgb, rng: Rng, spread: float = 14) -> Rgb:
    """A colour near `colour`, each channel within about ±2·spread of 255."""
    return tuple(np.clip(np.array(colour) + rng.normal(0, spread, 3), 0, 255))


def ramp(top: Rgb, bottom: Rgb, angle: float = 90.0) -> np.ndarray:
    """From one colour to the other along an angle in degrees (90 is down): float32 (CANVAS, CANVAS, 3)."""
    axis = np.linspace(-0.5, 0.5, CANVAS, dtype=np.float32)
    along = np.cos(np.deg2rad(angle)) * axis[None, :] + np.sin(np.deg2rad(angle)) * axis[:, None]
    share = ((along - along.min()) / np.ptp(along))[..., None]
    return np.float32(top) * (1 - share) + np.float32(bottom) * share


def image_of(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def ridge(rng: Rng, roughness: float, octaves: int = 4) -> np.ndarray:
    """A line of hills, about [−1, 1] over the width: (CANVAS,)."""
    x = np.linspace(0, 1, CANVAS)
    waves = [
        rng.normal(0, roughness**k) * np.sin(2 * np.pi * (1.3 * 1.9**k) * x + rng.uniform(0, 2 * np.pi))
        for k in range(octaves)
    ]
    return np.sum(waves, axis=0) / 1.5


def filled_below(draw: ImageDraw.ImageDraw, line: np.ndarray, colour: Rgb) -> None:
    """Fills what lies below a line of heights in canvas pixels (CANVAS,)."""
    points = [(float(x), float(y)) for x, y in enumerate(line)][::2]
    draw.polygon([*points, (CANVAS, points[-1][1]), (CANVAS, CANVAS), (0, CANVAS)], fill=whole(colour))


def whole(colour: Rgb) -> tuple[int, int, int]:
    return tuple(int(c) for c in np.clip(colour, 0, 255))
