"""The start page in a browser: cards that lead to lessons and remember them, what ships, and the tour's hand."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from lessons.course import COURSE

pytestmark = pytest.mark.browser
SLOW = 120_000  # milliseconds
CLOSED = COURSE[1]  # computes in closed form


def test_a_card_leads_to_its_lesson_without_loading_the_app_anew_and_is_marked_afterwards(new_page, fresh):
    page = new_page()
    page.set_default_timeout(SLOW)
    page.goto(fresh)
    card = page.get_by_role("link", name=f"{CLOSED.code} · {CLOSED.title}").and_(page.locator(".course a"))
    expect(card).to_be_visible()
    expect(page.locator(".course a")).to_have_count(len(COURSE))
    expect(page.locator(".course .film")).to_have_count(len(COURSE))  # every one has its pictures
    expect(page.locator(".course a.seen")).to_have_count(0)
    page.evaluate("window.stays = true")
    card.click()
    expect(page.get_by_role("heading", name=f"{CLOSED.code} · {CLOSED.title}")).to_be_visible()
    assert page.evaluate("window.stays")
    page.goto(fresh)
    expect(page.locator(".course a.seen")).to_have_count(1)
    expect(page.locator(".course a.seen")).to_contain_text(CLOSED.title)


def test_a_fresh_machine_shows_what_a_lesson_opens_with_without_computing(new_page, fresh):
    """B9 computes for minutes; its page says where the pictures come from, and offers to compute them here."""
    page = new_page()
    page.set_default_timeout(SLOW)
    page.goto(f"{fresh}/guided-digits")
    expect(
        page.locator(".player[data-frame]").first
    ).to_be_visible()  # its study, which ships too, opens below
    expect(page.get_by_text("Computed elsewhere").first).to_be_visible()
    expect(page.get_by_role("button", name="Compute it here").first).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def facts(card: Locator) -> dict[str, str]:
    return dict(zip(card.locator("dt").all_inner_texts(), card.locator("dd").all_inner_texts(), strict=True))


def test_an_empty_collection_shows_what_a_kept_picture_will_look_like(new_page, fresh):
    page = new_page()
    page.set_default_timeout(SLOW)
    page.goto(f"{fresh}/collection")
    example = page.locator(".example")
    expect(example.locator(".glimpse")).to_be_visible()
    expect(page.locator(".tasks .glimpse")).to_have_count(page.locator(".tasks li").count())
    title, said = example.locator("strong").inner_text(), facts(example)
    page.get_by_role("link", name="Go to a lesson and keep a picture").click()
    expect(page.locator(".player[data-frame]")).to_be_visible()
    page.keyboard.press("End")
    page.locator('.stage canvas[data-row="x_t"]').first.hover()
    page.locator("#keep-this").click()
    page.get_by_role("button", name="Open the collection").click()
    card = page.locator(".card")
    expect(card).to_have_count(1)
    expect(example).to_have_count(0)
    assert card.locator("h3").inner_text().startswith(title)
    kept = facts(card)
    kept.pop("Model")  # the example leaves it out
    assert kept == said


FIRST_PICTURE = """document.addEventListener("player-frame", () => {
  globalThis.drawn ??= performance.now();
}, { capture: true });"""


def test_pictures_come_before_the_script_that_draws_the_curves(new_page, fresh):
    """B0 opens with a film and a chart; each of these pages has a cache of its own, so that both have to be fetched."""
    page = new_page()
    page.add_init_script(FIRST_PICTURE)
    page.goto(f"{fresh}/two-conventions")
    expect(page.locator(".curves .drawing .js-line").first).to_be_attached(timeout=SLOW)
    drawn, asked = page.evaluate(
        """() => [globalThis.drawn,
        performance.getEntriesByType("resource").find((entry) => entry.name.includes("/plotly-")).startTime]"""
    )
    assert drawn < asked


def test_the_tours_hand_points_at_the_scrubber_until_it_is_taken(new_page, fresh):
    page = new_page()
    page.set_default_timeout(SLOW)
    page.goto(fresh)
    page.get_by_role("link", name="The ten-minute tour").click()
    expect(page.get_by_text("1 of 5")).to_be_visible()
    hand = page.locator(".hand")
    expect(hand).to_be_visible()
    scrubber = page.locator(".player[data-frame] .track .range").first
    knob, pointing = scrubber.bounding_box(), hand.bounding_box()
    assert knob["x"] - 40 <= pointing["x"] <= knob["x"] + knob["width"] + 40
    assert abs(pointing["y"] - (knob["y"] + knob["height"] / 2)) < 40
    scrubber.focus()
    page.keyboard.press("ArrowRight")
    expect(hand).to_be_hidden()
    page.get_by_role("link", name="Next stop").click()
    expect(page.get_by_text("2 of 5")).to_be_visible()
    page.get_by_role("button", name="Leave the tour").click()
    expect(page.get_by_text("2 of 5")).to_have_count(0)
