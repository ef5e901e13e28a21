"""Part B's pages: without a network, with a small one, by links that ask too much, with damaged data."""

from __future__ import annotations

import re
from unittest.mock import patch

import numpy as np
import pytest
import torch

from core import mnist_models
from core.datasets import DamagedDataFile, Digits, load_mnist
from core.mnist_models import save_weights, weights_file
from core.training import build_network
from core.training_settings import MnistSettings
from lessons.course import COURSE
from pages.components.player.packing import read_header
from pages.ui.still import brightened
from pages.ui.training_face import DRAWS, TRAINS
from tests.ui.fake_model import open_page, sentences

BY_CODE = {lesson.code: lesson for lesson in COURSE}
OBJECTIVES = {"b2": "denoise", "b4": "pure_noise", "b6": "flow", "b8": "class_flow"}
PACE = {"float32": {8: 0.01, 16: 0.02}, "bfloat16": {8: 0.01, 16: 0.015}}
SHORT = {"B6": {"steps": "2"}, "B7": {"steps": "2"}, "B8": {"steps": "2"}, "B9": {"steps": "2"}}


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """An empty folder in the place of the shipped networks; the function fills it with narrow ones."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(mnist_models, "MODEL_FOLDER", folder)

    def ship() -> None:
        for preset, objective in OBJECTIVES.items():
            settings = MnistSettings(
                objective=objective, width=8, learning_rate=1e-2, batch_size=64, epochs=10
            )
            save_weights(weights_file(preset, 1, folder), build_network(settings).state_dict(), settings)

    return ship


@pytest.fixture
def visit(tmp_path, monkeypatch, weights):
    """`visit(code, **query)` opens a lesson's page by a link and runs it, with 300 training digits."""
    opened = []
    train = load_mnist("train")
    few = Digits(train.pictures[:300], train.labels[:300])

    def enter(code: str, **query: str):
        manager = open_page(BY_CODE[code].slug, tmp_path / "data", monkeypatch, **query)
        at, executor = manager.__enter__()
        opened.append(manager)
        executor.cache["digits", "train", "cpu"] = few
        patcher = patch("pages.ui.training.measured_pace", lambda: PACE)
        patcher.start()
        opened.append(patcher)
        at.run()
        assert not at.exception, at.exception
        return at, executor

    yield enter
    for one in reversed(opened):
        one.stop() if hasattr(one, "stop") else one.__exit__(None, None, None)


@pytest.mark.parametrize(("code", "first", "second"), [("B6", "b6", "b6-slow"), ("B8", "b8", "b8-constant")])
def test_another_network_that_ships_is_named_above_its_pictures(visit, weights, code, first, second):
    settings = MnistSettings(
        objective=OBJECTIVES[first], width=8, learning_rate=1e-2, batch_size=64, epochs=10
    )
    weights()
    folder = mnist_models.MODEL_FOLDER
    save_weights(weights_file(second, 1, folder), build_network(settings).state_dict(), settings)
    at, executor = visit(code, **SHORT[code])
    label = next(box for box in at.selectbox if box.label == "Network").options[1]
    assert "learning rate" in label and label not in words(at)
    assert executor.asked[-1].params["networks"][0]["source"] == first
    at, executor = visit(code, network=second, **SHORT[code])
    assert label in words(at)
    assert executor.asked[-1].params["networks"][0]["source"] == second


def words(at) -> str:
    return "\n".join(element.value for kind in ("markdown", "caption") for element in at.get(kind))


def test_a_training_that_diverges_says_what_to_change_and_what_is_kept(visit):
    """Adam at a rate of 1 leaves the sensible range within an epoch or two; there are 40."""
    numbers = {"width": "8", "batch_size": "48", "pictures": "48", "epochs": "40"}
    at, _ = visit("B2", **numbers, learning_rate="1", decay="constant")
    next(button for button in at.button if button.label == "Train").click().run()
    assert not at.exception
    said = sentences(at)
    assert "The training has diverged" in said
    assert "choose a learning rate below 1" in said
    assert "are kept, from before it happened" in said


@pytest.mark.parametrize(
    ("code", "where"),
    [("B2", "under “Its training”"), ("B4", "under “Its training”"), ("B9", "in lesson B8")],
)
def test_without_a_network_the_page_says_where_to_train_one(code, where, visit):
    at, _ = visit(code)
    assert f"Train one {where}" in words(at)
    links = [link.proto.label for link in at.get("page_link")]
    assert ("Train one in lesson B8" in links) == (code == "B9")


