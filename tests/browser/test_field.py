"""The vector field in a real browser: what it shows, and what a hand can do with it."""

from __future__ import annotations

import json
import re

import pytest
import torch
from field_app import harness_data, harness_network
from field_numbers import agree, doubles
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from torch import Tensor

from core.flow import Conditional, integrate
from core.toy import ExactField

pytestmark = pytest.mark.browser
REST = 900  # milliseconds: longer than the field waits before it sends its settings


@pytest.fixture(scope="module")
def app(shared) -> str:
    return shared("tests/browser/field_app.py")


def open_field(page: Page, address: str) -> Locator:
    page.goto(address)
    field = page.locator(".field[data-t]")
    expect(field).to_be_visible()
    page.wait_for_timeout(REST)
    return field


def committed(page: Page, **wanted: str) -> None:
    """Python has heard of these settings."""
    for name, text in wanted.items():
        expect(page.get_by_text(re.compile("^settings "))).to_have_text(
            re.compile(rf"(^|\s){name}={re.escape(text)}(\s|$)")
        )


def particles(field: Locator, which: str = "exact", panel: int = 0) -> Tensor:
    """Where the particles are on the screen, once all steps have been computed."""
    found = field.evaluate(
        """async (root, [which, panel]) => {
          const field = root.vectorField;
          const slot = () => field.active[panel].slots[which];
          while (!slot().current?.done || slot().next) await new Promise(requestAnimationFrame);
          return Array.from(slot().current.at(field.view.t));
        }""",
        [which, panel],
    )
    return doubles(found).reshape(-1, 2)


def walked(field: object, solver: str, steps: int, exact: bool) -> Tensor:
    _, noise, _ = harness_data()
    path = list(integrate(field, noise.double(), steps, solver))
    return path[-1].clean_hat if exact else path[-1].x_next


def test_the_page_shows_what_core_computes(page, app):
    field = open_field(page, f"{app}/?t=1&steps=20&solver=heun&beside=5")
    points, _, _ = harness_data()
    for panel, steps in enumerate((20, 5)):
        agree(particles(field, panel=panel), walked(ExactField(points.double()), "heun", steps, exact=True))
    expect(page.locator("figcaption").nth(0)).to_contain_text("Heun, T = 20 · 39 evaluations")
    expect(page.locator("figcaption").nth(1)).to_contain_text("Heun, T = 5 · 9 evaluations")
    expect(page.locator("figcaption").nth(1)).to_contain_text(re.compile(r"true flow 0\.[0-9]{3}"))


def test_a_network_arrives_and_is_replaced_while_it_trains(page, app):
    field = open_field(page, f"{app}/?network=1&field=network&t=1&steps=15&solver=rk4")
    for number in (1, 2):
        network = harness_network(number).double()
        agree(particles(field, "network"), walked(Conditional(network), "rk4", 15, exact=False))
        page.get_by_role("button", name="other weights").click()
        expect(field).to_have_attribute("data-network", f"training {number + 1}:200")
    expect(page.locator(".progress")).to_have_text("Training: step 200 of 400")
    expect(page.locator(".sum")).to_contain_text("1.250")  # 1 + 0.25, equation 2
    page.locator(".after").focus()
    page.keyboard.press("Home")
    committed(page, after="0")
    agree(
        particles(field, "network"),
        walked(Conditional(harness_network(103).double()), "rk4", 15, exact=False),
    )
    expect(page.locator(".sum")).to_contain_text("1.500")


def test_without_a_network_the_page_says_so(page, app):
    field = open_field(page, f"{app}/?field=network")
    expect(page.locator("figcaption").first).to_contain_text("press “Train”")
    page.get_by_role("radio", name="exact").check()
    committed(page, field="exact")
    assert len(particles(field)) == 300


def test_scrubbing_sends_nothing_until_the_hand_rests(page, traffic, app):
    field = open_field(page, app)
    box = page.locator(".time-range").bounding_box()
    middle = box["y"] + box["height"] / 2

    def at(t: float) -> float:
        return box["x"] + 10 + t * (box["width"] - 20)

    page.mouse.move(at(0), middle)
    traffic.reset()
    page.mouse.down()
    for k in range(1, 13):
        page.mouse.move(at(k / 20), middle)
        page.wait_for_timeout(40)
    page.wait_for_timeout(REST)
    assert traffic.sent == 0
    assert float(field.get_attribute("data-t")) == pytest.approx(0.6, abs=0.01)
    page.mouse.up()
    committed(page, t=settings_t(field))
    page.wait_for_timeout(REST)
    assert traffic.sent == 1


def settings_t(field: Locator) -> str:
    return f"{float(field.get_attribute('data-t')):g}"


