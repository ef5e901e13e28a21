"""The sweep over γ, T and epochs: every point is measured once, kept at once, and gone on with."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

from core.datasets import Digits, load_mnist, to_unit
from core.flow import ClassGuided
from core.judge import Readings, accuracy, confident, load_judge, read_digits
from core.mnist_models import save_weights, weights_file
from core.networks.mnist_unet import one_hot
from core.training import build_network
from core.training_settings import MnistSettings
from scripts.mnist import sweep as sweep_mnist
from scripts.mnist.figures import headline, write_figures
from scripts.mnist.second_judge import labels_of, load_second_judge, second_judge
from scripts.mnist.sweep import Bench, Point, points, sweep, velocity

SETTINGS = MnistSettings(objective="class_flow", width=8, learning_rate=1e-2, batch_size=64, epochs=10)
POINTS = [Point(1, 0.0, 2, 40), Point(5, 5.0, 2, 40)]
FIGURES = {
    "parameters": 32433, "steps": 9380, "training_seconds": 60, "threads": 1,
    "loss_curve": {"steps_a_point": 50, "loss": [0.3, 0.1]}, "epochs": {"1": {"samples": 200, "accuracy": 0.9}},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for epoch in (1, 5):
        torch.manual_seed(epoch)
        network = build_network(MnistSettings(**{**vars(SETTINGS), "seed": epoch}))
        save_weights(weights_file("b8", epoch, tmp_path), network.state_dict(), SETTINGS)
    write_figures("b8", SETTINGS, FIGURES, tmp_path)
    return tmp_path


@pytest.fixture
def bench(tmp_path, monkeypatch) -> Bench:
    monkeypatch.setattr(sweep_mnist, "BATCH", 20)
    judge, test = load_judge(), load_mnist("test")
    few = Digits(test.pictures[:200], test.labels[:200])
    state = tmp_path / "state"
    state.mkdir()
    torch.manual_seed(0)
    return Bench(
        judge, second_judge().eval(), few, read_digits(judge, to_unit(few.pictures)), "float32", state
    )


def figures(folder) -> dict:
    return json.loads((folder / "b8.json").read_text(encoding="utf-8"))


def without_times(found: list[dict]) -> list[dict]:
    return [{name: value for name, value in one.items() if name != "cpu_seconds"} for one in found]


def test_an_interrupted_sweep_goes_on_where_it_was(folder, bench, monkeypatch):
    sweep("b8", bench, folder, POINTS)
    whole = figures(folder)
    assert [one["epoch"] for one in whole["sweep"]] == [1, 5]
    assert {name: whole[name] for name in FIGURES} == FIGURES  # nothing else is lost
    assert sum(map(sum, whole["sweep"][0]["confusion"])) == 40
    assert list(bench.state.iterdir()) == []

    write_figures("b8", SETTINGS, FIGURES, folder)
    drawn: list[int] = []
    draw = sweep_mnist.draw

    def interrupted(network, noise: Tensor, asked: Tensor, point: Point) -> Tensor:
        if len(drawn) == 3:  # the second half of the second point
            raise KeyboardInterrupt
        drawn.append(point.epoch)
        return draw(network, noise, asked, point)

    monkeypatch.setattr(sweep_mnist, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep("b8", bench, folder, POINTS)
    assert [one["epoch"] for one in figures(folder)["sweep"]] == [1]  # the first point is kept already
    monkeypatch.setattr(sweep_mnist, "draw", lambda *arguments: drawn.append(5) or draw(*arguments))
    sweep("b8", bench, folder, POINTS)
    assert drawn == [1, 1, 5, 5]  # nothing was drawn twice
    assert without_times(figures(folder)["sweep"]) == without_times(whole["sweep"])


def test_points_of_other_weights_are_measured_again(folder, bench):
    sweep("b8", bench, folder, POINTS)
    before = figures(folder)["sweep"]
    torch.manual_seed(9)
    save_weights(weights_file("b8", 1, folder), build_network(SETTINGS).state_dict(), SETTINGS)
    sweep("b8", bench, folder, POINTS)
    after = figures(folder)["sweep"]
    assert (
        len(after) == 2
        and before[1] in after
        and before[0]["weights"] not in {one["weights"] for one in after}
    )


def test_the_card_quotes_the_point_with_most_digits(folder, bench):
    sweep("b8", bench, folder, POINTS)
    card = (folder / "b8.md").read_text(encoding="utf-8")
    assert headline(figures(folder)["sweep"]) in card and "40 digits, γ = 5, T = 2, after epoch 5" in card


@pytest.mark.parametrize("gamma", [0.0, 1.0, 3.0])
def test_half_the_work_where_half_is_enough(gamma):
    network = build_network(SETTINGS).eval()
    x, asked = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0)), torch.arange(4)
    expected = ClassGuided(network, one_hot(asked), gamma)(x, 0.3).velocity
    assert torch.allclose(velocity(network, asked, gamma)(x, 0.3).velocity, expected, atol=1e-5)


def test_without_classes_there_is_no_gamma(folder, bench):
    settings = MnistSettings(**{**vars(SETTINGS), "objective": "flow"})
    for epoch in (1, 5):
        torch.manual_seed(epoch)
        save_weights(weights_file("b6", epoch, folder), build_network(settings).state_dict(), settings)
    write_figures("b6", settings, FIGURES, folder)
    assert points((1, 5, 10), classes=False) == [
        Point(1, None, 300),
        Point(5, None, 300),
        Point(10, None, 300, 1000),
    ]
    sweep("b6", bench, folder, [Point(5, None, 2, 40)])
    (found,) = json.loads((folder / "b6.json").read_text(encoding="utf-8"))["sweep"]
    assert "accuracy" not in found and 0 <= found["judges_agree"] <= 1
    card = (folder / "b6.md").read_text(encoding="utf-8")
    assert "40 digits, T = 2, after epoch 5" in card and "γ" not in card


def test_confidence_is_counted_from_nine_tenths_on():
    read = Readings(torch.zeros(4), torch.tensor([0.2, 0.9, 0.95, 0.8999]), torch.zeros(4, 64))
    assert confident(read) == 0.5


def test_the_second_judge_reads_real_digits_and_is_trained_once(tmp_path, monkeypatch):
    few = load_mnist("train")
    few = Digits(few.pictures[:3000], few.labels[:3000])
    judge = load_second_judge(tmp_path, few)
    test = load_mnist("test")
    right = accuracy(labels_of(judge, to_unit(test.pictures[:1000])), test.labels[:1000])
    assert right >= 0.85  # 3,000 digits; with all 60,000 it reads about 99 of 100
    monkeypatch.setattr("scripts.mnist.second_judge.train", None)  # would be called to train again
    again = load_second_judge(tmp_path, few)
    assert torch.equal(again[0].weight, judge[0].weight)


def test_the_sweep_is_the_one_that_the_lesson_shows():
    found = points((1, 5, 10))
    assert found[-1] == Point(10, 5.0, 300, 1000)  # the course's own setting, and the longest
    assert len(found) == len(set(found)) == 25
    assert {one.num_steps for one in found if (one.epoch, one.guidance_scale) == (10, 5.0)} == {
        10,
        30,
        100,
        300,
    }
    assert {one.guidance_scale for one in found if one.num_steps == 30} == {0.0, 1.0, 2.0, 3.0, 5.0, 8.0}
