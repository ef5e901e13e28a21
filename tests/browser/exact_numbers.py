"""The pixels of exact_app.py."""

from __future__ import annotations

import numpy as np

FRAMES, SAMPLES, SIDE = 40, 6, 48


def film_pixels() -> np.ndarray:
    """uint8 (FRAMES, SAMPLES, SIDE, SIDE, 3): ramps that wander from frame to frame, so that a film of them is deflated."""
    frame, sample, y, x, channel = np.ogrid[:FRAMES, :SAMPLES, :SIDE, :SIDE, :3]
    return ((5 * x + 3 * y + 7 * frame + 40 * sample + 90 * channel) % 256).astype(np.uint8)


def pictures() -> np.ndarray:
    """Two pictures (2, 3, SIDE, SIDE) in [−1, 1], each of a whole number of 255ths."""
    pixels = film_pixels()[3, :2].transpose(0, 3, 1, 2)
    return (pixels.astype(np.float64) / 127.5 - 1).astype(np.float32)
