"""What lessons A13 and A14 say about their pictures, measured on the model that ships, as quoted."""

from __future__ import annotations

import numpy as np
import pytest

from lessons.samplers import SAMPLERS
from lessons.there_and_back import COUNTS
from tests.lesson_runs import BY_CODE, result_of, spec_of

pytestmark = pytest.mark.claims
DDPM, DDIM, HEUN, DPM = range(len(SAMPLERS))


@pytest.fixture(scope="module")
def run(shipped_context, emoji64_fingerprint):
    def run(code, **values):
        lesson = BY_CODE[code]
        spec = spec_of(lesson, lesson.defaults() | values, emoji64_fingerprint)
        return result_of(lesson, spec, shipped_context)[0]

    return run


def test_a13_who_comes_how_near_with_how_many_evaluations(run):
    distance = run("A13")["distance"]
    assert [round(x, 3) for x in distance[1:3, DDIM]] == [0.066, 0.031]
    assert [round(x, 3) for x in distance[1:3, DPM]] == [0.040, 0.010]
    assert distance[3, DDIM] > distance[2, DPM]  # DDIM takes more than 34 for what DPM-Solver++ has after 16
    assert distance[2, HEUN] > distance[2, DDIM] and distance[3, HEUN] < distance[3, DDIM]


def test_a13_only_ddpm_forgets(run):
    apart = run("A13")["apart"]
    assert not apart[:, [DDIM, HEUN, DPM]].any()
    assert (apart[:, DDPM] > 0.05).all() and apart[2, DDPM] > 0.3


def test_a13_even_steps(run):
    distance = run("A13", spacing="even", evaluations=(8, 16))["distance"][1]
    assert [round(x, 2) for x in distance[[DDIM, HEUN, DPM]]] == [0.07, 0.20, 0.06]


def test_a14_the_error_and_what_is_not_noise(run):
    for steps, error in ((34, 0.038), (100, 0.013)):
        assert round(run("A14", steps=steps).meta["error"][0], 3) == pytest.approx(error, abs=0.0006)
    truck, fish = (run("A14", picture=picture).meta for picture in ("pickup-truck", "tropical-fish"))
    assert round(truck["std"][33][0], 2) == 0.76
    assert [round(meta["alike"][33][0], 2) for meta in (truck, fish)] == pytest.approx(
        [0.64, 0.12], abs=0.006
    )


def test_a14_a_third_with_three_times_the_steps(run):
    error = run("A14", shown="steps")["error"]
    assert [round(one, 3) for one in error] == pytest.approx([0.26, 0.038, 0.013], abs=0.0006)
    slope = np.polyfit(np.log(COUNTS[1:]), np.log(error[1:]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)
