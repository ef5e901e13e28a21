"""A page that is opened stays where it is while it is drawn, and the Tab key soon comes to the play button."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from lessons.course import COURSE

pytestmark = pytest.mark.browser
MOST_SHIFT, MOST_TABS = 0.1, 15
MORE_SHIFT = {"A8": 0.15}  # its picture, its mask and the sheet to paint on come one after the other
NO_PLAYER = {
    "A10",
    "A11",
    "B1",
    "B5",
    "B12",
}  # those open on the result, on a field, or on a sheet to draw on
PLAYED = [lesson for lesson in COURSE if lesson.jobs and lesson.code not in NO_PLAYER]
# Sums up, in windows of five seconds as browsers' vendors do, how much moved that nobody had moved (web.dev/articles/cls).
NOTES = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push([entry.startTime, entry.value]);
  }).observe({ type: "layout-shift", buffered: true });
"""
FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.getAttribute("aria-label") ?? "";
}"""


def largest_window(shifts: list[list[float]]) -> float:
    """The largest sum of shifts that follow each other within a second, five seconds at most."""
    best = window = began = last = 0.0
    for at, value in shifts:
        if at - last > 1000 or at - began > 5000:
            began, window = at, 0.0
        window, last = window + value, at
        best = max(best, window)
    return best


def test_windows_of_shifts():
    assert largest_window([[0, 0.1], [900, 0.2], [2500, 0.25]]) == pytest.approx(0.3)
    assert largest_window([[k * 900, 0.1] for k in range(8)]) == pytest.approx(0.6)
    assert largest_window([]) == 0


@pytest.mark.journey  # half a minute each
@pytest.mark.parametrize("lesson", PLAYED, ids=lambda lesson: lesson.code)
def test_nothing_moves_and_play_is_near(page: Page, app: str, lesson):
    page.set_viewport_size({"width": 1366, "height": 768})
    page.add_init_script(NOTES)
    for _ in range(2):  # once, for what this server has not read yet
        page.goto(f"{app}/{lesson.url_path}")
        expect(page.locator(".player[data-frame]").first).to_be_visible(timeout=240_000)
        expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached(timeout=120_000)
        page.wait_for_timeout(1500)
    assert largest_window(page.evaluate("window.shifts")) < MORE_SHIFT.get(lesson.code, MOST_SHIFT)
    stops = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
        if stops[-1] in ("Play", "Pause"):
            return
    pytest.fail(f"{MOST_TABS} Tabs do not reach the play button: {stops}")
