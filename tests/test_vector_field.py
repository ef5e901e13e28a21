"""Lesson B5: its own fields, its data, its training against what the theory says, and the bytes for the browser."""

from __future__ import annotations

import json
import math
import struct
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.compute.context import JobContext
from core.compute.store import Store
from core.jobs import Frame, Metric
from core.media import png
from core.toy import ExactField
from lessons.fields import BadValue
from lessons.vector_field import (
    DRAWN,
    DRAWN_EXTENT,
    LESSON,
    MAX_PARTICLES,
    SNAPSHOTS,
    NoDrawing,
    Probe,
    data_points,
    drawn_points,
    flat_weights,
    noise_and_pairs,
    read_frame,
    run,
    snapshot_steps,
    toy_network,
    training_spec,
)
from pages.components.field import Losses, Scene, SceneError, Snapshots

PARAMS = {
    "data": "moons",
    "drawing": None,
    "count": 100,
    "seed": 0,
    "hidden": 32,
    "steps": 200,
    "learning_rate": 0.01,
}
NOWHERE = JobContext(device="cpu", store=SimpleNamespace(blobs=None), cache={})  # for data that need no store


def trained(**changed: object) -> tuple:
    """The trajectory, and the events before it."""
    job, events = run(PARAMS | changed, NOWHERE), []
    while True:
        try:
            events.append(next(job))
        except StopIteration as end:
            return end.value, events


@pytest.fixture(scope="module")
def training() -> tuple:
    return trained()


# ---- fields ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("show", "particles,density", ("density", "particles")),
        ("show", "", ()),
        ("drop", "", ()),
        ("drawing", "", ""),
        ("drawing", "ab" * 32, "ab" * 32),
        ("drop", "0.3:-1.25:2", ((0.3, -1.25, 2.0),)),
        ("drop", "0:0:0;1:3:-3", ((0.0, 0.0, 0.0), (1.0, 3.0, -3.0))),
    ],
)
def test_what_the_link_says_is_read_and_written(name, text, value):
    field = LESSON.field(name)
    assert field.parse(text) == value
    assert field.parse(field.encode(value)) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("show", "arrows,tigers"), ("drawing", "../../x"), ("drawing", "AB" * 32),
        ("drop", "0.3:1"), ("drop", "2:0:0"), ("drop", "0:9:0"), ("drop", "0:1..:0"),
        ("drop", "0:nan:0"), ("drop", "-1:0:0"), ("drop", ";".join(["0:0:0"] * 7)), ("drop", "a:b:c"),
    ],
)  # fmt: skip
def test_what_the_link_says_wrongly_gets_a_sentence(name, text):
    with pytest.raises(BadValue, match=rf"^{LESSON.field(name).label}.*\.$"):
        LESSON.field(name).parse(text)


# ---- data ---------------------------------------------------------------------------------------------


def test_noise_is_standard_and_pairs_are_in_range():
    noise, pairs = noise_and_pairs(7, 0)
    assert noise.shape == (MAX_PARTICLES, 2) and set(pairs.tolist()) == set(range(7))
    assert noise.mean().abs() < 0.05 and abs(noise.std() - 1) < 0.05
    assert not torch.equal(noise, noise_and_pairs(7, 1)[0])
    assert torch.equal(noise, noise_and_pairs(7, 0)[0])


def test_drawn_points_lie_where_the_ink_is():
    """A pixel half as dark is half as likely; left and top stay left and top."""
    ink = np.zeros((10, 20))
    ink[1, 2], ink[8, 15] = 1.0, 0.5
    points = drawn_points(ink, 3000, torch.Generator().manual_seed(0)) / DRAWN_EXTENT
    first = points[points[:, 0] < 0]
    assert len(first) / 3000 == pytest.approx(2 / 3, abs=0.04)
    for cell, corner in ((first, [-0.8, 0.6]), (points[points[:, 0] > 0], [0.5, -0.8])):
        low, high, corner = cell.min(0).values, cell.max(0).values, torch.tensor(corner)
        assert (low >= corner - 1e-6).all() and (high <= corner + torch.tensor([0.1, 0.2]) + 1e-6).all()
        assert (high - low > torch.tensor([0.095, 0.19])).all()


def test_a_drawing_comes_from_the_store(tmp_path):
    store = Store(tmp_path)
    pixels = np.full((64, 64, 1), 255, np.uint8)
    pixels[:, 40] = 0
    params = PARAMS | {"data": DRAWN, "drawing": store.blobs.put(png(pixels))}
    points = data_points(params, store.blobs)
    assert points.shape == (100, 2)
    torch.testing.assert_close(
        points[:, 0], torch.full((100,), (40.5 / 32 - 1) * DRAWN_EXTENT), rtol=0, atol=0.04
    )
    assert torch.equal(points, data_points(params, store.blobs))
    store.close()


