"""axe-core finds no fault on any page, in both themes, but for those of Streamlit's own making."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from lessons.course import COURSE

pytestmark = pytest.mark.browser
PATHS = {"Start": "", "Kept": "collection", "Class": "class"} | {
    lesson.code: lesson.url_path for lesson in COURSE
}
ALWAYS = {("Start", "light"), ("A6", "dark")}  # the others in make journeys
EVERY = [
    pytest.param(
        name, theme, id=f"{name}-{theme}", marks=() if (name, theme) in ALWAYS else pytest.mark.journey
    )
    for name in PATHS
    for theme in ("light", "dark")
]
# Rule -> what stands in the HTML of those that are not ours: Streamlit's menu, whose list has its groups between itself and
# the items, and the unnamed first column of its data frames. And a heading that is a formula: axe counts no MathML as text,
# which is what a screen reader has it for.
THEIRS = {
    "list": ("stSidebarNavItems",),
    "listitem": ("<li class=",),
    "empty-table-header": ('role="columnheader"', "<math>"),
}


def faults(page: Page) -> Iterator[str]:
    """ "rule: HTML": what axe finds on the page as it stands, Streamlit's own left out."""
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    for violation in violations:
        for node in violation["nodes"]:
            if not any(words in node["html"] for words in THEIRS.get(violation["id"], ())):
                yield f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:200]}"


@pytest.mark.parametrize(("name", "theme"), EVERY)
def test_axe_finds_no_fault_of_our_own(page: Page, app: str, name: str, theme: str):
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"{app}/{PATHS[name]}")
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached(timeout=120_000)
    page.wait_for_timeout(3000)  # films are fetched, and the page is laid out anew
    assert not list(faults(page))


def test_a_fault_is_found(page: Page):
    """The measure itself: a picture without words, and text that can hardly be read."""
    page.set_content(
        '<html lang="en"><title>t</title><h1>h</h1><img src="x"><p style="color: #bbb; background: #fff">pale</p>'
    )
    found = {fault.split(":")[0] for fault in faults(page)}
    assert {"image-alt", "color-contrast"} <= found
