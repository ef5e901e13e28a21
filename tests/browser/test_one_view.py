"""Picture and words in one view: the figure stays in the window while the words pass, and keys act on the whole page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from lessons.course import COURSE

pytestmark = pytest.mark.browser
SLOW = 120_000  # milliseconds
SIZES = [(1366, 768), (390, 844), (820, 1180)]
PHONE_SHARE = 0.45  # of the height, for a figure above the words
LESSON = COURSE[1]  # computes in closed form
FIGURES = (
    ".st-key-figure :is(.player .stage, .player .deck, .panels, .turner .tiles, .distance .rows, .unet svg,"
    " .canvas .surface)"
)


def inside(page: Page, parts: Locator, height: float) -> None:
    """All of these lie between the window's upper edge and `height`."""
    for part in parts.all():
        box = part.bounding_box()
        assert box is None or (box["y"] >= -1 and box["y"] + box["height"] <= height + 1), box


STILL = """() => new Promise((answer) => {
  const player = document.querySelectorAll('[data-testid="stBidiComponentIsolated"]');
  const stage = [...player].map((host) => host.shadowRoot?.querySelector(".player .stage")).find(Boolean);
  let changes = 0;
  new MutationObserver((records) => { changes += records.length; }).observe(stage, { childList: true });
  const pixels = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const blank = (canvas) => pixels(canvas).every((value) => value === 0);
  setTimeout(() => answer({ changes, blank: [...stage.querySelectorAll("canvas")].filter(blank).length }), 800);
})"""


@pytest.mark.parametrize("size", [(390, 844), (360, 740)], ids=str)
def test_pictures_that_are_laid_out_stay_as_they_are(new_page, fresh, size):
    """A0 on a phone: a name of two lines and a row's words, of which the height was once measured without the other."""
    page = new_page(width=size[0], height=size[1])
    page.goto(f"{fresh}/meet-the-model")
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=SLOW)
    seen = [page.evaluate(STILL)]  # fonts and what stands above the pictures may come after them
    while seen[-1]["changes"] and len(seen) < 10:
        seen.append(page.evaluate(STILL))
    assert seen[-1] == {"changes": 0, "blank": 0}, seen


@pytest.mark.parametrize(("size", "least"), [((1366, 768), 84), ((390, 844), 28)], ids=str)
def test_a_digit_s_samples_are_large_enough_to_be_compared(new_page, fresh, size, least):
    """B9: four digits of two blocks, each sample so many pixels wide, below what is said of its block; all in one window."""
    page = new_page(width=size[0], height=size[1])
    page.goto(f"{fresh}/guided-digits")
    fours = page.locator('.tile canvas[data-row^="x_t-"]')
    expect(fours).to_have_count(8, timeout=SLOW)
    heads = page.locator('.tile:has([data-row^="x_t-"]) figcaption')
    expect(heads).to_have_text([re.compile("^γ = 1: "), re.compile("^γ = 5: ")])
    page.wait_for_timeout(1000)
    for k in range(8):
        assert fours.nth(k).bounding_box()["width"] >= 4 * least
    for k in range(2):
        above, below = heads.nth(k).bounding_box(), fours.nth(k).bounding_box()
        assert above["y"] + above["height"] <= below["y"] + 1 and abs(above["x"] - below["x"]) < 2
    inside(page, page.locator(FIGURES), size[1])


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_figure_stays_in_the_window_while_the_words_pass(new_page, app, size):
    width, height = size
    page = new_page(width=width, height=height)
    page.set_default_timeout(SLOW)
    page.goto(f"{app}/{LESSON.url_path}")
    player = page.locator(".player[data-frame]")
    expect(player).to_be_visible(timeout=SLOW)
    page.wait_for_timeout(500)
    figure = page.locator(FIGURES)
    inside(page, figure, height)
    phrase = page.locator('.st-key-prose a[href*="t=950"], .st-key-prose a[href*="t=750"]').first
    phrase.scroll_into_view_if_needed()
    before = player.get_attribute("data-frame")
    phrase.click()
    expect(player).not_to_have_attribute("data-frame", before)
    inside(page, figure, height)
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, main.scrollHeight)")
    page.wait_for_timeout(300)
    if width < 960:
        top = page.locator(".st-key-figure").bounding_box()
        assert top["y"] >= -1 and top["height"] <= PHONE_SHARE * height + 1
        inside(page, figure, PHONE_SHARE * height)
    else:
        inside(page, figure, height)


