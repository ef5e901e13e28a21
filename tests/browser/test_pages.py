"""The lessons in a real browser, on the model that ships: opened, run, cancelled, left, linked, and asked absurd things.

Runs are kept short by the addresses that are opened: `i_start=33` is one evaluation of the network, `steps=5` five.
"""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from lessons.course import COURSE
from pages.components.plain import APART
from tests.browser.cancelling import cancel_everything
from tests.browser.lesson_visits import LESSON, opened, query, visit

pytestmark = pytest.mark.browser
COMPUTED = 300_000  # milliseconds: a computation on a machine that is busy with other things
# What makes a lesson's first run short; a lesson that is not named opens on its reference preset and is then stopped.
SHORT = {
    "A0": "?steps=5",
    "A4": "?i_start=33",
    "A5": "?count=1",
    "A6": "?gammas=1",
    "A13": "?evaluations=4",
    "A14": "?steps=5",
    "B0": "?steps=2",
}
# Lessons that other tests open in a browser, or that stand in the same furniture as one that is opened here.
OPENED_ELSEWHERE = ("A0", "A1", "A2", "A4", "A5", "A6", "A7", "A9", "B3", "B4", "B6", "B8", "B10", "B12")


@pytest.fixture
def cancelling(page: Page):
    """The test's runs are cancelled at its end, so that the next test need not wait for them."""
    yield
    cancel_everything(page)


def expect_query(page: Page, **wanted: str) -> None:
    """The address comes to hold these parameters; `None` means that it must not hold this one."""
    for _ in range(150):
        found = query(page)
        if all(found.get(name) == value for name, value in wanted.items()):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"The address holds {query(page)}, not {wanted}.")


def type_into(page: Page, label: str, text: str) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Enter")


def finished(player: Locator, total: int) -> None:
    """The film has all its frames."""
    expect(player.locator(".live")).to_be_hidden(timeout=COMPUTED)
    expect(player.locator(".timeline .range")).to_have_attribute("max", str(total - 1), timeout=COMPUTED)


# ---- opening -----------------------------------------------------------------------------------------------


@pytest.mark.journey
@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.code)
def test_a_lesson_opens_by_its_address(page, app, lesson):
    """Nothing goes wrong and nothing is fetched from elsewhere: `new_page` fails on either."""
    visit(page, app, lesson.code, SHORT.get(lesson.code, ""))
    cancel_everything(page)


@pytest.mark.journey
def test_lessons_that_no_other_test_opens_open_one_after_the_other(page, fresh):
    """From the menu, in one window, as one goes through a course on a fresh machine: nothing has to be computed."""
    page.goto(f"{fresh}/class")
    for lesson in COURSE:
        if lesson.code not in OPENED_ELSEWHERE:
            page.get_by_role("link", name=f"{lesson.code} · {lesson.title}").first.click()
            opened(page, lesson)
            expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
            expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)


@pytest.mark.journey
def test_every_page_opens_in_the_dark_on_a_phone_one_after_the_other(new_page, app):
    page = new_page(width=420, color_scheme="dark")
    page.goto(app)
    begin = f"{COURSE[0].code} · {COURSE[0].title}"
    page.get_by_test_id("stMain").get_by_role("link", name=begin).last.click()
    for lesson in COURSE:
        opened(page, lesson)
        cancel_everything(page)
        shade = page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
        assert max(int(number) for number in re.findall(r"\d+", shade)[:3]) < 40, f"{lesson.code} is not dark"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
            f"{lesson.code} is too wide"
        )
        after = page.get_by_test_id("stPageLink").last.get_by_role("link")
        if lesson is not COURSE[-1]:
            after.click()


def test_the_start_page_shows_a_run_and_every_lesson(page, app):
    page.goto(app)
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=COMPUTED)
    for lesson in COURSE:
        expect(
            page.get_by_test_id("stMain").get_by_role("link", name=f"{lesson.code} · {lesson.title}").last
        ).to_be_visible()
    cancel_everything(page)


# ---- running -----------------------------------------------------------------------------------------------