def test_keys_step_and_jump(page, app):
    field = open_field(page, f"{app}/?steps=4")
    page.locator(".time-range").focus()
    for key, t in (("ArrowRight", 0.25), ("ArrowRight", 0.5), ("ArrowLeft", 0.25), ("End", 1), ("Home", 0)):
        page.keyboard.press(key)
        expect(field).to_have_attribute("data-t", f"{t:.3f}")
    expect(page.locator(".where")).to_contain_text("step 0 of 4")
    page.get_by_role("button", name="One step forward").click()
    page.get_by_role("button", name="One step forward").click()
    committed(page, t="0.5")
    page.get_by_role("button", name="One step back").click()
    committed(page, t="0.25")


def test_play_runs_to_the_end_and_stops(page, app):
    field = open_field(page, f"{app}/?t=0.8")
    page.get_by_label("Speed").select_option("2")
    page.locator(".time-range").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(field).to_have_attribute("data-t", "1.000")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    committed(page, t="1")
    page.keyboard.press("Space")  # from the end it begins again
    page.wait_for_timeout(400)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert float(field.get_attribute("data-t")) < 1


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_opening_respects_less_motion(new_page, app, motion):
    page = new_page(reduced_motion=motion)
    field = open_field(page, f"{app}/?autoplay=1")
    page.wait_for_timeout(REST)
    at = float(field.get_attribute("data-t"))
    assert at == 1 if motion == "reduce" else 0 < at < 1, "it plays, or rests where playing would have ended"


def plane_point(page: Page, x: float, y: float, panel: int = 0) -> tuple[float, float]:
    box = page.locator(".plane").nth(panel).bounding_box()
    return box["x"] + (x + 2.7) / 5.4 * box["width"], box["y"] + (2.7 - y) / 5.4 * box["height"]


def test_a_click_drops_a_particle_that_is_drawn_to_the_data(page, app):
    field = open_field(page, f"{app}/?t=0.5&steps=10")
    page.locator(".plane").first.scroll_into_view_if_needed()
    page.mouse.click(*plane_point(page, 1.0, -1.5))
    expect(page.locator(".drop")).to_contain_text("drawn to")
    t, x, y = drops(page, 1)[0]
    assert t == 0.5 and (x, y) == pytest.approx((1.0, -1.5), abs=0.02)
    exact = ExactField(harness_data()[0].double())
    here = doubles([[x, y]])
    mean, weight = exact.clean_mean(here, 0.5)[0], exact.weights(here, 0.5).max().item()
    expect(page.locator(".drop dd").nth(2)).to_have_text(f"({mean[0]:.2f}, {mean[1]:.2f})".replace("-", "−"))
    expect(page.locator(".drop dd").nth(4)).to_have_text(f"{100 * weight:.1f} %")
    path = [step.x_t for step in integrate(exact, here, 10, first_step=5)]
    found = field.evaluate(
        "root => root.vectorField.active[0].drops[0].flow.nodes.map((node) => Array.from(node))"
    )
    agree(found[:5], torch.cat(path))


def drops(page: Page, count: int) -> list[tuple[float, ...]]:
    """The dropped particles, once Python has heard of `count` of them."""
    line = page.get_by_text(re.compile("^settings "))
    expect(line).to_have_text(re.compile(r"drop=[0-9.:-]+" + r";[0-9.:-]+" * (count - 1) + "$"))
    text = line.inner_text().rsplit("drop=", 1)[1]
    return [tuple(map(float, drop.split(":"))) for drop in text.split(";")]


def test_a_particle_can_be_dragged_chosen_and_cleared(page, app):
    open_field(page, f"{app}/?t=0.2")
    page.locator(".plane").first.scroll_into_view_if_needed()
    page.mouse.move(*plane_point(page, -1, 1))
    page.mouse.down()
    page.mouse.move(*plane_point(page, 2, 2), steps=5)
    page.mouse.up()
    page.mouse.click(*plane_point(page, 0, -2))
    assert drops(page, 2) == [pytest.approx((0.2, 2, 2), abs=0.02), pytest.approx((0.2, 0, -2), abs=0.02)]
    page.mouse.click(*plane_point(page, 2, 2))  # chosen: it becomes the last one, and none is added
    expect(page.get_by_text(re.compile("^settings "))).to_have_text(
        re.compile(r"drop=0\.2:\S+;0\.2:[12]\S+$")
    )
    page.get_by_role("button", name="clear particles").click()
    committed(page, drop="")


def test_the_keyboard_drops_a_particle(page, app):
    open_field(page, f"{app}/?t=0.4")
    page.locator(".plane").first.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    committed(page, drop="0.4:0.6:0.1")
    page.keyboard.press("Delete")
    committed(page, drop="")


