"""The turner and the distance slider in a real browser: what they show, by hand, by key, and without a server trip."""

from __future__ import annotations

import base64
import io
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.media import from_pixels
from core.pictures import load_picture
from core.views import VIEWS
from lessons.visual_anagrams import seen

pytestmark = pytest.mark.browser
TURNING = 1300  # milliseconds: longer than the animation
# Of the views that the browser turns exactly, "rotate 90" and "jigsaw" ask the most.
TURNED_ALIKE = ("flip", "rotate 180", "negative", "identity")
EXACT_IN_CSS = ("flip", "rotate 180", "rotate 90", "negative", "jigsaw", "identity")


@pytest.fixture(scope="module")
def app(shared) -> str:
    return shared("tests/browser/illusions_app.py")


def open_on(page: Page, address: str, **query: object) -> Page:
    page.goto(f"{address}/?{urlencode(query)}")
    expect(page.get_by_text("ready")).to_be_visible(timeout=90_000)
    expect(page.locator(".turner .frame.rested").first).to_be_visible()
    expect(page.locator(".distance .magnified canvas").first).to_be_visible()
    return page


def decoded(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def lying_on_top(page: Page, tile: int = 0) -> np.ndarray:
    """The picture at rest: uint8 (64, 64, 3)."""
    return decoded(page.locator(".turner .exact").nth(tile).get_attribute("src"))


def on_screen(page: Page, tile: int = 0) -> np.ndarray:
    """A screenshot of the frame, reduced to the middle of each of the picture's pixels."""
    shot = np.asarray(
        Image.open(io.BytesIO(page.locator(".turner .frame").nth(tile).screenshot())).convert("RGB")
    )
    middles = ((np.arange(64) + 0.5) * shot.shape[0] / 64).astype(int)
    return shot[np.ix_(middles, middles)]


# ---- the turner --------------------------------------------------------------------------------------------


def test_the_button_turns_all_pictures_to_the_views_own_pixels_and_back(page, app):
    open_on(page, app, view="flip")
    reading = page.locator(".turner .reading")
    expect(reading).to_have_text("upright“a castle”")
    page.locator(".turner .turn").click()
    expect(reading).to_have_text("turned“a bat”")
    expect(page.locator(".turner .turn")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(TURNING)
    for tile, slug in enumerate(("castle", "cat-face")):
        np.testing.assert_array_equal(lying_on_top(page, tile), load_picture(slug)[::-1])
    page.locator(".turner .turn").click()
    page.wait_for_timeout(TURNING)
    np.testing.assert_array_equal(lying_on_top(page), load_picture("castle"))
    expect(reading).to_have_text("upright“a castle”")


@pytest.mark.parametrize(
    "view", [pytest.param(v, marks=pytest.mark.journey if v in TURNED_ALIKE else ()) for v in VIEWS]
)
def test_what_the_browser_turns_ends_where_the_view_ends(page, app, view):
    """The moving layer by itself, before the exact picture is laid on top."""
    open_on(page, app, view=view, count=1)
    page.keyboard.press("t")
    page.wait_for_timeout(TURNING)
    expected = np.rint((seen(from_pixels(load_picture("castle")), VIEWS[view]).clip(-1, 1) + 1) * 127.5)
    expected = np.moveaxis(expected, 0, -1)
    np.testing.assert_array_equal(lying_on_top(page), expected)
    page.locator(".turner .exact").first.evaluate("picture => { picture.style.display = 'none'; }")
    difference = np.abs(on_screen(page).astype(float) - expected)
    if view in EXACT_IN_CSS:
        assert difference.max() <= 2, view
    elif view == "half contrast":
        assert difference.max() <= 4
    else:  # the tilt: the browser leaves the corners empty, the view reflects them
        middle = slice(20, 44)
        assert np.median(difference[middle, middle]) < 12


def test_the_key_turns_but_not_while_something_is_typed(page, app):
    open_on(page, app)
    page.keyboard.press("t")
    expect(page.locator(".turner .reading")).to_contain_text("turned")
    page.get_by_label("A text").click()
    page.keyboard.type("tent")
    expect(page.get_by_label("A text")).to_have_value("tent")
    expect(page.locator(".turner .reading")).to_contain_text("turned")
    page.get_by_text("ready").click()
    page.keyboard.press("T")
    expect(page.locator(".turner .reading")).to_contain_text("upright")


def test_it_moves_and_stands_still_where_less_motion_is_asked_for(new_page, app):
    for wanted, moves in (("no-preference", True), ("reduce", False)):
        page = open_on(new_page(reduced_motion=wanted), app, view="flip", count=1)
        page.locator(".turner .turn").click()
        rested = page.locator(".turner .frame").evaluate("frame => frame.classList.contains('rested')")
        assert rested is not moves
        transform = page.locator(".turner .moving").evaluate("e => getComputedStyle(e).transitionDuration")
        assert (transform == "0s") is not moves


def test_turning_sends_nothing(page, app, traffic):
    open_on(page, app)
    page.wait_for_timeout(500)
    traffic.reset()
    for _ in range(4):
        page.keyboard.press("t")
        page.wait_for_timeout(200)
    assert (traffic.sent, traffic.received) == (0, 0)


# ---- the distance ------------------------------------------------------------------------------------------


def set_distance(page: Page, value: int) -> float:
    """Moves the slider as a hand does; returns the metres it says."""
    page.locator(".distance .range").fill(str(value))
    page.wait_for_timeout(200)
    return 0.5 * 48 ** (value / 1000)  # from 0.5 to 24 metres


def canvas_pixels(page: Page, row: str) -> np.ndarray:
    return decoded(page.locator(f".distance .{row} canvas").first.evaluate("c => c.toDataURL('image/png')"))


def as_the_eye_blurs(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian on linear light by its definition, with the border repeated (the sRGB curves are IEC 61966-2-1)."""
    light = pixels / 255
    light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    reach = int(np.ceil(3 * sigma))
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    for axis in (0, 1):
        padded = np.pad(light, [(reach, reach) if a == axis else (0, 0) for a in range(3)], mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis)
        light = windows @ (taps / taps.sum())
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return srgb * 255


def test_near_by_the_picture_is_itself(page, app):
    open_on(page, app, count=1)
    set_distance(page, 0)
    assert np.abs(canvas_pixels(page, "magnified").astype(int) - load_picture("castle")).max() <= 8
    assert side_of(page) >= 192  # three CSS pixels for one of the picture
    # From here it is as large as the other two, for which its frame has no room.
    expect(page.locator(".distance .sized canvas").first).to_be_hidden()
    expect(page.locator(".distance .beyond").first).to_be_visible()


def side_of(page: Page) -> float:
    """Of a picture as it hangs on the wall, in CSS pixels."""
    return page.locator(".distance .magnified").first.bounding_box()["width"]


@pytest.mark.parametrize("value", [700, *(pytest.param(v, marks=pytest.mark.journey) for v in (400, 1000))])
def test_the_picture_shrinks_as_its_angle_and_is_blurred_by_a_fixed_angle(page, app, value):
    """CSS pixels of 1/96 inch at 0.5 m: at d metres the width is side · 0.5 / d, and σ = d · 1′ / a pixel's width."""
    open_on(page, app, count=1)
    metres, side = set_distance(page, value), side_of(page)
    width = page.locator(".distance .sized canvas").first.bounding_box()["width"]
    assert width == pytest.approx(side / 2 / metres, abs=0.6)
    pixel = side * 0.0254 / 96 / 64  # metres
    sigma = metres * np.radians(1 / 60) / pixel
    expected = as_the_eye_blurs(load_picture("castle"), sigma)
    assert np.abs(canvas_pixels(page, "magnified") - expected).max() <= 1.5
    said = page.locator(".distance .where").inner_text()
    assert (
        f"σ = {sigma:.2f}" in said
        and f"{np.degrees(2 * np.arctan(side * 0.0254 / 96 / 2 / metres)):.1f}°" in said
    )


def test_the_distance_is_a_slider_for_keys_and_sends_nothing(page, app, traffic):
    open_on(page, app)
    page.wait_for_timeout(500)
    traffic.reset()
    slider = page.locator(".distance .range")
    slider.focus()
    before, began = slider.get_attribute("aria-valuetext"), int(slider.input_value())
    for _ in range(50):
        page.keyboard.press("ArrowRight")
    assert int(slider.input_value()) == began + 50
    assert slider.get_attribute("aria-valuetext") != before
    assert (traffic.sent, traffic.received) == (0, 0)


def test_it_opens_and_the_walk_ends_where_the_eye_parts_the_readings_as_the_low_pass_did(new_page, app):
    page = open_on(new_page(reduced_motion="no-preference"), app)
    where = page.locator(".distance .where")
    expect(where).to_contain_text("σ = 2.0")
    page.locator(".distance .walk").click()
    expect(page.locator(".distance .walk")).to_have_text("Stop")
    expect(page.locator(".distance .walk")).to_have_text("Walk away", timeout=20_000)
    expect(where).to_contain_text("σ = 2.0")
    still = open_on(new_page(reduced_motion="reduce"), app)
    where, distance = still.locator(".distance .where"), still.locator(".distance .range")
    still.locator(".distance .walk").click()
    assert distance.input_value() == "0"
    still.locator(".distance .walk").click()
    expect(where).to_contain_text("σ = 2.0")


def test_another_sample_takes_its_place_among_the_large_ones(page, app):
    open_on(page, app, count=3)
    set_distance(page, 0)
    assert np.abs(canvas_pixels(page, "near").astype(int) - load_picture("castle")).max() <= 8
    page.locator(".distance .samples button").nth(2).click()
    for row in ("near", "magnified"):
        assert np.abs(canvas_pixels(page, row).astype(int) - load_picture("volcano")).max() <= 8
    expect(page.locator(".distance .samples button").nth(2)).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("width", [1400, 420])
def test_one_picture_and_what_it_is_turned_lie_beside_each_other_equally_large(new_page, app, width):
    page = open_on(new_page(width=width), app, count=1, view="flip")
    page.locator(".turner.pair").wait_for()
    left, right = (
        page.locator(".turner .frame").bounding_box(),
        page.locator(".turner .others img").bounding_box(),
    )
    assert left["y"] == pytest.approx(right["y"], abs=1) and left["width"] == pytest.approx(
        right["width"], abs=1
    )
    assert left["x"] + left["width"] <= right["x"] <= left["x"] + left["width"] + 30
    upright = lying_on_top(page)
    shown = decoded(page.locator(".turner .others img").get_attribute("src"))
    np.testing.assert_array_equal(shown, upright[::-1])
    expect(page.locator(".turner .other")).to_have_text("turned“a bat”")


@pytest.mark.parametrize("width", [1400, 420])
def test_everything_stays_within_the_page(new_page, app, width):
    page = open_on(new_page(width=width), app, count=3)
    for name in (".turner", ".distance"):
        inside, room = page.locator(name).evaluate("e => [e.scrollWidth, e.clientWidth]")
        assert inside <= room + 1, name
