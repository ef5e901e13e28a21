"""A film of Part B shows a run to its end, also where that is not the last estimate."""

import math

import numpy as np
import pytest
import torch

from lessons import flow_sampling, guided_digits, integrating, judging
from lessons.flow_sampling import kept_steps
from pages.ui.flow_films import flow, in_fours, pixels_to_the_end
from tests.part_b import noise_of, values


def runge_kutta(u, x, steps):
    """Kutta's method as his paper of 1901 has it."""
    for k in range(steps):
        t, h = k / steps, 1 / steps
        a = u(x, t)
        b = u(x + h / 2 * a, t + h / 2)
        c = u(x + h / 2 * b, t + h / 2)
        x = x + h / 6 * (a + 2 * b + 2 * c + u(x + h * c, t + h))
    return x


@pytest.mark.parametrize("steps", [1, 3, 150])
def test_the_last_frame_is_where_the_solver_ends(bench, steps):
    ref = bench.trained("flow")
    network = bench.networks[ref["source"]]
    spec = integrating.spec(values(integrating, solver="rk4", steps=steps, seed=4), [ref])
    trajectory, live = bench.run(flow_sampling.run, spec.params)
    film = flow(steps, integrating.COUNT, solver="rk4").finished(trajectory)
    with torch.no_grad():
        end = runge_kutta(
            lambda x, t: network(x, torch.full((len(x),), t)), noise_of(integrating.COUNT, 4), steps
        )
    wanted = end.clamp(0, 1).mul(255).permute(0, 2, 3, 1).numpy()
    rows = {row.name: row.pixels for row in film.rows}
    for name in ("x_t-0", "clean_hat-0"):
        assert np.abs(rows[name][-1].astype(float) - wanted).max() <= 1, name
    assert film.steps[-1] == "t = 1.000" and film.total == len(live) + 1 == len(kept_steps(steps, 6)) + 1
    assert film.formula == ""  # that on the page is of Euler's step
    speed, away = (curve.values for curve in film.curves)
    assert math.isnan(speed[-1]) and math.isnan(away[-1]) and away[-2] > 0


def test_while_a_run_goes_on_its_film_is_as_long_as_it_will_be(bench):
    ref = bench.trained("flow")
    spec = integrating.spec(values(integrating, steps=5), [ref])
    trajectory, live = bench.run(flow_sampling.run, spec.params)
    films = flow(5, integrating.COUNT)
    pixels = {name: np.stack([frame.arrays[name] for frame in live[:2]]) for name in live[0].arrays}
    assert films.live(pixels, live[0].total).total == films.finished(trajectory).total == 6


def test_what_the_judge_reads_is_the_last_frame(bench):
    ref = bench.trained("class_flow")
    spec = guided_digits.spec(values(guided_digits, steps=4), [ref])
    trajectory, _ = bench.run(judging.guided, spec.params)
    last = pixels_to_the_end(trajectory)["x_t"][-1]
    wanted = np.clip(trajectory["result"], 0, 1).transpose(0, 2, 3, 1) * 255
    assert np.abs(last - wanted).max() <= 1


def test_the_four_of_a_digit_stand_side_by_side_and_what_is_misread_in_a_frame():
    """Forty pictures, each of one grey of its own: 10 k + digit. The third 8 is read as a 1."""
    pixels = np.arange(40, dtype=np.uint8)[None, :, None, None, None] * np.ones((2, 1, 28, 28, 1), np.uint8)
    read = np.arange(40) % 10
    read[28] = 1
    fours = in_fours(pixels, np.arange(40) % 10, read)
    assert fours.shape == (2, 10, 30, 120, 3)
    assert fours[1, 8, 15, [15, 45, 75, 105], 0].tolist() == [8, 18, 28, 38]
    edge = fours[0, 8, 0, [15, 45, 75, 105]]
    assert len(np.unique(edge[2])) > 1  # coloured; the other three are grey
    assert (edge[[0, 1, 3]] == edge[0, 0]).all()
    assert (fours[0, 7, 0] == edge[0]).all()
