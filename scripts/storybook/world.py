"""The world that storybook64 learns from: picture number n of a seed, composed when it is asked for, never shown twice.

    python -m scripts.storybook.world --sprites FOLDER --sheet FILE.png

draws a contact sheet of its first 96 pictures. `World(folder).compose(seed, n)` is a function of its arguments alone.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from scripts.emoji.dataset import WRITTEN
from scripts.storybook import captions
from scripts.storybook.captions import NULL_LIKE, NUMBERS, plural, with_adjective
from scripts.storybook.ground import CANVAS, SIZE, Ground, Rng
from scripts.storybook.grounds import GROUNDS, drawn, white
from scripts.storybook.scenes import SCENES
from scripts.storybook.sprites import GREYS, INK, NAMED_HUES, Choice, Sprites, recoloured
from scripts.storybook.textures import TEXTURES

SCENE_SHARE, TEXTURE_SHARE, EMPTY_GROUND_SHARE = 0.07, 0.12, 0.03
SEVERAL_SHARE, PAIR_SHARE = 0.07, 0.05  # two or three of one object; two different objects
RECOLOURED_SHARE = 0.16
UNCAPTIONED = 0.1  # share of empty prompts
SCENE_STYLES = ("fluent-3d", "noto", "noto", "twemoji", "fluent-emoji-flat", "noto-v1", INK)


@dataclass(frozen=True)
class Picture:
    """One composed picture and what is in it.

    Attributes:
        pixels: uint8 (64, 64, 3).
        caption: what the training says of it; empty for a tenth.
        words: the same without the empty ones and the null-like ones.
        name: of the object, as the judge knows it; None without one.
        ground: the ground's kind, 'night'; None if it has no name.
        colour: the colour that the object was given, None if it was left.
        style: the design.
        inside: bool (64, 64), where the object is.
    """

    pixels: np.ndarray
    caption: str
    words: str
    name: str | None
    ground: str | None
    colour: str | None
    style: str | None
    inside: np.ndarray


class World:
    """Composes pictures from a folder of sprites. `part` 0 or 1: from one of two disjoint halves of them."""

    def __init__(self, folder: Path, part: int | None = None):
        self.sprites = Sprites(folder, part)

    def compose(self, seed: int, number: int) -> Picture:
        """Picture `number` of the world `seed`: the same at every call, on every machine with these versions."""
        rng = np.random.default_rng([seed, number])
        kind = rng.random()
        if kind < TEXTURE_SHARE:
            return self._without_object(drawn(TEXTURES, rng), rng)
        if kind < TEXTURE_SHARE + EMPTY_GROUND_SHARE:
            return self._without_object(drawn(GROUNDS, rng), rng)
        if kind < TEXTURE_SHARE + EMPTY_GROUND_SHARE + SCENE_SHARE:
            return self._scene(rng)
        return self.with_object(self.sprites.draw(rng), rng)

    # ------------------------------------------------------------ kinds of pictures

    def _without_object(self, ground: Ground, rng: Rng) -> Picture:
        words = ground.nouns[rng.integers(len(ground.nouns))] if ground.nouns else ""
        if not words and rng.random() < 0.3:
            words = ("an abstract pattern", "a texture", NULL_LIKE)[rng.integers(3)]
        inside = np.zeros((SIZE, SIZE), bool)
        return Picture(
            reduced(ground.image), self._said(words, rng), words, None, ground.kind, None, None, inside
        )

    def _scene(self, rng: Rng) -> Picture:
        name = list(SCENES)[rng.integers(len(SCENES))]
        draw, phrases = SCENES[name]
        style = SCENE_STYLES[rng.integers(len(SCENE_STYLES))]
        image = draw(self.sprites, style, rng)
        if style == INK and name != "waterfalls":
            image = inked(image)
        if rng.random() < 0.5 and name != "man wearing a hat":
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        words = captions.in_style(captions.of_object(phrases, rng), style, rng, 0.5)
        caption = NULL_LIKE if captions.null_like(style, rng) else words
        inside = np.ones((SIZE, SIZE), bool)
        return Picture(reduced(image), self._said(caption, rng), words, name, None, None, style, inside)

    def with_object(
        self,
        choice: Choice,
        rng: Rng,
        ground: Ground | None = None,
        colour: str | None = None,
        *,
        alone: bool = False,
    ) -> Picture:
        """A picture of the object, on a ground and in a colour that are drawn unless they are given.

        `alone` leaves out further objects. What the held-out list forbids to show together is not drawn, but may be given.
        """
        if ground is None:
            ground = self._ground(choice, rng)
        if colour is None and rng.random() < RECOLOURED_SHARE and choice.style != INK:
            colour = [*NAMED_HUES, *GREYS][rng.integers(len(NAMED_HUES) + len(GREYS))]
            if (choice.name, colour) in self.sprites.unions:
                colour = None
        shown = self.sprites.image(choice.sprite)
        if colour:
            shown = recoloured(shown, colour)
        elif choice.style != INK and rng.random() < 0.5:
            shown = tinted(shown, rng)
        if choice.style == INK and ground.dark:
            shown = lightened(shown)
        canvas = ground.image.copy()
        mirrored = choice.name not in WRITTEN and rng.random() < 0.5

        many = rng.random()
        phrase = captions.of_object(choice.phrases, rng) if choice.phrases else ""
        said = colour if colour and rng.random() < 0.92 else None
        if said is None and rng.random() < 0.25:
            said = self.sprites.colour(choice.sprite) if colour is None else None
        if not alone and many < SEVERAL_SHARE and phrase and (several := plural(phrase)):
            count = 2 if rng.random() < 0.65 else 3
            covered = side_by_side(canvas, [shown] * count, ground, rng, mirrored)
            what = f"{NUMBERS[count]} {said + ' ' if said else ''}{several}"
        elif not alone and many < SEVERAL_SHARE + PAIR_SHARE and phrase:
            other = self.sprites.draw(rng)
            covered = side_by_side(canvas, [shown, self.sprites.image(other.sprite)], ground, rng, mirrored)
            what = with_adjective(phrase, said) if said else phrase
            if other.phrases:
                what = f"{what} and {other.phrases[0]}"
        else:
            covered, place = placed(canvas, shown, ground, rng, mirrored)
            what = with_adjective(phrase, said) if said and phrase else phrase
            if what and place and rng.random() < 0.35:
                what = f"{what} {place}"
        words = self._words(what, choice, ground, rng)
        caption = NULL_LIKE if captions.null_like(choice.style, rng) else words
        name = choice.name if choice.name in self.sprites.names_set else None
        return Picture(
            reduced(canvas), self._said(caption, rng), words, name, ground.kind, colour, choice.style, covered
        )

    # ------------------------------------------------------------ their parts

    def _ground(self, choice: Choice, rng: Rng) -> Ground:
        if choice.style == INK and rng.random() < 0.6:
            return white(rng)
        while True:
            ground = drawn(GROUNDS, rng)
            if (choice.name, ground.kind) not in self.sprites.unions:
                return ground

    def _words(self, what: str, choice: Choice, ground: Ground, rng: Rng) -> str:
        what = what or "a picture"
        said = captions.in_style(what, choice.style, rng)
        share = 0.12 if ground.kind == "white" else 0.75
        if ground.phrases and rng.random() < share:
            said = f"{said} {ground.phrases[0 if rng.random() < 0.6 else rng.integers(len(ground.phrases))]}"
        return said

    @staticmethod
    def _said(words: str, rng: Rng) -> str:
        return "" if rng.random() < UNCAPTIONED else words


def reduced(canvas: Image.Image) -> np.ndarray:
    """A canvas at its final size: uint8 (64, 64, 3)."""
    return np.asarray(canvas.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX))


def posed(image: Image.Image, side: float, angle: float, mirrored: bool) -> Image.Image:
    """The sprite's 64 pixels as `side` canvas pixels, turned by degrees, mirrored or not; cropped to what is drawn."""
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    whole = max(4, round(side))
    image = image.resize((whole, whole), Image.Resampling.BICUBIC)
    if abs(angle) > 0.5:
        image = image.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    return image.crop(image.getchannel("A").getbbox() or (0, 0, whole, whole))


