"""The course's scenes, drawn differently each time: a village, people around a campfire, waterfalls, a man with a hat."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from scripts.storybook.ground import CANVAS, Rng, filled_below, image_of, jittered, ramp, ridge, whole
from scripts.storybook.grounds import mountains, night, snow
from scripts.storybook.sprites import INK, Sprites

PEOPLE = (
    "boy",
    "girl",
    "man",
    "woman",
    "old man",
    "old woman",
    "man beard",
    "man red hair",
    "woman curly hair",
)
MEN = ("man", "man beard", "old man", "man curly hair", "man red hair", "man white hair")
HATS = ("top hat", "woman s hat", "billed cap", "cowboy hat face")


def figure(sprites: Sprites, name: str, style: str, width: float) -> Image.Image | None:
    """An object in the style, or in any if that lacks it, `width` canvas pixels wide; None if no design is left."""
    designs = sprites.of_name.get(name, [])
    if not designs:
        return None
    sprite = next((i for i in designs if sprites.rows[i]["style"] == style), designs[0])
    image = sprites.image(sprite)
    image = image.crop(image.getchannel("A").getbbox())
    return image.resize(
        (max(1, round(width)), max(1, round(width * image.height / image.width))), Image.Resampling.BICUBIC
    )


def stand(canvas: Image.Image, image: Image.Image | None, x: float, foot: float) -> None:
    """Pastes a figure with the middle of its foot at (x, foot)."""
    if image is not None:
        canvas.paste(image, (round(x) - image.width // 2, round(foot) - image.height), image)


def house(draw: ImageDraw.ImageDraw, rng: Rng, x: float, foot: float, width: float, snowy: bool) -> None:
    """A gable with a door and lit windows; its foot's middle at (x, foot)."""
    half, high = width / 2, width * rng.uniform(0.4, 0.8)
    eaves, ridge_y = foot - high, foot - high - width * rng.uniform(0.4, 0.65)
    wall = whole(
        jittered(
            [(176, 62, 52), (214, 132, 52), (128, 78, 52), (70, 104, 160), (210, 190, 150)][rng.integers(5)],
            rng,
        )
    )
    roof = whole(jittered((246, 249, 255) if snowy else (150, 70, 50), rng, 6))
    draw.rectangle((x - half, eaves, x + half, foot), fill=wall)
    draw.polygon([(x - half, eaves), (x, ridge_y), (x + half, eaves)], fill=wall)
    over = 0.14 * width
    draw.line(
        [(x - half - over, eaves + over), (x, ridge_y), (x + half + over, eaves + over)],
        fill=roof,
        width=max(2, round(0.2 * width)),
    )
    pane = (255, 214, 90) if rng.random() < 0.7 else (90, 120, 160)
    draw.rectangle((x - 0.36 * width, foot - 0.7 * high, x - 0.1 * width, foot - 0.3 * high), fill=pane)
    draw.rectangle((x + 0.06 * width, foot - 0.65 * high, x + 0.3 * width, foot), fill=(70, 45, 40))


def village(sprites: Sprites, style: str, rng: Rng) -> Image.Image:
    """Two to six houses with white roofs before white peaks."""
    ground = snow(rng) if rng.random() < 0.5 else mountains(rng)
    image = ground.image
    draw = ImageDraw.Draw(image)
    foot = ground.floor * CANVAS
    filled_below(draw, foot - 2 + 3 * ridge(rng, 0.5), jittered((240, 245, 253), rng, 4))
    count = int(rng.integers(2, 7))
    for depth in np.sort(rng.uniform(0, 1, count)):
        x = rng.uniform(0.08, 0.92) * CANVAS
        house(
            draw,
            rng,
            x,
            foot + 4 + depth * (0.94 * CANVAS - foot),
            (16 + 20 * depth) * rng.uniform(0.8, 1.3),
            True,
        )
        if rng.random() < 0.4:
            stand(
                image,
                figure(sprites, "evergreen tree", style, rng.uniform(14, 26)),
                x + rng.uniform(-26, 26),
                foot + 8 + depth * 24,
            )
    for x, y, r in rng.uniform((0, 0, 0.7), (CANVAS, CANVAS, 2), (int(rng.integers(0, 30)), 3)):
        draw.ellipse((x - r, y - r, x + r, y + r), fill="white")
    return image


def campfire(sprites: Sprites, style: str, rng: Rng) -> Image.Image:
    """Two to five people around a fire, at night."""
    image = night(rng).image
    draw = ImageDraw.Draw(image)
    floor = rng.uniform(0.5, 0.65) * CANVAS
    filled_below(draw, floor + 4 * ridge(rng, 0.5), jittered((44, 82, 52), rng))
    middle, foot = CANVAS * rng.uniform(0.42, 0.58), CANVAS * rng.uniform(0.84, 0.95)
    count = int(rng.integers(2, 6))
    around = np.linspace(-1, 1, count) + rng.normal(0, 0.08, count)
    for side in sorted(around, key=lambda s: -abs(s) * (rng.random() < 0.9)):
        x, y = middle + side * 0.36 * CANVAS, floor + 14 + abs(side) * rng.uniform(6, 18)
        wide = rng.uniform(26, 38)
        coat = whole(
            jittered([(60, 150, 80), (60, 110, 210), (200, 60, 120), (220, 140, 40)][rng.integers(4)], rng)
        )
        draw.ellipse((x - wide / 2, y - 10, x + wide / 2, y + 30), fill=coat)
        stand(image, figure(sprites, PEOPLE[rng.integers(len(PEOPLE))], style, wide), x, y)
    draw.ellipse((middle - 30, foot - 12, middle + 30, foot + 8), fill=whole(jittered((120, 84, 40), rng)))
    for sign in (-1, 1):
        draw.line((middle - 20, foot + 4 * sign, middle + 20, foot - 4 * sign), fill=(92, 56, 34), width=6)
    stand(image, figure(sprites, "fire", style, rng.uniform(30, 44)), middle, foot - 2)
    return image


