"""What those hear who do not see a page: every control and every picture has a name, and the focus stays where it is.

Read out of Chromium's accessibility tree, which is what a screen reader gets.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from lessons.course import COURSE
from tests.browser.cancelling import cancel_everything

pytestmark = pytest.mark.browser
LESSON = {lesson.code: lesson for lesson in COURSE}
DRAWN = 120_000  # milliseconds
NAMED = {
    "button", "link", "slider", "textbox", "combobox", "checkbox", "radio", "switch", "spinbutton", "tab", "image", "img",
}  # fmt: skip
# Words of the icon font, as they would be read: "casino icon", "arrow_forward".
ICON = re.compile(r"\bicon$|[a-z]+_[a-z]+(?!\()")


@pytest.fixture(scope="module")
def app(serve) -> str:
    return serve("streamlit_app.py")


def heard(page: Page) -> list[tuple[str, str]]:
    """(role, name) of everything that is named."""
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    found = [(node.get("role", {}).get("value"), node.get("name", {}).get("value", "")) for node in tree]
    return [(role, name.strip()) for role, name in found if role in NAMED]


@pytest.mark.parametrize(
    ("code", "popover"), [("A8", "Picture"), ("A1", "Picture"), ("B2", "Draw one"), ("B5", None)]
)
def test_everything_has_a_name_and_no_name_is_an_icons(page, app, code, popover):
    page.goto(f"{app}/{LESSON[code].url_path}")
    expect(page.get_by_text("Where this comes from")).to_be_visible(timeout=DRAWN)
    cancel_everything(page)
    if popover:
        page.get_by_role("button", name=popover, exact=True).click()
        expect(page.get_by_test_id("stPopoverBody")).to_be_visible()
        page.wait_for_timeout(500)
    names = heard(page)
    assert ("button", "Another digit" if code == "B2" else "Another seed") in names
    fields = {"i_start"}  # names of controls that look like an icon's
    wrong = [(role, name) for role, name in names if not name or (ICON.search(name) and name not in fields)]
    assert not wrong


def test_the_focus_stays_where_it_is_when_the_page_is_drawn_anew(page, app):
    """A slider, a box of text, and a button that stays: after the script has run, keys go on where they went."""
    page.goto(f"{app}/{LESSON['A1'].url_path}")
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=DRAWN)
    for control, key in (
        (page.get_by_role("slider", name="Timestep t"), "ArrowRight"),
        (page.get_by_role("textbox", name="Seed"), "Enter"),
        (page.get_by_role("button", name="+1"), "Enter"),
        (page.get_by_role("button", name="t = 750", exact=True), "Enter"),
    ):
        control.focus()
        if control.get_attribute("type") == "text":
            control.fill("7")
        control.press(key)
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        page.wait_for_timeout(1000)
        expect(control).to_be_focused()
