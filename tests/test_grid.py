"""A grid: every cell is the first picture of the lesson's own run with the values of that cell."""

from __future__ import annotations

import re

import numpy as np
import pytest

from core.jobs import Frame, JobSpec
from lessons.course import COURSE
from lessons.fields import BadValue
from lessons.grid import (
    KIND,
    MOMENTS,
    MOST,
    TOLD,
    Axis,
    Grid,
    cells,
    grid_spec,
    labels,
    read_grid,
    write_grid,
)
from lessons.requests import BadRequest
from tests.lesson_runs import BY_CODE, result_of, spec_of

STEPS = 4
SWEPT = [lesson for lesson in COURSE if lesson.sweeps]
A5, A6 = BY_CODE["A5"], BY_CODE["A6"]


def shortened(spec: JobSpec) -> JobSpec:
    """The same with few steps, in every cell of a grid."""
    params = dict(spec.params)
    if spec.kind == KIND:
        params["cells"] = [
            {"of": cell["of"], "params": dict(shortened(JobSpec(cell["of"], cell["params"])).params)}
            for cell in params["cells"]
        ]
        return JobSpec(KIND, params)
    params["num_steps"] = STEPS
    if "i_start" in params:
        params["i_start"] = 1
    if "i_starts" in params:
        params["i_starts"] = [min(i, STEPS - 2) for i in params["i_starts"]]
    return JobSpec(spec.kind, params)


@pytest.fixture
def of(job_context, untrained, monkeypatch):
    """`of(lesson, spec)`: the result of a job, and what it told."""
    monkeypatch.setattr("core.pretrained.load_pretrained", lambda *_, **__: untrained)
    return lambda lesson, spec: result_of(lesson, shortened(spec), job_context)


def spec_of_grid(lesson, text: str, model: str, **values: object) -> tuple[JobSpec, list[dict]]:
    grid = read_grid(lesson, text)
    asked = cells(lesson.defaults() | values, grid)
    return grid_spec(lesson, grid, [(cell, model) for cell in asked]), asked


@pytest.mark.parametrize("lesson", SWEPT, ids=lambda lesson: lesson.code)
def test_a_cell_is_the_first_picture_of_its_own_run(lesson, of, emoji64_fingerprint):
    other = next(
        name for name in lesson.sweeps if name != "seed" and name not in ("steps", "i_start", "model")
    )
    field = lesson.field(other)
    two = {
        "Text": "a rocket ship;a photo of a dog", "Choice": ";".join(getattr(field, "options", ())[:2]),
        "Number": "1;2", "Numbers": "1;2",
    }[type(field).__name__]  # fmt: skip
    spec, asked = spec_of_grid(lesson, f"{other}={two}&seed=3;8", emoji64_fingerprint)
    sheet, _ = of(lesson, spec)
    assert sheet["pictures"].shape == (MOMENTS, 4, 64, 64, 3) and sheet["result"].shape == (4, 3, 64, 64)
    for place, values in enumerate(asked):
        alone, _ = of(lesson, spec_of(lesson, values, emoji64_fingerprint))
        # another size of the batch adds the same numbers in another order
        np.testing.assert_allclose(sheet["result"][place], alone["result"][0], atol=2e-4)
    assert not np.allclose(sheet["result"][0], sheet["result"][1], atol=0.01)
    assert not np.allclose(sheet["result"][0], sheet["result"][2], atol=0.01)


def test_its_frames_have_no_gap_and_end_on_the_result(of, emoji64_fingerprint):
    spec, _ = spec_of_grid(A6, "gammas=0;1;7&seed=0;1;2;3", emoji64_fingerprint)  # 12 pictures are 8 and 4
    found, events = of(A6, spec)
    frames = [event for event in events if isinstance(event, Frame)]
    assert [frame.index for frame in frames] == list(range(2 * TOLD))
    assert {frame.total for frame in frames} == {2 * TOLD}
    np.testing.assert_array_equal(frames[-1].arrays["sheet"], found["pictures"][-1])
    grey = (frames[0].arrays["sheet"] == 128).all(axis=(1, 2, 3))
    assert grey.tolist() == 8 * [False] + 4 * [True]


def test_the_moments_go_from_noise_to_the_result(of, emoji64_fingerprint):
    spec, asked = spec_of_grid(A5, "prompt=a rocket ship&seed=5;6", emoji64_fingerprint)
    found, _ = of(A5, spec)
    alone, _ = of(A5, spec_of(A5, asked[0], emoji64_fingerprint))
    noise = np.clip((alone["x_t"][0, 0].transpose(1, 2, 0) + 1) * 127.5, 0, 255).round()
    assert np.abs(found["pictures"][0, 0].astype(float) - noise).max() <= 1
    result = np.clip((alone["result"][0].transpose(1, 2, 0) + 1) * 127.5, 0, 255).round()
    assert np.abs(found["pictures"][-1, 0].astype(float) - result).max() <= 1


def test_an_address_comes_back_as_the_same_grid():
    text = "gammas=0%3B+1%3B+7.5&prompt=a+dog%3B+a+cat"
    grid = read_grid(A6, text)
    assert grid == Grid(Axis("gammas", ((0,), (1,), (7.5,))), Axis("prompt", ("a dog", "a cat")))
    assert write_grid(A6, grid) == text and grid.shape == (2, 3)
    assert labels(A6, grid.across) == ["0", "1", "7.5"] and labels(A6, grid.down) == ["“a dog”", "“a cat”"]
    assert read_grid(A6, "gammas=0,5;1&seed=1").across.values == ((0.5,), (1,))  # a comma inside one number
    assert [cell["seed"] for cell in cells({"seed": 9}, read_grid(A6, "gammas=1;2&seed=4;5"))] == [4, 4, 5, 5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gammas=1;2", "two different controls"),
        ("gammas=1&gammas=2", "two different controls"),
        ("count=1;2&seed=1", "sweeps Guidance scales γ"),
        ("gammas=1;x&seed=1", "must be a number, not “x”"),
        ("gammas=1;2;3;4;5;6&seed=1", f"1 to {MOST} values, and these are 6"),
        ("gammas=99&seed=1", "must lie between 0 and 30"),
        ("nonsense", "A grid is written like"),
        ("", "two different controls"),
    ],
)
def test_what_is_no_grid_gets_a_sentence(text, said):
    with pytest.raises(BadValue, match=re.escape(said)):
        read_grid(A6, text)


def test_a_lesson_without_sweeps_has_no_grid():
    with pytest.raises(BadValue, match="nothing that a grid could sweep"):
        read_grid(BY_CODE["A1"], "t=1&seed=2")


def test_a_job_that_is_no_grid_is_refused(of, emoji64_fingerprint):
    spec, _ = spec_of_grid(A6, "gammas=1;2&seed=0", emoji64_fingerprint)
    for wrong, said in [
        ({"down": 2}, "one cell for each place"),
        ({"cells": []}, "one cell for each place"),
        ({"cells": [{"of": "forward", "params": {}}] * 2}, "cells of a grid are runs of"),
    ]:
        with pytest.raises(BadRequest, match=said):
            of(A6, JobSpec(KIND, {**spec.params, **wrong}))