def waterfalls(sprites: Sprites, style: str, rng: Rng) -> Image.Image:
    """One to three falls over a wooded cliff into a pool; in ink with lines only."""
    ink = style == INK
    image = (
        Image.new("RGB", (CANVAS, CANVAS), "white")
        if ink
        else image_of(ramp(jittered((110, 190, 240), rng), jittered((200, 230, 250), rng)))
    )
    draw = ImageDraw.Draw(image)
    top, pool = rng.uniform(0.15, 0.4) * CANVAS, rng.uniform(0.72, 0.86) * CANVAS
    rock = (24, 24, 24) if ink else jittered((112, 92, 82), rng)
    filled_below(draw, top + 3 * ridge(rng, 0.7), rock)
    if not ink:
        draw.rectangle((0, top - 2, CANVAS, top + 5), fill=whole(jittered((80, 160, 70), rng)))
    for _ in range(int(rng.integers(1, 5))):
        stand(
            image,
            figure(sprites, "evergreen tree", style, rng.uniform(16, 30)),
            rng.uniform(0, CANVAS),
            top + 4,
        )
    water, foam, deep = (
        ((255, 255, 255), (24, 24, 24), (255, 255, 255))
        if ink
        else (jittered((125, 200, 245), rng), (240, 250, 255), jittered((50, 130, 210), rng))
    )
    count = int(rng.integers(1, 4))
    falls = [
        (c + rng.uniform(-0.08, 0.08), rng.uniform(0.1, 0.3 if count > 1 else 0.45))
        for c in (np.arange(count) + 0.5) / count
    ]
    for centre, wide in falls:
        left, right = (centre - wide / 2) * CANVAS, (centre + wide / 2) * CANVAS
        draw.polygon(
            [(left, top), (right, top), (right + rng.uniform(0, 6), pool), (left - rng.uniform(0, 6), pool)],
            fill=whole(water),
        )
        for x in np.arange(left + 3, right - 1, rng.uniform(5, 9)):
            draw.line(
                (x, top + 2 + rng.uniform(0, 10), x + rng.uniform(-2, 2), pool - rng.uniform(0, 8)),
                fill=whole(foam),
                width=3,
            )
    draw.rectangle((0, pool, CANVAS, CANVAS), fill=whole(deep))
    for centre, wide in falls:
        for x in np.linspace((centre - wide / 2) * CANVAS - 4, (centre + wide / 2) * CANVAS + 4, 5):
            r = rng.uniform(4, 8)
            draw.ellipse(
                (x - r, pool - r / 2, x + r, pool + r / 2),
                fill=whole(foam) if not ink else (255, 255, 255),
                outline=(24, 24, 24) if ink else None,
            )
    for _ in range(int(rng.integers(2, 8))):
        x, y = rng.uniform(0, CANVAS), rng.uniform(pool + 4, CANVAS)
        draw.arc((x, y - 4, x + 14, y + 4), 180, 360, fill=whole(foam), width=2)
    return image


def man_with_hat(sprites: Sprites, style: str, rng: Rng) -> Image.Image:
    """A man's head, large, a hat on it; on white or a plain ground."""
    colour = "white" if rng.random() < 0.6 else whole(rng.uniform(90, 250, 3))
    image = Image.new("RGB", (CANVAS, CANVAS), colour)
    x, wide = CANVAS * rng.uniform(0.42, 0.58), CANVAS * rng.uniform(0.55, 0.85)
    foot = CANVAS * rng.uniform(0.92, 1.05)
    man = figure(sprites, MEN[rng.integers(len(MEN))], style, wide)
    stand(image, man, x, foot)
    hat = figure(sprites, HATS[rng.integers(3)], style, wide * rng.uniform(0.85, 1.1))
    if man is not None and hat is not None:
        hat = hat.resize((hat.width, round(hat.height * rng.uniform(0.55, 0.85))))
        stand(image, hat, x, foot - 0.72 * man.height)
    return image


Scene = Callable[[Sprites, str, Rng], Image.Image]
SCENES: dict[str, tuple[Scene, tuple[str, ...]]] = {
    "snowy mountain village": (
        village,
        ("a snowy mountain village", "a village in the snow", "a snowy village"),
    ),
    "people around a campfire": (campfire, ("people around a campfire", "a campfire")),
    "waterfalls": (waterfalls, ("waterfalls", "a waterfall")),
    "man wearing a hat": (man_with_hat, ("a man wearing a hat", "a man with a hat")),
}
"""Name → how it is drawn, and what it is called."""
