"""The page of A14: there and back, its studies, and what it says to values that leave nothing to do."""

from __future__ import annotations

import numpy as np

from core.pictures import load_picture
from lessons.there_and_back import COUNTS, LESSON, WEIGHTS, between_spec, errors_spec, spec
from pages.components.player.packing import read_header
from pages.server import runtime
from tests.ui.fake_model import sentences

SHORT = {"steps": "5"}
VALUES = LESSON.defaults() | {"steps": 5}


def test_the_page_shows_the_way_there_and_the_way_back(visit, monkeypatch):
    films = []
    monkeypatch.setattr(
        "pages.ui.stage.player", lambda film, **more: films.append(read_header(film)) and None
    )
    at, executor = visit("there_and_back", **SHORT)
    at.run()
    assert sentences(at) == ""
    assert executor.asked == [spec(VALUES, runtime.model_fingerprint())]
    assert films[-1]["columns"] == [
        "back, same prompt", "back, other prompt", "SDEdit (A9), other prompt", "the picture"
    ]  # fmt: skip
    assert films[-1]["steps"][4:6] == ["there, t = 990", "back, t = 990"] and len(films[-1]["steps"]) == 10
    found = executor.result(runtime.job_id(executor.asked[0]))
    picture = load_picture("pickup-truck").transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_allclose(found["clean"][0], picture, atol=1e-5)
    # It turns where it has come to: the last frame of the way there is the first of the way back.
    np.testing.assert_array_equal(found["x_t"][4], found["x_t"][5])
    np.testing.assert_array_equal(found["noise"], found["x_t"][4, :1])


def test_pixels_that_are_shuffled_are_all_there_and_lead_elsewhere(visit):
    _, executor = visit("there_and_back", **SHORT, wrong="shuffled")
    right, wrong = (
        executor.result(runtime.job_id(spec(VALUES, runtime.model_fingerprint(), variant)))
        for variant in (None, "shuffled")
    )
    assert not np.array_equal(right["noise"], wrong["noise"])
    columns = right["noise"][0].reshape(3, -1).T  # pixels stay whole
    assert {tuple(pixel) for pixel in columns} == {
        tuple(pixel) for pixel in wrong["noise"][0].reshape(3, -1).T
    }


def test_the_studies_are_run_when_they_are_asked_for(visit):
    at, executor = visit("there_and_back", **SHORT)
    for name, wanted in (("errors", errors_spec), ("between", between_spec)):
        at.button(key=f"there_and_back/{name}/start").click().run()
        assert not at.exception, at.exception
        assert executor.asked[-1] == wanted(VALUES, runtime.model_fingerprint())
    between = executor.result(runtime.job_id(executor.asked[-1]))
    assert between["result"].shape == (2 * len(WEIGHTS), 3, 64, 64)
    np.testing.assert_allclose(between["std"][: len(WEIGHTS)], 1, atol=0.02)
    assert abs(between["std"][len(WEIGHTS) + 2] - 0.5**0.5) < 0.02  # half way along the straight line
    assert len(COUNTS) == len(executor.result(runtime.job_id(executor.asked[-2]))["error"])


def test_a_turn_before_the_first_step_is_a_sentence(visit):
    at, executor = visit("there_and_back", steps="5", turn="200")
    assert "With 5 steps none lies between 0 and t = 200: take more steps, or turn later." in sentences(at)
    assert executor.asked == []
