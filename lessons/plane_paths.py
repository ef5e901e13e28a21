"""Pictures of particles on their way through the plane: for a job's frames and for the film of its result."""

from __future__ import annotations

import colorsys
import math

import numpy as np
from PIL import Image, ImageDraw

SIDE = 352  # pixels of a picture
FINER = 2  # drawn at twice the size and reduced, for smooth lines
EXTENT = 2.7  # the picture spans from -EXTENT to EXTENT in both directions
GROUND, DATA, EXACT = (14, 16, 20), (92, 96, 106), (118, 122, 132)


def plane_ground(data: np.ndarray, exact: np.ndarray) -> Image.Image:
    """What the pictures of one run have in common: the data as dots, the exact paths in grey."""
    image = Image.new("RGB", (SIDE * FINER, SIDE * FINER), GROUND)
    pen = ImageDraw.Draw(image)
    for x, y in _pixels(data):
        pen.ellipse([x - FINER, y - FINER, x + FINER, y + FINER], fill=DATA)
    for path in exact:
        pen.line(_pixels(path).ravel().tolist(), fill=EXACT, width=round(1.5 * FINER))
    return image


def plane_picture(ground: Image.Image, noise: np.ndarray, taken: np.ndarray, t: float) -> np.ndarray:
    """On a ground the paths that were taken up to time t, with their particles.

    Particles have the hue of the direction from which they start, so that one sees who is joined to whom.

    Args:
        ground: of `plane_ground`, from data (N, 2) and exact paths; it stays as it is.
        noise: float (P, 2), where the paths start.
        taken, and a ground's exact: float (P, M + 1, 2), the places at the times 0, 1/M, ..., 1, each with an M of its own;
            between them a path is straight.
        t: in [0, 1].

    Returns:
        uint8 (SIDE, SIDE, 3).
    """
    image = ground.copy()
    pen = ImageDraw.Draw(image)
    hues = [_hue(start) for start in noise]
    ways = [_pixels(until(path, t)) for path in taken]
    for way, hue in zip(ways, hues, strict=True):
        pen.line(way.ravel().tolist(), fill=_dim(hue), width=round(2.6 * FINER))
    size = 3 * FINER
    for way, hue in zip(ways, hues, strict=True):
        x, y = way[-1]
        pen.ellipse([x - size, y - size, x + size, y + size], fill=hue, outline=GROUND)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def until(path: np.ndarray, t: float) -> np.ndarray:
    """A path (M + 1, 2) up to time t: its corners until then, and where it is: (1 .. M + 1, 2)."""
    steps = len(path) - 1
    done = min(math.floor(t * steps + 1e-9), steps)
    share = t * steps - done
    if share < 1e-9:
        return path[: done + 1]
    here = (1 - share) * path[done] + share * path[done + 1]
    return np.concatenate([path[: done + 1], here[None]])


def _pixels(points: np.ndarray) -> np.ndarray:
    """(N, 2) of the plane -> (N, 2) of the drawing: x to the right, y downwards."""
    scale = SIDE * FINER / (2 * EXTENT)
    return np.stack([(points[:, 0] + EXTENT) * scale, (EXTENT - points[:, 1]) * scale], axis=1)


def _hue(start: np.ndarray) -> tuple[int, int, int]:
    """The colour of a direction, light enough for the dark ground."""
    turn = math.atan2(start[1], start[0]) / (2 * math.pi) % 1.0
    red, green, blue = colorsys.hls_to_rgb(turn, 0.66, 0.85)
    return round(255 * red), round(255 * green), round(255 * blue)


def _dim(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = (round(0.62 * part) for part in colour)
    return red, green, blue
