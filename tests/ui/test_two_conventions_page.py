"""The page of B0: one run in both clocks, of the model of Part A."""

from __future__ import annotations

import pytest

from lessons.two_conventions import LESSON, spec
from pages.components.player.packing import read_header
from pages.server import runtime
from tests.ui.fake_model import sentences


def test_both_clocks_stand_over_the_same_pictures(visit, monkeypatch):
    films = []
    monkeypatch.setattr(
        "pages.ui.stage.player", lambda film, **more: films.append(read_header(film)) and None
    )
    at, executor = visit("two_conventions", steps="5")
    at.run()
    assert sentences(at) == ""
    assert executor.asked == [spec(LESSON.defaults() | {"steps": 5}, runtime.model_fingerprint())]
    # t = 495 is where abar is 1/2, to a thousandth: half way by flow's clock.
    assert (
        films[-1]["steps"][0].startswith("t = 990, τ = 0.01")
        and films[-1]["steps"][2] == "t = 495, τ = 0.500"
    )
    found = executor.result(runtime.job_id(executor.asked[0]))
    assert found["x_flow"].shape == (5, 1, 3, 64, 64)
    assert max(step["gap"] for step in found.meta["steps"]) < 1e-4 and found.meta["end_gap"] < 1e-4


@pytest.mark.parametrize("variant", [variant.name for variant in LESSON.variants])
def test_a_mistake_is_one_of_the_flow_alone(visit, variant):
    at, executor = visit("two_conventions", steps="5", wrong=variant)
    at.run()
    right, wrong = (
        executor.result(
            runtime.job_id(spec(LESSON.defaults() | {"steps": 5}, runtime.model_fingerprint(), name))
        )
        for name in (None, variant)
    )
    assert (right["x_t"] == wrong["x_t"]).all()
    assert wrong.meta["steps"][2]["gap"] > 0.01
