"""Lesson B5 in the app itself: trained, reloaded, cancelled, drawn, broken on purpose, followed by a link."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser
TRAINED = 120_000  # milliseconds: machines that run tests are slow


@pytest.fixture
def lesson(page: Page, app: str):
    """`lesson("t=0.5")` opens the lesson with these settings."""

    def open_lesson(query: str = "") -> Locator:
        page.goto(f"{app}/vector-field?{query}")
        field = page.locator(".field[data-t]")
        expect(field).to_be_visible(timeout=60_000)
        return field

    return open_lesson


def test_a_training_is_watched_reloaded_and_kept(page, lesson):
    # The link asks for it, so it starts by itself; it takes longer than the page to open.
    field = lesson("field=network&t=1&training_steps=3000&hidden=32")
    expect(page.locator(".progress")).to_have_text(re.compile(r"Training: step \d+ of 3000"), timeout=TRAINED)
    expect(page.locator(".loss .curve")).to_be_visible()
    first = field.get_attribute("data-network")
    assert re.fullmatch(r"[0-9a-f]{64}:\d+", first)
    page.reload()  # in the middle of it
    expect(page.locator(".progress")).to_have_text("Trained for 3000 of 3000 steps", timeout=TRAINED)
    expect(field).to_have_attribute("data-network", first.split(":")[0] + ":3000")
    expect(page.get_by_role("button", name="Trained")).to_be_disabled()
    lines = [float(text) for text in page.locator(".sum dd").all_inner_texts()]
    assert lines[0] + lines[1] == pytest.approx(lines[2], abs=0.002)
    assert lines[3] == pytest.approx(lines[2], rel=0.1)  # what the training says of itself
    page.get_by_role("radio", name="difference").check()
    expect(page.locator("figcaption").first).to_contain_text(
        re.compile(r"between the two 0\.\d{3}"), timeout=60_000
    )
    expect(page).to_have_url(re.compile("field=difference"))


@pytest.mark.journey
def test_a_training_can_be_cancelled_and_started_again(page, lesson):
    lesson("field=network&training_steps=10000&hidden=128&seed=4")
    expect(page.locator(".progress")).to_have_text(re.compile("Training: step"), timeout=TRAINED)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled(timeout=60_000)
    expect(page.locator("figcaption").first).to_contain_text("has not been trained")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled(timeout=60_000)


def test_a_training_that_diverges_says_so(page, lesson):
    lesson("field=network&learning_rate=1&training_steps=1000")
    expect(page.get_by_text("The training has diverged. Choose a smaller learning rate.")).to_be_visible(
        timeout=TRAINED
    )
    expect(page.get_by_role("button", name="Trained")).to_be_visible()


def test_phrases_presets_and_mistakes_move_the_picture(page, lesson):
    field = lesson("t=0.3")
    page.get_by_role("link", name="the lines and paths alone").click()
    expect(field).to_have_attribute("data-t", "1.000")
    expect(page.get_by_role("button", name="conditional paths")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="4 steps beside 50").click()
    expect(page.locator(".panel").nth(1)).to_be_visible()
    expect(page.locator("figcaption").nth(1)).to_contain_text("T = 50", timeout=60_000)
    page.get_by_text("Half the noise").click()
    expect(page).to_have_url(re.compile("wrong=half_noise"))
    expect(field).to_have_attribute("data-wrong", "half_noise")


def test_a_phrase_leads_back_to_where_the_film_began(new_page, app):
    """The page has set t = 0 before: it plays on from there when it is opened. By its bare address it rests half way."""
    page = new_page(reduced_motion="no-preference")
    page.goto(f"{app}/vector-field")
    field = page.locator(".field[data-t]")
    expect(field).to_have_attribute("data-t", "0.500", timeout=60_000)
    page.goto(f"{app}/vector-field?t=0")
    expect(field).to_have_attribute("data-t", "1.000", timeout=60_000)
    page.get_by_role("link", name="t = 0", exact=True).click()
    expect(field).to_have_attribute("data-t", "0.000")


def test_data_can_be_drawn_and_the_link_keeps_them(page, lesson):
    field = lesson("t=0.5&show=density")
    before = field.evaluate("root => root.vectorField.scene.id")
    page.get_by_text("Drawn", exact=True).click()
    expect(page.get_by_text("Draw the data on the white square")).to_be_visible()
    paper = page.locator("canvas.paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.8 * box["height"], steps=8)
    page.mouse.up()
    expect(page).to_have_url(re.compile("drawing=[0-9a-f]{64}"), timeout=60_000)
    expect(field).to_be_visible(timeout=60_000)
    drawn = field.evaluate("root => [root.vectorField.scene.id, ...root.vectorField.scene.points]")
    assert drawn[0] != before
    assert all(abs(x - 1.2) < 0.3 for x in drawn[1::2]) and max(drawn[2::2]) > 1 and min(drawn[2::2]) < -1
    page.reload()
    expect(field).to_be_visible(timeout=60_000)
    assert field.evaluate("root => [root.vectorField.scene.id, ...root.vectorField.scene.points]") == drawn


def test_a_link_that_is_wrong_gets_sentences(page, lesson):
    lesson("t=7&drop=1:2&show=arrows")
    expect(page.get_by_text("Time t must lie between 0 and 1")).to_be_visible()
    expect(page.get_by_text(re.compile("Dropped particles are written t:\u2060?x:\u2060?y"))).to_be_visible()
    expect(page.get_by_role("button", name="density")).to_have_attribute("aria-pressed", "false")
