"""The page of A14: there and back, its studies, and what it says to values that leave nothing to do."""

from __future__ import annotations

import numpy as np

from core.pictures import load_picture
from lessons.there_and_back import LESSON, WEIGHTS, between_spec, errors_spec, spec
from pages.components.player.packing import read_header
from pages.server import runtime
from tests.lesson_runs import result_of
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


def test_it_opens_on_few_steps_and_many_a_column_each(visit_filmed):
    at, executor, films = visit_filmed("there_and_back", shown="steps", turn="200")
    values = LESSON.defaults() | {"shown": "steps", "turn": 200}
    asked = errors_spec(values, runtime.model_fingerprint())
    assert executor.asked == [asked] == [spec(values, runtime.model_fingerprint())]
    assert not at.exception, at.exception
    assert films[-1]["columns"] == [
        "2 steps",
        "7 steps",
        "21 steps",
        "the picture",
    ]  # 0 to 200 by 110, 30, 10
    found = executor.result(runtime.job_id(asked))
    told = " ".join(caption.value for caption in at.caption)
    assert "with 2," in told and f"{found['error'][2]:.3f} with 21" in told


def test_show_it_puts_the_fish_beside_the_truck(visit_filmed):
    """From the bare address, where nobody has pinned anything."""
    at, executor, films = visit_filmed("there_and_back")
    assert not at.exception, at.exception
    at.radio(key="there_and_back/guess").set_value(LESSON.question.choices[LESSON.question.answer]).run()
    at.button(key="there_and_back/reveal").click().run()
    at.run()
    assert not at.exception, at.exception
    fish = LESSON.defaults() | LESSON.question.reveal
    assert spec(fish, runtime.model_fingerprint()) in executor.asked
    shown = [row["name"] for row in films[-1]["rows"]]
    assert {"x_t", "x_t/1", "missed", "missed/1"} <= set(shown)  # the truck's rows, and the fish's
    # What is pinned of one face is drawn as that face draws it, also beside the other.
    at.session_state["there_and_back/values"] = fish | {"shown": "prompts", "steps": 5}
    at.run()
    assert not at.exception, at.exception


def test_a_column_is_the_run_with_that_many_steps(job_context, emoji64_fingerprint):
    """The run of 34 steps has a frame here where it has one by itself; that of 10 has few, and stays between them."""
    values = LESSON.defaults() | {"shown": "steps", "turn": 300}
    every = result_of(LESSON, errors_spec(values, emoji64_fingerprint), job_context)[0]
    for count, column in ((34, 1), (10, 0)):
        alone = result_of(
            LESSON, spec(values | {"shown": "prompts", "steps": count}, emoji64_fingerprint), job_context
        )[0]
        np.testing.assert_array_equal(every["result"][column], alone["result"][0])
        np.testing.assert_array_equal(every["noise"][column], alone["noise"][0])
        np.testing.assert_allclose(every["error"][column], alone.meta["error"][0], rtol=1e-6)
        if count == 34:
            for name in ("x_t", "clean_hat"):
                np.testing.assert_array_equal(every[name][:, column], alone[name][:, 0])
        else:
            stays = moves(every["x_t"][:, column])
            np.testing.assert_array_equal(stays, moves(alone["x_t"][:, 0]))
            assert len(stays) < len(every["x_t"]) / 3


def moves(frames):
    """The frames that differ from the one before."""
    return np.stack([frame for k, frame in enumerate(frames) if not k or (frame != frames[k - 1]).any()])


def test_the_noises_between_two_are_drawn_from_when_they_are_asked_for(visit):
    at, executor = visit("there_and_back", **SHORT)
    at.button(key="there_and_back/between/start").click().run()
    assert not at.exception, at.exception
    assert executor.asked[-1] == between_spec(VALUES, runtime.model_fingerprint())
    between = executor.result(runtime.job_id(executor.asked[-1]))
    assert between["result"].shape == (2 * len(WEIGHTS), 3, 64, 64)
    np.testing.assert_allclose(between["std"][: len(WEIGHTS)], 1, atol=0.02)
    assert abs(between["std"][len(WEIGHTS) + 2] - 0.5**0.5) < 0.02  # half way along the straight line


def test_a_turn_before_the_first_step_is_a_sentence(visit):
    at, executor = visit("there_and_back", steps="5", turn="200")
    assert "With 5 steps none lies between 0 and t = 200: take more steps, or turn later." in sentences(at)
    assert executor.asked == []
