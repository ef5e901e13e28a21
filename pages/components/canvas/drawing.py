"""What a canvas is asked for, what comes back, and the gate between: nothing that a browser sends is trusted.

NumPy only; nothing here knows Streamlit.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

MAX_SIDE = 512  # pixels
REASONS = ("use", "rest", "restore")
PALETTE = (
    ("black", "#111111"),
    ("grey", "#8a8f98"),
    ("white", "#ffffff"),
    ("red", "#d7263d"),
    ("orange", "#f28123"),
    ("yellow", "#f7d038"),
    ("green", "#2e9e4f"),
    ("dark green", "#0f5132"),
    ("light blue", "#7cc6f2"),
    ("blue", "#1f5fbf"),
    ("purple", "#7b3fa0"),
    ("pink", "#f29cb7"),
    ("skin", "#f2c79a"),
    ("brown", "#7a4a21"),
)

Mode = Literal["colour", "grey", "mask"]


class BadDrawing(ValueError):
    """What came from the browser is no drawing of this canvas. The message is a sentence for the student."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawing as the browser sent it, checked.

    `pixels` is uint8 (H, W, C): C = 3 in colour, 1 in grey, 1 (0 or 255) for a mask. `blank` says that nothing is
    drawn: every pixel is that of the paper, or of the picture below.
    """

    pixels: np.ndarray
    mode: Mode
    blank: bool
    paper: int = 255

    @property
    def mask(self) -> np.ndarray:
        """bool (H, W), True where painted. Raises ValueError if the canvas was no mask."""
        if self.mode != "mask":
            raise ValueError(f'This drawing was made in mode "{self.mode}": only mode "mask" gives a mask.')
        return self.pixels[..., 0] > 127

    @property
    def full(self) -> bool:
        """Whether a mask covers everything. Raises ValueError if the canvas was no mask."""
        return bool(self.mask.all())

    @property
    def ink(self) -> np.ndarray:
        """float32 (H, W) in [0, 1]: how far each pixel is from the paper; a density to draw points from."""
        distance = np.abs(self.pixels.astype(np.float32) - (0 if self.mode == "mask" else self.paper))
        return distance.max(axis=-1) / 255

    @property
    def digest(self) -> str:
        """SHA-256 of shape and pixels, in hexadecimal."""
        return hashlib.sha256(repr(self.pixels.shape).encode() + self.pixels.tobytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class Sheet:
    """What one canvas is: its size, what lies below, how it is drawn on. `canvas` documents the fields.

    Raises ValueError for parts that do not fit together.
    """

    mode: Mode = "colour"
    size: int | tuple[int, int] | None = None
    under: np.ndarray | None = None
    paper: Literal["white", "black"] = "white"
    identity: str | None = None
    grain: Literal["smooth", "pixels"] | None = None
    height: int = field(init=False)
    width: int = field(init=False)
    name: str = field(init=False)

    def __post_init__(self) -> None:
        _one_of("mode", self.mode, ("colour", "grey", "mask"))
        _one_of("paper", self.paper, ("white", "black"))
        _one_of("grain", self.grain, (None, "smooth", "pixels"))
        if self.mode == "mask" and self.grain == "smooth":
            raise ValueError('A mask is painted in its own pixels: leave grain out, or say "pixels".')
        under = None if self.under is None else _pixels("under", self.under)
        if under is not None and self.mode != "mask" and under.shape[-1] != self.channels:
            raise ValueError(
                f'under has {under.shape[-1]} channels; mode "{self.mode}" takes {self.channels}.'
            )
        size = (under.shape[:2] if under is not None else 64) if self.size is None else self.size
        height, width = (size, size) if isinstance(size, int) else size
        if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
            raise ValueError(f"The canvas is {height} × {width}: use 1 to {MAX_SIDE} pixels a side.")
        if under is not None and under.shape[:2] != (height, width):
            raise ValueError(f"under is {under.shape[:2]}, the canvas {(height, width)}: make them equal.")
        for attribute, value in (("under", under), ("height", int(height)), ("width", int(width))):
            object.__setattr__(self, attribute, value)
        about = json.dumps([self.mode, self.height, self.width, self.fine, self.paper, self.identity])
        belongs_elsewhere = self.mode == "mask" and self.identity is not None
        picture = b"" if under is None or belongs_elsewhere else under.tobytes()
        name = hashlib.blake2b(about.encode() + picture, digest_size=12).hexdigest()
        object.__setattr__(self, "name", name)

    @property
    def channels(self) -> int:
        return 3 if self.mode == "colour" else 1

    @property
    def fine(self) -> int:
        """Side of the finer pixels that a smooth canvas is drawn in, as a fraction 1/fine of its own pixels."""
        if self.mode == "mask" or self.grain == "pixels":
            return 1
        return max(1, min(16, MAX_SIDE // max(self.height, self.width)))

    @property
    def paper_level(self) -> int:
        return 255 if self.paper == "white" else 0

    def base(self) -> np.ndarray:
        """The empty canvas as a drawing: uint8 (H, W, C)."""
        if self.mode == "mask":
            return np.zeros((self.height, self.width, 1), np.uint8)
        if self.under is not None:
            return self.under
        return np.full((self.height, self.width, self.channels), self.paper_level, np.uint8)

    def drawing(self, pixels: np.ndarray) -> Drawing:
        """Pixels of this canvas, uint8 (H, W, C), as a drawing."""
        blank = bool(np.array_equal(pixels, self.base()))
        return Drawing(pixels, self.mode, blank, self.paper_level)

    def held(self, start: np.ndarray | Drawing) -> Drawing:
        """What a page holds, as a drawing on this canvas. Raises ValueError if it does not fit."""
        pixels = start.pixels if isinstance(start, Drawing) else np.asarray(start)
        if pixels.dtype == bool and self.mode == "mask":
            pixels = pixels.astype(np.uint8) * 255
        pixels = _pixels("start", pixels)
        if pixels.shape != (self.height, self.width, self.channels):
            raise ValueError(
                f"start is {pixels.shape}, the canvas {(self.height, self.width, self.channels)}: make them equal."
            )
        if self.mode == "mask":
            pixels = np.where(pixels > 127, 255, 0).astype(np.uint8)
        return self.drawing(pixels)


def pack(header: Mapping[str, Any], sheet: Sheet, start: Drawing | None) -> bytes:
    """For the browser: uint32 little-endian length, JSON header, the picture below (RGB), the start (H·W·C)."""
    under = b""
    if sheet.under is not None:
        under = np.ascontiguousarray(np.broadcast_to(sheet.under, (sheet.height, sheet.width, 3))).tobytes()
    text = json.dumps(
        {
            "mode": sheet.mode,
            "width": sheet.width,
            "height": sheet.height,
            "channels": sheet.channels,
            "fine": sheet.fine,
            "paper": sheet.paper_level,
            "identity": sheet.name,
            "under": bool(under),
            "start": start is not None,
            **header,
        },
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    ).encode()
    return b"".join(
        (struct.pack("<I", len(text)), text, under, b"" if start is None else start.pixels.tobytes())
    )


@dataclass(frozen=True, eq=False)
class Message:
    """One message from the browser: the drawing, the browser's name for it, and why it was sent."""

    tag: str
    why: str
    drawing: Drawing


