"""A page's words: what those hear who do not see it, prompts in every script, and the link that leads back to it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from lessons.course import COURSE
from pages.components.plain import APART
from tests.browser.cancelling import cancel_everything

pytestmark = pytest.mark.browser
LESSON = {lesson.code: lesson for lesson in COURSE}
DRAWN = 120_000  # milliseconds
NAMED = {
    "button", "link", "slider", "textbox", "combobox", "checkbox", "radio", "switch", "spinbutton", "tab", "image", "img",
}  # fmt: skip
# Words of the icon font, as they would be read: "casino icon", "arrow_forward".
ICON = re.compile(r"\bicon$|[a-z]+_[a-z]+(?!\()")


def heard(page: Page) -> list[tuple[str, str]]:
    """(role, name) of everything that is named, from Chromium's accessibility tree, which is what a screen reader gets."""
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    found = [(node.get("role", {}).get("value"), node.get("name", {}).get("value", "")) for node in tree]
    return [(role, name.strip()) for role, name in found if role in NAMED]


@pytest.mark.parametrize(
    ("code", "popover"),
    [
        ("B2", "Draw one"), pytest.param("A8", "Picture", marks=pytest.mark.journey),
        pytest.param("A1", "Picture", marks=pytest.mark.journey), pytest.param("B5", None, marks=pytest.mark.journey),
    ],
)  # fmt: skip
def test_everything_has_a_name_and_no_name_is_an_icons(page, app, code, popover):
    page.goto(f"{app}/{LESSON[code].url_path}")
    expect(page.get_by_text("Where this comes from")).to_be_visible(timeout=DRAWN)
    cancel_everything(page)
    if popover:
        page.get_by_role("button", name=popover, exact=True).click()
        expect(page.get_by_test_id("stPopoverBody")).to_be_visible()
        page.wait_for_timeout(500)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
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


# ---- prompts -----------------------------------------------------------------------------------------------

PROMPTS = {  # and what is said of them: the tokenizer has the letters of Arabic, and of these Chinese ones none
    "قطة حمراء تجلس": "",  # from right to left
    "赤い猫が座っている": "does not know “赤”, “猫”, “座”",
    "e\u0301te\u0301 नमस्ते 👩‍🚀": "U+200D ZERO WIDTH JOINER",  # marks that join the sign before
    "a\u200b cat\u202e sits": "U+200B ZERO WIDTH SPACE, U+202E RIGHT-TO-LEFT OVERRIDE",
    "<img src=x onerror=alert(1)> $x^2$ :cat: **b**": "It does not see: “)> $x^2$ :cat: **b**”",
}


@pytest.mark.journey
def test_prompts_of_every_script_stay_what_was_typed(new_page, app):
    """In the box, in the address, in what is said of them; and the page stays as wide as its window."""
    # A browser that lags behind asks for a picture of the run before last, which the server has let go.
    page = new_page(errors_allowed=("status of 404", "Image source error"))
    page.on("dialog", lambda dialog: pytest.fail("a prompt ran as a script"))
    page.goto(f"{app}/{LESSON['A4'].url_path}?i_start=33")
    expect(page.get_by_text("Where this comes from")).to_be_visible(timeout=DRAWN)
    box = page.get_by_label("Prompt", exact=True)
    for prompt, says in PROMPTS.items():
        box.fill(prompt)
        box.press("Enter")
        page.wait_for_function(
            "(text) => new URLSearchParams(location.search).get('prompt') === text", arg=prompt
        )
        if says:
            expect(page.get_by_test_id("stAlert")).to_contain_text(says.replace(":cat", f":{APART}cat"))
        expect(box).to_have_value(prompt)
        expect(page.locator(".stAlert img, .stAlert .katex, .stAlert strong")).to_have_count(0)
        assert page.get_by_test_id("stMain").evaluate("(main) => main.scrollWidth <= main.clientWidth")
    box.fill(next(iter(PROMPTS)))
    box.press("Enter")
    page.wait_for_function(
        "(text) => new URLSearchParams(location.search).get('prompt') === text", arg=next(iter(PROMPTS))
    )
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_hidden(timeout=DRAWN)
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=DRAWN)
    page.reload()
    expect(box).to_have_value(next(iter(PROMPTS)), timeout=DRAWN)


# ---- the link ----------------------------------------------------------------------------------------------


def test_the_link_of_a_page_whose_path_ends_as_anothers_leads_to_it(page, app):
    """Streamlit takes “image-to-image” off the end of “text-image-to-image” when the page is entered by its address."""
    lesson = LESSON["A9"]
    page.goto(f"{app}/{lesson.url_path}?i_starts=33")
    take = page.get_by_role("button", name="Take it home")
    expect(take).to_be_enabled(timeout=300_000)
    take.click()
    link = page.get_by_test_id("stPopoverBody").get_by_text(re.compile("^http")).inner_text()
    # A bare address has another seed.
    assert link.split("?") == [f"{app}/{lesson.url_path}", "i_starts=33&seed=0"]
    before = take.bounding_box()["y"]
    page.add_style_tag(
        content="* { overflow-anchor: none !important }"
    )  # Safari; Chromium at the top of a page
    page.locator("h1").evaluate("(title) => { title.style.marginBottom = '2000px'; }")
    page.wait_for_timeout(1000)
    box = page.get_by_test_id("stPopoverBody").bounding_box()
    assert abs(take.bounding_box()["y"] - before) <= 2, (
        "an open popover stays where it is while the page grows"
    )
    assert box["y"] >= 0 and box["y"] + box["height"] <= 900
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text(
        f"{lesson.code} · {lesson.title}", timeout=DRAWN
    )
