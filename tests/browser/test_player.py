"""The player in a real browser: dragged, played, grown, enlarged, saved; and what it sends meanwhile."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.player_hand import REST, open_player, picture, pixels, scrubber

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(shared) -> str:
    return shared("tests/browser/player_app.py")


def test_pixels_are_exactly_those_of_the_film(page, app):
    """A grey pixel's value as computed by hand from the harness: x̂₀ at the last step is the clean disc."""
    open_player(page, f"{app}/?size=32&frame=33")
    shown = pixels(picture(page, "clean_hat"))
    assert shown.shape == (32, 32, 4)
    assert shown[0, 0].tolist() == [230, 230, 230, 255]  # rint((0.8 + 1) * 127.5) = 230 (229.5 to even)
    assert shown[16, 26].tolist() == [51, 140, 217, 255]  # rint(127.5 * (0.4, 1.1, 1.7))


def test_the_last_frame_has_words_of_its_own(page, app):
    open_player(page, f"{app}/?size=32&frame=33")
    words = page.locator(".stage .label .words").first
    expect(words).to_have_text("the picture")
    expect(picture(page, "x_t")).to_have_attribute("aria-label", re.compile("^the picture, "))
    scrubber(page).press("Home")
    expect(words).to_have_text("what the model sees")
    expect(page.locator(".stage .label .words").nth(1)).to_have_text("its guess of the clean picture")
    scrubber(page).press("End")
    expect(words).to_have_text("the picture")


def test_what_adds_nothing_is_faint_and_what_is_the_same_for_all_is_drawn_once(page, app):
    """At the harness's last step no noise is added: its σ is None there, and 0.2 to 0.001 before."""
    open_player(page, f"{app}/?sum=1&samples=2&size=32&frame=10")
    assert [page.locator(f"canvas[data-row={name}]").count() for name in ("x_t", "same")] == [2, 1]
    faint, ending = page.locator(".sum .part.absent canvas"), page.locator(".sum .ending")
    expect(page.locator(".sum .part")).to_have_count(3)
    expect(faint).to_have_count(0)
    expect(ending).to_be_hidden()
    scrubber(page).press("End")
    expect(ending).to_have_text("This step takes the estimate as it is, and adds nothing.")
    expect(ending).to_be_visible()
    expect(faint).to_be_hidden()
    expect(faint).to_have_count(1)
    expect(faint).to_have_attribute("aria-label", "the noise added")


@pytest.mark.parametrize(
    "width", [pytest.param(620, marks=pytest.mark.journey), 780, pytest.param(940, marks=pytest.mark.journey)]
)
def test_pictures_that_do_not_fit_into_one_line_stand_in_equal_ones(new_page, app, width):
    """A plan of two lines of five leaves, in whole pixels of these pictures, room for a sixth, which belongs below."""
    page = new_page(width=width, height=1200)
    open_player(page, f"{app}/?samples=10&size=64")
    tops = page.locator("canvas[data-row=x_t]").evaluate_all(
        "all => all.map((canvas) => Math.round(canvas.getBoundingClientRect().top))"
    )
    assert [tops.count(line) for line in sorted(set(tops))] == [5, 5]


def test_dragging_changes_the_pixels_and_sends_nothing_until_release(page, traffic, app):
    open_player(page, app)
    expect(page.get_by_text("committed frame: None")).to_be_visible()
    box = scrubber(page).bounding_box()
    middle = box["y"] + box["height"] / 2

    def at(frame: int) -> float:
        return box["x"] + 10 + frame / 33 * (box["width"] - 20)

    before = pixels(picture(page, "x_t"))
    page.mouse.move(at(10), middle)
    traffic.reset()
    page.mouse.down()
    seen = []
    for frame in range(10, 30):
        page.mouse.move(at(frame), middle, steps=3)
        page.wait_for_timeout(40)
        seen.append(int(page.locator(".player").get_attribute("data-frame")))
    page.wait_for_timeout(REST)  # holding still is not letting go
    assert traffic.sent == 0
    assert seen[-1] == 29 and len(set(seen)) > 10
    assert not np.array_equal(before, pixels(picture(page, "x_t")))
    page.mouse.up()
    expect(page.get_by_text("committed frame: 29")).to_be_visible()
    page.wait_for_timeout(REST)
    assert traffic.sent == 1
    assert "frame=29" in page.url
    expect(page.locator(".player")).to_have_attribute("data-frame", "29")
    # The film itself does not travel again: the server recognises it.
    assert traffic.received_bytes < 50_000


