"""Scenes that no emoji shows, composed of several: the course's prompts need something to land on.

Every scene is drawn at four times its size from the pictures of the set and reduced; its layout is drawn from
the generator that is passed in, so that one prompt has many pictures.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE, SCALE = 64, 4
CANVAS = SIZE * SCALE
WHITE, SNOW, BLACK = (255, 255, 255), (238, 245, 255), (20, 20, 20)

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


def _polygon(
    canvas: Image.Image, places: Sequence[tuple[float, float]], colour: tuple[int, int, int]
) -> None:
    ImageDraw.Draw(canvas).polygon([(x * SCALE, y * SCALE) for x, y in places], fill=colour)


def _box(canvas: Image.Image, box: tuple[float, float, float, float], colour: tuple[int, int, int]) -> None:
    ImageDraw.Draw(canvas).rectangle(tuple(v * SCALE for v in box), fill=colour)


def _snowy_house(
    canvas: Image.Image, x: float, foot: float, width: float, wall: tuple[int, int, int]
) -> None:
    """A gable with a lit window, a door and a white roof; its foot's middle at (x, foot)."""
    half, eaves = width / 2, foot - 0.5 * width
    ridge = eaves - 0.5 * width
    _box(canvas, (x - half, eaves, x + half, foot), wall)
    _polygon(canvas, [(x - half, eaves), (x, ridge), (x + half, eaves)], wall)
    roof = [(x - half - 2.5, eaves + 1.5), (x, ridge - 3.5), (x + half + 2.5, eaves + 1.5)]
    _polygon(
        canvas, [*roof, (x + half - 0.5, eaves + 1.5), (x, ridge + 1), (x - half + 0.5, eaves + 1.5)], WHITE
    )
    _box(canvas, (x - half + 2, foot - 0.38 * width, x - 0.5, foot - 0.14 * width), (255, 214, 90))
    _box(canvas, (x + 1.5, foot - 0.4 * width, x + half - 2, foot), (70, 45, 40))


def snowy_village(pictures: Pictures, rng: np.random.Generator) -> Image.Image:
    """Three houses with white roofs in the snow, before two white peaks."""
    canvas = _sky((70, 150, 225), (190, 222, 246))
    for x, top, half in ((45 + rng.uniform(-6, 6), 13, 30), (21 + rng.uniform(-6, 6), 7, 30)):
        slope = 36 / half
        _polygon(canvas, [(x - half, top + 36), (x, top), (x + half, top + 36)], (92, 112, 150))
        cap = [(x - 12, top + 12 * slope), (x, top), (x + 12, top + 12 * slope)]
        _polygon(canvas, [*cap, (x + 6, top + 9), (x, top + 15), (x - 6, top + 9)], WHITE)
    _ellipse(canvas, (-26, 38, 90, 110), SNOW)
    walls = rng.permutation([(176, 62, 52), (214, 132, 52), (128, 78, 52), (70, 104, 160)])
    for (x, foot, width), wall in zip(((14, 48, 14), (50, 48, 14), (32, 58, 18)), walls, strict=False):
        _snowy_house(
            canvas, x + rng.uniform(-2, 2), foot, width * rng.uniform(0.9, 1.1), tuple(wall.tolist())
        )
    return _tile(canvas)


def campfire(pictures: Pictures, rng: np.random.Generator) -> Image.Image:
    """Three of six people at night, a fire on two logs between them."""
    canvas = _sky((18, 24, 74), (58, 56, 120))
    for x, y in ((9, 9), (20, 14), (45, 8), (54, 16), (33, 7)):
        _ellipse(canvas, (x, y, x + 1.5, y + 1.5), (255, 250, 205))
    _ellipse(canvas, (-26, 38, 90, 110), (44, 82, 52))
    people = rng.permutation(["boy", "girl", "man", "woman", "old man", "old woman"])
    coats = rng.permutation([(60, 150, 80), (60, 110, 210), (200, 60, 120), (220, 140, 40)])
    for name, coat, (x, y) in zip(people, coats, ((32, 32), (12, 44), (52, 44)), strict=False):
        x = x + rng.uniform(-1.5, 1.5)
        _ellipse(canvas, (x - 9, y - 5, x + 9, y + 15), tuple(coat.tolist()))
        _stand(canvas, pictures[name], 18, x, y)
    _ellipse(canvas, (20, 50, 44, 61), (120, 84, 40))  # the ground that the fire lights
    pen = ImageDraw.Draw(canvas)
    for left, right in (((22, 60), (42, 54)), ((22, 54), (42, 60))):
        ends = [tuple(v * SCALE for v in end) for end in (left, right)]
        pen.line(ends, fill=(92, 56, 34), width=4 * SCALE)
    _stand(canvas, pictures["fire"], rng.uniform(17, 21), 32, 56)
    return _tile(canvas)