def test_a_run_can_be_watched_cancelled_left_and_found_again(page, app):
    player = visit(page, app, "A0", "?steps=5")
    finished(player, 5)
    slider = page.get_by_role("slider", name="Steps")
    slider.press("End")
    run, cancel = (page.get_by_role("button", name=name, exact=True) for name in ("Run", "Cancel"))
    expect_query(page, steps="100")
    expect(cancel).to_be_visible()
    expect(player).to_be_visible(timeout=COMPUTED)  # frames arrive
    expect(page.get_by_text(re.compile(r"\d+ of 100 frames computed"))).to_be_visible()
    cancel.click()
    expect(run).to_be_visible(timeout=60_000)
    expect(cancel).to_be_hidden()

    run.click()
    expect(player).to_be_visible(timeout=COMPUTED)
    page.get_by_role("link", name=f"A1 · {LESSON['A1'].title}").first.click()
    opened(page, LESSON["A1"])
    page.get_by_role("link", name=f"A0 · {LESSON['A0'].title}").first.click()
    opened(page, LESSON["A0"])
    expect_query(page, steps="100")
    expect(slider).to_have_value("100")
    expect(run).to_be_hidden()
    expect(player).to_be_visible(timeout=COMPUTED)

    address, tab = page.url, page
    page = tab.context.new_page()
    tab.close()  # the run goes on, and is there when its owner comes back
    page.goto(address)
    player, run, cancel = (
        page.locator(".player[data-frame]"),
        *(page.get_by_role("button", name=name, exact=True) for name in ("Run", "Cancel")),
    )
    opened(page, LESSON["A0"])
    expect_query(page, steps="100")
    expect(player).to_be_visible(timeout=COMPUTED)
    expect(run).to_be_hidden()
    cancel.click()  # a page that was opened anew belongs to the same person
    expect(run).to_be_visible(timeout=60_000)

    page.get_by_role("slider", name="Steps").press("Home")  # computed before: there at once, nothing to press
    finished(player, 5)
    expect(run).to_be_hidden()


def test_a_run_that_was_watched_rests_like_one_that_was_there_at_once(page, app):
    """A9's film is of t while it is computed and of i_start afterwards, and its last frame is the picture itself."""
    player = visit(page, app, "A9", "?i_starts=31;32;33&seed=5").first
    expect(page.get_by_role("button", name="Take it home")).to_be_enabled(timeout=COMPUTED)
    expect(player).to_have_attribute("data-frame", "1")
    player.locator(".timeline .range").press("End")
    expect(player).to_have_attribute("data-frame", "3")


def test_a_mistake_runs_beside_the_right_way(page, app):
    variant = LESSON["A4"].variants[0]
    player = visit(page, app, "A4", "?i_start=33")
    finished(player, 1)
    page.get_by_test_id("stButtonGroup").get_by_text(variant.label, exact=True).click()
    expect(player.locator(".tile figcaption").first).to_have_text("right", timeout=COMPUTED)
    expect(player.locator(".tile figcaption").nth(1)).to_have_text("wrong")
    expect_query(page, wrong=variant.name)
    expect(page.get_by_text(variant.what)).to_be_visible()
    page.reload()
    expect(player.locator(".tile figcaption").nth(1)).to_have_text("wrong", timeout=COMPUTED)


def test_a_pinned_run_stands_beside_the_next_one_and_comes_back_with_the_link(page, app):
    player = visit(page, app, "A4", "?i_start=33")
    finished(player, 1)
    page.get_by_role("button", name="Pin to compare").click()
    expect(page.get_by_text("Pinned. Change a control or take a preset")).to_be_visible()
    expect_query(page, pin="i_start=33")
    page.get_by_role("slider", name="i_start").press("ArrowLeft")
    names = player.locator(".tile figcaption")
    expect(names).to_have_text(["i_start 32", "i_start 33"], timeout=COMPUTED)
    finished(player, 2)
    page.reload()
    expect(names).to_have_text(["i_start 32", "i_start 33"], timeout=COMPUTED)
    player.locator(".timeline .range").press("Home")
    grey = player.locator("canvas[data-row=clean_hat][data-sample='1']")
    assert grey.evaluate("c => [...c.getContext('2d').getImageData(5, 5, 1, 1).data]") == [128, 128, 128, 255]
    page.get_by_role("button", name="Unpin i_start 33").click()
    expect(names).to_have_count(0)
    expect_query(page, pin=None)


# ---- the scrubber, the prose, the question, the files ------------------------------------------------------


def test_scrubbing_a_lesson_sends_nothing_until_release(page, traffic, app):
    player = visit(page, app, "A1")
    expect(player).to_have_attribute("data-frame", "20")
    canvas = player.locator("canvas[data-row=x_t]")
    before = canvas.evaluate("c => c.toDataURL()")
    box = player.locator(".timeline .range").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.wait_for_timeout(1500)  # the page has come to rest
    traffic.reset()
    page.mouse.down()
    for share in np.linspace(0.5, 0.9, 15):
        page.mouse.move(box["x"] + share * box["width"], middle)
        page.wait_for_timeout(30)
    page.wait_for_timeout(900)
    assert traffic.sent == 0
    assert int(player.get_attribute("data-frame")) > 30
    assert canvas.evaluate("c => c.toDataURL()") != before
    page.mouse.up()
    expect_query(page, frame=player.get_attribute("data-frame"))
    assert traffic.sent == 1