def test_keys(page, traffic, app):
    player = open_player(page, app)
    picture(page, "x_t").hover()
    scrubber(page).focus()
    traffic.reset()
    for key, frame in (("ArrowRight", 11), ("ArrowRight", 12), ("ArrowLeft", 11), ("Home", 0), ("End", 33)):
        page.keyboard.press(key)
        expect(player).to_have_attribute("data-frame", str(frame))
    expect(scrubber(page)).to_have_attribute("aria-valuetext", "t = 0, frame 34 of 34")
    expect(page.get_by_text("committed frame: 33")).to_be_visible()
    page.keyboard.press("Home")
    page.keyboard.down("ArrowRight")  # held: the keyboard repeats, nothing is sent
    page.wait_for_timeout(REST)
    sent = traffic.sent
    for _ in range(12):
        page.keyboard.down("ArrowRight")
    page.wait_for_timeout(REST)
    expect(player).to_have_attribute("data-frame", "13")
    assert traffic.sent == sent
    page.keyboard.up("ArrowRight")
    expect(page.get_by_text("committed frame: 13")).to_be_visible()


@pytest.mark.parametrize("place", ["scrubber", "button"])
def test_streamlits_own_keys_stay_out_of_the_player(page, app, place):
    """C compares and opens no dialog, R leaves the film where it is, and Ctrl+C goes on copying."""
    player = open_player(page, app)
    page.evaluate("addEventListener('keydown', (event) => { window.copies = !event.defaultPrevented; })")
    (scrubber(page) if place == "scrubber" else page.locator(".play")).focus()
    frame = player.get_attribute("data-frame")
    for key in ("c", "r", "C", "R"):
        page.keyboard.press(key)
        page.wait_for_timeout(300)
    expect(page.get_by_test_id("stDialog")).to_have_count(0)
    expect(player).to_have_attribute("data-frame", frame)
    page.keyboard.press("Control+c")
    assert page.evaluate("window.copies")


def test_letters_that_are_typed_go_into_the_box_alone(page, app):
    """Space plays, C compares and E enlarges, but not while somebody writes."""
    player = open_player(page, app)
    frame = player.get_attribute("data-frame")
    box = page.get_by_label("seed")
    box.focus()
    page.keyboard.type("e c 3")
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(500)
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(player).to_have_attribute("data-frame", frame)


def test_chart_and_film_strip_seek(page, app):
    player = open_player(page, app)
    box = page.locator("svg.chart").first.bounding_box()
    page.mouse.move(box["x"] + 10 + 20 / 33 * (box["width"] - 20), box["y"] + 30)
    page.mouse.down()
    expect(player).to_have_attribute("data-frame", "20")
    page.mouse.move(box["x"] + 10 + 25 / 33 * (box["width"] - 20), box["y"] + 30)
    expect(player).to_have_attribute("data-frame", "25")
    page.mouse.up()
    expect(page.get_by_text("committed frame: 25")).to_be_visible()
    page.get_by_role("button", name="Go to t = 870").click()
    expect(player).to_have_attribute("data-frame", "4")
    # ᾱ of the harness at step 4, by hand: cos²(0.99 · (1 − 4/33) · π/2) = 0.0411
    expect(page.locator(".readout b").first).to_have_text("0.0411")
    log = page.get_by_role("button", name="log")
    expect(log).to_have_attribute("aria-pressed", "true")
    log.click()
    expect(page.get_by_role("button", name="log")).to_have_attribute("aria-pressed", "false")


def test_numbers_follow_and_a_missing_one_is_a_dash(page, app):
    open_player(page, app)
    value = page.locator(".numbers .value")
    expect(value.nth(0)).to_have_text("0.3186")  # 0.031 + 10/33 · (0.98 − 0.031)
    scrubber(page).focus()
    page.keyboard.press("End")
    expect(value.nth(0)).to_have_text("0.9800")
    expect(value.nth(2)).to_have_text("–")
    assert page.locator(".formula math").count() == 1


