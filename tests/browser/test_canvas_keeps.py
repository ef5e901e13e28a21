"""The canvas in a real browser: what it keeps through refreshes, pages and trouble, and how it looks."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.canvas_hand import REST, Hand, averaged, middles, painted

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(shared) -> str:
    return shared("tests/browser/canvas_app.py")


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


@pytest.mark.parametrize("hand_back", [pytest.param(False, marks=pytest.mark.journey), True])
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


@pytest.mark.parametrize("trouble", [OFF, pytest.param(FULL, marks=pytest.mark.journey)])
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


@pytest.mark.journey
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


@pytest.mark.journey
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


@pytest.mark.parametrize("width", [360, pytest.param(420, marks=pytest.mark.journey), 1400])
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
