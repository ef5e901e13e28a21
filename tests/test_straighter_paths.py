"""Lesson B11: what it claims of the plane and of digits, and that its pictures show where the particles are."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from core.mnist_models import MODEL_FOLDER, load_network, weights_file
from core.trajectory import Trajectory
from lessons import straighter_paths
from lessons.plane_paths import EXTENT, GROUND, SIDE, plane_ground, plane_picture, until
from lessons.straighter_paths import DIGIT_STEPS, LESSON, MOST_STEPS, SHOWN, digits, opening, run
from tests.part_b import Bench, noise_of


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def found(bench) -> dict[str | None, Trajectory]:
    """The run and its mistakes, each flow trained for a fifth of its steps and measured on fewer noises."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(straighter_paths, "TRAINING_STEPS", 400)
        patch.setattr(straighter_paths, "SNAPSHOTS", (100, 400))
        patch.setattr(straighter_paths, "MEASURED", 300)
        names = (None, "shuffled", "coarse")
        return {name: bench.run(run, {"data": "moons", "seed": 0, "variant": name})[0] for name in names}


def of(trajectory: Trajectory, what: str) -> list[float]:
    return [flow[what] for flow in trajectory.meta["flows"]]


def test_reflow_straightens_and_fewer_steps_are_needed(found):
    bent, needed = of(found[None], "straightness"), of(found[None], "steps_needed")
    assert bent[1] < bent[0] / 4 and bent[2] < bent[0] / 4
    assert needed[1] < needed[0] and needed[2] < needed[0]
    cost = of(found[None], "paths_cost")
    assert cost[0] < of(found[None], "pairs_cost")[0]


def test_where_the_particles_end_stays_what_it_was(found):
    """Both moons are reached by every flow: their upper and their lower half, left and right."""
    ends = found[None]["exact"][:, :, -1]
    assert np.abs(ends[1:].mean(axis=1) - ends[0].mean(axis=0)).max() < 0.2
    assert np.abs(ends[1:].std(axis=1) / ends[0].std(axis=0) - 1).max() < 0.15


def test_shuffled_pairs_straighten_nothing(found):
    right, wrong = of(found[None], "straightness"), of(found["shuffled"], "straightness")
    assert wrong[0] == right[0], "the first flow is the same"
    assert wrong[1] > wrong[0] / 2


def test_pairs_of_two_steps_are_straight_and_keep_their_error(found):
    right, wrong = found[None], found["coarse"]
    assert of(wrong, "straightness")[1] < of(right, "straightness")[0] / 4
    # what two steps of the first flow make of the data is what the second flow leads to
    exact, two = wrong["exact"][0][:, -1], wrong["taken_2"][0][:, -1]
    second = wrong["exact"][1][:, -1]
    assert np.square(second - two).mean() < np.square(second - exact).mean() / 2


def test_a_run_holds_every_number_of_steps_and_they_lead_to_the_same_places(found):
    trajectory = found[None]
    noise = trajectory["noise"]
    for steps in range(1, MOST_STEPS + 1):
        taken = trajectory[f"taken_{steps}"]
        assert taken.shape == (3, SHOWN, steps + 1, 2)
        assert (taken[:, :, 0] == noise).all()
    far = [
        np.square(trajectory[f"taken_{k}"][0, :, -1] - trajectory["exact"][0, :, -1]).mean()
        for k in (1, 4, 16)
    ]
    assert far[0] > far[1] > far[2]
    # S is the mean over t of what stands under its curve
    np.testing.assert_allclose(trajectory["bend"].mean(axis=1), of(trajectory, "straightness"), rtol=1e-3)


def test_a_run_shows_its_paths_while_they_are_learned(bench, monkeypatch):
    monkeypatch.setattr(straighter_paths, "TRAINING_STEPS", 40)
    monkeypatch.setattr(straighter_paths, "SNAPSHOTS", (20, 40))
    monkeypatch.setattr(straighter_paths, "MEASURED", 200)
    _, frames = bench.run(run, {"data": "rings", "seed": 3, "variant": None})
    assert len(frames) == 6
    pictures = [frame.arrays["paths"] for frame in frames]
    assert all(each.shape == (3, SIDE, SIDE, 3) for each in pictures)
    assert (pictures[1][1] == pictures[1][2]).all(), "the second and third flow have not begun"
    assert (pictures[1][0] == pictures[5][0]).all(), "the first stays as it was when it was done"
    assert (pictures[1][0] != pictures[0][0]).any() and (pictures[3][1] != pictures[1][1]).any()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"data": "spiral", "seed": 0, "variant": None}, "Choose one of the data sets"),
        ({"data": "moons", "seed": -1, "variant": None}, "the seed"),
        ({"data": "moons", "seed": 0, "variant": "upside_down"}, "no mistake"),
    ],
)
def test_what_there_is_not_is_refused(params, said, bench):
    with pytest.raises(ValueError, match=said):
        next(run(params, bench.context))