@pytest.mark.parametrize("code", ["B1", "B3", "B4", "B7", "B8", "B9"])
def test_with_a_network_the_page_opens_on_its_picture(code, visit, weights):
    weights()
    at, executor = visit(code, **SHORT.get(code, {}))
    assert sentences(at) == ""
    assert {spec.kind for spec in executor.asked} & {"walk", "denoise_digits", "pure_noise", "flow", "guided"}


def face(at, slug: str) -> str:
    return at.session_state[f"{slug}/training/face"]


def turn(at, slug: str, to: str) -> None:
    at.session_state[f"{slug}/training/face"] = to
    at.run()
    assert not at.exception


def test_the_figure_turns_to_what_was_asked_for(visit, weights):
    weights()
    at, _ = visit("B6", steps="2")
    assert face(at, "time_conditioned_flow") == DRAWS
    at.button(key="time_conditioned_flow/preset/small").click().run()
    assert face(at, "time_conditioned_flow") == TRAINS
    assert any(button.label == "Train" for button in at.button)
    at.button(key="time_conditioned_flow/preset/few_steps").click().run()
    assert face(at, "time_conditioned_flow") == DRAWS
    assert not any(button.label == "Train" for button in at.button)
    turn(at, "time_conditioned_flow", TRAINS)
    at.run()
    assert face(at, "time_conditioned_flow") == TRAINS, (
        "the choice is the student’s until something else is asked for"
    )


@pytest.mark.parametrize(
    ("query", "shown"),
    [({"width": "16"}, "trains"), ({"width": "16", "frame": "0"}, "draws"), ({"steps": "2"}, "draws")],
)
def test_a_link_opens_on_the_face_that_it_speaks_of(query, shown, visit, weights):
    weights()
    at, _ = visit("B6", **({"steps": "2"} | query))
    assert face(at, "time_conditioned_flow") == {"trains": TRAINS, "draws": DRAWS}[shown]


def test_two_minutes_set_the_faster_precision_and_start(visit, weights):
    at, executor = visit("B8", steps="2")
    turn(at, "class_conditioning", TRAINS)
    asked = []
    with patch.object(executor, "submit", lambda spec, owner, here=False: asked.append(spec)):
        at.button(key="class_conditioning/training/two").click().run()
    assert not at.exception
    (spec,) = (spec for spec in asked if spec.kind == "train")
    settings = spec.params["settings"]
    assert (settings["width"], settings["precision"]) == (16, "bfloat16")
    assert at.query_params["precision"] == ["bfloat16"] or at.query_params["precision"] == "bfloat16"
    assert "imitated" not in words(at)


@pytest.mark.parametrize(
    ("code", "query", "sentence"),
    [
        ("B8", {"gamma": "1e6"}, "Guidance"), ("B8", {"steps": "0"}, "Steps"),
        ("B6", {"width": "4096"}, "multiple of 8 from 8 to 256"), ("B6", {"pictures": "10"}, "at most 10 examples"),
        ("B2", {"digit": "10000"}, "0 to 9999"), ("B6", {"precision": "float16"}, "float32"),
    ],
)  # fmt: skip
def test_a_link_that_asks_too_much_gets_a_sentence(code, query, sentence, visit):
    at, _ = visit(code, **query)
    assert sentence in sentences(at)


def test_damaged_test_digits_are_named(visit, monkeypatch, weights):
    def damaged(split):
        raise DamagedDataFile(
            "t10k-images-idx3-ubyte.gz is truncated or altered: put the original file back."
        )

    monkeypatch.setattr("pages.ui.digits.load_mnist", damaged)
    at, _ = visit("B10")
    assert "t10k-images-idx3-ubyte.gz is truncated" in sentences(at)


def test_what_was_measured_beforehand_is_told_and_can_be_read_as_a_table(visit, weights):
    weights()
    torch.manual_seed(0)
    confusion = [[98 if asked == read else 0 for read in range(10)] for asked in range(10)]
    confusion[4][9] = 2
    measured = [
        {"epoch": epoch, "guidance_scale": gamma, "num_steps": 30, "samples": 100 if epoch < 10 else 1000,
         "accuracy": 0.982, "diversity": 2.5, "diversity_of_test_digits": 3.1, "frechet_distance": 4.0,
         "confusion": confusion, "precision": "float32"}
        for epoch in (1, 5, 10) for gamma in (0.0, 1.0, 5.0)
    ]  # fmt: skip
    with patch("lessons.guided_digits.measured", lambda source: measured):
        at, _ = visit("B9", steps="2")
    assert "of 1,000 digits **98.2%** are read as asked" in words(at)
    assert re.search(
        r"\d+ of 40 read as asked, diversity \d\.\d; the others are framed \(test digits 3\.1\)",
        words(at),
    )
    table = next(frame.value for frame in at.table if "asked for" in frame.value.columns)
    assert [count for count in table["read as 9"] if count] == ["2", "98"]