def paste(
    canvas: Image.Image, image: Image.Image, left: float, top: float, shadow: bool, rng: Rng
) -> np.ndarray:
    """Lays the image onto the canvas, a soft shadow under its foot if asked for; returns where it is, (64, 64)."""
    x, y = round(left), round(top)
    if shadow:
        half, foot = image.width * rng.uniform(0.3, 0.5), y + image.height
        layer = Image.new("L", canvas.size, 0)
        middle = x + image.width / 2
        ImageDraw.Draw(layer).ellipse(
            (middle - half, foot - 5, middle + half, foot + 5), fill=int(rng.uniform(50, 130))
        )
        canvas.paste((20, 20, 30), (0, 0), layer)
    canvas.paste(image, (x, y), image)
    covered = Image.new("L", canvas.size, 0)
    covered.paste(image.getchannel("A"), (x, y))
    return np.asarray(covered.resize((SIZE, SIZE), Image.Resampling.BOX)) > 127


def placed(
    canvas: Image.Image, image: Image.Image, ground: Ground, rng: Rng, mirrored: bool
) -> tuple[np.ndarray, str]:
    """One object of random size and place; returns where it is, and words for a place that is not the middle."""
    size = 0.45 + 0.6 * np.sqrt(rng.random())  # of the picture; most are large
    angle = rng.normal(0, 8) if rng.random() < 0.6 else 0.0
    figure = posed(image, size * CANVAS, angle, mirrored)
    free_x, free_y = CANVAS - figure.width, CANVAS - figure.height
    x = free_x * np.clip(0.5 + rng.normal(0, 0.28), 0, 1) if free_x > 0 else free_x / 2
    y = free_y * np.clip(0.5 + rng.normal(0, 0.28), 0, 1) if free_y > 0 else free_y / 2
    standing = ground.floor is not None and rng.random() < 0.85
    if standing:
        foot = CANVAS * rng.uniform(min(ground.floor + 0.04, 0.97), 1.0)
        y = foot - figure.height
    covered = paste(canvas, figure, x, y, standing and rng.random() < 0.6, rng)
    middle = (x + figure.width / 2) / CANVAS
    place = "on the left" if middle < 0.36 else "on the right" if middle > 0.64 else ""
    if not place and not standing:
        height = (y + figure.height / 2) / CANVAS
        place = "at the top" if height < 0.36 else "at the bottom" if height > 0.64 else ""
    return covered, place


