"""A training in a real browser: started, watched, left, reloaded, paused, gone on with, discarded, compared, diverged."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from lessons.class_conditioning import LESSON as B8
from lessons.time_conditioned_flow import LESSON as B6
from tests.browser.cancelling import cancel_everything

pytestmark = [pytest.mark.browser, pytest.mark.slow]
COMPUTED = 300_000  # milliseconds: a computation on a machine that is busy with other things
LONG = "width=8&batch_size=8&pictures=800&epochs=100"  # 10,000 steps: nobody waits for its end
EPOCH = 100  # steps, and the way from checkpoint to checkpoint
CANNOT_TRAIN = (
    ("Width D", "7", "multiple of 8 from 8 to 256; 7 is none"),
    ("Width D", "4096", "4096 is none"),
    ("Learning rate", "0", "above 0"),
    ("Learning rate", "10", "at most 1"),
    ("Batch", "70000", "batch size"),
)
STEPS = re.compile(r"Step ([\d,]+) of 10,000")


def visit(page: Page, app: str, lesson, query: str = "") -> None:
    page.goto(f"{app}/{lesson.url_path}?{query}")
    if not query:  # one that sets a training's numbers opens on it
        page.get_by_role("radio", name="Its training").click(timeout=COMPUTED)
    expect(page.get_by_role("heading", name="Train it yourself")).to_be_visible(timeout=COMPUTED)
    cancel_everything(page)  # what the lesson opens with


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click(timeout=COMPUTED)


def step(page: Page, at_least: int = 0) -> int:
    """The step that the progress bar tells, once it has got that far."""
    for _ in range(COMPUTED // 200):
        found = STEPS.search(page.get_by_test_id("stMain").inner_text())
        if found and int(found.group(1).replace(",", "")) >= at_least:
            return int(found.group(1).replace(",", ""))
        page.wait_for_timeout(200)
    raise AssertionError(f"No step from {at_least} on within {COMPUTED / 1000} s.")


def points(page: Page, line: int = 0) -> int:
    """How many points a bold curve has, of those that are drawn at all."""
    return page.locator(".curves .drawing").evaluate(
        "(drawing, line) => drawing.data.filter((trace) => trace.showlegend !== false)[line].y.length", line
    )


def drawn_from(page: Page) -> list[float]:
    """From where to where the horizontal axis reaches."""
    return page.locator(".curves .drawing").evaluate("(drawing) => drawing._fullLayout.xaxis.range")


@pytest.mark.journey
def test_a_training_is_watched_left_reloaded_paused_and_discarded(page: Page, app: str):
    visit(page, app, B6, LONG)
    press(page, "Train")
    before = step(page, 1)
    expect(page.locator(".curves .js-line").first).to_be_visible(timeout=COMPUTED)
    seen, chart = points(page), page.locator(".curves .main-svg").first.element_handle()
    plane = page.locator(".curves .nsewdrag").bounding_box()
    page.mouse.move(plane["x"] + 0.2 * plane["width"], plane["y"] + 0.5 * plane["height"])
    page.mouse.down()
    page.mouse.move(plane["x"] + 0.6 * plane["width"], plane["y"] + 0.5 * plane["height"], steps=4)
    page.mouse.up()
    zoomed = drawn_from(page)
    assert zoomed[0] > 1500 and zoomed[1] < 6500
    assert step(page, before + 20) > before
    page.wait_for_timeout(1500)
    assert points(page) > seen  # the curve moves,
    assert drawn_from(page) == zoomed  # the zoom stays,
    assert chart.evaluate("(svg) => svg.isConnected")  # and the chart is the same one
    expect(page.get_by_text(re.compile(r"steps a second · about .+ left"))).to_be_visible(timeout=COMPUTED)
    expect(page.locator(".player[data-frame] .step").last).to_contain_text("after step", timeout=COMPUTED)

    page.get_by_role("link", name="Class", exact=True).first.click()
    expect(page).to_have_title("Class", timeout=COMPUTED)
    page.get_by_role("link", name=f"B6 · {B6.title}").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(B6.title, timeout=COMPUTED)
    after = step(page, before)
    page.reload()
    assert step(page, after) >= after
    expect(page.locator(".curves .js-line").first).to_be_visible(timeout=COMPUTED)

    step(page, EPOCH + 10)  # the first checkpoint is behind it
    press(page, "Pause")
    paused = page.get_by_text(re.compile(r"Paused\. What is kept reaches to step"))
    expect(paused).to_be_visible(timeout=COMPUTED)
    kept = int(re.search(r"step ([\d,]+)", paused.inner_text()).group(1).replace(",", ""))
    assert kept >= EPOCH and kept % EPOCH == 0
    press(page, "Go on")
    assert step(page, kept) >= kept
    press(page, "Stop and discard")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible(timeout=COMPUTED)
    expect(paused).to_have_count(0)


@pytest.mark.journey
def test_two_trainings_are_drawn_over_each_other(page: Page, app: str):
    visit(page, app, B8, LONG)
    press(page, "Train")
    step(page, 1)
    box = page.get_by_label("Learning rate", exact=True)
    box.fill("1e-3")
    box.press("Enter")
    expect(page.get_by_text("rate 0.001 falling").first).to_be_visible(timeout=COMPUTED)
    press(page, "Train")
    expect(page.locator(".curves .legendtext")).to_have_count(2, timeout=COMPUTED)
    assert {item.split(" · ")[1] for item in page.locator(".curves .legendtext").all_text_contents()} == {
        "rate 0.01 falling", "rate 0.001 falling",
    }  # fmt: skip
    for line in (0, 1):  # they take turns, so both get on
        begun = points(page, line)
        for _ in range(COMPUTED // 500):
            if points(page, line) != begun:
                break
            page.wait_for_timeout(500)
        else:
            raise AssertionError("One of the two stands still.")
    press(page, "Stop and discard")


@pytest.mark.journey
def test_a_divergence_is_explained(page: Page, app: str):
    visit(page, app, B8, "width=8&batch_size=48&pictures=48&epochs=40&learning_rate=1&decay=constant")
    with page.expect_response(lambda answer: "/news?" in answer.url and answer.ok, timeout=COMPUTED):
        press(page, "Train")  # from now on the browser asks whether it has got on
    said = page.get_by_text("The training has diverged")
    expect(said).to_be_visible(timeout=COMPUTED)
    expect(said).to_contain_text("choose a learning rate below 1")
    expect(said).to_contain_text("are kept, from before it happened")


@pytest.mark.parametrize(
    "tries", [CANNOT_TRAIN[:1], pytest.param(CANNOT_TRAIN[1:], marks=pytest.mark.journey)]
)
def test_numbers_that_cannot_train_get_a_sentence(page: Page, app: str, tries: tuple[tuple[str, ...]]):
    visit(page, app, B6)
    for label, text, sentence in tries:
        box = page.get_by_label(label, exact=True)
        expect(box).not_to_have_value("")  # a box that has just unfolded is empty for some frames
        good = box.input_value()
        box.fill(text)
        box.press("Enter")
        expect(page.get_by_text(sentence)).to_be_visible(timeout=COMPUTED)
        expect(page.get_by_role("button", name="Train", exact=True)).to_have_count(0)
        box.fill(good)
        box.press("Enter")
        expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible(timeout=COMPUTED)
    box = page.get_by_label("Digits", exact=True)
    box.fill("10")
    box.press("Enter")
    expect(page.get_by_text("Choose a batch of at most 10 examples")).to_be_visible(timeout=COMPUTED)
