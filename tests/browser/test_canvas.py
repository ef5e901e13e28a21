"""The canvas in a real browser: drawn on with mouse, pen, finger and keys; what it sends and gives back."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.canvas_hand import REST, STEPS, Hand, averaged, fractions, middles, painted

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(shared) -> str:
    return shared("tests/browser/canvas_app.py")


# ---- what is sent ------------------------------------------------------------------------------------


def test_nothing_is_sent_while_drawing_and_one_message_on_use(page, traffic, app):
    hand = Hand(page, app)
    traffic.reset()
    hand.draw(*fractions(64, *STEPS), steps=30, up=False)
    page.wait_for_timeout(REST)  # holding still is not letting go
    page.mouse.up()
    for name in ("eraser", "brush", "undo", "redo", "clear", "undo"):
        hand.part(name).click()
    page.wait_for_timeout(REST)
    assert (traffic.sent, traffic.received) == (0, 0)
    hand.use()
    page.wait_for_timeout(REST)
    assert traffic.sent == 1
    expect(hand.part("use")).to_be_disabled()
    expect(hand.part("state")).to_have_text("This is in use.")
    hand.draw((5, 5), (20, 5))
    expect(hand.part("use")).to_be_enabled()
    expect(hand.part("state")).to_have_text("Changed since it was used.")
    hand.part("undo").click()
    expect(hand.part("use")).to_be_disabled()  # that drawing is the one in use


def test_a_canvas_that_rests_sends_one_message_for_a_stroke(page, traffic, app):
    hand = Hand(page, app, mode="grey", size=28, paper="black", send="rest")
    expect(hand.part("use")).to_be_hidden()
    traffic.reset()
    hand.draw((5, 5), (20, 6), steps=20, up=False)
    page.wait_for_timeout(REST)
    assert traffic.sent == 0
    page.mouse.up()
    hand.draw((20, 6), (12, 24), steps=20)  # before the hand has rested
    expect(page.get_by_text("uses: 1")).to_be_visible()
    page.wait_for_timeout(REST)
    assert traffic.sent == 1
    assert np.array_equal(hand.arrived(), averaged(hand.screen()[..., :1], 28))
    hand.part("undo").click()
    expect(page.get_by_text("uses: 2")).to_be_visible()
    hand.part("redo").click()
    hand.part("undo").click()  # as it was: nothing to say
    page.wait_for_timeout(REST)
    assert traffic.sent == 2


# ---- pictures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "brush"), [({"under": 1}, 9), ({"paper": "black"}, 3)])
def test_a_picture_is_the_mean_of_what_is_seen(page, app, query, brush):
    hand = Hand(page, app, **query)
    before = hand.screen()
    assert before.shape == (512, 512, 3)
    hand.set_size(brush)
    page.get_by_label("red", exact=True).check()
    hand.draw(*fractions(64, *STEPS), steps=7)
    after = hand.screen()
    colours = {tuple(colour) for colour in after[(after != before).any(axis=-1)]}
    assert (0xD7, 0x26, 0x3D) in colours and len(colours) > 20  # red, and smooth edges
    arrived = hand.use()
    assert arrived.shape == (64, 64, 3)
    assert np.array_equal(arrived, averaged(after, 64))
    # a line as thick as the brush: the drawn area against length times thickness and the round ends
    x, y = np.array(fractions(64, *STEPS)).T
    length = np.hypot(np.diff(x), np.diff(y)).sum()
    drawn = (np.abs(after.astype(int) - before).max(axis=-1) > 0).sum() / 64
    assert drawn == pytest.approx(length * brush + np.pi * brush**2 / 4, rel=0.12)


def test_the_eraser_gives_back_the_picture_below_to_the_last_bit(page, app):
    hand = Hand(page, app, under=1)
    before = hand.screen()
    hand.draw((10, 10), (50, 40), steps=5)
    assert not np.array_equal(hand.screen(), before)
    hand.part("eraser").click()
    hand.set_size(20)
    hand.draw((10, 10), (50, 40), steps=5)
    assert np.array_equal(hand.screen(), before)
    hand.use()
    expect(page.get_by_text("blank: True")).to_be_visible()


def test_fill_and_another_colour(page, app):
    hand = Hand(page, app)
    page.get_by_label("another colour").evaluate(
        "input => { input.value = '#123456'; input.dispatchEvent(new Event('input')); }"
    )
    hand.part("fill").click()
    assert (hand.use() == [0x12, 0x34, 0x56]).all()
    assert page.locator(".colours input[type=radio]:checked").count() == 0


def test_a_digit_is_white_on_black(page, app):
    hand = Hand(page, app, mode="grey", size=28, paper="black")
    hand.draw((14, 5), (14, 22), steps=5)
    digit = hand.use()
    assert digit.shape == (28, 28, 1)
    assert digit[0, 0, 0] == 0 and digit[14, 13, 0] == digit[14, 14, 0] == 255
    rows = digit[8:20, :, 0].astype(float) / 255
    assert np.allclose(rows.sum(axis=1), 2.5, atol=0.1)  # 2.5 pixels thick, as the brush


# ---- masks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("brush", [1, 6, *(pytest.param(b, marks=pytest.mark.journey) for b in (2, 3, 13))])
def test_the_mask_painted_is_the_mask_returned(page, app, brush):
    hand = Hand(page, app, mode="mask", under=1)
    below = hand.screen()
    hand.set_size(brush)
    first, second = [(8, 10), (40, 17), (33, 50)], [(60, 60), (63, 63)]
    hand.draw(*middles(*first, brush=brush))
    hand.draw(*middles(*second, brush=brush))
    expected = painted(64, brush, *first) | painted(64, brush, *second)
    hand.part("eraser").click()
    hand.draw(*middles((20, 0), (20, 63), brush=brush))
    expected &= ~painted(64, brush, (20, 0), (20, 63))
    shown = hand.screen()
    mask = hand.use()[..., 0]
    assert np.array_equal(mask > 0, expected)
    assert set(np.unique(mask)) == {0, 255}
    veil = np.array([230, 0, 126])
    assert np.array_equal(shown[~expected], below[~expected])
    assert np.abs(shown[expected] - (0.2 * below[expected] + 0.8 * veil)).max() <= 1
    share = round(100 * expected.mean())
    expect(hand.part("amount")).to_have_text(
        f"{share} % painted." if expected.mean() > 0.01 else "less than 1 % painted."
    )


def test_invert_clear_and_their_undoing(page, app):
    hand = Hand(page, app, mode="mask")
    hand.set_size(3)
    hand.draw(*middles((10, 10), (30, 10)))
    stroke = painted(64, 3, (10, 10), (30, 10))
    hand.part("invert").click()
    assert np.array_equal(hand.use()[..., 0] > 0, ~stroke)
    hand.part("clear").click()
    assert not hand.use().any()
    expect(page.get_by_text("blank: True")).to_be_visible()
    hand.part("invert").click()
    assert hand.use().all()
    expect(hand.part("amount")).to_have_text("100 % painted.")
    for name in ("undo", "undo", "undo"):
        hand.part(name).click()
    assert np.array_equal(hand.use()[..., 0] > 0, stroke)
    hand.part("undo").click()
    expect(hand.part("undo")).to_be_disabled()
    for name in ("redo", "redo"):
        hand.part(name).click()
    assert np.array_equal(hand.use()[..., 0] > 0, ~stroke)
    hand.draw(*middles((40, 40), (41, 40)))
    expect(hand.part("redo")).to_be_disabled()


@pytest.mark.parametrize(
    ("ratio", "zoom"),
    [(1.5, 0.8), *(pytest.param(*more, marks=pytest.mark.journey) for more in ((2, 1), (1, 1.25)))],
)
def test_zoom_and_fine_screens_change_nothing(new_page, app, ratio, zoom):
    page = new_page(device_scale_factor=ratio)
    hand = Hand(page, app, mode="mask", under=1)
    page.evaluate("zoom => { document.body.style.zoom = zoom; }", zoom)
    page.wait_for_timeout(300)
    hand.set_size(3)
    pixels = [(3, 4), (33, 20), (60, 58)]
    hand.draw(*middles(*pixels))
    assert np.array_equal(hand.use()[..., 0] > 0, painted(64, 3, *pixels))


# ---- fingers and pens --------------------------------------------------------------------------------


def test_a_finger_draws_and_the_page_does_not_scroll(new_page, app):
    page = new_page(width=420, height=700, has_touch=True, is_mobile=True)
    hand = Hand(page, app, mode="mask", under=1)
    hand.set_size(3)
    hand.surface.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        where = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(map(hand.at, points))]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    main = page.get_by_test_id("stMain")
    top = main.evaluate("element => element.scrollTop")
    line = middles((30, 50), (30, 30), (30, 10))
    second = middles((50, 50))[0]
    page.traffic.reset()
    send("touchStart", line[0])
    send("touchMove", line[1])
    send("touchStart", line[1], second)  # a second finger draws nothing
    send("touchMove", line[2], (second[0] + 5, second[1]))
    send("touchEnd")
    page.wait_for_timeout(REST)
    assert page.traffic.sent == 0
    assert main.evaluate("element => element.scrollTop") == top
    assert np.array_equal(hand.use()[..., 0] > 0, painted(64, 3, (30, 50), (30, 30), (30, 10)))


def test_a_touch_that_the_system_takes_away_leaves_no_stroke(new_page, app):
    page = new_page(width=420, height=700, has_touch=True, is_mobile=True)
    hand = Hand(page, app)
    empty = hand.contents
    touch = page.context.new_cdp_session(page)
    for kind, points in (("touchStart", [(20, 20)]), ("touchMove", [(40, 40)]), ("touchCancel", [])):
        where = [{"x": x, "y": y} for x, y in map(hand.at, points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})
    page.wait_for_timeout(200)
    assert (hand.screen() == 255).all()
    assert hand.contents == empty


def test_a_pen_draws_as_strongly_as_it_is_pressed(page, app):
    hand = Hand(page, app)
    hand.set_size(10)
    pen = page.context.new_cdp_session(page)

    def press(y: float, force: float) -> None:
        for kind, x, buttons in (("mousePressed", 10, 1), ("mouseMoved", 54, 1), ("mouseReleased", 54, 0)):
            px, py = hand.at((x, y))
            pen.send("Input.dispatchMouseEvent", {
                "type": kind, "x": px, "y": py, "button": "left", "buttons": buttons, "clickCount": 1,
                "pointerType": "pen", "force": force if buttons else 0,
            })  # fmt: skip

    press(16, 1.0)
    press(48, 0.2)
    ink = 1 - hand.use()[:, 32, 0].astype(float) / 255
    ink /= 1 - 0x11 / 255
    assert ink[:32].sum() == pytest.approx(10, abs=0.3)
    assert ink[32:].sum() == pytest.approx(10 * (0.3 + 0.7 * 0.2), abs=0.3)


def test_the_hand_that_holds_the_pen_draws_nothing(new_page, app):
    page = new_page(has_touch=True)
    hand = Hand(page, app, mode="mask")
    hand.set_size(3)
    device = page.context.new_cdp_session(page)

    def pen(kind: str, point: tuple[float, float]) -> None:
        x, y = hand.at(point)
        device.send("Input.dispatchMouseEvent", {
            "type": kind, "x": x, "y": y, "button": "left", "buttons": int(kind != "mouseReleased"), "clickCount": 1,
            "pointerType": "pen", "force": 0.5,
        })  # fmt: skip

    def palm(kind: str, *points: tuple[float, float]) -> None:
        where = [{"x": x, "y": y} for x, y in map(hand.at, points)]
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    line = middles((10, 10), (40, 10))
    palm("touchStart", (50, 50))  # the hand comes down first
    palm("touchMove", (52, 52))
    pen("mousePressed", line[0])
    pen("mouseMoved", line[1])
    palm("touchEnd")
    pen("mouseReleased", line[1])
    palm("touchStart", (40, 40))  # and is still there when the pen has just been lifted
    palm("touchMove", (45, 40))
    palm("touchEnd")
    assert np.array_equal(hand.use()[..., 0] > 0, painted(64, 3, (10, 10), (40, 10)))


# ---- keys --------------------------------------------------------------------------------------------


def test_everything_by_keyboard(page, traffic, app):
    hand = Hand(page, app, mode="mask")
    page.get_by_label("another control").focus()
    for _ in range(4):  # the steppers of that field, then the canvas
        page.keyboard.press("Tab")
        if hand.surface.evaluate("element => element.matches(':focus')"):
            break
    expect(hand.surface).to_be_focused()
    assert hand.surface.evaluate("element => parseFloat(getComputedStyle(element).outlineWidth)") >= 3
    traffic.reset()

    def press(*keys: str) -> None:
        for key in keys:
            page.keyboard.press(key)

    press(*["["] * 5)
    expect(hand.part("value")).to_have_text("1 px")
    press(
        "Space", "ArrowRight", "Shift+ArrowDown", "Space", "ArrowRight", "ArrowRight"
    )  # pen down, up, and on
    expected = painted(64, 1, (32, 32), (33, 32)) | painted(64, 1, (33, 32), (33, 40))
    expect(hand.part("said")).to_have_text("Column 36, row 41.")
    page.keyboard.down("Space")  # held: draws as long as it is held
    press("ArrowUp", "ArrowUp")
    page.keyboard.up("Space")
    press("ArrowLeft")
    expected |= painted(64, 1, (35, 40), (35, 38))
    whole = expected.copy()
    press("]", "]", "e", "Space", "Space")  # erases 3 × 3 pixels around (34, 38)
    expected &= ~painted(64, 3, (34, 38))
    press("b", "Space", "ArrowLeft", "Escape")  # left out
    page.wait_for_timeout(200)
    assert traffic.sent == 0
    press("Enter")
    expect(page.get_by_text("uses: 1")).to_be_visible()
    assert np.array_equal(hand.arrived()[..., 0] > 0, expected)
    press("Control+z", "i")
    press("Enter")
    expect(page.get_by_text("uses: 2")).to_be_visible()
    assert np.array_equal(hand.arrived()[..., 0] > 0, ~whole)
    press("Control+z", "Control+z")
    expect(hand.part("state")).to_have_text("Changed since it was used.")
    press("Control+Shift+z", "Control+y")
    expect(hand.part("state")).to_have_text("This is in use.")
    press("Tab")
    expect(hand.surface).not_to_be_focused()


def test_what_a_screen_reader_is_told(page, app):
    hand = Hand(page, app, mode="mask")
    surface = page.get_by_role("application", name="Test canvas, 64 by 64 pixels")
    expect(surface).to_have_accessible_description(
        re.compile("Arrow keys move the cursor.*Enter: Use this drawing")
    )
    for name in ("Paint", "Erase", "Undo", "Redo", "Invert", "Clear", "Use this drawing"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Paint")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("slider", name="Size of the brush in pixels")).to_have_attribute(
        "aria-valuetext", "6 pixels"
    )
    surface.focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("status").filter(has_text="Pen down")).to_have_text(
        "Pen down at column 33, row 33."
    )
    hand.page.keyboard.press("Escape")
