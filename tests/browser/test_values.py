"""What the player says of a pixel and of a curve under the pointer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_player import open_player, picture

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(shared) -> str:
    return shared("tests/browser/player_app.py")


def read_off(page: Page, canvas: Locator, row: int, column: int, size: int) -> list[str]:
    """The lines of values with the pointer on a pixel of a picture of size × size."""
    box = canvas.bounding_box()
    page.mouse.move(
        box["x"] + (column + 0.5) / size * box["width"], box["y"] + (row + 0.5) / size * box["height"]
    )
    expect(page.locator(".values p")).to_have_text(f"row {row}, column {column}")
    return [" ".join(line.inner_text().split()) for line in page.locator(".values tr").all()]


def test_the_value_under_the_pointer_in_every_quantity(page, app):
    """The harness's disc at the last step is (−0.6, 0.1, 0.7) without noise; what is clipped says that it may be more."""
    open_player(page, f"{app}/?size=32&samples=2&frame=33")
    lines = read_off(page, picture(page, "clean_hat", 1), 16, 16, 32)
    assert [" ".join(line.split()[-3:]) for line in lines[:2]] == ["−0.60 0.10 0.70"] * 2
    assert re.fullmatch(r"ε \^( (≤ |≥ )?−?\d\.\d){3}", lines[2])  # the noise in steps of 6/255: one decimal
    assert page.locator(".tile .at").count() == 3  # the same pixel of the same sample, in all rows
    page.mouse.move(5, 5)
    expect(page.locator(".values")).to_be_hidden()
    expect(page.locator(".tile .at")).to_have_count(0)
    picture(page, "clean_hat", 1).click()
    assert "−0.60 0.10 0.70" in read_off(page, page.locator("dialog.lightbox canvas"), 16, 16, 32)[1]


def test_a_signed_quantity_is_one_number_and_what_is_not_there_none(page, app):
    open_player(page, f"{app}/?signed=1&size=8")
    assert read_off(page, picture(page, "velocity"), 2, 1, 8) == ["u −1.0", "x 1 0.25", "x 0 –"]
    assert read_off(page, picture(page, "velocity"), 2, 6, 8) == ["u 1.3", "x 1 0.25", "x 0 –"]


def test_curves_say_their_values_where_the_pointer_is(page, app):
    player = open_player(page, app)
    box = page.locator("svg.chart").first.bounding_box()
    page.mouse.move(box["x"] + 10 + 4 / 33 * (box["width"] - 20), box["y"] + 30)
    expect(page.locator(".readout b").first).to_have_text("0.0411")  # by hand, as above
    expect(player).to_have_attribute("data-frame", "10")
    page.mouse.move(5, 5)
    # cos²(0.99 · (1 − 10/33) · π/2) = 0.2190
    expect(page.locator(".readout b").first).to_have_text("0.2190")
