"""The canvas in a real browser: drawn on with mouse, pen, finger and keys; what it sends, keeps and gives back."""

from __future__ import annotations

import base64
import io
import re
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser
REST = 1200  # milliseconds: longer than a canvas waits before it sends by itself
STEPS = ((0.2, 0.3), (0.7, 0.35), (0.5, 0.8))


@pytest.fixture(scope="module")
def app(serve) -> str:
    return serve("tests/browser/canvas_app.py")


class Hand:
    """Someone at a canvas. Points are (x, y) in pixels of the result."""

    def __init__(self, page: Page, address: str, **query: object):
        self.page = page
        self.size = int(query.get("size", 64))
        page.goto(f"{address}/?{urlencode(query)}")
        self.ready()

    def ready(self) -> None:
        expect(self.root).to_be_visible(timeout=30_000)
        expect(self.page.get_by_text("uses:")).to_be_visible()
        self.page.wait_for_timeout(300)

    def part(self, name: str) -> Locator:
        return self.page.locator(f".canvas .{name}")

    @property
    def root(self) -> Locator:
        return self.page.locator(".canvas[data-drawing]")

    @property
    def surface(self) -> Locator:
        return self.part("surface")

    @property
    def contents(self) -> str:
        """The name that the browser gives to what is drawn."""
        return self.root.get_attribute("data-drawing")

    def at(self, point: tuple[float, float]) -> tuple[float, float]:
        box = self.surface.bounding_box()
        return tuple(
            box[start] + value * box[side] / self.size
            for start, side, value in (("x", "width", point[0]), ("y", "height", point[1]))
        )

    def draw(self, *points: tuple[float, float], steps: int = 1, up: bool = True) -> None:
        self.page.mouse.move(*self.at(points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(point), steps=steps)
        if up:
            self.page.mouse.up()

    def set_size(self, size: int) -> None:
        self.part("range").evaluate(
            "(range, size) => { range.value = size; range.dispatchEvent(new Event('input')); }", str(size)
        )
        expect(self.part("value")).to_have_text(f"{size} px")

    def screen(self) -> np.ndarray:
        """What the browser shows, in the canvas' own fine pixels: uint8 (height, width, 3)."""
        self.page.wait_for_timeout(100)  # it is drawn at the next screen refresh
        url = self.part("paper").evaluate("canvas => canvas.toDataURL('image/png')")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))

    def use(self) -> np.ndarray:
        before = self.uses()
        self.part("use").click()
        expect(self.page.get_by_text(f"uses: {before + 1}")).to_be_visible()
        expect(self.root).to_have_attribute("data-state", "inUse")
        return self.arrived()

    def uses(self) -> int:
        return int(self.page.get_by_text("uses:").inner_text().split()[1])

    def arrived(self) -> np.ndarray:
        """What Python returned: uint8 (H, W, C)."""
        expect(self.page.get_by_text("arrived:")).to_have_count(
            1
        )  # the run before may still be on the screen
        self.page.wait_for_timeout(300)
        shape = re.search(r"\((\d+), (\d+), (\d+)\)", self.page.get_by_text("arrived:").inner_text()).groups()
        data = base64.b64decode(self.page.get_by_test_id("stCode").inner_text().strip())
        return np.frombuffer(data, np.uint8).reshape([int(n) for n in shape])


