"""Pictures that a student brings: refused with a sentence, or shown, and kept in the link."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.lesson_visits import LESSON, opened, query, visit

pytestmark = pytest.mark.browser


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        pytest.param(
            "words.png", lambda: b"these are words, not a picture", "not a picture this app can read",
            marks=pytest.mark.journey,
        ),
        ("bomb.png", lambda: png(Image.new("1", (13_000, 13_000))), "13000 × 13000 pixels and the limit is 4 megapixels"),
        pytest.param(
            "dot.png", lambda: png(Image.new("RGB", (1, 1))), "1 × 1 pixels: choose one of at least",
            marks=pytest.mark.journey,
        ),
    ],
    ids=["words", "bomb", "dot"],
)  # fmt: skip
def test_an_upload_that_cannot_be_used_gets_a_sentence(page, app, name, data: Callable[[], bytes], sentence):
    visit(page, app, "A1")
    upload(page, name, data())
    expect(page.get_by_test_id("stAlert").filter(has_text=sentence)).to_be_visible(timeout=60_000)
    assert "picture" not in query(page)
    expect(page.locator(".player[data-frame]")).to_be_visible()


def test_an_upload_is_shown_and_its_link_shows_it_again(page, app):
    lesson = visit(page, app, "A1", "?t=0")
    half = np.zeros((40, 80, 3), np.uint8)
    half[:, 40:] = (255, 128, 0)
    upload(page, "half.png", png(Image.fromarray(half)))
    for _ in range(150):
        if query(page).get("picture", "").startswith("upload-"):
            break
        page.wait_for_timeout(200)
    canvas = lesson.locator("canvas[data-row=x_t]")
    # t = 0 is the picture but for a noise of standard deviation 0.006: cut to the middle square, half black, half orange.
    page.reload()
    opened(page, LESSON["A1"])
    expect(lesson).to_have_attribute("data-frame", "0")
    pixel = "(c, x) => [...c.getContext('2d').getImageData(x, 32, 1, 1).data]"
    assert np.abs(np.subtract(canvas.evaluate(pixel, 5), (0, 0, 0, 255))).max() <= 6
    assert np.abs(np.subtract(canvas.evaluate(pixel, 58), (255, 128, 0, 255))).max() <= 6


def upload(page: Page, name: str, data: bytes) -> None:
    page.get_by_role("button", name="Picture", exact=True).click()
    page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": data}
    )