def test_phrases_of_the_prose_set_controls_and_the_frame(page, app):
    player = visit(page, app, "A1")
    page.wait_for_function("() => document.__phrases && !document.__phrases.signal.aborted")
    phrase = page.locator("a[href='#set:t=750']").first
    phrase.click()
    expect(page.get_by_test_id("stToast").first).to_contain_text("750")  # the control may be out of sight
    expect(player).to_have_attribute("data-frame", "30")  # t = 0, 25, …: 750 is the 31st
    expect(page.get_by_role("slider", name="Timestep t")).to_have_value("750")
    expect_query(page, t="750", frame="30")
    phrase = page.locator("a[href^='#set:seed=']").first
    phrase.click()
    expect_query(page, t="750", seed=phrase.get_attribute("href").split("=")[1])
    expect(player).to_have_attribute("data-frame", "30")


def test_a_preset_sets_every_control_and_the_die_another_seed(page, app):
    lesson = LESSON["A1"]
    visit(page, app, "A1", "?seed=5&t=100")
    page.get_by_role("button", name=lesson.presets[0].label, exact=True).click()
    expect_query(page, seed=None, t="250")
    seed = page.get_by_label("Seed", exact=True)
    expect(seed).to_have_value("0")
    page.get_by_role("button", name="Another seed").click()
    expect(seed).not_to_have_value("0")
    expect_query(page, seed=seed.input_value())


def test_the_question_is_answered_after_a_guess(page, app):
    question = LESSON["A1"].question
    visit(page, app, "A1", "?t=100")
    expect(page.get_by_text(question.because)).to_be_hidden()
    page.get_by_text(question.choices[question.answer], exact=True).click()
    expect(page.get_by_text(question.because)).to_be_visible()
    page.get_by_role("button", name="Show it").click()
    expect(page.get_by_role("slider", name="Timestep t")).to_have_value(str(question.reveal["t"]))