def test_keys_act_without_a_click_and_not_while_one_types(new_page, app):
    page = new_page()
    page.set_default_timeout(SLOW)
    page.goto(f"{app}/{LESSON.url_path}")
    player = page.locator(".player[data-frame]")
    expect(player).to_be_visible(timeout=SLOW)
    page.keyboard.press("End")
    expect(player).to_have_attribute("data-frame", "40")
    page.keyboard.press("ArrowLeft")
    expect(player).to_have_attribute("data-frame", "39")
    page.keyboard.press("Home")
    expect(player).to_have_attribute("data-frame", "0")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.locator("html[data-presenting]")).to_have_count(1)
    page.keyboard.press("p")
    expect(page.locator("html[data-presenting]")).to_have_count(0)
    page.keyboard.press("Home")
    seed = page.get_by_role("textbox", name="Seed")
    seed.focus()
    seed.press("p")
    seed.press("End")
    expect(page.locator("html[data-presenting]")).to_have_count(0)
    expect(player).to_have_attribute("data-frame", "0")


@pytest.mark.journey
def test_a_film_plays_once_when_its_lesson_is_opened_and_rests_where_it_opens(new_page, app):
    page = new_page(reduced_motion="no-preference")
    page.set_default_timeout(SLOW)
    page.add_init_script(
        "window.seen = []; document.addEventListener('player-frame', (e) => window.seen.push(e.detail.frame))"
    )
    page.goto(f"{app}/iterative-denoising?i_start=25")  # nine steps
    player = page.locator(".player[data-frame]")
    pin = page.get_by_role("button", name="Pin to compare")
    expect(pin).to_be_enabled(timeout=SLOW)  # computed
    page.reload()  # another visit, which finds it there
    expect(pin).to_be_enabled(timeout=SLOW)
    page.wait_for_function("window.seen.includes(0)")
    expect(player).to_have_attribute("data-frame", "8")
    assert page.evaluate("window.seen.at(-1)") == 8


def test_pointing_at_a_quantity_lights_it_up_everywhere(new_page, app):
    page = new_page()
    page.set_default_timeout(SLOW)
    page.goto(f"{app}/{LESSON.url_path}")
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=SLOW)
    page.locator(".band[data-quantity=noise] .label").hover()
    expect(page.locator(".band.lit[data-quantity=noise]")).to_have_count(1)
    expect(page.locator(".band.lit[data-quantity=noisy]")).to_have_count(0)
    page.locator(".band[data-quantity=noisy] .label").first.hover()
    expect(page.locator(".band.lit[data-quantity=noisy]")).not_to_have_count(0)


LIT_WORDS = "() => [...(CSS.highlights.get('quantity') ?? [])].map((range) => range.toString())"


def test_formulas_curves_and_code_are_linked_with_the_pictures(new_page, app):
    """x̂₀ in A3: its picture, the curve of its error, its symbols in the derivation, and `clean_hat` in the code that ran."""
    page = new_page()
    page.set_default_timeout(SLOW)
    page.goto(f"{app}/one-step-denoising")
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="curves").click()
    words = page.locator(".st-key-words")
    for fold in ("The derivation", "The code that ran"):
        words.get_by_text(fold, exact=True).click()
    expect(words.locator("pre code").first).to_be_visible()
    symbol = words.locator("details .katex-html .mord").get_by_text("x^", exact=False).first

    page.locator(".band[data-quantity=estimate] .label").first.hover()
    expect(page.locator(".chart .curve.lit[data-quantity=estimate]")).to_have_count(1)
    lit = words.locator("details .katex-display [data-lit]")
    expect(lit.first).to_be_visible()
    assert {re.sub(r"[\s\u200b]", "", text)[:2] for text in lit.all_text_contents()} == {"x^"}
    assert set(page.evaluate(LIT_WORDS)) == {"clean_hat"}

    page.locator(".readout[data-quantity=noise]").hover()
    assert set(page.evaluate(LIT_WORDS)) == {"eps"}
    symbol.hover()
    expect(page.locator(".band.lit[data-quantity=estimate]")).not_to_have_count(0)


@pytest.mark.journey
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.code)
def test_every_lesson_is_one_view(new_page, app, lesson, size):
    width, height = size
    page = new_page(width=width, height=height)
    page.set_default_timeout(SLOW)
    page.goto(f"{app}/{lesson.url_path}")
    expect(page.locator(f"{FIGURES}, .st-key-figure table, .st-key-figure .stDataFrame").first).to_be_visible(
        timeout=SLOW
    )
    expect(page.get_by_text(re.compile(r"^Step \d+ of \d+"))).to_have_count(0, timeout=SLOW)
    page.wait_for_timeout(800)
    if (
        page.locator(".st-key-board").count() and width < 960
    ):  # a sheet to draw on scrolls away with the words, the film too
        assert (
            page.locator(".st-key-figure").evaluate("e => getComputedStyle(e.parentElement).position")
            == "static"
        )
        for part in page.locator(FIGURES).all():
            part.evaluate("e => e.scrollIntoView({ block: 'center' })")
            page.wait_for_timeout(300)
            inside(page, part, height)
        return
    if width < 960:
        page.locator(".st-key-figure").evaluate("e => e.scrollIntoView()")
        page.wait_for_timeout(300)
    inside(page, page.locator(FIGURES), height)
