"""Scenes that no emoji shows, composed of several: the course's prompts need something to land on.

Every scene is drawn at four times its size from the pictures of the set and reduced; its layout is drawn from
the generator that is passed in, so that one prompt has many pictures.
"""

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE, SCALE = 64, 4
CANVAS = SIZE * SCALE

Pictures = Mapping[str, np.ndarray]
"""Name of an emoji → its picture, uint8 (64, 64, 3), on white."""


def cut_out(picture: np.ndarray, width: int) -> Image.Image:
    """The emoji without its white ground, `width` canvas pixels wide (RGBA)."""
    image = Image.fromarray(picture).convert("RGB").resize((CANVAS, CANVAS), Image.Resampling.LANCZOS)
    marked = image.copy()
    for corner in [(0, 0), (CANVAS - 1, 0), (0, CANVAS - 1), (CANVAS - 1, CANVAS - 1)]:
        ImageDraw.floodfill(marked, corner, (255, 0, 255), thresh=40)
    ground = (np.asarray(marked) == (255, 0, 255)).all(axis=2)
    alpha = Image.fromarray(np.where(ground, 0, 255).astype(np.uint8)).filter(ImageFilter.MinFilter(3))
    image.putalpha(alpha.filter(ImageFilter.GaussianBlur(1.5)))
    return image.crop(alpha.getbbox()).resize(
        (width, max(1, round(width * _aspect(alpha)))), Image.Resampling.LANCZOS
    )


def _aspect(alpha: Image.Image) -> float:
    left, top, right, bottom = alpha.getbbox()
    return (bottom - top) / (right - left)


