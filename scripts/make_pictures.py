"""Draws the two pictures of our own (CC0: do with them what you like): the tower, and the icon of the browser's tab.

    python -m scripts.make_pictures [output folder, instead of assets/]

assets/pictures/tower-at-sunset.png is a full scene, unlike the emoji on white: smooth gradients (sky), hard edges
(tower), texture at one pixel's size (stones, grass). Drawn at eight times the size and reduced, so that edges are
smooth. The same bytes at every run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

Color = tuple[int, int, int]
Pen = ImageDraw.ImageDraw

SIDE = 64
FINE = 8  # drawn at 512 x 512
HORIZON = 40

SKY = [
    (0, (46, 49, 98)),
    (16, (128, 77, 128)),
    (30, (236, 120, 92)),
    (HORIZON, (255, 205, 128)),
    (63, (255, 205, 128)),
]


def draw() -> Image.Image:
    """The picture: RGB, 64 x 64. Coordinates below are in pixels of the result, y downwards."""
    picture = _sky()
    pen = ImageDraw.Draw(picture)
    _disc(pen, 47, 36, 6.5, (255, 241, 190))
    for x, y, width in [(6, 13, 15), (36, 9, 13), (48, 20, 12)]:  # clouds
        _box(pen, x, y, width, 1.6, (250, 170, 140))
        _box(pen, x + 3, y - 1.4, width - 7, 1.6, (250, 170, 140))
    _hills(pen, base=41, height=5, period=23, phase=0.4, color=(118, 84, 128))
    _hills(pen, base=48, height=4, period=31, phase=2.2, color=(72, 92, 88))
    _tower(pen)
    _hills(pen, base=57, height=2.5, period=37, phase=4.0, color=(46, 74, 52))
    _grass(pen)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def icon() -> Image.Image:
    """A disc that comes out of the noise, from left to right: RGBA, 64 x 64."""
    y, x = np.mgrid[:16, :16] - 7.5
    disc = np.where((x**2 + y**2 < 6.6**2)[..., None], (10, 92, 168), (226, 236, 246))  # (16, 16, 3)
    noise = np.random.default_rng(3).integers(0, 256, (16, 16, 3))
    share = np.clip((3.5 - x) / 8, 0, 1)[..., None]  # of the noise: all of it left, none of it right
    pixels = np.concatenate([share * noise + (1 - share) * disc, np.full((16, 16, 1), 255)], axis=-1)
    pixels[np.maximum(abs(x), abs(y)) + np.minimum(abs(x), abs(y)) / 2 > 10.5, 3] = 0  # round corners
    return Image.fromarray(np.rint(pixels).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def _sky() -> Image.Image:
    rows = (np.arange(SIDE * FINE) + 0.5) / FINE
    heights = [height for height, _ in SKY]
    column = np.stack([np.interp(rows, heights, [color[c] for _, color in SKY]) for c in range(3)], axis=-1)
    pixels = np.repeat(column[:, None], SIDE * FINE, axis=1)
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def _tower(pen: Pen) -> None:
    stone, shade, dark, roof = (214, 196, 178), (160, 138, 138), (70, 54, 74), (176, 58, 52)
    _polygon(pen, [(17, 60), (19, 25), (29, 25), (31, 60)], stone)
    _polygon(pen, [(17, 60), (19, 25), (22, 25), (21, 60)], shade)  # the side away from the sun
    for row, y in enumerate(range(29, 58, 4)):  # courses of stone, every second one shifted
        for x in range(22 + 3 * (row % 2), 29, 5):
            _box(pen, x, y, 2, 1, (190, 168, 152))
    _box(pen, 17, 22, 14, 3.4, stone)  # the gallery with its battlements
    for x in (17, 21, 25, 29):
        _box(pen, x, 19.6, 2, 2.6, stone)
    _polygon(pen, [(18, 20), (24, 6), (30, 20)], roof)
    _polygon(pen, [(18, 20), (24, 6), (22.4, 20)], (130, 38, 46))
    _box(pen, 23.7, 2, 0.8, 5, dark)  # the flagpole and its flag
    _polygon(pen, [(24.5, 2), (30, 3.6), (24.5, 5.2)], (255, 214, 90))
    for y in (32, 42):
        _box(pen, 24, y, 2.6, 4.4, dark)
        _disc(pen, 25.3, y, 1.3, dark)
    _box(pen, 23, 51, 4.4, 9, dark)
    _disc(pen, 25.2, 51, 2.2, dark)


def _hills(pen: Pen, *, base: float, height: float, period: float, phase: float, color: Color) -> None:
    x = np.linspace(0, SIDE, 129)
    y = base - height * np.sin(2 * np.pi * x / period + phase)
    _polygon(pen, [(0, SIDE), *zip(x, y, strict=True), (SIDE, SIDE)], color)


def _grass(pen: Pen) -> None:
    rng = np.random.default_rng(7)
    for x, y in zip(rng.uniform(0, SIDE, 90), rng.uniform(58, SIDE, 90), strict=True):
        _box(pen, x, y, 0.7, 1.8, (96, 128, 70))


def _polygon(pen: Pen, points: list[tuple[float, float]], color: Color) -> None:
    pen.polygon([(FINE * x, FINE * y) for x, y in points], fill=color)


def _box(pen: Pen, x: float, y: float, width: float, height: float, color: Color) -> None:
    pen.rectangle((FINE * x, FINE * y, FINE * (x + width) - 1, FINE * (y + height) - 1), fill=color)


def _disc(pen: Pen, x: float, y: float, radius: float, color: Color) -> None:
    pen.ellipse(
        (FINE * (x - radius), FINE * (y - radius), FINE * (x + radius), FINE * (y + radius)), fill=color
    )


if __name__ == "__main__":
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "assets"
    for target, picture in [
        (assets / "pictures" / "tower-at-sunset.png", draw()),
        (assets / "icon.png", icon()),
    ]:
        target.parent.mkdir(parents=True, exist_ok=True)
        picture.save(target, optimize=True)
        print(f"wrote {target}")
