"""A lesson opened in a browser, and what its address holds."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from lessons.course import COURSE
from lessons.lesson import Lesson

LESSON = {lesson.code: lesson for lesson in COURSE}


def opened(page: Page, lesson: Lesson) -> None:
    """Waits until the whole page is drawn: its title, and the fold that comes last."""
    expect(page.get_by_role("heading", level=1)).to_have_text(
        f"{lesson.code} · {lesson.title}", timeout=60_000
    )
    expect(page.get_by_text("Where this comes from")).to_be_visible(timeout=60_000)


def visit(page: Page, app: str, code: str, query: str = "") -> Locator:
    """Opens a lesson by its address and returns its player, which need not be there yet."""
    page.goto(f"{app}/{LESSON[code].url_path}{query}")
    opened(page, LESSON[code])
    return page.locator(".player[data-frame]")


def query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
