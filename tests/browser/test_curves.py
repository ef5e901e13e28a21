"""Curves in a real browser, on a lesson that opens with the curves of two networks that ship."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from lessons.time_conditioned_flow import LESSON
from lessons.training_curves import shipped_curve

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE = 300_000  # milliseconds


@pytest.fixture
def drawing(page: Page, app: str):
    page.goto(f"{app}/{LESSON.url_path}")
    page.get_by_role("radio", name="Its training").click(timeout=PATIENCE)
    drawing = page.locator(".curves .drawing")
    expect(drawing.locator(".scatterlayer .js-line")).to_have_count(2, timeout=PATIENCE)
    return drawing


def test_a_curve_says_its_numbers_to_who_does_not_see_it_and_to_who_points_at_it(page: Page, drawing):
    expect(drawing).to_have_attribute("role", "img")
    axes, said = drawing.get_attribute("aria-label").split(": ", 1)
    assert axes == "Loss (pixels in [0, 1]) over step"
    for preset, curve in zip(("b6", "b6-slow"), said.split(", "), strict=True):
        assert curve.startswith("Trained beforehand: D 64")
        assert float(curve.rpartition(" ")[2]) == pytest.approx(shipped_curve(preset).losses[-1], rel=0.01)
    expect(drawing.locator(".legendtext")).to_have_count(2)
    expect(page.locator(".curves .modebar")).to_have_count(0)
    drawing.locator(".nsewdrag").hover()
    expect(drawing.locator(".hoverlayer .legendtext").first).to_contain_text("Trained beforehand")


def test_axis_and_scale_are_chosen_in_the_browser(page: Page, drawing):
    def axes() -> list:
        return drawing.evaluate(
            "(d) => [d._fullLayout.yaxis.type, d._fullLayout.xaxis.title.text, d.data[0].x.at(-1)]"
        )

    curve = shipped_curve("b6").drawn()
    assert axes() == ["linear", "step", curve.steps[-1]]
    page.locator(".curves .tools").get_by_role("button", name="log").click()
    page.locator(".curves .tools").get_by_label("over").select_option("seconds")
    page.wait_for_function(
        "() => document.querySelector('.curves .drawing')._fullLayout.yaxis.type === 'log'"
    )
    assert axes() == ["log", "seconds", pytest.approx(curve.seconds[-1])]


def test_a_mean_over_more_steps_leaves_the_steps_faint_behind_it(page: Page, drawing):
    losses = shipped_curve("b6").drawn()
    page.locator(".curves .tools").get_by_label("mean of").select_option("250 steps")
    expect(drawing.locator(".scatterlayer .js-line")).to_have_count(4)
    raw, mean = drawing.evaluate("(d) => d.data.slice(0, 2).map((trace) => trace.y)")
    count = max(1, round(250 / losses.every))
    assert raw == pytest.approx(losses.losses.tolist())
    assert mean[-1] == pytest.approx(losses.losses[-count:].mean())
    assert mean[0] == pytest.approx(losses.losses[0])
