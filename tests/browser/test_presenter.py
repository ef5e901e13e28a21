"""The presenter's view in a real browser, on a laptop without a class: big type, and keys from stop to stop."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from lessons.course import COURSE

pytestmark = pytest.mark.browser
LESSON = COURSE[1]
SLOW = 120_000  # milliseconds


def type_size(page: Page) -> float:
    return page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")


def test_keys_lead_a_projector_through_a_lesson(app: str, new_page: Callable[..., Page]):
    page = new_page(width=1920, height=1080)
    page.set_default_timeout(SLOW)
    page.goto(f"{app}/class")
    expect(page.get_by_text("This app runs for you alone.")).to_be_visible(timeout=SLOW)
    expect(page.locator(".bar")).to_have_count(0)
    before = type_size(page)
    page.get_by_role("button", name="Present in this tab").click()
    expect(page.get_by_role("button", name="End presenting")).to_be_visible()
    assert type_size(page) > 1.5 * before
    expect(page.get_by_test_id("stSidebar")).to_be_visible()  # the way back

    page.goto(page.url.replace("/class", f"/{LESSON.url_path}"))
    place = page.locator(".presenter .place")
    stops = 2 + LESSON.prose["What to look for"].count("\n\n") + 1 + 3  # picture, question, paragraphs, folds
    expect(place).to_have_text(f"Picture · 1 of {stops}", timeout=SLOW)
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.locator(".st-key-side")).to_be_hidden()
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=SLOW)
    for key, name in [
        ("PageDown", "Question · 2"), ("PageDown", "· 3 of"), ("PageUp", "Question · 2"), ("PageDown", "· 3 of"),
    ]:  # fmt: skip
        page.keyboard.press(key)
        expect(place).to_contain_text(name)
    for stop in range(4, stops - 1):  # past the other paragraphs, to the first fold
        page.keyboard.press("PageDown")
        expect(place).to_contain_text(f"· {stop} of")
    expect(place).to_contain_text("The derivation")
    expect(
        page.get_by_test_id("stExpander").get_by_text(LESSON.prose["Derivation"][:20]).first
    ).to_be_visible()

    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    assert type_size(page) == before


@pytest.mark.journey
def test_arrows_belong_to_the_player_while_it_has_the_focus_and_page_keys_do_not(
    app: str, new_page: Callable[..., Page]
):
    page = new_page()
    page.set_default_timeout(SLOW)
    page.add_init_script("sessionStorage.setItem('presenting', 'on')")
    page.goto(f"{app}/{LESSON.url_path}")
    player, place = page.locator(".player[data-frame]"), page.locator(".presenter .place")
    expect(player).to_have_attribute("data-frame", "20", timeout=SLOW)
    expect(place).to_contain_text("Picture · 1")
    player.locator(".timeline .range").press("ArrowRight")
    expect(player).to_have_attribute("data-frame", "21")
    page.keyboard.press("PageDown")
    expect(place).to_contain_text("Question · 2")
    expect(player).to_have_attribute("data-frame", "21")