def waterfalls(pictures: Pictures, rng: np.random.Generator) -> Image.Image:
    """Two falls over a wooded cliff into a pool."""
    canvas = _sky((110, 190, 240), (200, 230, 250))
    top = 18
    _box(canvas, (0, top, SIZE, SIZE), (112, 92, 82))
    _box(canvas, (0, top, SIZE, top + 4), (80, 160, 70))
    for x in (8, 56, 33):
        _stand(canvas, pictures["evergreen tree"], rng.uniform(10, 14), x + rng.uniform(-2, 2), top + 3)
    falls = [(13 + rng.uniform(-3, 2), rng.uniform(12, 16)), (38 + rng.uniform(-2, 3), rng.uniform(11, 15))]
    for left, width in falls:
        _box(canvas, (left, top, left + width, 50), (125, 200, 245))
        for x in np.arange(left + 1.5, left + width - 1, 4):
            _box(canvas, (x, top + 1, x + 1.8, 50), (240, 250, 255))
    _ellipse(canvas, (-12, 45, 76, 90), (50, 130, 210))
    for left, width in falls:
        for x in np.linspace(left - 1, left + width - 4, 4):
            _ellipse(canvas, (x - 1, 45, x + 5, 50), (245, 252, 255))
    return _tile(canvas)


def waterfalls_in_ink(pictures: Pictures, rng: np.random.Generator) -> Image.Image:
    """One fall in black lines between two black cliffs, drops and waves below."""
    canvas = Image.new("RGB", (CANVAS, CANVAS), "white")
    left, right = 21 + rng.uniform(-2, 1), 43 + rng.uniform(-1, 2)
    _polygon(
        canvas,
        [(2, 12), (left - 5, 12), (left, 17), (left - 3, 30), (left + 1, 38), (left - 3, 46), (2, 46)],
        BLACK,
    )
    _polygon(
        canvas,
        [(62, 12), (right + 5, 12), (right, 17), (right + 3, 30), (right - 1, 38), (right + 3, 46), (62, 46)],
        BLACK,
    )
    for x in (8, 56):  # a fir on either cliff
        for top, half in ((1, 4), (5, 6)):
            _polygon(canvas, [(x - half, top + 7), (x, top), (x + half, top + 7)], BLACK)
    for x, start, end in ((26, 12, 44), (32, 15, 47), (38, 12, 44)):
        _box(canvas, (x - 1, start, x + 1, end), BLACK)
    pen = ImageDraw.Draw(canvas)
    for y, first, waves in ((51, 11, 3), (58, 4, 4)):
        for x in range(first, first + 14 * waves, 14):
            for left, begins, ends in ((x, 180, 360), (x + 7, 0, 180)):  # a crest, and a trough
                box = tuple(v * SCALE for v in (left, y - 3, left + 8, y + 3))
                pen.arc(box, begins, ends, fill=BLACK, width=2 * SCALE)
    return canvas


def man_with_hat(pictures: Pictures, rng: np.random.Generator) -> Image.Image:
    """A man with a top hat."""
    canvas = Image.new("RGB", (CANVAS, CANVAS), "white")
    men = ["man", "man beard", "old man", "man curly hair", "man red hair", "man white hair"]
    man = men[rng.integers(len(men))]
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

IN_INK: dict[str, Scene] = {"waterfalls": waterfalls_in_ink}
"""Scenes whose ink drawing is drawn as one; those of the others are made of the coloured picture, by `ink`."""


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
