"""The page of B11: three flows in one figure, and the digits below."""

from __future__ import annotations

import re

import pytest

from lessons import straighter_paths
from lessons.straighter_paths import DIGIT_STEPS, LESSON, digits_spec, opening, spec
from pages.components.player.packing import read_header
from pages.server import runtime
from tests.ui.fake_model import sentences


@pytest.fixture
def films(monkeypatch) -> list[dict]:
    """What the player was given, with flows that are trained for a few steps."""
    found: list[dict] = []
    monkeypatch.setattr(
        "pages.ui.stage.player", lambda film, **more: found.append(read_header(film)) and None
    )
    monkeypatch.setattr(straighter_paths, "TRAINING_STEPS", 40)
    monkeypatch.setattr(straighter_paths, "SNAPSHOTS", (20, 40))
    monkeypatch.setattr(straighter_paths, "MEASURED", 200)
    monkeypatch.setattr(straighter_paths, "DIGITS", 2)
    return found


def test_the_page_shows_what_make_warm_has_computed(visit, films):
    at, executor = visit("straighter_paths")
    assert sentences(at) == ""
    digits = digits_spec(LESSON.defaults())
    assert executor.asked == [spec(LESSON.defaults())] and digits is not None
    assert opening("")[0] == spec(LESSON.defaults()) and opening("")[1].kind == digits.kind
    film = films[-1]
    assert film["steps"][0] == "t = 0.00" and film["steps"][-1] == "t = 1.00" and len(film["rows"]) == 3
    assert [row["shown"] for row in film["rows"]] == [True, True, False]  # the third looks like the second
    flows = executor.result(runtime.job_id(executor.asked[0])).meta["flows"]
    for words, flow in zip((row["caption"] for row in film["rows"]), flows, strict=True):
        said = float(re.search(r" S = ([\d.e-]+)\. ", words)[1])
        assert said == pytest.approx(flow["straightness"], rel=0.5, abs=0.005)
        steps = flow["steps_needed"]
        assert ("over 40 steps" if steps is None else f"{steps} step") in words
        assert "2 Euler steps" in words
    assert [curve["label"] for curve in film["curves"]] == [row["label"] for row in film["rows"]]
    assert [bool(curve["meaning"]) for curve in film["curves"]] == [True, False, False]  # the formula once


def test_the_digits_are_asked_for_below(visit, films):
    at, executor = visit("straighter_paths")
    at.button(key="straighter_paths/digits/start").click().run()
    assert not at.exception, at.exception
    assert executor.asked[-1].kind == "reflow_digits"
    assert films[-1]["steps"] == [f"T = {steps}" for steps in DIGIT_STEPS]
    assert [row["name"] for row in films[-1]["rows"]] == ["before", "after"]


@pytest.mark.parametrize(
    "variant",
    [
        "shuffled",
        *(pytest.param(v.name, marks=pytest.mark.journey) for v in LESSON.variants if v.name != "shuffled"),
    ],
)
def test_a_mistake_stands_beside_the_right_way(variant, visit, films):
    at, executor = visit("straighter_paths", wrong=variant)
    at.run()
    assert {job.params["variant"] for job in executor.asked} == {None, variant}
    assert [row["name"] for row in films[-1]["rows"]] == ["flow-0", "flow-1", "flow-2"]
    assert len(films[-1]["columns"]) == 2