@pytest.mark.parametrize(
    ("drawing", "sentence"), [("", "white square"), ("0" * 64, "not kept"), (None, "is empty")]
)
def test_no_drawing_gets_a_sentence(tmp_path, drawing, sentence):
    store = Store(tmp_path)
    if drawing is None:
        drawing = store.blobs.put(png(np.full((8, 8, 1), 255, np.uint8)))
    with pytest.raises(NoDrawing, match=rf"{sentence}.*\.$"):
        data_points(PARAMS | {"data": DRAWN, "drawing": drawing}, store.blobs)
    store.close()


@pytest.mark.parametrize(
    "changed", [{"data": "tigers"}, {"count": 0}, {"count": 601}, {"count": 2.5}, {"seed": -1}, {"hidden": 48},
                {"steps": 5}, {"steps": 10**6}, {"learning_rate": 0.0}, {"learning_rate": 10.0}]
)  # fmt: skip
def test_settings_that_cannot_be_get_a_sentence(changed):
    with pytest.raises(ValueError, match=r"^Choose .*\.?$"):
        trained(**changed)


# ---- the theory of the loss ---------------------------------------------------------------------------


def test_with_one_data_point_the_exact_field_has_no_loss():
    assert Probe.draw(torch.tensor([[1.0, -0.5]]), 0).floor == pytest.approx(0, abs=1e-6)


def test_for_gaussian_data_the_floor_is_the_conditional_variance():
    """x1 ~ N(0, s²): Var(x1 − x0 | x_t) = s² / ((1−t)² + t² s²), and its integral over t is s π / 2.

    Many points stand in for the Gaussian; that single ones can be told apart close to t = 1 is within the tolerance.
    """
    s = 1.5
    points = s * torch.randn(10_000, 2, generator=torch.Generator().manual_seed(5))
    expected = s * math.pi / 2
    assert Probe.draw(points, 0).floor == pytest.approx(expected, rel=0.03)


def test_the_loss_of_any_field_is_the_floor_plus_its_distance():
    """Equation 2, for a network that has learned nothing: its loss on fresh pairs against floor + error."""
    points = data_points(PARAMS | {"count": 50}, None)
    probe, network = Probe.draw(points, 1), toy_network(32, 3)
    generator = torch.Generator().manual_seed(9)
    clean = points[torch.randint(50, (40_000,), generator=generator)]
    noise, t = torch.randn(40_000, 2, generator=generator), torch.rand(40_000, generator=generator)
    x_t = (1 - t)[:, None] * noise + t[:, None] * clean
    with torch.no_grad():
        losses = (network(x_t, t) - (clean - noise)).square().mean(dim=1)
    standard_error = losses.std().item() * math.sqrt(1 / 40_000 + 2 / len(probe.x))
    assert losses.mean().item() == pytest.approx(probe.floor + probe.error(network), abs=4 * standard_error)
    assert probe.error(network) > 10 * standard_error  # or the test would say nothing


def test_the_probe_compares_with_the_exact_field():
    points = data_points(PARAMS, None)
    probe = Probe.draw(points, 0)
    k = torch.randperm(len(probe.x))[:50]
    for x, t, velocity in zip(probe.x[k], probe.t[k], probe.exact[k], strict=True):
        torch.testing.assert_close(ExactField(points).velocity(x[None], t.item())[0], velocity)


# ---- the training -------------------------------------------------------------------------------------


def test_a_training_comes_nearer_to_the_exact_field(training):
    trajectory, events = training
    steps = trajectory["snapshot_steps"]
    assert trajectory["losses"].shape == (200,) and steps[-1] == 200 and trajectory.meta["trouble"] is None
    assert trajectory["errors"][-1] < 0.4 * trajectory["errors"][0]
    assert len([event for event in events if isinstance(event, Metric)]) == 200
    frames = [event for event in events if isinstance(event, Frame)]
    assert [frame.index + 1 for frame in frames] == steps.tolist()
    for k, frame in enumerate(frames):
        weights, error, floor = read_frame(frame)
        np.testing.assert_array_equal(weights, trajectory["weights"][k])
        assert error == trajectory["errors"][k] and floor == trajectory.meta["floor"]


def test_the_last_weights_are_those_of_the_error(training):
    """Put back into a network, they have the distance from the exact field that was reported."""
    trajectory, _ = training
    network = toy_network(32, 0)
    parts = torch.from_numpy(trajectory["weights"][-1].copy()).split(
        [p.numel() for p in network.parameters()]
    )
    with torch.no_grad():
        for parameter, part in zip(network.parameters(), parts, strict=True):
            parameter.copy_(part.reshape(parameter.shape))
    np.testing.assert_array_equal(flat_weights(network), trajectory["weights"][-1])
    assert Probe.draw(data_points(PARAMS, None), 0).error(network) == pytest.approx(
        trajectory["errors"][-1], rel=1e-6
    )


