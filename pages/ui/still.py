"""A picture that stands still: pixel for pixel, with words for those who do not see it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.media import png


def still(pixels: np.ndarray, words: str, width: int | None = None) -> None:
    """Draws uint8 `pixels` (H, W, 1 or 3), `width` pixels of the screen wide; None: as wide as it is itself.

    The browser enlarges it (page.css: to squares). Made smaller by Streamlit, its pixels would be mixed, and stored as JPEG.
    """
    st.image(png(pixels), alt=words, width=width or "content", output_format="PNG")


def brightened(maps: np.ndarray, *, each: bool = False) -> np.ndarray:
    """uint8 (N, H, W) -> the same, so bright that the brightest of all, or of `each`, is white; 0 stays black."""
    brightest = maps.max(axis=(1, 2) if each else None, keepdims=True)
    return np.rint(maps * (255 / np.maximum(brightest, 1))).astype(np.uint8)
