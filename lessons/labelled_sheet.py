"""A contact sheet that explains itself: the steps of a run from left to right, with their t, a line for each picture."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.media import png, to_pixels
from core.provenance import Provenance
from core.trajectory import Trajectory

TILE = 128  # pixels of a picture's longer side, about; whole multiples of its own pixels
MARGIN, GAP, SIZE = 16, 6, 15  # pixels; SIZE is the type's
PAPER, INK, QUIET = (255, 255, 255), (24, 24, 24), (96, 96, 96)
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
ALSO = "‘’“”…"  # signs beyond ASCII that the type has
LACKING = "the whole text is inside the file"
QUANTITIES = {"x_t": "x_t, the noisy picture", "clean_hat": "x_0, as estimated from the step"}


def labelled_sheet(trajectory: Trajectory, about: Provenance, low: float, *, across: int = 9) -> bytes:
    """A PNG: at most `across` steps, evenly spaced, the first and the last among them; for each picture a line.

    Shown is the estimate of the clean picture, or x_t where a run has none; which, stands above. `low` is drawn black.
    The type is Pillow's own, which has the letters of ASCII: see `drawable` for what a prompt has besides.
    """
    name = "clean_hat" if "clean_hat" in trajectory.arrays else "x_t"
    steps = trajectory[name]  # (steps, B, C, H, W)
    at = np.unique(np.linspace(0, len(steps) - 1, across).round().astype(int))
    tiles = to_pixels(steps[at], low=low)  # (shown, B, H, W, C)
    params = about.job.get("params", {})
    said = trajectory.meta.get("heads")
    heads = [said[k] for k in at] if said else _heads(about.t, params.get("sigmas"), len(steps), at)
    lines = trajectory.meta.get("lines") or line_labels(params, tiles.shape[1])
    heads, lines = ([drawable(word) for word in words] for words in (heads, lines))

    font, title = ImageFont.load_default(SIZE), ImageFont.load_default(SIZE + 3)
    scale = max(1, TILE // max(tiles.shape[2:4]))
    height, width = tiles.shape[2] * scale, tiles.shape[3] * scale
    side = int(max(font.getlength(line) for line in lines)) + GAP if any(lines) else 0
    top = MARGIN + 2 * (SIZE + 3) + 2 * GAP + SIZE + GAP
    words = drawable(f"{about.lesson}: {QUANTITIES[name]}".replace(" · ", " "))
    full = max(MARGIN * 2 + side + len(at) * (width + GAP) - GAP, int(title.getlength(words)) + 2 * MARGIN)
    sheet = Image.new("RGB", (full, top + tiles.shape[1] * (height + GAP) - GAP + MARGIN), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, MARGIN), words, INK, title)
    prompts = "; ".join(about.prompts)
    if drawable(prompts) != prompts:
        prompts = f"{drawable(prompts)} ({LACKING})"
    pen.text((MARGIN, MARGIN + SIZE + 3 + GAP), _cut(prompts, font, full - 2 * MARGIN), QUIET, font)
    for k, head in enumerate(heads):
        pen.text((MARGIN + side + k * (width + GAP), top - SIZE - GAP), _cut(head, font, width), INK, font)
    for b, line in enumerate(lines):
        y = top + b * (height + GAP)
        pen.text((MARGIN, y + height // 2 - SIZE // 2), line, INK, font)
        for k in range(len(at)):
            tile = tiles[k, b].repeat(scale, axis=0).repeat(scale, axis=1)
            drawn = Image.fromarray(tile[..., 0] if tile.shape[-1] == 1 else tile)
            sheet.paste(drawn, (MARGIN + side + k * (width + GAP), y))
    return png(np.asarray(sheet), about=about)


def _heads(t: Sequence[float], sigmas: object, count: int, at: np.ndarray) -> list[str]:
    """What stands above the columns: t or σ where the run says it for every step, else the number of the step."""
    if isinstance(sigmas, list) and len(sigmas) == count:
        return [f"sigma = {sigmas[k]:.2f}" for k in at]
    if len(t) != count:
        return [f"step {k + 1}" for k in at]
    return [f"t = {t[k]}" if isinstance(t[k], int) else f"t = {t[k]:.3f}" for k in at]


def line_labels(params: Mapping[str, object], count: int) -> list[str]:
    """What tells the pictures of a batch apart: γ, seed, prompt or digit, whichever differs; "" for a single one."""
    columns = params.get("columns")
    if not isinstance(columns, list) or len(columns) != count:
        classes = params.get("classes")
        if isinstance(classes, list) and count % max(1, len(classes)) == 0 and count > 1:
            return [f"digit {classes[k % len(classes)]}" for k in range(count)]
        return [f"picture {k + 1}" for k in range(count)] if count > 1 else [""]
    words = {"guidance_scale": "gamma", "seed": "seed", "prompt": ""}
    telling = [name for name in words if len({str(column.get(name)) for column in columns}) > 1]
    return [", ".join(_word(words[name], column.get(name)) for name in telling) for column in columns]


def _word(name: str, value: object) -> str:
    shown = f"{value:g}" if isinstance(value, int | float) else str(value)
    return f"{name} {shown}".strip()[:40]


def drawable(text: str) -> str:
    """The text, with what the type lacks by its numbers in Unicode: "a cat [U+732B]"; of more than three, how many."""

    def numbers(found: re.Match[str]) -> str:
        signs = found[0]
        named = " ".join(f"U+{ord(sign):04X}" for sign in signs[:3])
        return f"[{named}]" if len(signs) <= 3 else f"[{len(signs)} signs: {named} ...]"

    return re.sub(rf"[^\x20-\x7e{ALSO}]+", numbers, text)


def _cut(text: str, font: Font, width: float) -> str:
    while len(text) > 1 and font.getlength(text) > width:
        text = f"{text.removesuffix('...')[:-1]}..."
    return text