def test_guided_digits_stand_beside_the_same_noises_without_guidance(visit, weights, monkeypatch):
    """Where those are at hand: two blocks, γ = 1 first, with what the judge reads of each as its head."""
    weights()
    at, _ = visit("B9", steps="2", gamma="1")
    assert re.search(r"\d+ of 40 read as asked, diversity \d", words(at))  # alone, it stands above
    films = []
    monkeypatch.setattr(
        "pages.ui.stage.player", lambda film, **more: films.append(read_header(film)) and None
    )
    at.slider(key="guided_digits:gamma").set_value(5.0).run()
    at.run()  # as the page is at the end of a run
    assert not at.exception
    assert "of 40 read as asked" not in words(at)  # the heads say it
    assert re.search(r"diversity of test digits \d\.\d", words(at))  # what both are to be compared with
    heads = [
        re.match(r"γ = (\d): \d+ of 40 read as asked, diversity \d", head) for head in films[-1]["columns"]
    ]
    assert [head and head[1] for head in heads] == ["1", "5"]
    assert [row["label"] for row in films[-1]["rows"]] == list("0123456789")  # all ten can be reached
    assert [row["label"] for row in films[-1]["rows"] if row["shown"]] == ["2", "4", "7", "8"]


@pytest.mark.parametrize(
    "code, shown, columns",
    [
        ("B2", ["z", r"D_\theta(z)", "x"], "test digit no. 0"),
        ("B4", ["z", r"D_\theta(z)", r"\bar{x}"], None),
        ("B7", ["x_t", r"\hat{x}_1"], None),
        ("B8", ["x_t"], "no class"),
    ],
)
def test_a_film_opens_on_what_its_claim_is_about(code, shown, columns, visit, weights, monkeypatch):
    weights()
    films = []
    monkeypatch.setattr(
        "pages.ui.stage.player", lambda film, **more: films.append(read_header(film)) and None
    )
    at, _ = visit(code, **SHORT.get(code, {}))
    at.run()
    assert not at.exception
    film = films[-1]
    assert [row["label"] for row in film["rows"] if row["shown"]] == shown
    assert columns is None or columns in film["columns"]
    if code == "B4":  # brighter than it is: it says so, and tells no values
        assert all(row["drawn"] for row in film["rows"][1:3])
        assert "in both rows 0.6 is white" in film["rows"][2]["caption"]
    if code == "B8":
        assert not film["numbers"] and not film["formula"]


def test_the_block_that_is_shown_stands_out_in_the_table(visit):
    at, _ = visit("B10", term="UpConv")
    [table] = [frame.value for frame in at.table if "block" in frame.value.columns]
    assert list(table.columns) == ["block", "shape rule", "parameters"]
    assert [name for name in table["block"] if "**" in name] == ["**▸ UpConv**"]
    assert "each channel has its own contrast" in words(at)


def test_what_a_block_puts_out_is_bright_enough_to_be_seen():
    dark = np.array([[[0, 20], [40, 51]], [[0, 1], [2, 2]]], np.uint8)
    assert brightened(dark).tolist() == [[[0, 100], [200, 255]], [[0, 5], [10, 10]]]
    assert brightened(dark, each=True)[1].tolist() == [[0, 128], [255, 255]]
    assert not brightened(np.zeros((2, 3, 3), np.uint8), each=True).any()  # what is nothing stays black


def test_a_test_digit_is_read_as_it_is_meant(visit, weights):
    weights()
    at, _ = visit("B2")
    box = "one_step_denoiser:digit/number"
    for typed, digit, said in (
        ("1.500", "1500", "Read as 1500"),
        ("٧", "7", "Read as 7"),
        ("42", "42", None),
    ):
        at.text_input(key=box).set_value(typed).run()
        assert at.session_state["one_step_denoiser/values"]["digit"] == digit
        assert at.text_input(key=box).value == typed
        assert said is None or said in [caption.value for caption in at.caption]
    at.text_input(key=box).set_value("7,5").run()
    assert "“7,5” is no test digit. Give a number from 0 to 9999." in sentences(at).replace("\\", "")
    assert at.session_state["one_step_denoiser/values"]["digit"] == "42"
    at.button(key="one_step_denoiser:digit/roll").click().run()
    assert at.text_input(key=box).value == at.session_state["one_step_denoiser/values"]["digit"]
