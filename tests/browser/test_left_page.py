"""A page that is left while something in it speaks to the server: the next one is drawn whole, and nothing breaks down."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from lessons.course import COURSE

pytestmark = pytest.mark.browser
SLOW = 120_000  # milliseconds
CLOSED, NEXT = COURSE[1], COURSE[2]  # compute in closed form
# In one turn of the browser: a way is taken, and every player tells the server its frame.
LEAVES = """([path, frame]) => {
  document.querySelector(`[data-testid="stSidebarNavLink"][href$="/${path}"]`).click();
  for (const player of globalThis.__players) player.send(frame, player.epoch);
}"""


def shown(page: Page, lesson) -> None:
    expect(page.get_by_role("heading", name=f"{lesson.code} · {lesson.title}")).to_be_visible(timeout=SLOW)
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=SLOW)


def test_a_page_that_is_left_while_its_player_tells_its_frame_stays_left(new_page, app):
    page = new_page()
    page.goto(f"{app}/{CLOSED.url_path}")
    for times in range(3):
        shown(page, CLOSED)
        page.evaluate(LEAVES, [NEXT.url_path, 1 + times])
        shown(page, NEXT)
        page.wait_for_function("document.querySelector('.stApp').dataset.testScriptState === 'notRunning'")
        shown(page, NEXT)
        assert page.url.split("?")[0].endswith(NEXT.url_path)
        page.evaluate(LEAVES, [CLOSED.url_path, 4 + times])


def test_what_is_told_on_the_page_that_is_shown_is_heard(new_page, app):
    """Come to by the menu, and gone back to."""
    page = new_page()
    page.goto(f"{app}/{NEXT.url_path}")
    shown(page, NEXT)
    page.evaluate(LEAVES, [CLOSED.url_path, 3])
    for times in range(2):
        shown(page, CLOSED)
        page.locator(".player .range").first.focus()
        page.keyboard.press("End")
        for _ in range(4 + times):
            page.keyboard.press("ArrowLeft")
        expect(page).to_have_url(re.compile(f"[?&]frame={36 - times}(&|$)"))  # of 0 to 40
        page.evaluate(LEAVES, [NEXT.url_path, 5])
        shown(page, NEXT)
        page.go_back()
