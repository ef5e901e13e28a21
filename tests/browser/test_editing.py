"""Editing in the real app: a sketch and a mask, drawn with the pointer, go all the way to a result."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from core.compute.store import Store
from core.media import to_pixels
from core.pictures import load_picture
from core.trajectory import Trajectory
from lessons.loading import UPLOAD, reference_pixels
from lessons.masks import mask_of
from tests.browser.canvas_hand import middles, painted

pytestmark = [pytest.mark.browser, pytest.mark.slow]
COMPUTED = 300_000  # milliseconds: the model is loaded and asked, on machines that do other things too


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("editing")


@pytest.fixture(scope="module")
def app(serve, data) -> str:
    return serve("streamlit_app.py", DIFFUSION_DATA_DIR=str(data))


def enter(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Take it home")).to_be_enabled(timeout=COMPUTED)


def surface(page: Page) -> Locator:
    found = page.locator(".canvas[data-drawing] .surface")
    expect(found).to_be_visible(timeout=60_000)
    found.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    return found


def stroke(page: Page, where: Locator, *points: tuple[float, float]) -> None:
    """With the pointer, straight from point to point; points are (x, y) in pixels of the picture."""
    box = where.bounding_box()
    places = [(box["x"] + x * box["width"] / 64, box["y"] + y * box["height"] / 64) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up()


def parameter(page: Page, name: str) -> str:
    """The address' value, once it is an upload."""
    deadline = time.monotonic() + 120
    while True:
        value = parse_qs(urlparse(page.url).query).get(name, [""])[0]
        if value.startswith(UPLOAD):
            return value
        assert time.monotonic() < deadline, f"the address has no {name}: {page.url}"
        page.wait_for_timeout(200)


def result_with(data: Path, name: str, value: str, page: Page) -> Trajectory:
    """The stored result whose parameters say so."""
    deadline = time.monotonic() + COMPUTED / 1000
    while True:
        for path in sorted((data / "results").glob("*/" + "?" * 64)):
            trajectory = Store(data).get_result(path.name)
            if trajectory is not None and trajectory.meta.get("params", {}).get(name) == value:
                return trajectory
        assert time.monotonic() < deadline, f"no result with {name} = {value}"
        page.wait_for_timeout(500)


@pytest.mark.journey
def test_a_sketch_of_ten_strokes_becomes_a_picture(page, app, data):
    """Drawn with real pointer events; the late starts keep it, and what comes back is not the sketch."""
    enter(page, f"{app}/image-to-image?i_starts=27,33")
    page.get_by_text("A drawing", exact=True).click()
    sheet = surface(page)
    for k in range(10):
        stroke(page, sheet, (12 + 4 * k, 14), (10 + 4 * k, 34 + 2 * (k % 3)), (14 + 4 * k, 50))
    page.get_by_role("button", name="Use this drawing").click()
    reference = parameter(page, "picture")
    drawn = reference_pixels(reference, Store(data).blobs)
    inked = (drawn < 250).any(axis=-1)
    assert 0.1 < inked.mean() < 0.9
    columns = inked[30:34].any(axis=0)
    assert columns[12:50].mean() > 0.5 and not columns[:6].any() and not columns[60:].any()

    result = result_with(data, "picture", reference, page)
    early, late = to_pixels(result["result"]).astype(int)
    assert np.abs(late - drawn).mean() < 4 < np.abs(early - drawn).mean()
    assert np.corrcoef(early.ravel(), drawn.ravel())[0, 1] > 0.5
    expect(page.get_by_role("button", name="Take it home")).to_be_enabled(timeout=COMPUTED)
    page.reload()  # the link alone is enough
    expect(page.get_by_role("button", name="Take it home")).to_be_enabled(timeout=COMPUTED)
    assert parameter(page, "picture") == reference


@pytest.mark.journey
def test_the_painted_mask_is_the_mask_of_the_job_pixel_for_pixel(page, app, data):
    page.goto(f"{app}/inpainting?mask=none&count=1")  # nothing to compute yet: the mask is empty
    below = surface(page)
    brush = int(page.locator(".canvas .range").input_value())
    corners = ((10, 12), (40, 20), (30, 52))
    stroke(page, below, *middles(*corners, brush=brush))
    page.get_by_role("button", name="Use this mask").click()
    reference = parameter(page, "mask")
    expected = painted(64, brush, *corners)
    np.testing.assert_array_equal(mask_of(reference, Store(data).blobs), expected)

    result = result_with(data, "mask", reference, page)
    np.testing.assert_array_equal(result["mask"][0, 0].astype(bool), expected)
    original, pixels = load_picture("volcano"), to_pixels(result["result"])[0]
    np.testing.assert_array_equal(pixels[~expected], original[~expected])
    assert (pixels[expected] != original[expected]).any(axis=-1).mean() > 0.9
    said = page.get_by_text(f"0 of {int((~expected).sum())} pixels")
    expect(said).to_be_visible(timeout=COMPUTED)
