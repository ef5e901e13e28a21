"""The film strip below the player's scrubber: what it says, where its pictures stand, and how large they are."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.browser.player_hand import open_player, scrubber

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(shared) -> str:
    return shared("tests/browser/player_app.py")


def test_the_strip_says_what_it_shows(page, app):
    """The harness names no row for it, so it is the first one's, x_t."""
    open_player(page, f"{app}/?size=32")
    name = page.locator(".strip .of")
    expect(name).to_be_visible()
    assert name.locator("math").text_content() == "xt"
    first, box = page.locator(".strip .thumb").first.bounding_box(), name.bounding_box()
    assert box["x"] + box["width"] <= first["x"] and box["y"] < first["y"] + first["height"]
    for other in page.locator(".transport :is(button, p, label)").all():
        beside = other.bounding_box()
        apart = beside["x"] + beside["width"] <= box["x"] or beside["y"] + beside["height"] <= box["y"]
        assert apart or beside["y"] >= box["y"] + box["height"], beside


def test_a_marked_step_stands_below_its_place_on_the_scrubber(page, app):
    """The first and the last as well."""
    open_player(page, f"{app}/?size=64")
    assert below_their_places(page)


def test_marked_steps_take_what_the_figure_leaves(page, fresh):
    """A3 has room below its pictures; of the 64 CSS pixels that a strip's picture usually has at most, it makes more."""
    page.set_viewport_size({"width": 1366, "height": 768})
    open_player(page, f"{fresh}/one-step-denoising")
    assert min(below_their_places(page)) > 80
    foot = page.locator(".timeline .strip").bounding_box()
    assert foot["y"] + foot["height"] <= 768


def test_a_film_of_a_few_frames_names_them_below_the_scrubber(page, fresh):
    """B4's two checkpoints: a choice, with nothing in between that could be played."""
    page.set_viewport_size({"width": 1366, "height": 768})
    open_player(page, f"{fresh}/denoising-pure-noise")
    names = page.locator(".strip .thumb")
    expect(names).to_have_text(["epoch 1", "epoch 5"])
    assert page.locator(".strip :is(canvas, .of)").count() == 0
    assert below_their_places(page)
    expect(names.last).to_have_class("thumb current")
    names.first.click()
    expect(page.locator(".where .step")).to_have_text("epoch 1")
    expect(names.first).to_have_class("thumb current")


def test_the_pictures_of_an_equation_have_its_signs(page, fresh):
    """A1: x_t = the picture's part + the noise in it; each sign stands half way down, between two pictures."""
    open_player(page, f"{fresh}/forward-process")
    signs = page.locator(".stage .sign")
    assert signs.all_text_contents() == ["=", "+"]
    pictures = [tile.bounding_box() for tile in page.locator(".stage .tile canvas").all()]
    for sign, (left, right) in zip(signs.all(), pairwise(pictures), strict=True):
        box = sign.bounding_box()
        assert left["x"] + left["width"] <= box["x"] + 1 and box["x"] + box["width"] <= right["x"] + 1
        assert box["y"] + box["height"] / 2 == pytest.approx(left["y"] + left["height"] / 2, abs=2)


def test_ticks_stand_where_the_scrubber_stops_at_every_frame(page, fresh):
    """B6: “frame 101 of 101” is wider than “frame 1 of 101”, and the scrubber has its place beside it."""
    open_player(page, f"{fresh}/time-conditioned-flow")
    for key in ("Home", "End"):
        page.keyboard.press(key)
        expect(page.locator(".where .count")).to_have_text(
            re.compile("frame 101" if key == "End" else "frame 1 ")
        )
        below_their_places(page)


def below_their_places(page: Page) -> list[float]:
    """How wide the strip's pictures are; each stands below its step. The scrubber's thumb is 20 pixels wide."""
    track, last = scrubber(page).bounding_box(), int(scrubber(page).get_attribute("max"))
    widths = []
    for thumb in page.locator(".strip .thumb").all():
        box, frame = thumb.bounding_box(), int(thumb.get_attribute("data-frame"))
        wanted = track["x"] + 10 + frame / last * (track["width"] - 20)
        assert box["x"] + box["width"] / 2 == pytest.approx(wanted, abs=1), frame
        widths.append(box["width"])
    return widths
