"""Someone at a canvas in a real browser, and what a canvas has to give back, by definition."""

from __future__ import annotations

import base64
import io
import re
from urllib.parse import urlencode

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

REST = 1200  # milliseconds: longer than a canvas waits before it sends by itself
STEPS = ((0.2, 0.3), (0.7, 0.35), (0.5, 0.8))


class Hand:
    """Someone at a canvas. Points are (x, y) in pixels of the result."""

    def __init__(self, page: Page, address: str, **query: object):
        self.page = page
        self.size = int(query.get("size", 64))
        page.goto(f"{address}/?{urlencode(query)}")
        self.ready()

    def ready(self) -> None:
        expect(self.root).to_be_visible(timeout=30_000)
        expect(self.page.get_by_text("uses:")).to_be_visible()
        self.page.wait_for_timeout(300)

    def part(self, name: str) -> Locator:
        return self.page.locator(f".canvas .{name}")

    @property
    def root(self) -> Locator:
        return self.page.locator(".canvas[data-drawing]")

    @property
    def surface(self) -> Locator:
        return self.part("surface")

    @property
    def contents(self) -> str:
        """The name that the browser gives to what is drawn."""
        return self.root.get_attribute("data-drawing")

    def at(self, point: tuple[float, float]) -> tuple[float, float]:
        box = self.surface.bounding_box()
        return tuple(
            box[start] + value * box[side] / self.size
            for start, side, value in (("x", "width", point[0]), ("y", "height", point[1]))
        )

    def draw(self, *points: tuple[float, float], steps: int = 1, up: bool = True) -> None:
        self.page.mouse.move(*self.at(points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(point), steps=steps)
        if up:
            self.page.mouse.up()

    def set_size(self, size: int) -> None:
        self.part("range").evaluate(
            "(range, size) => { range.value = size; range.dispatchEvent(new Event('input')); }", str(size)
        )
        expect(self.part("value")).to_have_text(f"{size} px")

    def screen(self) -> np.ndarray:
        """What the browser shows, in the canvas' own fine pixels: uint8 (height, width, 3)."""
        self.page.wait_for_timeout(100)  # it is drawn at the next screen refresh
        url = self.part("paper").evaluate("canvas => canvas.toDataURL('image/png')")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))

    def use(self) -> np.ndarray:
        before = self.uses()
        self.part("use").click()
        expect(self.page.get_by_text(f"uses: {before + 1}")).to_be_visible()
        expect(self.root).to_have_attribute("data-state", "inUse")
        return self.arrived()

    def uses(self) -> int:
        return int(self.page.get_by_text("uses:").inner_text().split()[1])

    def arrived(self) -> np.ndarray:
        """What Python returned: uint8 (H, W, C)."""
        expect(self.page.get_by_text("arrived:")).to_have_count(
            1
        )  # the run before may still be on the screen
        self.page.wait_for_timeout(300)
        shape = re.search(r"\((\d+), (\d+), (\d+)\)", self.page.get_by_text("arrived:").inner_text()).groups()
        data = base64.b64decode(self.page.get_by_test_id("stCode").inner_text().strip())
        return np.frombuffer(data, np.uint8).reshape([int(n) for n in shape])


def averaged(fine: np.ndarray, size: int) -> np.ndarray:
    """The mean over blocks, rounded half up: (size, size, C)."""
    block = fine.shape[0] // size
    blocks = fine.reshape(size, block, size, block, -1).astype(np.int64)
    return ((2 * blocks.sum(axis=(1, 3)) + block**2) // (2 * block**2)).astype(np.uint8)


def painted(size: int, brush: int, *points: tuple[int, int]) -> np.ndarray:
    """A stroke of a mask by definition: bool (size, size).

    `points` are pixels. The brush is a disc of `brush` pixels, on the middle of a pixel if that is odd, on its upper
    left corner if even; painted is each pixel whose middle is not farther from the line than the disc's radius.
    Computed in whole numbers, in half pixels.
    """
    centres = [(2 * x + brush % 2, 2 * y + brush % 2) for x, y in points]
    y, x = np.mgrid[:size, :size] * 2 + 1
    mask = np.zeros((size, size), bool)
    for (ax, ay), (bx, by) in zip([*centres[:1], *centres], centres, strict=False):
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        along = (x - ax) * dx + (y - ay) * dy
        aside = (x - ax) * dy - (y - ay) * dx
        mask |= (x - ax) ** 2 + (y - ay) ** 2 <= brush**2
        mask |= (x - bx) ** 2 + (y - by) ** 2 <= brush**2
        mask |= (0 < along) & (along < length) & (aside**2 <= brush**2 * length)
    return mask


def middles(*pixels: tuple[int, int], brush: int = 1) -> list[tuple[float, float]]:
    """Where to put the pointer for `painted`: the middle of a pixel, or close to its corner."""
    return [(x + 0.5, y + 0.5) if brush % 2 else (x + 0.1, y + 0.1) for x, y in pixels]


def fractions(size: int, *points: tuple[float, float]) -> list[tuple[float, float]]:
    return [(x * size, y * size) for x, y in points]
