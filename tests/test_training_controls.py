"""A training's controls, its pace, its curves, and the networks that come of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import torch

from core import mnist_models
from core.jobs import Checkpoint, Frame, Metric
from core.training import build_network
from core.training_settings import REFERENCE, InvalidSettings, MnistSettings
from core.trajectory import Trajectory
from lessons import networks, training_pace
from lessons.fields import BadValue
from lessons.networks import NetworkChanged, NetworkChoice
from lessons.training_curves import LossCurve, epoch_ends, shipped_curve
from lessons.training_fields import describe, remark, settings_of, training_fields, values_of
from lessons.training_pace import duration, estimate_seconds, measure, pace_of, pace_spec, two_minutes
from tests.part_b import Bench

# ---- fields -----------------------------------------------------------------------------------------


def field(name: str, reference: str = "b8"):
    return next(one for one in training_fields(reference) if one.name == name)


@pytest.mark.parametrize("reference", REFERENCE)
def test_controls_and_settings_are_the_same_thing(reference):
    opened = {one.name: one.default for one in training_fields(reference)}
    assert settings_of(opened, reference) == REFERENCE[reference]
    other = replace(
        REFERENCE[reference],
        width=24,
        learning_rate=3e-3,
        pictures=640,
        decay=True,
        seed=5,
        precision="bfloat16",
    )
    again = settings_of(values_of(other, opened), reference)
    assert again == other
    for one in training_fields(reference):
        assert one.parse(one.encode(opened[one.name])) == opened[one.name]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("learning_rate", "0", "above 0"), ("learning_rate", "-1", "above 0"), ("learning_rate", "10", "at most 1"),
        ("learning_rate", "fast", "must be a number"), ("learning_rate", "nan", "must be"), ("learning_rate", "", "number"),
        ("width", "7", "multiple of 8"), ("width", "4096", "multiple of 8"), ("width", "16.5", "multiple of 8"),
        ("batch_size", "60001", "batch size"), ("batch_size", "1", "batch size"), ("epochs", "0", "epochs"),
        ("pictures", "60001", "pictures"), ("sigma", "0", "noise level"), ("p_uncond", "2", "probability"),
        ("training_seed", "-1", "seed"), ("epochs", "1e99", "epochs"), ("precision", "float16", "float32, bfloat16"),
    ],
)  # fmt: skip
def test_numbers_that_cannot_train_are_refused_by_the_control(name, text, sentence):
    with pytest.raises(BadValue, match=sentence):
        field(name, "b2" if name == "sigma" else "b8").parse(text)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("learning_rate", "1e-2", 0.01), ("learning_rate", " 0.01 ", 0.01), ("learning_rate", "0,01", 0.01),
        ("learning_rate", "0,001", 0.001), ("learning_rate", "1×10⁻³", 0.001), ("learning_rate", "lr = 1e−3", 0.001),
        ("sigma", "0,5", 0.5), ("p_uncond", "0,1", 0.1), ("p_uncond", "10 %", 0.1), ("p_uncond", "٠٫١", 0.1),
        ("epochs", "5,0", 5), ("epochs", "5 epochs", 5), ("pictures", "1,500", 1500), ("pictures", "1500.0", 1500),
        ("pictures", "60.000", 60_000), ("pictures", "60 000", 60_000), ("pictures", "60’000", 60_000),
        ("pictures", "60\u202f000", 60_000), ("pictures", "６００００", 60_000), ("pictures", "60k", 60_000),
        ("training_seed", "9007199254740993", 2**53 + 1),
    ],
)  # fmt: skip
def test_numbers_may_be_written_in_several_ways(name, text, value):
    """What was typed by people with a decimal comma became another number once: 0,01 a rate of 1, 60.000 sixty digits."""
    parsed = field(name, "b2" if name == "sigma" else "b8").parse(text)
    assert parsed == value and type(parsed) is type(value)


def test_what_may_be_taken_in_another_way_is_read_out():
    assert field("learning_rate").read_out("0,01") == "0.01"
    assert field("pictures").read_out("60.000") == "60000"
    assert field("learning_rate").read_out("0.01") is None and field("pictures").read_out("60000") is None
    with pytest.raises(BadValue, match="Write “1” or “1000”"):
        field("learning_rate").parse("1,000")


def test_the_ends_of_p_uncond_are_explained():
    opened = {one.name: one.default for one in training_fields("b8")}
    said = {p: remark(settings_of({**opened, "p_uncond": p}, "b8")) for p in (0, 0.1, 1)}
    assert said[0.1] is None
    assert "draws any digit whichever is asked for" in said[1] and "guidance" in said[0]
    assert all(remark(settings) is None for settings in REFERENCE.values())


def test_a_mistake_in_a_training_is_explained_and_stands_in_its_name():
    opened = {one.name: one.default for one in training_fields("b6")}
    mistaken = settings_of({**opened, "given": "x_1"}, "b6")
    assert mistaken == replace(REFERENCE["b6"], given="x_1")
    assert "goes down to 1, the variance of the noise" in remark(mistaken)
    assert describe(mistaken).endswith("· given x₁ by mistake")


def test_a_batch_larger_than_the_data_is_seen_when_both_are_known():
    opened = {one.name: one.default for one in training_fields("b8")}
    with pytest.raises(InvalidSettings, match="at most 10 examples"):
        settings_of({**opened, "pictures": 10}, "b8")


def test_a_training_is_described_by_what_sets_it_apart():
    assert describe(REFERENCE["b8"]) == "D 64 · rate 0.01 falling · 10 × 938 steps of 64"
    assert describe(REFERENCE["b2"]) == "D 128 · σ 0.5 · rate 0.0001 · 5 × 235 steps of 256"
    assert describe(replace(REFERENCE["b8"], p_uncond=0.5, seed=3)).endswith("· p_uncond 0.5 · seed 3")
    assert describe(replace(REFERENCE["b8"], precision="bfloat16")).endswith("steps of 64 · bfloat16")


# ---- pace -------------------------------------------------------------------------------------------


def steps_of(settings: MnistSettings) -> int:
    return settings.epochs * settings.steps_per_epoch(settings.pictures)


@pytest.mark.parametrize("reference", REFERENCE)
@pytest.mark.parametrize("slowness", [1e-4, 1e-3, 3e-2, 0.3, 5.0])
def test_two_minutes_are_two_minutes(reference, slowness):
    """Whatever the machine: within the time, and never more than the course's own training."""
    pace = {"float32": {width: slowness * (width / 16) ** 2 for width in (8, 16, 32, 64)}}
    settings = two_minutes(reference, pace)
    assert estimate_seconds(settings, pace) <= 121 or steps_of(settings) <= 5
    assert settings.objective == REFERENCE[reference].objective
    assert settings.epochs <= REFERENCE[reference].epochs
    if slowness in (1e-3, 3e-2):
        assert steps_of(settings) >= 900


