"""An upload in a real browser: the choice closes over its result, and a refusal is in view with the file's name cut."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.upload_files import encode, scene

pytestmark = pytest.mark.browser
WAIT = 120_000  # milliseconds, on a busy machine


@pytest.fixture(
    params=[pytest.param((1366, 768), marks=pytest.mark.journey), (390, 844)], ids=["laptop", "phone"]
)
def chooser(page: Page, app: str, request):
    """A1 with its choice of pictures open."""
    page.set_viewport_size({"width": request.param[0], "height": request.param[1]})
    page.goto(f"{app}/forward-process?t=500")
    page.get_by_role("button", name="Picture", exact=True).click(timeout=WAIT)
    box = page.get_by_test_id("stFileUploader")
    expect(box).to_be_visible(timeout=WAIT)
    return box


def give(box, name: str, data: bytes) -> None:
    box.locator("input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def test_the_choice_closes_over_an_upload_and_over_a_test_picture(page, chooser):
    give(chooser, "scene.png", encode(scene()))
    page.wait_for_url("**picture=upload-*", timeout=WAIT)
    expect(chooser).to_be_hidden(timeout=WAIT)
    page.get_by_role("button", name="Picture", exact=True).click()
    page.get_by_role("button", name="Castle", exact=True).click(timeout=WAIT)
    page.wait_for_url("**picture=castle*", timeout=WAIT)
    expect(chooser).to_be_hidden(timeout=WAIT)


@pytest.mark.parametrize(
    "name",
    ["n" * 200 + ".png", pytest.param("Ünïcödé 画像 " * 12 + ".png", marks=pytest.mark.journey)],
    ids=["letters", "umlauts"],
)
def test_a_refusal_is_in_view_and_a_long_name_is_cut(page, chooser, name):
    chooser.scroll_into_view_if_needed()  # as whoever presses its button has done
    give(chooser, name, b"these are words")
    refusal = page.get_by_test_id("stAlert").filter(has_text="not a picture this app can read")
    expect(refusal).to_be_in_viewport(ratio=1, timeout=WAIT)
    shown = chooser.get_by_text(name[:5])
    expect(shown.first).to_be_in_viewport(timeout=WAIT)
    outer = chooser.bounding_box()
    for k in range(shown.count()):
        inner = shown.nth(k).bounding_box()
        assert inner["x"] >= outer["x"] and inner["x"] + inner["width"] <= outer["x"] + outer["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert "picture=" not in page.url  # the lesson's own picture is still there
