"""Contact sheets and curves as pictures: what the evaluation and the model card show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

LABEL = 26  # pixels under a tile, for two lines
INK, PALE = (30, 30, 30), (225, 225, 225)
COLOURS = ((0, 95, 170), (200, 80, 20), (40, 130, 60), (130, 60, 150))


def to_tiles(pictures: Tensor) -> np.ndarray:
    """(N, 3, H, W) in [−1, 1] → uint8 (N, H, W, 3)."""
    return ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def sheet(tiles: np.ndarray, columns: int, labels: Sequence[str] = (), scale: int = 2) -> Image.Image:
    """Tiles uint8 (N, H, W, 3) row by row, `scale` times their size; a label under each, or none at all."""
    height, width = (scale * side for side in tiles.shape[1:3])
    step = height + (LABEL if labels else 0)
    rows = -(-len(tiles) // columns)
    canvas = Image.new("RGB", (columns * width, rows * step), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(10)
    for k, tile in enumerate(tiles):
        x, y = k % columns * width, k // columns * step
        canvas.paste(Image.fromarray(tile).resize((width, height), Image.Resampling.NEAREST), (x, y))
        if labels:
            for line, text in enumerate(wrapped(labels[k], width - 6, font)[:2]):
                pen.text((x + 3, y + height + 1 + 12 * line), text, fill=INK, font=font)
    return canvas


def wrapped(text: str, width: int, font) -> list[str]:
    """The words of `text` in lines that are at most `width` pixels wide, as far as words allow."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def curve(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    x_label: str,
    top: float,
    size: tuple[int, int] = (640, 320),
) -> Image.Image:
    """Lines over x, from 0 to `top`, each with its name at its end. Values above `top` stay at the edge."""
    left, right, above, below = 48, 150, 16, 40
    width, height = size[0] - left - right, size[1] - above - below
    canvas = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)

    def place(a: float, b: float) -> tuple[float, float]:
        across = (a - min(x)) / (max(x) - min(x))
        return left + width * across, above + height * (1 - min(max(b / top, 0), 1))

    for k in range(5):
        value = top * k / 4
        y = place(min(x), value)[1]
        pen.line([(left, y), (left + width, y)], fill=PALE)
        pen.text((6, y - 7), f"{value:.2g}", fill=INK, font=font)
    for a in x if len(x) <= 12 else x[:: len(x) // 8]:
        pen.text((place(a, 0)[0] - 8, above + height + 4), f"{a:g}", fill=INK, font=font)
    pen.text((left + width / 2 - 10, size[1] - 18), x_label, fill=INK, font=font)
    taken: list[float] = []
    for (name, values), colour in zip(lines.items(), COLOURS, strict=False):
        points = [place(a, b) for a, b in zip(x, values, strict=True)]
        pen.line(points, fill=colour, width=2)
        y = points[-1][1] - 7
        while any(abs(y - other) < 13 for other in taken):  # names that would cover each other move down
            y += 13
        taken.append(y)
        pen.text((left + width + 8, y), name, fill=colour, font=font)
    return canvas


def write(picture: Image.Image, path: Path) -> None:
    """PNG with a palette of 256 colours, or lossy WebP, by the path's ending: small files."""
    if path.suffix == ".webp":
        picture.save(path, quality=82, method=6)
    else:
        picture.quantize(256).save(path, optimize=True)
