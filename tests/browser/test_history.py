"""The browser's history: a step for each act of the hand, and back to what each step showed."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.cancelling import cancel_everything

pytestmark = pytest.mark.browser
DRAWN = 120_000  # milliseconds: A1 asks no network, yet the machine may be busy


def settled(page: Page) -> None:
    """The script has ended, for a second on end: what it sets off is over too."""
    rested = 0
    for _ in range(600):
        state = page.get_by_test_id("stApp").get_attribute("data-test-script-state")
        rested = rested + 1 if state == "notRunning" else 0
        if rested == 5:
            return
        page.wait_for_timeout(200)
    raise AssertionError("The script goes on and on.")


def stands(page: Page, path: str, **wanted: str) -> None:
    """The address is this page's, and holds these of its fields and no others; frame and job may be there."""
    settled(page)
    address = urlsplit(page.url)
    held = {name: values[0] for name, values in parse_qs(address.query).items()}
    held = {name: value for name, value in held.items() if name not in ("frame", "job")}
    assert (address.path, held) == (f"/{path}", wanted)


def back(page: Page) -> None:
    page.evaluate("history.back()")
    page.wait_for_timeout(500)


def noise(page: Page) -> str:
    """The noisy picture of A1's film, as the browser shows it."""
    player = page.locator(".player[data-frame]")
    expect(player).to_be_visible(timeout=DRAWN)
    return player.locator("canvas[data-row=x_t]").first.evaluate("c => c.toDataURL()")


def test_a_preset_is_one_step_and_back_leads_to_what_was_shown(page, app):
    """Start, A1, a seed, two presets: four steps of the hand, and four back."""
    page.goto(app)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=DRAWN)
    settled(page)
    begun = page.evaluate("history.length")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="A1 · ").click()
    noise(page)
    stands(page, "forward-process")
    box = page.get_by_label("Seed", exact=True)
    first = noise(page)
    box.fill("7")
    box.press("Enter")
    stands(page, "forward-process", seed="7")
    seeded = noise(page)
    assert seeded != first
    page.get_by_role("button", name="t = 250", exact=True).click()
    stands(page, "forward-process", t="250")
    page.get_by_role("button", name="t = 950: lost to the eye", exact=True).click()
    stands(page, "forward-process", t="950")
    assert page.evaluate("history.length") == begun + 4

    slider = page.get_by_role("slider", name="t", exact=False).first
    expect(slider).to_have_value("950")
    back(page)
    stands(page, "forward-process", t="250")
    expect(slider).to_have_value("250")
    back(page)
    stands(page, "forward-process", seed="7")
    expect(box).to_have_value("7")
    assert noise(page) == seeded
    back(page)
    stands(page, "forward-process")
    assert noise(page) == first
    page.evaluate("history.forward()")
    page.wait_for_timeout(500)
    stands(page, "forward-process", seed="7")
    expect(box).to_have_value("7")
    assert noise(page) == seeded
    back(page)
    stands(page, "forward-process")
    back(page)
    stands(page, "")


def test_a_hand_on_the_scrubber_makes_no_steps(page, app):
    page.goto(f"{app}/forward-process")
    noise(page)
    settled(page)
    begun = page.evaluate("history.length")
    scrubber = page.locator(".player .timeline .range").first
    for _ in range(3):
        scrubber.press("ArrowLeft")
        page.wait_for_timeout(700)
    settled(page)
    assert "frame=" in page.url
    assert page.evaluate("history.length") == begun


@pytest.mark.journey
def test_back_takes_away_a_pin_and_a_mistake_and_forward_brings_them_back(page, app):
    """What the address holds beside the fields. One evaluation of the network each."""
    path, opened = "iterative-denoising", {"i_start": "33"}
    page.goto(f"{app}/{path}?i_start=33")
    expect(page.get_by_role("button", name="Pin to compare")).to_be_enabled(timeout=300_000)
    stands(page, path, **opened)
    page.get_by_role("button", name="Pin to compare").click()
    stands(page, path, pin="i_start=33", **opened)
    mistake = page.get_by_test_id("stButtonGroup").get_by_text("No noise added", exact=True)
    mistake.click()
    stands(page, path, pin="i_start=33", wrong="no_noise", **opened)
    unpin = page.get_by_role("button", name="Unpin")
    expect(unpin).to_be_visible()
    back(page)
    stands(page, path, pin="i_start=33", **opened)
    expect(unpin).to_be_visible()
    back(page)
    stands(page, path, **opened)
    expect(unpin).to_be_hidden()
    for wanted in ({"pin": "i_start=33"}, {"pin": "i_start=33", "wrong": "no_noise"}):
        page.evaluate("history.forward()")
        page.wait_for_timeout(500)
        stands(page, path, **opened, **wanted)
        expect(unpin).to_be_visible()
    cancel_everything(page)