def test_a_growing_film_is_followed_until_the_hand_takes_over(page, app):
    player = open_player(page, f"{app}/?grow=1")
    expect(player).to_have_attribute("data-frame", "3")
    expect(page.get_by_text("4 of 34 frames computed, 30 to come")).to_be_visible()
    more = page.get_by_role("button", name="compute four more")
    more.click()
    expect(player).to_have_attribute("data-frame", "7")
    scrubber(page).focus()
    page.keyboard.press("Home")
    expect(player).to_have_attribute("data-frame", "0")
    page.keyboard.press("End")  # the end of what there is
    expect(player).to_have_attribute("data-frame", "7")
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(REST)
    page.locator(".stage canvas").first.evaluate("canvas => { canvas.marked = true }")
    more.click()
    expect(page.get_by_text("12 of 34 frames computed, 22 to come")).to_be_visible()
    expect(player).to_have_attribute("data-frame", "6")
    assert page.locator(".stage canvas").first.evaluate("canvas => canvas.marked"), (
        "the pictures were rebuilt"
    )
    page.get_by_role("button", name="follow the newest").click()
    expect(player).to_have_attribute("data-frame", "11")
    box = scrubber(page).bounding_box()  # dragging into the part that does not exist yet stops before it
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    expect(player).to_have_attribute("data-frame", "11")
    for computed in range(16, 34, 4):  # each press is answered before the next
        more.click()
        expect(page.get_by_text(f"{computed} of 34 frames computed")).to_be_visible()
    more.click()
    expect(page.locator(".live")).to_be_hidden()


def test_enlarge_and_escape(page, app):
    player = open_player(page, f"{app}/?samples=3")
    picture(page, "clean_hat", 1).click()
    dialog = page.locator("dialog.lightbox")
    expect(dialog).to_be_visible()
    large = dialog.locator("canvas")
    assert large.bounding_box()["height"] >= 640
    assert np.array_equal(pixels(large), pixels(picture(page, "clean_hat", 1)))
    expect(large).to_have_attribute(
        "aria-label", re.compile(r"clean picture, seed 2, t = 690, frame 11 of 34")
    )
    page.keyboard.press("ArrowRight")
    expect(player).to_have_attribute("data-frame", "11")
    page.keyboard.press("ArrowDown")
    expect(large).to_have_attribute("aria-label", re.compile("the noise it sees"))
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(player).to_have_attribute("data-frame", "11")


def test_hold_to_compare_with_the_end(page, app):
    player = open_player(page, app)
    scrubber(page).focus()
    now = pixels(picture(page, "clean_hat"))
    page.keyboard.down("c")
    expect(player).to_have_attribute("data-frame", "33")
    assert not np.array_equal(now, pixels(picture(page, "clean_hat")))
    page.keyboard.up("c")
    expect(player).to_have_attribute("data-frame", "10")
    assert np.array_equal(now, pixels(picture(page, "clean_hat")))


def test_png_of_a_picture_of_the_step_and_of_the_whole(page, traffic, app, tmp_path):
    open_player(page, f"{app}/?samples=2")
    shown = pixels(picture(page, "clean_hat", 1))
    picture(page, "clean_hat", 1).click()
    traffic.reset()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="save PNG").click()
    assert waiting.value.suggested_filename == "synthetic-step-11-clean_hat-2.png"
    waiting.value.save_as(tmp_path / "one.png")
    saved = np.asarray(Image.open(tmp_path / "one.png").convert("RGBA"))
    assert saved.shape == (512, 512, 4)
    assert np.array_equal(saved[::8, ::8], shown) and np.array_equal(saved[7::8, 7::8], shown)
    page.keyboard.press("Escape")
    for button, name in (
        ("This step", "synthetic-step-11.png"),
        ("Contact sheet", "synthetic-contact-sheet.png"),
    ):
        page.locator(".save summary").click()
        with page.expect_download() as waiting:
            page.get_by_role("button", name=button).click()
        assert waiting.value.suggested_filename == name
        waiting.value.save_as(tmp_path / name)
        with Image.open(tmp_path / name) as saved:
            assert min(saved.size) > 250
            steps = json.loads(saved.info["provenance"])["steps"]
        if "sheet" in name:
            assert (
                steps[0] == "t = 990" and steps[-1] == "t = 0" and len(steps) == 10
            )  # the marked ones and the last
        else:
            assert steps == ["t = 690"]
    assert traffic.sent == 0