def test_a_training_can_be_repeated(training):
    again, _ = trained()
    np.testing.assert_array_equal(again["weights"], training[0]["weights"])
    np.testing.assert_array_equal(again["losses"], training[0]["losses"])
    other, _ = trained(seed=1)
    assert not np.array_equal(other["losses"], again["losses"])


def test_a_training_that_diverges_keeps_what_it_has():
    trajectory, _ = trained(learning_rate=1.0)
    assert trajectory.meta["trouble"].startswith("The training has diverged. Choose a smaller learning rate.")
    assert 1 <= len(trajectory["weights"]) < SNAPSHOTS
    assert len(trajectory["weights"]) == len(trajectory["errors"]) == len(trajectory["snapshot_steps"])


def test_one_point_can_be_trained_on():
    trajectory, _ = trained(count=1)
    assert trajectory["errors"][-1] < trajectory["errors"][0]


@pytest.mark.parametrize("total", [20, 200, 3000, 10_000])
def test_snapshots_end_with_the_training_and_are_many_enough(total):
    steps = snapshot_steps(total)
    assert steps[-1] == total and steps[0] >= 1 and len(steps) <= SNAPSHOTS
    assert steps == sorted(set(steps)) and len(steps) >= min(SNAPSHOTS // 2, total // 2)


def test_trainings_are_told_apart_by_what_they_depend_on():
    values = LESSON.defaults()
    same = ("t", "show", "field", "solver", "steps", "beside", "particles", "drop", "after", "drawing")
    for field in LESSON.fields:
        other = {"data": "rings", "count": 5, "seed": 1, "training_steps": "1000", "learning_rate": "0.001",
                 "hidden": "32"}.get(field.name, "anything")  # fmt: skip
        differs = training_spec(values | {field.name: other}) != training_spec(values)
        assert differs == (field.name not in same), field.name
    drawn = values | {"data": DRAWN}
    assert training_spec(drawn | {"drawing": "ab" * 32}) != training_spec(drawn | {"drawing": "cd" * 32})


# ---- the bytes ------------------------------------------------------------------------------------------


def scene(**changed: object) -> Scene:
    parts = {"points": np.zeros((3, 2)), "noise": np.ones((5, 2)), "pairs": np.array([0, 1, 2, 0, 1])}
    return Scene(**(parts | changed))


def header(data: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def test_the_bytes_hold_all_arrays():
    weights = np.arange(12, dtype=np.float32).reshape(2, 6)
    network = Snapshots("id", 16, [10, 20], weights, [0.5, math.nan])
    losses = Losses(range(1, 1001), [math.inf] + [1.0] * 999, 2000, 0.75)
    head, rest = header(scene(network=network, losses=losses).to_bytes())
    assert np.frombuffer(rest, "<f4", 6).tolist() == [0] * 6
    assert np.frombuffer(rest, "<f4", 10, 24).tolist() == [1] * 10
    assert np.frombuffer(rest, "<u2", 5, 64).tolist() == [0, 1, 2, 0, 1]
    assert np.frombuffer(rest, "<f4", 12, 74).tolist() == list(range(12))
    assert len(rest) == 74 + 48
    assert head["network"]["errors"] == [0.5, None]
    assert head["loss"]["values"][0] is None and set(head["loss"]["values"][1:]) == {1.0}
    assert head["loss"]["floor"] == 0.75 and head["loss"]["done"] == 1000 and len(head["loss"]["at"]) <= 80


def test_a_scene_is_known_by_its_points_and_noise():
    same, other = (header(scene(points=np.full((3, 2), x)).to_bytes())[0]["id"] for x in (0.0, 0.1))
    assert header(scene(wrong="half_noise").to_bytes())[0]["id"] == same != other


@pytest.mark.parametrize(
    "changed",
    [
        {"points": np.zeros((0, 2))}, {"points": np.full((3, 2), np.nan)}, {"noise": np.zeros(4)},
        {"pairs": np.array([0, 1, 2, 3, 0])}, {"pairs": np.array([0, 1])}, {"points": np.zeros((70_000, 2))},
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_are_refused(changed):
    with pytest.raises(SceneError, match=r"\.$"):
        scene(**changed)


def test_snapshots_that_do_not_fit_are_refused():
    with pytest.raises(SceneError, match="float32"):
        Snapshots("id", 16, [1], np.zeros((1, 6)), [0.5])
    with pytest.raises(SceneError, match="its error"):
        Snapshots("id", 16, [1], np.zeros((1, 6), np.float32), [])