def test_everything_can_be_taken_home(page, app, tmp_path):
    player = visit(page, app, "A4", "?i_start=33")
    finished(player, 1)
    page.get_by_role("button", name="Take it home").click()

    def take(label: str) -> io.BytesIO:
        """Some files are prepared first; the popover stays open meanwhile, and the download stands in the line."""
        ready = page.get_by_test_id("stDownloadButton").get_by_role("button", name=label)
        prepare = page.get_by_role("button", name=f"Prepare: {label}")
        expect(ready.or_(prepare)).to_be_visible(timeout=60_000)
        if prepare.is_visible():
            prepare.click()
        expect(ready).to_be_visible(timeout=COMPUTED)
        with page.expect_download(timeout=120_000) as waiting:
            ready.click()
        waiting.value.save_as(tmp_path / "file")
        return io.BytesIO((tmp_path / "file").read_bytes())

    file = take("Picture (PNG)")
    picture = np.asarray(Image.open(file).convert("RGB"))
    about = json.loads(Image.open(file).info["provenance"])
    assert about["lesson"].startswith("A4") and about["link"].endswith("/iterative-denoising?i_start=33")
    numbers = np.load(take("Numbers of every step (NPZ)"), allow_pickle=False)
    assert json.loads(str(numbers["provenance"])) == about
    result = numbers["result"]  # (1, 3, 64, 64) in [-1, 1]
    expected = np.rint((np.clip(result[0], -1, 1) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
    margin = (picture.shape[0] - 256) // 2
    inner = picture[margin : margin + 256 : 4, margin : margin + 256 : 4]
    assert np.abs(inner.astype(int) - expected).max() <= 1
    for label, form in (("Animation (WebP)", "WEBP"), ("Animation (GIF)", "GIF")):
        film = Image.open(take(label))
        assert film.format == form and min(film.size) >= 256
        film.load()
    sheet = Image.open(take("Contact sheet (PNG)"))
    assert json.loads(sheet.info["provenance"]) == about
    notebook = json.load(take("Notebook that computes it"))
    assert notebook["nbformat"] == 4 and any(
        "i_start" in "".join(cell["source"]) for cell in notebook["cells"]
    )
    link = page.get_by_text(re.compile(r"^http://.*i_start=33")).inner_text()
    page.goto(link)
    finished(player, 1)
    page.get_by_role("button", name="Take it home").click()  # what was prepared is there at once
    expect(page.get_by_role("button", name="Animation (GIF)")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Prepare: Animation (GIF)")).to_have_count(0)
    expect(page.get_by_role("slider", name="i_start")).to_have_value("33")


# ---- absurd things -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "asked", "sentences"),
    [
        ("A1", "?t=-1&seed=1e99&frame=-5&preset=unheard-of",
         ["Timestep t must lie between 0 and 999, not “-1”", "Seed must lie between 0 and 2147483647, not “1e99”",
          "asks for frame “-5”", "sets “preset”, which this lesson does not have"]),
        ("A6", "?guidance_scale=nan&gammas=nan", ["sets “guidance_scale”", "must be a number, not “nan”"]),
        pytest.param(
            "A4", "?i_start=33&picture=nobody&wrong=everything", ["no test picture", "asks for the mistake “everything”"],
            marks=pytest.mark.journey,
        ),
        pytest.param(
            "A4", "?i_start=33&picture=upload-" + "0" * 64, ["no longer kept here; upload it again"],
            marks=pytest.mark.journey,
        ),
        pytest.param(
            "A1", "?t=1.5&seed=![x](http://example.org/x.png)",
            ["whole number, not “1.5”", f"![x](http:{APART}//example.org/x.png)"], marks=pytest.mark.journey,
        ),
    ],
)  # fmt: skip
def test_an_absurd_link_gets_sentences_and_a_working_page(page, app, code, asked, sentences, cancelling):
    player = visit(page, app, code, asked)
    for sentence in sentences:
        expect(page.get_by_test_id("stAlert").filter(has_text=sentence)).to_be_visible()
    expect(player).to_be_visible(timeout=COMPUTED)
    page.get_by_role("button", name=LESSON[code].presets[-1].label, exact=True).click()
    for sentence in sentences:
        expect(page.get_by_test_id("stAlert").filter(has_text=sentence)).to_be_hidden()


def test_an_address_that_does_not_exist_leads_to_the_start(new_page, app):
    page = new_page(errors_allowed=("404", "does not seem to exist"))
    page.goto(f"{app}/no-such-lesson")
    expect(page.get_by_role("heading", name="Watch diffusion think")).to_be_visible(timeout=60_000)
    cancel_everything(page)


@pytest.mark.journey
def test_prompts_empty_endless_and_in_other_scripts(new_page, app):
    # A browser that lags behind asks for a picture of the run before last, which the server has let go.
    page = new_page(errors_allowed=("status of 404", "Image source error"))
    player = visit(page, app, "A4", "?i_start=33")
    finished(player, 1)
    for prompt in ("", "кошка 猫 🐱 قطة", "<script>alert(1)</script> **bold**"):
        type_into(page, "Prompt", prompt)
        expect_query(page, prompt=prompt or None)
        finished(player, 1)
    type_into(page, "Prompt", "x" * 5000)
    refusal = page.get_by_test_id("stAlert").filter(
        has_text="Prompt is limited to 300 characters; this has 5000."
    )
    expect(refusal).to_be_visible()
    type_into(page, "Prompt", "a taxi")
    expect(refusal).to_be_hidden()
    finished(player, 1)


def test_what_is_inside_each_network_stands_in_a0(page, app):
    """Sizes as the configurations say: widths 48, 128 and 256 of the one, a sketcher's whole picture of the other."""
    page.goto(f"{app}/meet-the-model?steps=5")
    fold = page.locator("details").filter(has_text="What is inside the network")
    fold.locator("summary").click()
    expect(fold.get_by_text("PatchUNet, ")).to_be_visible(timeout=60_000)
    expect(fold.get_by_text("3\u00a0×\u00a064\u00a0×\u00a064").first).to_be_visible()
    fold.get_by_text("storybook64", exact=True).click()
    expect(fold.get_by_text("StorybookUNet, ")).to_be_visible(timeout=60_000)
    for name, size in (("read", "48 × 32 × 32"), ("down 2", "128 × 16 × 16"), ("transformer", "256 × 8 × 8")):
        card = fold.get_by_text(name, exact=True).locator("xpath=ancestor::*[@data-testid='stMarkdown'][1]")
        expect(card).to_contain_text(size.replace(" ", "\u00a0"))
        expect(fold.get_by_alt_text(f"What goes through at {name}")).to_be_visible()