def test_two_minutes_take_the_precision_that_reaches_the_widest_network():
    exact = {8: 0.005, 16: 0.02, 32: 0.11}
    hardware = {8: 0.006, 16: 0.015, 32: 0.06}  # slower where the network is narrow
    assert two_minutes("b8", {"float32": exact}).precision == "float32"
    both = two_minutes("b8", {"float32": exact, "bfloat16": hardware})
    assert (both.width, both.precision) == (32, "bfloat16")
    slow = {"float32": {8: 2.0}, "bfloat16": {8: 1.5}}  # nothing fits: the narrowest, at its best
    assert (two_minutes("b8", slow).width, two_minutes("b8", slow).precision) == (8, "bfloat16")
    narrow = {"float32": {8: 0.005, 16: 0.6}, "bfloat16": {8: 0.006, 16: 0.6}}
    assert two_minutes("b8", narrow).precision == "float32"


def test_the_estimate_grows_with_the_work():
    pace = {"float32": {16: 0.01, 64: 0.16}, "bfloat16": {16: 0.005}}
    base = replace(REFERENCE["b8"], width=16, batch_size=32, epochs=1, pictures=32 * 100)
    assert estimate_seconds(base, pace) == pytest.approx(1.0)
    assert estimate_seconds(replace(base, epochs=3), pace) == pytest.approx(3.0)
    assert estimate_seconds(replace(base, width=64), pace) == pytest.approx(16.0)
    assert estimate_seconds(replace(base, width=128), pace) == pytest.approx(64.0)
    assert estimate_seconds(replace(base, batch_size=64), pace) == pytest.approx(
        1.0
    )  # half the steps, twice the work
    assert estimate_seconds(replace(base, precision="bfloat16"), pace) == pytest.approx(0.5)
    assert estimate_seconds(replace(base, precision="bfloat16"), {"float32": {16: 0.01}}) is None


@pytest.mark.parametrize(
    ("native", "precisions"), [("float32", ["float32"]), ("bfloat16", ["float32", "bfloat16"])]
)
def test_the_machine_is_measured_once_a_day(tmp_path, monkeypatch, native, precisions):
    monkeypatch.setattr(training_pace, "native_precision", lambda device: native)
    monkeypatch.setattr(training_pace, "WIDTHS", (8, 16))
    monkeypatch.setattr(training_pace, "TOO_SLOW", float("inf"))
    bench = Bench(tmp_path)
    spec = pace_spec(date(2026, 5, 17), "cpu")
    assert spec.params == {"day": "2026-05-17", "batch_size": 32, "precisions": precisions}
    measured, frames = bench.run(measure, spec.params)
    assert len(frames) == 2 * len(precisions)
    pace = pace_of(measured)
    assert set(pace) == set(precisions)
    assert all(list(found) == [8, 16] and min(found.values()) > 0 for found in pace.values())


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.4, "3 s"), (89, "89 s"), (720, "12 min"), (9360, "2.6 h"), (133200, "37 h")]
)
def test_durations_are_said_in_their_unit(seconds, text):
    assert duration(seconds) == text