def side_by_side(
    canvas: Image.Image, images: list[Image.Image], ground: Ground, rng: Rng, mirrored: bool
) -> np.ndarray:
    """Two or three objects beside each other; returns where they are."""
    count = len(images)
    inside = np.zeros((SIZE, SIZE), bool)
    foot = CANVAS * (
        rng.uniform(min(ground.floor + 0.06, 0.95), 1.0) if ground.floor else rng.uniform(0.6, 0.95)
    )
    for k in rng.permutation(count):
        side = CANVAS / count * rng.uniform(0.85, 1.25)
        turned = mirrored ^ bool(rng.random() < 0.3)
        figure = posed(images[k], side, rng.normal(0, 6), turned)
        x = CANVAS * (k + 0.5) / count - figure.width / 2 + rng.normal(0, 3)
        x = np.clip(x, 0, max(0, CANVAS - figure.width))
        inside |= paste(canvas, figure, x, foot - figure.height + rng.normal(0, 5), False, rng)
    return inside


def tinted(image: Image.Image, rng: Rng) -> Image.Image:
    """The sprite a little brighter or darker, warmer or colder."""
    values = np.asarray(image).astype(np.float32)
    values[..., :3] = values[..., :3] * rng.normal(1, 0.06, 3) * rng.uniform(0.85, 1.1) + rng.uniform(-8, 8)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def lightened(image: Image.Image) -> Image.Image:
    """Black ink as white chalk, for a dark ground."""
    values = np.asarray(image).copy()
    values[..., :3] = 245 - values[..., :3] // 3
    return Image.fromarray(values)


def inked(image: Image.Image) -> Image.Image:
    """A picture in two tones: dark where it is darker than its surroundings."""
    grey = np.asarray(image.convert("L"), dtype=np.float32)
    around = np.asarray(
        image.convert("L").resize((8, 8), Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC)
    )
    black = (grey < around - 10) | (grey < 60)
    return Image.fromarray(np.where(black, 24, 255).astype(np.uint8)).convert("RGB")


def sheet(world: World, seed: int, first: int, rows: int, columns: int, scale: int = 2) -> Image.Image:
    """Pictures from number `first` on, enlarged by `scale`."""
    side = SIZE * scale
    result = Image.new("RGB", (columns * side, rows * side), "white")
    for k in range(rows * columns):
        pixels = Image.fromarray(world.compose(seed, first + k).pixels).resize(
            (side, side), Image.Resampling.NEAREST
        )
        result.paste(pixels, (k % columns * side, k // columns * side))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sprites", type=Path, required=True, help="folder with sprites.npz and sprites.json"
    )
    parser.add_argument("--sheet", type=Path, required=True, help="PNG that is written")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    sheet(World(args.sprites), args.seed, 0, 8, 12).save(args.sheet)


if __name__ == "__main__":
    main()
