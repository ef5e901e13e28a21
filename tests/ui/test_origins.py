"""Every picture that a browser can save of a page says what made it: the finished films, those that grow, a training's."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from core.training_settings import MnistSettings
from lessons.course import COURSE
from pages.components.player import Film, Row
from pages.components.player.packing import pack, read_header
from pages.server.session import StageState
from pages.ui import stage, training_view
from tests.ui.fake_model import open_page
from tests.ui.part_a import reference

PART_A = [lesson for lesson in COURSE if lesson.part == "A"]
BY_CODE = {lesson.code: lesson for lesson in COURSE}


@pytest.fixture
def headers(monkeypatch):
    """The headers of all films that were handed to the player."""
    found = []

    def player(film, **_):
        found.append(read_header(film))

    monkeypatch.setattr(stage, "player", player)
    return found


@pytest.mark.parametrize("lesson", PART_A, ids=lambda lesson: lesson.code)
def test_every_film_of_a_page_knows_its_origin(lesson, headers, tmp_path, monkeypatch):
    with open_page(lesson.slug, tmp_path, monkeypatch, **reference(lesson)) as (at, _):
        at.run()
        assert not at.exception
    assert headers
    for header in headers:
        about = header["about"]
        assert about["lesson"] == f"{lesson.code} · {lesson.title}" and about["app"].startswith("diffusion")
        assert about["job"]["kind"] in lesson.jobs and about["seeds"] and about["model"] == ["emoji64"]
        assert about["t"], "the timesteps"


def test_a_mistake_beside_the_right_way_is_named(headers, tmp_path, monkeypatch):
    with open_page("forward_process", tmp_path, monkeypatch, wrong="alpha") as (at, _):
        headers.clear()
        at.run()
    (header,) = headers
    assert header["columns"] == ["right", "wrong"] and header["about"]["job"]["params"]["variant"] == "alpha"


def test_one_of_several_runs_is_named(headers, tmp_path, monkeypatch):
    with open_page("image_to_image", tmp_path, monkeypatch) as (at, _):
        headers.clear()
        at.run()
    assert [header["about"].get("i_start") for header in headers] == [None, 1]


def test_the_samples_of_a_training_name_its_settings(headers, monkeypatch):
    settings = MnistSettings(
        objective="flow", width=8, learning_rate=0.5, batch_size=8, epochs=1, pictures=16
    )
    training = SimpleNamespace(settings=settings, total=2, live=False)
    film = training_view._samples_film(training, np.zeros((1, 10, 28, 28, 1), np.uint8), [1])
    header = read_header(
        pack(training_view.signed(film, BY_CODE["B6"], training_view.training_spec(settings), {}))
    )
    assert header["about"]["job"]["params"]["settings"]["learning_rate"] == 0.5


def test_a_film_that_grows_knows_its_origin_too(tmp_path, monkeypatch):
    lesson = BY_CODE["A4"]
    with open_page(lesson.slug, tmp_path, monkeypatch) as (at, executor):
        at.run()
        job = next(iter(key for key, spec in executor.specs.items() if spec.kind == "denoise"))
        row = Row("x_t", "x_t", np.zeros((1, 1, 4, 4, 3), np.uint8))
        films = SimpleNamespace(live=lambda pixels, total: Film([row], ["t = 690"], total=total))
        film = stage._live(StageState(f"{lesson.slug}/main"), job, films)({}, 24)
    assert film.about["job"]["kind"] == "denoise" and film.total == 24
