"""What the tests of the player do with it: open it, and read its canvases."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

REST = 900  # milliseconds: longer than the player waits before it sends a frame


def open_player(page: Page, address: str) -> Locator:
    page.goto(address)
    player = page.locator(".player[data-frame]")
    expect(player).to_be_visible()
    page.wait_for_timeout(REST)
    return player


def pixels(canvas: Locator) -> np.ndarray:
    """What a canvas holds, at its own size: (height, width, 4) uint8."""
    url = canvas.evaluate("canvas => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGBA"))


def picture(page: Page, row: str, sample: int = 0) -> Locator:
    return page.locator(f'.stage canvas[data-row="{row}"][data-sample="{sample}"]')


def scrubber(page: Page) -> Locator:
    return page.locator(".timeline input[type=range]")