# ---- pictures -------------------------------------------------------------------------------------------------


def test_a_path_is_followed_up_to_its_time():
    path = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 4.0]])
    assert until(path, 0.0).tolist() == [[0, 0]]
    assert until(path, 0.25).tolist() == [[0, 0], [1, 0]]
    assert until(path, 0.5).tolist() == [[0, 0], [2, 0]]
    assert until(path, 0.75).tolist() == [[0, 0], [2, 0], [2, 2]]
    assert until(path, 1.0).tolist() == path.tolist()


def test_a_particle_stands_where_it_is_at_the_time():
    ground = plane_ground(np.zeros((0, 2)), np.zeros((0, 2, 2)))

    def at(t: float) -> np.ndarray:
        path = np.array([[[-2.0, 1.0], [2.0, 1.0]]])
        picture = plane_picture(ground, path[:, 0], path, t)
        bright = np.argwhere(picture.min(axis=2) > 90)  # the particle; its trail is darker
        row, column = bright.mean(axis=0)
        return np.array(
            [(column + 0.5) / SIDE * 2 * EXTENT - EXTENT, EXTENT - (row + 0.5) / SIDE * 2 * EXTENT]
        )

    for t, x in ((0.0, -2.0), (0.5, 0.0), (1.0, 2.0)):
        assert np.abs(at(t) - [x, 1.0]).max() < 0.05
    empty = plane_picture(ground, np.zeros((0, 2)), np.zeros((0, 2, 2)), 0.5)
    assert (empty == GROUND).all()


# ---- digits ---------------------------------------------------------------------------------------------------


def test_digits_are_what_so_many_euler_steps_make_of_the_noise(bench):
    before, after = bench.trained("flow", seed=0), bench.trained("flow", seed=1)
    found, frames = bench.run(digits, {"networks": [before, after], "seed": 4, "count": 2})
    assert len(frames) == len(DIGIT_STEPS)
    noise = noise_of(2, 4)
    for k, ref in enumerate((before, after)):
        network = bench.networks[ref["source"]]
        with torch.no_grad():
            one = noise + network(noise, torch.zeros(2))
            two = noise + network(noise, torch.zeros(2)) / 2
            two = two + network(two, torch.full((2,), 0.5)) / 2
        own = slice(2 * k, 2 * k + 2)
        np.testing.assert_allclose(found["x"][DIGIT_STEPS.index(1), own], one, atol=1e-5)
        np.testing.assert_allclose(found["x"][DIGIT_STEPS.index(2), own], two, atol=1e-5)
    # ever nearer to where many steps end, and the last error is that of 32 steps against 50
    assert (np.diff(found["errors"][[0, 3, -1]], axis=0) < 0).all()
    end = noise
    for step in range(50):
        with torch.no_grad():
            end = end + bench.networks[before["source"]](end, torch.full((2,), step / 50)) / 50
    gap = np.sqrt(np.square(found["x"][-1, :2] - end.numpy()).mean())
    assert found["errors"][-1, 0] == pytest.approx(gap, rel=1e-3)


def test_the_pair_that_ships_is_before_and_after():
    """After reflow one step lies nearer to real digits, by the card, and the paths are straighter, from fresh noises."""
    assert [spec.kind for spec in opening("")] == ["reflow", "reflow_digits"]
    figures = json.loads((MODEL_FOLDER / "b11.json").read_text())
    before, after = figures["before"], figures["epochs"]["4"]
    assert after["straightness"] < before["straightness"]
    assert after["frechet_distance_1_steps"] < before["frechet_distance_1_steps"]
    noise = noise_of(40, seed=77)
    ends = []
    for preset, epoch in (("b6", 10), ("b11", 4)):
        network = load_network(preset, epoch)
        with torch.no_grad():
            velocities = [network(noise, torch.zeros(40))]
            half = noise + velocities[0] / 2
            velocities.append(network(half, torch.full((40,), 0.5)))
        # two velocities half a path apart differ less where the path is straighter
        ends.append((velocities[1] - velocities[0]).square().sum(dim=(1, 2, 3)).mean().item())
    assert ends[1] < ends[0] / 2
    assert weights_file("b11", 4).stat().st_size < 4_200_000  # two bytes a number


def test_its_question_is_about_what_its_figure_shows():
    assert LESSON.question.reveal == {"steps": 1}
