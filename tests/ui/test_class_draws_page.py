"""The page of B12 for somebody who is in no class: drawings in the address, files brought along, and the training."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

from core import mnist_models
from core.handwriting import figures_of_numbers, packed
from core.mnist_models import save_weights, weights_file
from core.training import build_network
from core.training_settings import MnistSettings
from lessons import class_draws
from lessons.class_draws import LESSON
from pages.components.player.packing import read_header
from pages.server import runtime
from tests.ui.fake_model import sentences

PLACE = LESSON.slug


@pytest.fixture
def figures() -> np.ndarray:
    """Eight bars of several lengths."""
    found = np.zeros((8, 28, 28), np.uint8)
    for k in range(8):
        found[k, 6 : 14 + k, 12:15] = 255
    return found


@pytest.fixture
def short(tmp_path, monkeypatch):
    """A narrow flow in the place of the one that ships, and trainings of 20 steps."""
    folder = tmp_path / "weights"
    folder.mkdir()
    settings = MnistSettings(objective="flow", width=8, learning_rate=1e-2, batch_size=64, epochs=10)
    save_weights(weights_file("b12", 10, folder), build_network(settings).state_dict(), settings)
    monkeypatch.setattr(mnist_models, "MODEL_FOLDER", folder)
    real = class_draws.spec

    def brief(values, drawings, variant=None):
        return real({**values, "steps": "20"}, drawings, variant)

    monkeypatch.setattr(class_draws, "spec", brief)


def words(at) -> str:
    return "\n".join(element.value for kind in ("markdown", "caption") for element in at.get(kind))


def kept(at) -> np.ndarray:
    """The drawings that the address names."""
    found = at.query_params["drawings"]
    return figures_of_numbers(runtime.blobs().get(found[0] if isinstance(found, list) else found))


def test_it_opens_on_an_example_and_an_empty_sheet_and_says_how_many_drawings_it_takes(visit, figures):
    with patch("pages.ui.stage.at_once", lambda spec: False):
        at, executor = visit("class_draws")
        assert sentences(at) == "" and executor.asked == []
        assert "An example: 25 small houses" in words(at) and "twenty are a good beginning" in words(at)
        train = at.button(key=f"{PLACE}/train")
        assert train.label == "Train on the example" and not train.disabled
        at.file_uploader(key=f"{PLACE}/files").set_value(
            [("f.npy", packed(figures[:3]), "application/octet-stream")]
        )
        at.run()
    train = at.button(key=f"{PLACE}/train")
    assert train.label == "Train on these drawings" and train.disabled
    assert "**3 drawings**" in words(at) and "An example" not in words(at)


def test_the_example_is_trained_on_where_nothing_is_drawn(visit, short, monkeypatch):
    films = []
    monkeypatch.setattr(
        "pages.ui.stage.player", lambda film, **more: films.append(read_header(film)) and None
    )
    with patch("pages.ui.stage.at_once", lambda spec: False):
        at, executor = visit("class_draws")
        at.button(key=f"{PLACE}/train").click().run()
    assert not at.exception, at.exception
    [asked] = executor.asked
    assert asked.params["drawings"] == class_draws.EXAMPLE
    assert "the 25 drawings" in words(at)
    monkeypatch.setattr(type(executor), "at_hand", lambda self, spec: True)  # as where the openings ship
    at, executor = visit("class_draws")
    assert at.session_state[f"{PLACE}/face"] == "The training"
    assert [spec.params["drawings"] for spec in executor.asked if spec.kind == "handwriting"] == [
        class_draws.EXAMPLE
    ]


def test_files_are_added_and_what_is_none_is_named(visit, figures):
    at, _ = visit("class_draws")
    at.file_uploader(key=f"{PLACE}/files").set_value([
        ("figures.npy", packed(figures), "application/octet-stream"), ("letter.npy", b"not at all", "text/plain"),
    ])  # fmt: skip
    at.run()
    assert not at.exception, at.exception
    assert "**8 drawings**" in words(at)
    assert (kept(at) == figures).all()
    assert "letter.npy" in sentences(at) and "no NumPy file" in sentences(at)
    at.run()  # once is enough
    assert len(kept(at)) == 8
    at.button(key=f"{PLACE}/undo").click().run()
    assert (kept(at) == figures[:7]).all()


def test_a_training_shows_samples_above_their_nearest_drawings(visit, figures, short, monkeypatch):
    films = []
    monkeypatch.setattr(
        "pages.ui.stage.player", lambda film, **more: films.append(read_header(film)) and None
    )
    with patch("pages.ui.stage.at_once", lambda spec: False):
        at, executor = visit("class_draws")
        at.file_uploader(key=f"{PLACE}/files").set_value(
            [("f.npy", packed(figures), "application/octet-stream")]
        )
        at.run()
        assert executor.asked == [], "nothing is trained unasked"
        at.button(key=f"{PLACE}/train").click().run()
    assert not at.exception, at.exception
    assert sentences(at) == ""
    [asked] = executor.asked
    assert asked.kind == "handwriting" and asked.params["start"]["source"] == "b12"
    assert films[-1]["steps"][0] == "before the first step" and films[-1]["steps"][-1] == "after step 20"
    assert [row["name"] for row in films[-1]["rows"]] == ["drawn", "before", "samples", "nearest"]
    assert "Thirty more" in "\n".join(element.value for element in at.header)
    assert "the 8 drawings" in words(at)


def test_a_link_to_drawings_that_are_gone_says_so_and_begins_anew(visit, figures):
    at, _ = visit("class_draws", drawings="0" * 64)
    assert "no longer kept here" in sentences(at)
    at.file_uploader(key=f"{PLACE}/files").set_value([("f.npy", packed(figures), "application/octet-stream")])
    at.run()
    assert "**8 drawings**" in words(at)


def test_a_preset_takes_no_drawing_away(visit, figures):
    at, _ = visit("class_draws")
    at.file_uploader(key=f"{PLACE}/files").set_value([("f.npy", packed(figures), "application/octet-stream")])
    at.run()
    with patch("pages.ui.stage.at_once", lambda spec: False):
        at.button(key=f"{PLACE}/preset/nothing").click().run()
    assert not at.exception, at.exception
    assert "**8 drawings**" in words(at) and (kept(at) == figures).all()
    assert at.query_params["start"] in ("nothing", ["nothing"])
