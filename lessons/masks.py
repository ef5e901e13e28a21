"""Masks for inpainting: named shapes, and those that a student painted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.compute.store import Blobs
from lessons.characters import quoted
from lessons.fields import BadValue, Field
from lessons.loading import UPLOAD, reference_pixels

SIZE = 64  # pixels: a mask is as large as a picture of Part A


def _half(axis: int, end: int) -> Callable[[], np.ndarray]:
    def make() -> np.ndarray:
        mask = np.zeros((SIZE, SIZE), dtype=bool)
        half = slice(0, SIZE // 2) if end == 0 else slice(SIZE // 2, SIZE)
        mask[(half, slice(None)) if axis == 0 else (slice(None), half)] = True
        return mask

    return make


def _middle() -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4] = True
    return mask


# True = regenerate. "all" and "none" are the two ends that a mask can have.
SHAPES: dict[str, Callable[[], np.ndarray]] = {
    "top": _half(0, 0),
    "bottom": _half(0, 1),
    "left": _half(1, 0),
    "right": _half(1, 1),
    "middle": _middle,
    "border": lambda: ~_middle(),
    "all": lambda: np.ones((SIZE, SIZE), dtype=bool),
    "none": lambda: np.zeros((SIZE, SIZE), dtype=bool),
}


@dataclass(frozen=True)
class MaskRef(Field):
    """A named shape, or a painted mask by the SHA-256 of its picture."""

    def parse(self, text: str) -> str:
        if self.require_text(text) not in SHAPES and not re.fullmatch(r"upload-[0-9a-f]{64}", text):
            raise BadValue(
                f"{self.label}: {quoted(text)} is no mask. Paint one, or choose {', '.join(SHAPES)}."
            )
        return text


def mask_of(reference: str, blobs: Blobs) -> np.ndarray:
    """The mask, bool (64, 64), True = regenerate.

    Raises:
        PictureGone: a painted mask that the store no longer holds.
    """
    if not reference.startswith(UPLOAD):
        return SHAPES[reference]()
    return reference_pixels(reference, blobs)[..., 0] > 127


def as_picture(mask: np.ndarray) -> np.ndarray:
    """The mask as it is stored, uint8 (64, 64, 1): white = regenerate."""
    return (mask[..., None] * np.uint8(255)).astype(np.uint8)