def read_tag(message: object) -> str:
    """The browser's name for a drawing, "" if there is none that could be one."""
    tag = message.get("tag") if isinstance(message, Mapping) else None
    return tag if isinstance(tag, str) and re.fullmatch(r"[0-9a-z]{1,16}", tag) else ""


def read_message(message: object, sheet: Sheet) -> Message:
    """Check and decode what the browser sent for this canvas.

    message: {"tag", "why", "identity", "height", "width", "channels", "data"}; data is base64 of H·W·C bytes, or for
        a mask of its H·W bits, eight to a byte, first pixel highest, with zeros at the end.
    Raises: BadDrawing for anything else, without decoding more than the canvas can hold.
    """
    if not isinstance(message, Mapping):
        raise BadDrawing("The drawing did not arrive in one piece: press the button again.")
    tag, why, data = read_tag(message), message.get("why"), message.get("data")
    if not tag or why not in REASONS or not isinstance(data, str):
        raise BadDrawing("The drawing did not arrive in one piece: press the button again.")
    if message.get("identity") != sheet.name:
        raise BadDrawing(
            "The drawing belongs to another picture than the one shown now: press the button again."
        )
    shape = (sheet.height, sheet.width, sheet.channels)
    said = tuple(message.get(name) for name in ("height", "width", "channels"))
    if said != shape or any(isinstance(value, bool) for value in said):
        raise BadDrawing(
            f"The drawing has another size than this canvas of {sheet.width} × {sheet.height} pixels: reload the page."
        )
    values = sheet.height * sheet.width * sheet.channels
    expected = -(-values // 8) if sheet.mode == "mask" else values
    if len(data) != 4 * -(-expected // 3):
        raise BadDrawing("The drawing did not arrive in one piece: press the button again.")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadDrawing("The drawing was damaged on its way: press the button again.") from error
    if len(raw) != expected:
        raise BadDrawing("The drawing did not arrive in one piece: press the button again.")
    pixels = np.frombuffer(raw, np.uint8)
    if sheet.mode == "mask":
        bits = np.unpackbits(pixels)
        if bits[values:].any():
            raise BadDrawing("The mask was damaged on its way: press the button again.")
        pixels = bits[:values] * np.uint8(255)
    return Message(tag, why, sheet.drawing(pixels.reshape(shape)))


def check_colours(colours: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(name, "#rrggbb") pairs as they are. Raises ValueError for none or for other notations."""
    for name, code in colours:
        if not name or not re.fullmatch(r"#[0-9a-fA-F]{6}", code):
            raise ValueError(f'Write a colour as ("name", "#rrggbb"), not {(name, code)!r}.')
    if not colours:
        raise ValueError("Give at least one colour, or leave colours out.")
    return [(name, code.lower()) for name, code in colours]


def _one_of(name: str, value: object, options: tuple) -> None:
    if value not in options:
        raise ValueError(f"{name} is {value!r}: use one of {', '.join(map(repr, options))}.")


def _pixels(name: str, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    array = array[..., np.newaxis] if array.ndim == 2 else array
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[-1] not in (1, 3) or 0 in array.shape:
        raise ValueError(f"{name} must be uint8 (height, width, 1 or 3), not {array.dtype} {array.shape}.")
    return np.ascontiguousarray(array)