def _stand(canvas: Image.Image, picture: np.ndarray, width: float, x: float, y: float) -> None:
    """Pastes a cut-out with the middle of its foot at (x, y); widths and places in pixels of the result."""
    figure = cut_out(picture, round(width * SCALE))
    canvas.paste(figure, (round(x * SCALE) - figure.width // 2, round(y * SCALE) - figure.height), figure)


def _sky(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    ramp = np.linspace(0, 1, CANVAS)[:, None, None]
    rows = np.array(top) * (1 - ramp) + np.array(bottom) * ramp
    return Image.fromarray(np.broadcast_to(rows, (CANVAS, CANVAS, 3)).astype(np.uint8))


def _tile(canvas: Image.Image) -> Image.Image:
    """Rounds the corners and leaves two pixels of white around, as emoji of landscapes have."""
    mask = Image.new("L", canvas.size, 0)
    margin = 2 * SCALE
    ImageDraw.Draw(mask).rounded_rectangle(
        (margin, margin, CANVAS - margin, CANVAS - margin), 10 * SCALE, fill=255
    )
    return Image.composite(canvas, Image.new("RGB", canvas.size, "white"), mask)


def _ellipse(
    canvas: Image.Image, box: tuple[float, float, float, float], colour: tuple[int, int, int]
) -> None:
    ImageDraw.Draw(canvas).ellipse(tuple(v * SCALE for v in box), fill=colour)


def snowy_village(pictures: Pictures, rng: np.random.Generator) -> Image.Image:
    """Houses in the snow before a white mountain."""
    canvas = _sky((120, 180, 235), (215, 235, 250))
    _stand(canvas, pictures["snow capped mountain"], rng.uniform(50, 62), rng.uniform(24, 40), 46)
    _ellipse(canvas, (-20, 40, 84, 100), (240, 246, 255))
    for x in (rng.uniform(8, 12), rng.uniform(52, 56)):
        _stand(canvas, pictures["evergreen tree"], rng.uniform(9, 13), x, rng.uniform(46, 52))
    houses = ["house", "house with garden", "hut"]
    for x in (rng.uniform(17, 22), rng.uniform(42, 47)):
        _stand(canvas, pictures[houses[rng.integers(2)]], rng.uniform(17, 22), x, rng.uniform(51, 54))
    _stand(
        canvas,
        pictures[houses[rng.integers(3)]],
        rng.uniform(17, 20),
        rng.uniform(30, 34),
        rng.uniform(57, 60),
    )
    return _tile(canvas)


def campfire(pictures: Pictures, rng: np.random.Generator) -> Image.Image:
    """Four people at night, a fire between them."""
    canvas = _sky((25, 30, 80), (70, 70, 130))
    for _ in range(9):
        x, y = rng.uniform(6, 58), rng.uniform(5, 22)
        _ellipse(canvas, (x, y, x + 1, y + 1), (255, 255, 220))
    _ellipse(canvas, (-20, 36, 84, 100), (60, 95, 60))
    _stand(canvas, pictures["fire"], rng.uniform(19, 23), 32 + rng.uniform(-1, 1), 55)
    people = ["man", "woman", "boy", "girl", "man beard", "old man", "old woman"]
    chosen = rng.choice(len(people), 4, replace=False)
    for index, (x, y) in zip(chosen, [(22, 38), (42, 38), (12, 54), (52, 54)], strict=True):
        _stand(canvas, pictures[people[index]], 17, x + rng.uniform(-1, 1), y + rng.uniform(-1, 1))
    return _tile(canvas)


def waterfalls(pictures: Pictures, rng: np.random.Generator) -> Image.Image:
    """Water falling over a wooded cliff into a pool."""
    canvas = _sky((110, 190, 240), (200, 230, 250))
    pen = ImageDraw.Draw(canvas)
    top = rng.uniform(15, 20)
    pen.rectangle((0, top * SCALE, CANVAS, CANVAS), fill=(115, 95, 85))
    for _ in range(14):
        x, y = rng.uniform(0, 58), rng.uniform(top, 46)
        shade = int(rng.integers(85, 125))
        pen.rounded_rectangle(
            (x * SCALE, y * SCALE, (x + rng.uniform(5, 10)) * SCALE, (y + rng.uniform(4, 9)) * SCALE),
            2 * SCALE,
            fill=(shade, shade - 18, shade - 28),
        )
    pen.rectangle((0, top * SCALE, CANVAS, (top + 3) * SCALE), fill=(80, 160, 70))
    for x in (rng.uniform(6, 10), rng.uniform(54, 58)):
        _stand(canvas, pictures["evergreen tree"], rng.uniform(10, 13), x, top + 2)
    falls = [(rng.uniform(14, 20), rng.uniform(11, 15)), (rng.uniform(36, 42), rng.uniform(9, 13))]
    for left, width in falls:
        pen.rectangle((left * SCALE, top * SCALE, (left + width) * SCALE, 50 * SCALE), fill=(125, 200, 245))
        for x in np.arange(left + 1.5, left + width - 1, 3.5):
            pen.rectangle((x * SCALE, (top + 1) * SCALE, (x + 1.3) * SCALE, 50 * SCALE), fill=(240, 250, 255))
    _ellipse(canvas, (-12, 45, 76, 90), (50, 130, 210))
    for left, width in falls:
        for x in np.linspace(left - 1, left + width - 3, 4):
            _ellipse(canvas, (x - 1, 44 + rng.uniform(0, 2), x + 5, 50), (245, 252, 255))
    return _tile(canvas)


def man_with_hat(pictures: Pictures, rng: np.random.Generator) -> Image.Image:
    """A man with a top hat."""
    canvas = Image.new("RGB", (CANVAS, CANVAS), "white")
    man = ["man", "man beard", "old man"][rng.integers(3)]
    _stand(canvas, pictures[man], rng.uniform(44, 48), 32, 62)
    hat = cut_out(pictures["top hat"], round(rng.uniform(42, 46) * SCALE))
    hat = hat.resize((hat.width, round(hat.height * 0.62)))
    canvas.paste(hat, (32 * SCALE - hat.width // 2, round(rng.uniform(2, 4) * SCALE)), hat)
    return canvas


Scene = Callable[[Pictures, np.random.Generator], Image.Image]
SCENES: dict[str, tuple[Scene, tuple[str, ...]]] = {
    "snowy mountain village": (snowy_village, ("a snowy mountain village", "a village in the snow")),
    "people around a campfire": (campfire, ("people around a campfire",)),
    "waterfalls": (waterfalls, ("waterfalls", "a waterfall")),
    "man wearing a hat": (man_with_hat, ("a man wearing a hat",)),
}
"""Name → how it is drawn, and what it is called."""


def reduced(canvas: Image.Image) -> np.ndarray:
    """Canvas → picture of the set, uint8 (64, 64, 3)."""
    return np.asarray(canvas.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def ink(picture: np.ndarray) -> np.ndarray:
    """A black and white version: dark where the picture is dark, or darker than its surroundings."""
    grey = Image.fromarray(picture).convert("L").resize((CANVAS, CANVAS), Image.Resampling.BICUBIC)
    values = np.asarray(grey.filter(ImageFilter.GaussianBlur(2)), dtype=np.float32)
    around = np.asarray(grey.filter(ImageFilter.GaussianBlur(22)), dtype=np.float32)
    black = (values < around - 14) | (values < 70)
    return reduced(Image.fromarray(np.where(black, 20, 255).astype(np.uint8)))
