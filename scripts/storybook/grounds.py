"""Grounds: what is behind the objects, drawn by code, never twice the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from scripts.storybook.ground import (
    CANVAS,
    Ground,
    Rgb,
    Rng,
    filled_below,
    image_of,
    jittered,
    ramp,
    ridge,
    whole,
)
from scripts.storybook.textures import dead_leaves, grain

PAINTS: dict[str, Rgb] = {
    "red": (214, 48, 49), "orange": (240, 140, 50), "yellow": (250, 212, 80), "green": (70, 160, 80),
    "blue": (60, 120, 210), "light blue": (150, 205, 240), "purple": (130, 80, 180), "pink": (240, 150, 190),
    "brown": (130, 90, 60), "grey": (150, 152, 158), "black": (24, 24, 30), "beige": (228, 212, 184),
}  # fmt: skip
"""Plain colours of a ground."""


# ---------------------------------------------------------------- plain ones


def white(rng: Rng) -> Ground:
    return Ground(Image.new("RGB", (CANVAS, CANVAS), "white"), "white", ("on white", "on a white background"))


def plain(rng: Rng) -> Ground:
    name = list(PAINTS)[rng.integers(len(PAINTS))]
    colour = jittered(PAINTS[name], rng, 10)
    image = Image.new("RGB", (CANVAS, CANVAS), whole(colour))
    phrases = (f"on a {name} background", f"on {name}")
    return Ground(image, name, phrases, dark=sum(colour) < 260, nouns=(f"a {name} wall",))


def gradient(rng: Rng) -> Ground:
    colours = rng.uniform(20, 255, (2, 3))
    return Ground(image_of(ramp(*colours, rng.uniform(0, 360))), dark=colours.mean() < 90)


# ---------------------------------------------------------------- landscapes

DAY, DUSK, DARK = (
    ((70, 150, 225), (195, 225, 248)),
    ((90, 60, 130), (250, 160, 90)),
    ((8, 10, 40), (40, 44, 100)),
)


def sky_of(rng: Rng) -> tuple[np.ndarray, bool]:
    """A sky for a landscape: by day, seldom at dusk; and whether it is dark."""
    top, bottom = DUSK if rng.random() < 0.12 else DAY
    return ramp(jittered(top, rng), jittered(bottom, rng)), False


def clouds(draw: ImageDraw.ImageDraw, rng: Rng, count: int, lowest: float = 0.5) -> None:
    for _ in range(count):
        x, y, r = rng.uniform(0, CANVAS), rng.uniform(0.05, lowest) * CANVAS, rng.uniform(4, 12)
        for _ in range(4):
            dx, dy = rng.normal(0, 1.1 * r), rng.normal(0, 0.25 * r)
            draw.ellipse((x + dx - r, y + dy - 0.6 * r, x + dx + r, y + dy + 0.6 * r), fill=(250, 252, 255))


def sky(rng: Rng) -> Ground:
    image = image_of(ramp(jittered(DAY[0], rng), jittered(DAY[1], rng)))
    clouds(ImageDraw.Draw(image), rng, int(rng.integers(0, 5)), 0.95)
    return Ground(image, "sky", ("in the sky", "in the clouds"), nouns=("the sky", "clouds in the sky"))


def night(rng: Rng) -> Ground:
    image = image_of(ramp(jittered(DARK[0], rng, 8), jittered(DARK[1], rng)))
    draw = ImageDraw.Draw(image)
    for x, y, r in rng.uniform((0, 0, 0.5), (CANVAS, CANVAS, 1.6), (int(rng.integers(8, 40)), 3)):
        draw.ellipse((x - r, y - r, x + r, y + r), fill=whole(jittered((250, 245, 210), rng, 20)))
    if rng.random() < 0.4:
        x, y, r = rng.uniform(0.1, 0.9) * CANVAS, rng.uniform(0.08, 0.4) * CANVAS, rng.uniform(6, 14)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(245, 235, 190))
        if rng.random() < 0.5:
            draw.ellipse(
                (x - 0.3 * r, y - 1.1 * r, x + 1.4 * r, y + 0.8 * r), fill=image.getpixel((3, int(y)))
            )
    floor = None
    if rng.random() < 0.35:
        floor = rng.uniform(0.7, 0.9)
        filled_below(draw, CANVAS * (floor + 0.04 * ridge(rng, 0.6)), jittered((20, 30, 40), rng, 8))
    return Ground(
        image, "night", ("at night", "under the stars"), floor, True, ("a night sky", "stars at night")
    )


def sunset(rng: Rng) -> Ground:
    values = ramp(jittered((60, 50, 120), rng), jittered((252, 150, 80), rng))
    image = image_of(values)
    draw = ImageDraw.Draw(image)
    floor = rng.uniform(0.6, 0.88)
    x, r = rng.uniform(0.15, 0.85) * CANVAS, rng.uniform(9, 20)
    y = CANVAS * floor - rng.uniform(-0.3, 1) * r
    draw.ellipse((x - r, y - r, x + r, y + r), fill=whole(jittered((255, 225, 130), rng)))
    filled_below(draw, CANVAS * (floor + 0.03 * ridge(rng, 0.6)), jittered((60, 40, 70), rng))
    return Ground(image, "sunset", ("at sunset", "in the evening"), floor, nouns=("a sunset",))


def meadow(rng: Rng) -> Ground:
    values, _ = sky_of(rng)
    image = image_of(values)
    draw = ImageDraw.Draw(image)
    clouds(draw, rng, int(rng.integers(0, 3)), 0.4)
    floor = rng.uniform(0.55, 0.85)
    green = jittered((90, 170, 70), rng)
    if rng.random() < 0.5:
        filled_below(draw, CANVAS * (floor - 0.08 + 0.06 * ridge(rng, 0.6)), tuple(0.8 * np.array(green)))
    line = CANVAS * (floor + 0.03 * ridge(rng, 0.6))
    filled_below(draw, line, green)
    for x, y in rng.uniform((0, floor * CANVAS + 4), (CANVAS, CANVAS), (int(rng.integers(0, 30)), 2)):
        if rng.random() < 0.5:
            draw.line(
                (x, y, x + rng.normal(0, 2), y - 4), fill=whole(jittered(tuple(0.85 * np.array(green)), rng))
            )
        else:
            colour = whole(rng.uniform(120, 255, 3))
            draw.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=colour)
    phrases = ("on grass", "in a meadow", "on a green hill")
    return Ground(image, "grass", phrases, floor, nouns=("a meadow", "green hills"))


def sea(rng: Rng) -> Ground:
    values, _ = sky_of(rng)
    image = image_of(values)
    draw = ImageDraw.Draw(image)
    clouds(draw, rng, int(rng.integers(0, 3)), 0.35)
    horizon = rng.uniform(0.4, 0.7)
    water = jittered((40, 110, 190), rng)
    draw.rectangle((0, horizon * CANVAS, CANVAS, CANVAS), fill=whole(water))
    for _ in range(int(rng.integers(4, 16))):
        x, y = rng.uniform(0, CANVAS), rng.uniform(horizon + 0.03, 1) * CANVAS
        draw.line((x, y, x + rng.uniform(5, 18), y), fill=whole(jittered((150, 205, 240), rng)), width=2)
    floor = rng.uniform(0.75, 0.95)
    if rng.random() < 0.4:
        filled_below(draw, CANVAS * (floor + 0.02 * ridge(rng, 0.5)), jittered((238, 214, 160), rng))
        return Ground(image, "sea", ("at the beach", "by the sea"), floor, nouns=("a beach", "the sea"))
    return Ground(image, "sea", ("at sea", "by the sea", "in the sea"), floor, nouns=("the sea", "the ocean"))


def snow(rng: Rng) -> Ground:
    image = image_of(ramp(jittered((130, 170, 215), rng), jittered((220, 232, 245), rng)))
    draw = ImageDraw.Draw(image)
    floor = rng.uniform(0.55, 0.85)
    if rng.random() < 0.5:
        peaks(draw, rng, floor + 0.05, jittered((110, 125, 160), rng))
    filled_below(draw, CANVAS * (floor + 0.03 * ridge(rng, 0.6)), jittered((242, 246, 252), rng, 4))
    for x, y, r in rng.uniform((0, 0, 0.7), (CANVAS, CANVAS, 2), (int(rng.integers(0, 40)), 3)):
        draw.ellipse((x - r, y - r, x + r, y + r), fill="white")
    return Ground(image, "snow", ("in the snow", "in winter"), floor, nouns=("a snowy landscape", "snow"))


def desert(rng: Rng) -> Ground:
    values, _ = sky_of(rng)
    image = image_of(values)
    draw = ImageDraw.Draw(image)
    floor = rng.uniform(0.5, 0.8)
    sand = np.array(jittered((225, 180, 110), rng))
    filled_below(draw, CANVAS * (floor + 0.08 * ridge(rng, 0.4, 3)), tuple(0.88 * sand))
    filled_below(draw, CANVAS * (floor + 0.1 + 0.06 * ridge(rng, 0.4, 3)), tuple(sand))
    return Ground(image, "desert", ("in the desert", "on sand"), floor + 0.1, nouns=("a desert",))


def peaks(draw: ImageDraw.ImageDraw, rng: Rng, foot: float, rock: Rgb) -> None:
    """Mountains with white tops that stand at `foot` of the height."""
    for _ in range(int(rng.integers(1, 4))):
        x, half, high = rng.uniform(0, CANVAS), rng.uniform(22, 50), rng.uniform(0.25, 0.55) * CANVAS
        base, top = foot * CANVAS, foot * CANVAS - high
        shade = whole(jittered(rock, rng, 8))
        draw.polygon([(x - half, base), (x, top), (x + half, base)], fill=shade)
        cap = rng.uniform(0.2, 0.45)
        zigzag = [
            (x + s * cap * half, top + (cap + w) * high) for s, w in ((0.5, -0.1), (0, 0.06), (-0.5, -0.1))
        ]
        left, right = (x - cap * half, top + cap * high), (x + cap * half, top + cap * high)
        draw.polygon([left, (x, top), right, *zigzag], fill=(246, 249, 255))


def mountains(rng: Rng) -> Ground:
    values, _ = sky_of(rng)
    image = image_of(values)
    draw = ImageDraw.Draw(image)
    floor = rng.uniform(0.6, 0.85)
    peaks(draw, rng, floor + 0.05, jittered((100, 115, 140), rng))
    filled_below(draw, CANVAS * (floor + 0.03 * ridge(rng, 0.6)), jittered((80, 150, 80), rng))
    return Ground(
        image, "mountains", ("in the mountains",), floor, nouns=("mountains", "a mountain landscape")
    )


def forest(rng: Rng) -> Ground:
    values, _ = sky_of(rng)
    image = image_of(values)
    draw = ImageDraw.Draw(image)
    floor = rng.uniform(0.65, 0.88)
    for x in np.sort(rng.uniform(0, CANVAS, int(rng.integers(5, 12)))):
        half, high = rng.uniform(8, 16), rng.uniform(0.3, 0.7) * CANVAS
        green = np.array(jittered((40, 110, 60), rng))
        base = floor * CANVAS + rng.uniform(-4, 6)
        draw.rectangle((x - 2, base - 6, x + 2, base + 2), fill=(90, 60, 40))
        for k in range(3):
            top = base - 6 - high * (k + 1) / 3
            wide = half * (1.1 - 0.3 * k)
            draw.polygon(
                [(x - wide, top + high / 2.2), (x, top), (x + wide, top + high / 2.2)], fill=whole(green)
            )
    filled_below(draw, CANVAS * (floor + 0.02 * ridge(rng, 0.6)), jittered((80, 130, 60), rng))
    return Ground(image, "forest", ("in the forest", "in the woods"), floor, nouns=("a forest",))


def city(rng: Rng) -> Ground:
    dark = rng.random() < 0.3
    top, bottom = DARK if dark else DAY
    image = image_of(ramp(jittered(top, rng), jittered(bottom, rng)))
    draw = ImageDraw.Draw(image)
    floor = rng.uniform(0.75, 0.92)
    x = -rng.uniform(0, 10)
    while x < CANVAS:
        wide, high = rng.uniform(12, 26), rng.uniform(0.2, 0.65) * CANVAS
        wall = jittered((60, 64, 90) if dark else (160, 150, 150), rng, 22)
        draw.rectangle((x, floor * CANVAS - high, x + wide, CANVAS), fill=whole(wall))
        pane = (250, 220, 120) if dark else tuple(0.7 * np.array(wall))
        for wx in np.arange(x + 3, x + wide - 3, 6):
            for wy in np.arange(floor * CANVAS - high + 4, floor * CANVAS - 5, 8):
                if rng.random() < 0.7:
                    draw.rectangle((wx, wy, wx + 2.5, wy + 3.5), fill=whole(pane))
        x += wide + rng.uniform(0, 3)
    draw.rectangle((0, floor * CANVAS, CANVAS, CANVAS), fill=whole(jittered((90, 92, 98), rng)))
    return Ground(
        image, "city", ("in the city", "in the street"), floor, dark, ("a city", "houses in a street")
    )


def room(rng: Rng) -> Ground:
    wall = np.array(jittered(list(PAINTS.values())[rng.integers(len(PAINTS))], rng)) * 0.4 + 0.6 * 235
    values = ramp(tuple(wall), tuple(wall * rng.uniform(0.8, 1)), rng.uniform(0, 180))
    image = image_of(values)
    draw = ImageDraw.Draw(image)
    floor = rng.uniform(0.6, 0.85)
    if rng.random() < 0.4:
        step = int(rng.integers(8, 20))
        for x in range(0, CANVAS, step):
            draw.rectangle((x, 0, x + step // 3, CANVAS), fill=whole(wall * 0.94))
    if rng.random() < 0.4:
        x, y, w, h = rng.uniform((0.05, 0.05, 0.2, 0.2), (0.65, 0.2, 0.35, 0.4)) * CANVAS
        pane = DAY[1] if rng.random() < 0.7 else (30, 34, 80)
        draw.rectangle((x, y, x + w, y + h), fill=whole(pane), outline=(250, 250, 245), width=4)
        draw.line((x + w / 2, y, x + w / 2, y + h), fill=(250, 250, 245), width=3)
    wood = jittered((170, 120, 80), rng, 20)
    draw.rectangle((0, floor * CANVAS, CANVAS, CANVAS), fill=whole(wood))
    for x in np.arange(-CANVAS, 2 * CANVAS, rng.uniform(10, 24)):
        middle = CANVAS / 2 + (x - CANVAS / 2) * 0.5
        draw.line((middle, floor * CANVAS, x, CANVAS), fill=whole(tuple(0.88 * np.array(wood))))
    draw.rectangle((0, floor * CANVAS - 4, CANVAS, floor * CANVAS), fill=(244, 240, 232))
    return Ground(image, "room", ("in a room", "indoors", "on the floor"), floor, nouns=("an empty room",))


GROUNDS: dict[Callable[[Rng], Ground], float] = {
    white: 30, plain: 12, gradient: 6, sky: 4, night: 6, sunset: 4, meadow: 6, sea: 6, snow: 4, desert: 3,
    mountains: 4, forest: 4, city: 3, room: 4, dead_leaves: 3, grain: 1,
}  # fmt: skip
"""Behind objects: how often each."""


def drawn(kinds: dict[Callable[[Rng], Ground], float], rng: Rng) -> Ground:
    """One of the kinds by its weight."""
    weights = np.array(list(kinds.values()))
    return list(kinds)[rng.choice(len(kinds), p=weights / weights.sum())](rng)