# ---- curves -----------------------------------------------------------------------------------------


def test_a_step_that_is_reported_twice_counts_once():
    events = [Metric(s, 9, {"loss": 1 / s, "seconds": float(s)}) for s in (3, 1, 2, 3)] + [Frame(0, 1, {})]
    curve = LossCurve.of_events(events)
    assert curve.steps.tolist() == [1, 2, 3] and curve.losses.tolist() == [1, 1 / 2, 1 / 3]
    assert curve.steps_per_second() == pytest.approx(1.0)
    assert LossCurve.of_events([]).steps_per_second() is None


@pytest.mark.parametrize("length", [1, 99, 100, 101, 1234])
def test_a_drawn_curve_has_the_means_of_its_blocks(length):
    losses = np.random.default_rng(0).random(length)
    curve = LossCurve(np.arange(1, length + 1), losses, np.arange(length) * 0.5)
    drawn = curve.drawn(most=100)
    assert len(drawn) <= 100 and drawn.steps[-1] == length
    blocks = [losses[i : i + drawn.every] for i in range(0, length, drawn.every)]
    np.testing.assert_allclose(drawn.losses, [block.mean() for block in blocks])
    np.testing.assert_allclose(drawn.seconds, (drawn.steps - 1) * 0.5)


def test_a_paused_and_a_finished_training_have_the_same_curve():
    losses, seconds = np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0])
    finished = LossCurve.of_result(Trajectory({"losses": losses, "seconds": seconds}))
    paused = LossCurve.of_checkpoint(Checkpoint(3, "step-3", {"loop/losses": losses, "run/seconds": seconds}))
    for curve in (finished, paused):
        assert curve.steps.tolist() == [1, 2, 3] and curve.losses.tolist() == [3, 2, 1] and curve.every == 1


def test_the_shipped_curve_is_read_from_its_figures(tmp_path):
    assert shipped_curve("b8", tmp_path) is None
    figures = {
        "loss_curve": {"steps_a_point": 50, "loss": [0.5, 0.4, 0.3]},
        "steps": 120,
        "training_seconds": 60,
    }
    (tmp_path / "b8.json").write_text(json.dumps(figures), encoding="utf-8")
    curve = shipped_curve("b8", tmp_path)
    assert (
        curve.steps.tolist() == [50, 100, 120]
        and curve.seconds.tolist() == [25, 50, 60]
        and curve.every == 50
    )


def test_epochs_are_marked_unless_there_are_too_many():
    assert list(epoch_ends(30, 10)) == [10, 20] and list(epoch_ends(1000, 10)) == []


# ---- networks ---------------------------------------------------------------------------------------


def test_what_ships_is_decided_by_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist_models, "MODEL_FOLDER", tmp_path)
    assert networks.shipped("b8") is None
    settings = replace(REFERENCE["b8"], width=8)
    for epoch in (1, 5):
        weights = build_network(replace(settings, seed=epoch)).state_dict()
        mnist_models.save_weights(mnist_models.weights_file("b8", epoch, tmp_path), weights, settings)
    network = networks.shipped("b8")
    assert network.names == ("epoch-1", "epoch-5") and network.settings.width == 8
    ref = network.ref("epoch-5")
    bench = Bench(tmp_path / "store")
    loaded = networks.load(ref, bench.context)
    expected = build_network(replace(settings, seed=5)).eval()
    x, t, c = torch.randn(2, 1, 28, 28), torch.rand(2), torch.eye(10)[:2]
    with torch.no_grad():
        assert torch.allclose(loaded(x, t, c), expected(x, t, c), atol=5e-3)  # half precision
    # replaced since the page was opened
    path = mnist_models.weights_file("b8", 5, tmp_path)
    mnist_models.save_weights(path, build_network(replace(settings, seed=6)).state_dict(), settings)
    bench.context.cache.pop("networks")
    with pytest.raises(NetworkChanged, match="reload the page"):
        networks.load(ref, bench.context)
    assert network.ref("epoch-5")["sha256"] != ref["sha256"]
    with pytest.raises(KeyError):
        network.ref("epoch-10")


def test_a_worker_keeps_the_last_few_networks(tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "MAX_CACHED", 2)
    bench = Bench(tmp_path)
    refs = [bench.trained("flow", seed=seed) for seed in range(3)]
    first = networks.load(refs[0], bench.context)
    assert networks.load(refs[0], bench.context) is first
    for ref in refs:
        networks.load(ref, bench.context)
    assert len(bench.context.cache["networks"]) == 2
    assert networks.load(refs[0], bench.context) is not first


def test_a_network_is_named_by_its_source_alone():
    choice = NetworkChoice("network", "Network", "auto", presets=("b8",))
    for text in ("auto", "b8", "0" * 64):
        assert choice.parse(text) == text
    for text in ("b6", "../b8", "0" * 63, ""):
        with pytest.raises(BadValue, match="no network"):
            choice.parse(text)
