"""Strangers' words stay text in a real page: whatever reads Markdown there makes nothing of them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from pages.components.plain import APART
from tests.browser.plain_words import WORDS

pytestmark = pytest.mark.browser
PLACES = ("markdown", "warning", "caption", "button", "popover", "bold")
# Every element that markup could have made; icons and the page's own are of other kinds.
MADE = "a[href], img, em, code, pre, del, h1, h2, h3, ol, ul, blockquote, hr, table, sup, script, .katex, [style*=color]"


def read(text: str) -> str:
    return " ".join(text.replace(APART, "").split())


@pytest.fixture(scope="module")
def app(shared) -> str:
    return shared("tests/browser/plain_app.py")


def test_words_are_read_as_they_stand_and_nothing_is_made_of_them(page: Page, app: str):
    page.goto(app)
    expect(page.get_by_text("ready", exact=True)).to_be_visible(timeout=90_000)
    for k, words in enumerate(WORDS):
        for place in PLACES:
            box = page.locator(f".st-key-{place}-{k}")
            expect(box).to_have_text(re.compile(r"\S"))  # labels are drawn a moment after their buttons
            shown = read(box.inner_text())
            assert read(words) in shown, f"{place}: {words!r} reads {shown!r}"
            made = box.locator(".stMarkdown, [data-testid=stMarkdownContainer]").first.locator(MADE)
            assert made.count() == 0, f"{place}: {words!r} made {made.first.evaluate('e => e.outerHTML')}"
