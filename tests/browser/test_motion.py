"""How a film moves by itself: played and paused, from frame to frame, and not where less motion is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.player_hand import open_player, picture, pixels, scrubber

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(shared) -> str:
    return shared("tests/browser/player_app.py")


def test_space_plays_and_pauses(page, traffic, app):
    player = open_player(page, app)
    scrubber(page).focus()
    traffic.reset()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_timeout(1500)
    playing = int(player.get_attribute("data-frame"))
    assert playing > 12
    assert traffic.sent == 0
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page.get_by_text("committed frame:")).not_to_have_text("committed frame: None")
    page.get_by_label("Speed").select_option("4")
    page.keyboard.press("End")
    page.locator(".play").click()  # from the end, it starts again at the beginning, and stops at the end
    expect(player).to_have_attribute("data-frame", "33", timeout=10_000)
    expect(page.get_by_role("button", name="Play")).to_be_visible()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_film_begins_by_itself_unless_less_motion_is_asked_for(new_page, app, motion):
    player = open_player(new_page(reduced_motion=motion), f"{app}/?autoplay=1")
    frame = int(player.get_attribute("data-frame"))
    assert frame == 33 if motion == "reduce" else 0 < frame < 33  # it stands at its end, or is on its way


SEEN_WHILE_PLAYING = """async ([row, milliseconds]) => {
  const root = document.querySelector('[data-testid="stBidiComponentIsolated"]').shadowRoot;
  const player = root.querySelector(".player"), seen = [], end = performance.now() + milliseconds;
  const context = root.querySelector(`.stage canvas[data-row="${row}"]`).getContext("2d");
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    await new Promise((done) => setTimeout(done)); // after what was drawn for this refresh
    seen.push([Number(player.dataset.frame), ...context.getImageData(20, 30, 1, 1).data]);
  }
  return seen;
}"""


@pytest.mark.parametrize("motion", ["no-preference", pytest.param("reduce", marks=pytest.mark.journey)])
def test_a_film_that_plays_passes_softly_from_frame_to_frame(new_page, app, motion):
    """At three steps a second. What lies between two frames lies between their pixels; where less motion is asked for, and
    where the film rests, there is nothing between them."""
    page = new_page(reduced_motion=motion)
    player = open_player(page, f"{app}/?frame=2")
    page.get_by_label("Speed").select_option("0.25")
    page.locator(".play").click()
    seen = page.evaluate(SEEN_WHILE_PLAYING, ["x_t", 2000])
    page.locator(".play").click()
    rests = int(player.get_attribute("data-frame"))
    own = {}
    for frame in range(rests, 0, -1):
        expect(player).to_have_attribute("data-frame", str(frame))
        own[frame] = pixels(picture(page, "x_t"))[30, 20].astype(int)
        page.keyboard.press("ArrowLeft")
    frames = {frame for frame, *_ in seen}
    assert len(frames & set(own)) >= 3
    between = 0
    for frame, *colour in seen:
        if frame in own and frame + 1 in own:
            here, after = own[frame], own[frame + 1]
            assert (colour >= np.minimum(here, after) - 1).all()
            assert (colour <= np.maximum(here, after) + 1).all()
            between += any(1 < abs(colour - here)) and any(1 < abs(colour - after))
    assert between == 0 if motion == "reduce" else between >= 5