def averaged(fine: np.ndarray, size: int) -> np.ndarray:
    """The mean over blocks, rounded half up: (size, size, C)."""
    block = fine.shape[0] // size
    blocks = fine.reshape(size, block, size, block, -1).astype(np.int64)
    return ((2 * blocks.sum(axis=(1, 3)) + block**2) // (2 * block**2)).astype(np.uint8)


def painted(size: int, brush: int, *points: tuple[int, int]) -> np.ndarray:
    """A stroke of a mask by definition: bool (size, size).

    `points` are pixels. The brush is a disc of `brush` pixels, on the middle of a pixel if that is odd, on its upper
    left corner if even; painted is each pixel whose middle is not farther from the line than the disc's radius.
    Computed in whole numbers, in half pixels.
    """
    centres = [(2 * x + brush % 2, 2 * y + brush % 2) for x, y in points]
    y, x = np.mgrid[:size, :size] * 2 + 1
    mask = np.zeros((size, size), bool)
    for (ax, ay), (bx, by) in zip([*centres[:1], *centres], centres, strict=False):
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        along = (x - ax) * dx + (y - ay) * dy
        aside = (x - ax) * dy - (y - ay) * dx
        mask |= (x - ax) ** 2 + (y - ay) ** 2 <= brush**2
        mask |= (x - bx) ** 2 + (y - by) ** 2 <= brush**2
        mask |= (0 < along) & (along < length) & (aside**2 <= brush**2 * length)
    return mask


def middles(*pixels: tuple[int, int], brush: int = 1) -> list[tuple[float, float]]:
    """Where to put the pointer for `painted`: the middle of a pixel, or close to its corner."""
    return [(x + 0.5, y + 0.5) if brush % 2 else (x + 0.1, y + 0.1) for x, y in pixels]


def fractions(size: int, *points: tuple[float, float]) -> list[tuple[float, float]]:
    return [(x * size, y * size) for x, y in points]


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


@pytest.mark.parametrize("brush", [1, 2, 3, 6, 13])
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
    assert np.abs(shown[expected] - (0.45 * below[expected] + 0.55 * veil)).max() <= 1
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


@pytest.mark.parametrize(("ratio", "zoom"), [(2, 1), (1, 1.25), (1.5, 0.8)])
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


# ---- what stays --------------------------------------------------------------------------------------


def test_a_refresh_brings_back_the_drawing_its_undo_and_what_was_in_use(page, traffic, app):
    hand = Hand(page, app, under=1)
    hand.draw((10, 10), (50, 20), steps=9)
    used = hand.use()
    hand.draw((10, 40), (50, 50), steps=9)  # and not used
    page.reload()  # at once: nothing waits for a timer
    hand.ready()
    traffic.reset()
    expect(page.get_by_text("arrived:")).to_be_visible()
    assert np.array_equal(hand.arrived(), used)
    assert hand.uses() == 0  # nobody has pressed the button in this session
    expect(hand.part("state")).to_have_text("Changed since it was used.")
    hand.part("undo").click()
    expect(hand.part("state")).to_have_text("This is in use.")
    hand.part("redo").click()
    after = hand.use()
    assert np.array_equal(after, averaged(hand.screen(), 64))
    assert not np.array_equal(after, used)


def test_a_resting_canvas_sends_what_it_had_no_time_to_send(page, traffic, app):
    hand = Hand(page, app, mode="grey", size=28, send="rest")
    hand.draw((5, 5), (20, 6))
    page.reload()
    hand.ready()
    expect(page.get_by_text("arrived:")).to_be_visible()
    assert hand.arrived().min() == 0
    page.wait_for_timeout(REST)
    traffic.reset()
    page.wait_for_timeout(REST)
    assert traffic.sent == 0


def test_another_control_or_page_leaves_the_drawing_alone(page, app):
    hand = Hand(page, app, pages=1)
    hand.draw((10, 10), (50, 20), steps=9)
    drawn = hand.screen()
    page.get_by_label("another control").fill("5")
    page.get_by_label("another control").press("Enter")
    page.wait_for_timeout(500)
    assert np.array_equal(hand.screen(), drawn)
    hand.use()
    page.get_by_role("link", name="Elsewhere").click()
    expect(page.get_by_text("elsewhere", exact=True)).to_be_visible()
    page.get_by_role("link", name="Drawing").click()
    hand.ready()
    assert np.array_equal(hand.screen(), drawn)
    expect(hand.part("state")).to_have_text("This is in use.")
    assert hand.uses() == 1
    hand.part("undo").click()
    assert (hand.screen() == 255).all()


def test_a_script_that_runs_while_the_hand_draws_does_not_disturb_it(page, app):
    hand = Hand(page, app, mode="mask")
    hand.set_size(3)
    hand.draw(*middles((10, 10), (30, 10)))
    hand.part("use").click()  # the answer comes during the next stroke
    hand.draw(*middles((10, 40), (30, 40)), up=False)
    expect(page.get_by_text("uses: 1")).to_be_visible()
    page.wait_for_timeout(500)
    page.mouse.move(*hand.at(middles((30, 60))[0]))
    page.mouse.up()
    expected = painted(64, 3, (10, 10), (30, 10)) | painted(64, 3, (10, 40), (30, 40), (30, 60))
    assert np.array_equal(hand.use()[..., 0] > 0, expected)


def test_every_picture_has_its_own_drawing(page, app):
    hand = Hand(page, app, under=1)
    hand.draw((10, 10), (50, 20), steps=9)
    hand.use()
    drawn = hand.screen()

    def choose(number: int) -> None:
        page.get_by_label("picture").fill(str(number))
        page.get_by_label("picture").press("Enter")
        page.wait_for_timeout(800)

    choose(1)
    expect(page.get_by_text("nothing arrived")).to_be_visible()
    assert hand.screen().shape == drawn.shape and not np.array_equal(hand.screen(), drawn)
    expect(hand.part("undo")).to_be_disabled()
    choose(0)
    assert np.array_equal(hand.screen(), drawn)
    expect(hand.part("state")).to_have_text("This is in use.")
    assert np.array_equal(hand.arrived(), averaged(drawn, 64))


# ---- what a page lays down ---------------------------------------------------------------------------


def rows(count: int) -> np.ndarray:
    mask = np.zeros((64, 64), bool)
    mask[:count] = True
    return mask


@pytest.mark.parametrize("hand_back", [False, True])
def test_a_page_lays_down_a_mask_and_the_student_goes_on(page, app, hand_back):
    hand = Hand(page, app, mode="mask", start=1, **({"hand": 1} if hand_back else {}))
    assert np.array_equal(hand.arrived()[..., 0] > 0, rows(8))
    expect(hand.part("state")).to_have_text("This is in use.")
    hand.set_size(3)
    hand.draw(*middles((10, 30), (50, 30)))
    mine = rows(8) | painted(64, 3, (10, 30), (50, 30))
    assert np.array_equal(hand.use()[..., 0] > 0, mine)
    page.get_by_label("another control").fill("5")
    page.get_by_label("another control").press("Enter")
    page.wait_for_timeout(500)
    assert np.array_equal(hand.arrived()[..., 0] > 0, mine)
    expect(hand.part("state")).to_have_text("This is in use.")
    page.get_by_role("radio", name="16").click()  # another preset replaces it …
    expect(hand.part("amount")).to_have_text("25 % painted.")
    expect(hand.part("state")).to_have_text("This is in use.")
    assert np.array_equal(hand.arrived()[..., 0] > 0, rows(16))
    hand.part("undo").click()  # … and can be undone
    assert np.array_equal(hand.use()[..., 0] > 0, mine)
    if not hand_back:
        page.get_by_role("button", name="again").click()  # the same preset once more
        expect(hand.part("amount")).to_have_text("25 % painted.")
        assert np.array_equal(hand.arrived()[..., 0] > 0, rows(16))


def test_a_refresh_keeps_the_students_mask_where_the_page_starts_with_another(page, app):
    hand = Hand(page, app, mode="mask", start=1)
    hand.set_size(3)
    hand.draw(*middles((10, 30), (50, 30)))
    mine = hand.use()
    page.reload()
    hand.ready()
    expect(hand.part("state")).to_have_text("This is in use.")
    assert np.array_equal(hand.arrived(), mine)


SLOW_NETWORK = """
    const Native = WebSocket;
    window.WebSocket = class extends Native {
        addEventListener(type, listener, options) {
            const late = (event) => setTimeout(() => listener.call(this, event), window.latency ?? 0);
            super.addEventListener(type, type === "message" ? late : listener, options);
        }
        set onmessage(listener) { this.addEventListener("message", listener); }
    };
"""


def test_an_answer_that_is_late_takes_no_later_stroke_away(page, app):
    """The page hands back the first stroke when the second has been sent already."""
    page.add_init_script(SLOW_NETWORK)
    hand = Hand(page, app, mode="mask", hand=1, send="rest")
    hand.set_size(3)
    page.evaluate("() => { window.latency = 2500; }")
    hand.draw(*middles((10, 30), (50, 30)))
    page.wait_for_timeout(REST)
    hand.draw(*middles((10, 40), (50, 40)))
    page.wait_for_timeout(REST)
    hand.draw(*middles((10, 50), (50, 50)))
    expect(page.get_by_text("uses: 3")).to_be_visible()
    three = rows(8)
    for y in (30, 40, 50):
        three |= painted(64, 3, (10, y), (50, y))
    assert np.array_equal(hand.arrived()[..., 0] > 0, three)
    shown = hand.screen()
    assert np.array_equal((shown != 255).any(axis=-1), three)
    assert int(hand.root.get_attribute("data-acts")) == 4  # the preset and three strokes


# ---- what goes wrong ---------------------------------------------------------------------------------

OFF = "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('off', 'SecurityError'); } });"
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"


@pytest.mark.parametrize("trouble", [OFF, FULL])
def test_without_storage_the_canvas_works_and_says_what_it_cannot(page, app, trouble):
    page.add_init_script(trouble)
    hand = Hand(page, app, pages=1)
    expect(hand.part("problem")).to_be_hidden()
    hand.draw((10, 10), (50, 20), steps=9)
    expect(hand.part("problem")).to_contain_text("cannot keep the drawing over a refresh")
    drawn = hand.screen()
    assert np.array_equal(hand.use(), averaged(drawn, 64))
    page.get_by_role("link", name="Elsewhere").click()
    expect(page.get_by_text("elsewhere", exact=True)).to_be_visible()
    page.get_by_role("link", name="Drawing").click()
    hand.ready()
    assert np.array_equal(hand.screen(), drawn)
    expect(hand.part("state")).to_have_text("This is in use.")


def test_a_full_storage_gives_up_the_oldest_drawings(page, app):
    hand = Hand(page, app, mode="mask")
    page.evaluate("""() => {
        const old = (i) => `{"version":1,"saved":${i}}` + " ".repeat(1e6);
        for (let i = 0; i < 4; i++) sessionStorage.setItem(`canvas|old ${i}`, old(i));
        try { for (let i = 0; ; i++) sessionStorage.setItem(`other ${i}`, " ".repeat(1e4)); } catch { /* full */ }
        try { for (let i = 0; ; i++) sessionStorage.setItem(`more ${i}`, " "); } catch { /* to the last byte */ }
    }""")
    hand.draw((10, 10), (50, 20))
    page.wait_for_timeout(500)
    expect(hand.part("problem")).to_be_hidden()
    kept = page.evaluate("Object.keys(sessionStorage).filter((name) => name.startsWith('canvas|'))")
    assert [name for name in kept if "old" in name] == [] and len(kept) == 1
    assert page.evaluate("sessionStorage.getItem('other 0').length") == 10_000  # what is not ours stays


MALFORMED = {
    "no JSON": "() => '{'",
    "null": "() => 'null'",
    "a number": "() => '7'",
    "version": "(o) => ({ ...o, version: 99 })",
    "no acts": "(o) => ({ ...o, ops: undefined })",
    "act": "(o) => ({ ...o, ops: [{ kind: 'paint' }] })",
    "inverted picture": "(o) => ({ ...o, ops: [{ kind: 'invert' }] })",
    "ink": "(o) => ({ ...o, ops: o.ops.map((op) => ({ ...op, ink: [300, 0, 0] })) })",
    "points": "(o) => ({ ...o, ops: o.ops.map((op) => ({ ...op, points: [1, 2] })) })",
    "far away": "(o) => ({ ...o, ops: o.ops.map((op) => ({ ...op, points: [1e9, 2, 255] })) })",
    "brush": "(o) => ({ ...o, ops: o.ops.map((op) => ({ ...op, size: 1e6 })) })",
    "too long": "(o) => ({ ...o, ops: Array(500).fill(o.ops[0]) })",
    "ground": "(o) => ({ ...o, ground: 'AAAA' })",
    "ground of another kind": "(o) => ({ ...o, ground: {} })",
    "put": "(o) => ({ ...o, undone: [{ kind: 'put', pixels: 'AAAA' }] })",
    "used": "(o) => ({ ...o, used: 'abc', sent: '<script>' })",
    "name": "(o) => ({ ...o, given: {} })",
}


@pytest.mark.journey
def test_a_stored_state_that_makes_no_sense_is_dropped_with_a_sentence(page, app):
    hand = Hand(page, app)
    hand.draw((10, 10), (50, 20))
    page.wait_for_timeout(500)
    good = page.evaluate(
        "sessionStorage.getItem(Object.keys(sessionStorage).find((k) => k.startsWith('canvas|')))"
    )
    for about, change in MALFORMED.items():
        page.evaluate(f"""(good) => {{
            const key = Object.keys(sessionStorage).find((k) => k.startsWith('canvas|')) ?? window.canvasKey;
            const changed = ({change})(JSON.parse(good));
            window.canvasKey = key;
            sessionStorage.setItem(key, typeof changed === "string" ? changed : JSON.stringify(changed));
        }}""", good)  # fmt: skip
        page.reload()
        hand.ready()
        expect(hand.part("problem"), about).to_contain_text("could not be read")
        assert (hand.screen() == 255).all(), about
        hand.draw((10, 10), (50, 20))  # and it goes on
        page.wait_for_timeout(500)
        expect(hand.part("problem"), about).to_be_hidden()


def test_data_that_is_damaged_on_its_way_is_refused_and_the_drawing_before_stays(page, app):
    hand = Hand(page, app)
    hand.draw((10, 10), (50, 20))
    first = hand.use()
    hand.draw((10, 40), (50, 50))
    page.evaluate(
        "() => { window.good = window.btoa; window.btoa = (text) => '!' + window.good(text).slice(1); }"
    )
    for _ in range(2):  # the button works again after each refusal
        hand.part("use").click()
        expect(page.get_by_test_id("stAlert")).to_contain_text("press the button again")
        expect(hand.part("use")).to_be_enabled()
        assert np.array_equal(hand.arrived(), first)
        assert hand.uses() == 1
    page.evaluate("() => { window.btoa = window.good; }")
    assert np.array_equal(hand.use(), averaged(hand.screen(), 64))
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_named_and_the_button_comes_back(page, app):
    hand = Hand(page, app)
    hand.draw((10, 10), (50, 20))
    page.evaluate("() => { window.send = WebSocket.prototype.send; WebSocket.prototype.send = () => {}; }")
    hand.part("use").click()
    expect(hand.part("state")).to_have_text("Sending…")
    expect(hand.part("use")).to_be_disabled()
    expect(hand.part("problem")).to_contain_text("has not taken the drawing yet", timeout=25_000)
    page.evaluate("() => { WebSocket.prototype.send = window.send; }")
    assert np.array_equal(hand.use(), averaged(hand.screen(), 64))
    expect(hand.part("problem")).to_be_hidden()


@pytest.mark.slow
def test_hundreds_of_strokes_stay_quick_and_come_back(page, app):
    hand = Hand(page, app)
    rng = np.random.default_rng(0)
    box = hand.surface.bounding_box()  # it does not move; asked for each time, it would take a minute
    for x, y in rng.uniform(2, 62, (430, 2)) * box["width"] / 64:
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - x, box["y"] + y)
        page.mouse.up()
    assert int(hand.root.get_attribute("data-acts")) <= 400
    drawn = hand.screen()
    page.wait_for_timeout(500)
    page.reload()
    hand.ready()
    assert np.array_equal(hand.screen(), drawn)
    hand.part("undo").click()
    hand.part("redo").click()
    assert np.array_equal(hand.screen(), drawn)


# ---- how it looks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [360, 420, 1400])
def test_it_fits_and_can_be_touched(new_page, app, width):
    page = new_page(width=width)
    hand = Hand(page, app)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = hand.surface.bounding_box()
    assert 0 <= box["x"] and box["x"] + box["width"] <= width
    assert box["height"] == pytest.approx(box["width"]) and box["width"] >= 300
    for target in page.locator(".canvas :is(button, .range, .colours label)").all():
        if target.is_visible():
            size = target.bounding_box()
            assert min(size["width"], size["height"]) >= 32, target.inner_html()
