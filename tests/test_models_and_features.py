"""What runs can do besides, under storybook64 and under a folder in the IF format: branches, grids, studies.

That the numbers are right is tested where each is made; here, that none of them is tied to the model that ships as default.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.compute.context import JobContext
from core.compute.store import Store
from core.jobs import JobSpec
from core.model_card import read_card
from core.model_folder import fingerprint
from core.settings import MODELS, Settings
from lessons.any_model import fitted
from lessons.branching import Branch, branch_spec
from lessons.grid import KIND, cells, grid_spec, read_grid
from lessons.lesson import Lesson, named
from tests.lesson_runs import BY_CODE, result_of, shortened, spec_of

SLOW = {"A10", "A11", "A13", "A14", "B0"}  # ten seconds and more, in make journeys
FORKING, STUDIED = (
    [pytest.param(code, marks=pytest.mark.journey if code in SLOW else ()) for code in codes]
    for codes in (("A4", "A8", "A10", "A11", "B0"), ("A6", "A13", "A14"))
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(params=["storybook64", "IF-I-tiny"])
def of(request, store: Store, course_if_folder: Path, monkeypatch: pytest.MonkeyPatch):
    """`of(code)` is a lesson as it is under this model, with the model's fingerprint and a context."""
    folder = MODELS / "storybook64" if request.param == "storybook64" else course_if_folder
    monkeypatch.setenv("DIFFUSION_MODEL", str(folder))
    card = read_card(Settings())
    assert card.name == request.param
    context = JobContext("cpu", store, {})
    return lambda code: (fitted(BY_CODE[code], card), fingerprint(folder), context)


def whole(lesson: Lesson, spec: JobSpec, context: JobContext):
    found, frames = result_of(lesson, spec, context)
    assert frames and all(np.isfinite(array).all() for array in found.arrays.values())
    return found


@pytest.mark.parametrize("code", FORKING)
def test_a_run_forks(code, of):
    lesson, model, context = of(code)
    spec = shortened(spec_of(lesson, lesson.defaults(), model))
    change = {"seed": 3} if "seed" in lesson.branches else {"gamma": 3.0}
    plain, branch = whole(lesson, spec, context), whole(lesson, branch_spec(spec, Branch(1, change)), context)
    np.testing.assert_array_equal(branch["x_t"][:2], plain["x_t"][:2])
    assert not np.array_equal(branch["result"], plain["result"])


def test_a_grid_is_computed(of):
    lesson, model, context = of("A6")
    grid = read_grid(lesson, "gammas=1;3&seed=0;1")
    spec = grid_spec(lesson, grid, [(cell, model) for cell in cells(lesson.defaults(), grid)])
    params = dict(spec.params)
    params["cells"] = [
        {"of": cell["of"], "params": dict(shortened(JobSpec(cell["of"], cell["params"])).params)}
        for cell in params["cells"]
    ]
    sheet = whole(lesson, JobSpec(KIND, params), context)["result"]
    assert sheet.shape == (4, 3, 64, 64) and len({cell.tobytes() for cell in sheet}) == 4


@pytest.mark.parametrize("code", STUDIED)
def test_the_studies_are_computed(code, of):
    lesson, model, context = of(code)
    studies = named(lesson.studies)(lesson.defaults(), model)
    assert studies
    for spec in studies:
        params = dict(shortened(spec).params)
        if "counts" in params:
            params["counts"] = params["counts"][:2]
        if "gammas" in params:
            params["gammas"] = [1.0, 3.0]
        whole(lesson, JobSpec(spec.kind, params), context)