def test_a_png_of_the_browser_says_where_it_comes_from(page, app, tmp_path):
    """Its text chunk is whole, its checksum right (Pillow refuses another), and the pixels are untouched."""
    open_player(page, f"{app}/?samples=2&prompt=%E7%8C%AB&job=0123")
    shown = pixels(picture(page, "clean_hat", 1))
    picture(page, "clean_hat", 1).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="save PNG").click()
    waiting.value.save_as(tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as saved:
        saved.verify()  # reads every chunk with its checksum
    with Image.open(tmp_path / "one.png") as saved:
        about = json.loads(saved.info["provenance"])
        assert np.array_equal(np.asarray(saved.convert("RGBA"))[::8, ::8], shown)
    assert (
        about["prompts"] == ["a “synthetic” 猫 🐱"]
        and about["seeds"] == [0]
        and about["lesson"] == "no lesson"
    )
    assert about["link"] == f"{app}/?samples=2&prompt=%E7%8C%AB" and about["steps"] == ["t = 690"]


def test_rows_can_be_shown_and_hidden(page, app):
    open_player(page, f"{app}/?chips=1&samples=2")
    assert page.locator(".stage .band").count() == 3
    page.get_by_role("button", name="Show without the prompt").click()
    assert page.locator(".stage .band").count() == 4
    page.get_by_role("button", name="Show what the model sees").click()
    assert picture(page, "x_t").count() == 0
    assert pixels(picture(page, "eps_u")).shape == (64, 64, 4)


def test_the_same_steps_keep_the_frame_and_a_page_can_move_it(page, app):
    player = open_player(page, f"{app}/?frame=20")
    expect(player).to_have_attribute("data-frame", "20")
    before = pixels(picture(page, "x_t"))
    page.get_by_role("button", name="Increment").click()  # another seed: another film
    page.wait_for_timeout(2 * REST)
    expect(player).to_have_attribute("data-frame", "20")
    assert not np.array_equal(before, pixels(picture(page, "x_t")))
    scrubber(page).focus()
    page.keyboard.press("End")
    expect(page.get_by_text("committed frame: 33")).to_be_visible()
    page.get_by_role("button", name="go to step 5").click()
    expect(player).to_have_attribute("data-frame", "4")
    expect(page.get_by_text("committed frame: 4")).to_be_visible()
    page.reload()
    expect(player).to_have_attribute("data-frame", "4")


def test_three_hundred_frames_travel_without_loss(page, traffic, app):
    """More than 1.5 MB: compressed chunks, decoded in the browser to the same pixels."""
    player = open_player(page, f"{app}/?steps=300&size=32&samples=4&frame=299")
    expect(player).to_have_attribute("data-frame", "299")
    shown = pixels(picture(page, "clean_hat", 0))
    assert shown[0, 0].tolist() == [230, 230, 230, 255]
    assert shown[16, 26].tolist() == [51, 140, 217, 255]
    assert traffic.received_bytes < 10_000_000  # of 11 MB raw, two thirds of them noise
    times = page.locator(".player").evaluate(
        """async (root) => {
          const range = root.querySelector(".timeline input[type=range]"), times = [];
          for (let i = 0; i < 60; i++) {
            const start = performance.now();
            range.value = i * 4; range.dispatchEvent(new Event("input"));
            await new Promise(requestAnimationFrame);
            times.push(performance.now() - start);
          }
          return times;
        }"""
    )
    assert sorted(times)[30] < 100


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1400, "light"),
        (720, "light"),
        (380, "dark"),
        *(
            pytest.param(*more, marks=pytest.mark.journey)
            for more in ((1400, "dark"), (720, "dark"), (380, "light"))
        ),
    ],
)
def test_no_width_makes_the_page_scroll_sideways(new_page, app, width, scheme):
    page = new_page(width=width, color_scheme=scheme, reduced_motion="reduce")
    open_player(page, f"{app}/?samples=5&chips=1")
    player = page.locator(".player")
    assert player.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    ink, paper = player.evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(e.querySelector('.deck')).backgroundColor]"
    )
    light = [int(re.findall(r"\d+", colour)[0]) > 128 for colour in (ink, paper)]
    assert light == ([False, True] if scheme == "light" else [True, False])