def test_settings_go_both_ways(page, app):
    field = open_field(page, app)
    page.get_by_role("radio", name="RK4").check()
    page.get_by_role("button", name="density").click()
    page.get_by_role("button", name="streamlines").click()
    page.get_by_role("button", name="paths", exact=True).click()
    page.get_by_role("button", name="conditional paths").click()
    page.get_by_label("Steps T").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("checkbox", name="beside it").check()
    committed(page, solver="rk4", show="arrows,streamlines,particles,paths,straight", steps="12", beside="50")
    expect(page.locator(".panel").nth(1)).to_be_visible()
    page.get_by_role("button", name="go to t = 0.5").click()
    expect(field).to_have_attribute("data-t", "0.500")
    committed(page, solver="rk4", steps="12", t="0.5")  # the rest stays as the hand has left it
    expect(page.get_by_role("radio", name="RK4")).to_be_checked()


def test_a_mistake_made_on_purpose(page, app):
    points, noise, _ = harness_data()
    field = open_field(page, f"{app}/?wrong=to_the_end&t=1&solver=heun&steps=10")
    steps = list(integrate(ExactField(points.double()), noise.double(), 10, "heun"))
    agree(particles(field), steps[-1].x_next)
    field = open_field(page, f"{app}/?wrong=half_noise&t=0")
    agree(particles(field), noise.double() / 2)


def test_the_picture_is_drawn_where_the_particles_are(page, app):
    """One particle, nothing else: its pixels lie around the place where the map from the plane puts it."""
    field = open_field(page, f"{app}/?t=0.5&show=particles&particles=1")
    x, y = particles(field)[0].tolist()
    left, top = page.locator(".over").first.evaluate(
        """canvas => {
          const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let n = 0, x = 0, y = 0;
          for (let i = 3; i < data.length; i += 4) {
            const weight = data[i] / 255, at = (i - 3) / 4;
            n += weight; x += weight * (at % width + 0.5); y += weight * (Math.floor(at / width) + 0.5);
          }
          return [x / n / width, y / n / width];
        }"""
    )
    size = page.locator(".plane").first.bounding_box()["width"]
    assert abs(left - (x + 2.7) / 5.4) * size < 1 and abs(top - (2.7 - y) / 5.4) * size < 1


def test_straight_lines_and_paths_stand_in_a_plane_each(page, app):
    """One noise: left its straight line to its data point, right its path, each without the other; at t = 0.5."""
    points, noise, pairs = harness_data()
    field = open_field(page, f"{app}/?t=0.5&show=particles,paths,straight&particles=1")
    straight = ((noise[0] + points[pairs[0]]) / 2).tolist()
    carried = particles(field, panel=1)[0].tolist()
    assert max(abs(a - b) for a, b in zip(straight, carried, strict=True)) > 0.2, "they can be told apart"
    drawn = [
        [
            page.locator(".over")
            .nth(panel)
            .evaluate(
                """(canvas, [x, y]) => {
                  const at = [(x + 2.7) / 5.4, (2.7 - y) / 5.4].map((share) => Math.round(share * canvas.width));
                  return canvas.getContext("2d").getImageData(...at, 1, 1).data[3] > 200;
                }""",
                place,
            )
            for place in (straight, carried)
        ]
        for panel in (0, 1)
    ]
    assert drawn == [[True, False], [False, True]]
    expect(page.locator("figcaption").nth(0)).to_contain_text("They may cross")
    expect(page.get_by_role("radio", name="RK4")).to_be_hidden()  # the planes have the room
    page.locator("summary").click()
    page.get_by_role("radio", name="RK4").check()
    page.get_by_role("button", name="conditional paths").click()
    expect(page.locator(".panel").nth(1)).to_be_hidden()
    expect(page.get_by_role("radio", name="RK4")).to_be_visible()


def test_a_png_of_the_picture(page, app):
    open_field(page, f"{app}/?t=0.5")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="save").click()
    assert waiting.value.suggested_filename == "vector-field-t0.50.png"
    with Image.open(waiting.value.path()) as saved:
        saved.verify()
        about = json.loads(saved.info["provenance"])
    assert about == {"lesson": "no lesson", "seeds": [3], "t": [0.5], "link": f"{app}/?t=0.5"}


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1400, "light"),
        (420, "dark"),
        *(pytest.param(*more, marks=pytest.mark.journey) for more in ((1400, "dark"), (420, "light"))),
    ],
)
def test_no_width_makes_the_page_scroll_sideways(new_page, app, width, scheme):
    page = new_page(width=width, color_scheme=scheme)
    open_field(page, f"{app}/?network=1&field=difference&beside=3&drop=0:1:1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    planes = page.locator(".plane")
    for k in range(2):
        box = planes.nth(k).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["width"] == box["height"] > 250
