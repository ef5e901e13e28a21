"""Draws the example of B12: 25 small houses, by a program with an unsteady hand.

    python -m scripts.mnist.example_drawings [--to assets/data/drawings/houses.npy]

No two are alike in width, roof and place; some have a door, some a window, some a chimney. The file is what ships: another
version of Pillow may draw a grey value differently.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from core.handwriting import EXAMPLE_FILE, SIDE, packed

COUNT, SEED = 25, 12
FINE = 8  # times as many pixels along a side while it is drawn
INK = 2.2  # pixels: nearly the sheet's brush
UNSTEADY = 0.3  # pixels: standard deviation of where a stroke's points come to lie

Point = tuple[float, float]


def stroke(draw: ImageDraw.ImageDraw, rng: np.random.Generator, points: list[Point]) -> None:
    """A line through the points, in pixels of the drawing, with a trembling point every three pixels and round ends."""
    path: list[Point] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        parts = max(1, round(np.hypot(x1 - x0, y1 - y0) / 3))
        path += [(x0 + (x1 - x0) * k / parts, y0 + (y1 - y0) * k / parts) for k in range(parts)]
    path.append(points[-1])
    shaken = [(FINE * (x + rng.normal(0, UNSTEADY)), FINE * (y + rng.normal(0, UNSTEADY))) for x, y in path]
    draw.line(shaken, fill=255, width=round(FINE * INK), joint="curve")
    for x, y in shaken:
        r = FINE * INK / 2
        draw.ellipse((x - r, y - r, x + r, y + r), fill=255)


def house(rng: np.random.Generator) -> np.ndarray:
    """One house, uint8 (28, 28), white on black."""
    sheet = Image.new("L", (FINE * SIDE, FINE * SIDE), 0)
    draw = ImageDraw.Draw(sheet)
    wide, tall, roof = rng.uniform(14, 19), rng.uniform(9.5, 12.5), rng.uniform(6.5, 9.5)
    left = 14 - wide / 2 + rng.normal(0, 0.7)
    foot = 14 + (tall + roof) / 2 + rng.normal(0, 0.7)
    right, eaves = left + wide, foot - tall
    peak = ((left + right) / 2 + rng.normal(0, 0.6), eaves - roof)
    over = rng.uniform(0, 1.8)  # how far the roof stands out
    stroke(draw, rng, [(left, eaves), (left, foot), (right, foot), (right, eaves)])
    stroke(draw, rng, [(left - over, eaves + 0.4), peak, (right + over, eaves + 0.4)])
    if rng.random() < 0.4:
        stroke(draw, rng, [(left, eaves), (right, eaves)])
    if rng.random() < 0.7:
        door, high = left + wide * rng.uniform(0.3, 0.6), tall * rng.uniform(0.5, 0.65)
        stroke(draw, rng, [(door, foot), (door, foot - high), (door + 4.2, foot - high), (door + 4.2, foot)])
    if rng.random() < 0.35:
        place = left + wide * 0.78
        stroke(draw, rng, [(place, eaves - roof * 0.4), (place, eaves - roof * 0.95)])
    return np.asarray(sheet.resize((SIDE, SIDE), Image.Resampling.BOX))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=EXAMPLE_FILE)
    to: Path = parser.parse_args().to
    rng = np.random.default_rng(SEED)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(packed(np.stack([house(rng) for _ in range(COUNT)])))


if __name__ == "__main__":
    main()
