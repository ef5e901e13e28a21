"""The exported notebook is one that Jupyter opens, and computes what the app computed."""

from __future__ import annotations

import builtins
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import nbformat
import numpy as np
import pytest

from core.compute.store import Store
from core.jobs import JobSpec
from core.media import png
from core.pictures import load_picture
from lessons import vector_field
from lessons.branching import Branch, branch_spec
from lessons.course import COURSE
from lessons.notebook import notebook
from lessons.opening import opening_jobs
from tests.lesson_runs import BY_CODE, WITH_SPEC, result_of, shortened, spec_of

ROOT = Path(__file__).resolve().parent.parent
PROMPTS = (
    "'''; raise SystemExit('''",
    'a "quoted" \\ back\\nslash {brace} %s',
    "日本の城 – naïve \u2028 𝔵",
    "",
)


def opened(data: bytes) -> dict:
    """Checked by nbformat against the format's schema, and nothing for it to mend; cells that were not run."""
    book = json.loads(data.decode("utf-8"))
    nbformat.validate(book)
    changes, _ = nbformat.validator.normalize(book)  # it gives a new id to a cell whose own another has
    assert changes == 0
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert book["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in book["cells"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in ids)
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            assert cell["execution_count"] is None and cell["outputs"] == []
    return book


def executed(book: dict, monkeypatch: pytest.MonkeyPatch) -> dict:
    """Runs the code cells in order, as a kernel does; `displayed` holds the files that it would show."""
    displayed: list[bytes] = []
    jupyter = ModuleType("IPython.display")
    jupyter.Image, jupyter.display = (lambda data: data), displayed.append
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", jupyter)
    monkeypatch.setattr(builtins, "print", lambda *_, **__: None)
    scope: dict = {"__name__": "__main__"}
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), scope)
    return scope | {"displayed": displayed}


@pytest.mark.parametrize("lesson", WITH_SPEC, ids=lambda lesson: lesson.code)
def test_it_computes_the_same_trajectory(lesson, job_context, emoji64_fingerprint, untrained, monkeypatch):
    """Bit by bit: the same functions, the same device, the same batch."""
    if lesson.code == "A0":  # one notebook that loads the model that ships is enough
        job_context = replace(job_context, cache={})
    else:
        monkeypatch.setattr("core.pretrained.load_pretrained", lambda *_, **__: untrained)
    spec = shortened(spec_of(lesson, lesson.defaults(), emoji64_fingerprint))
    expected, _ = result_of(lesson, spec, job_context)
    scope = executed(opened(notebook(lesson, spec)), monkeypatch)
    assert scope["trajectory"].arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(scope["trajectory"][name], array)
    assert scope["trajectory"].meta == expected.meta
    assert scope["displayed"] and all(data.startswith(b"\x89PNG") for data in scope["displayed"])


def test_a_notebook_of_before_the_work_had_a_room_of_its_own_still_computes(monkeypatch, emoji64_fingerprint):
    """Students have such files. What differs is one line of imports, and the cell that finds the project."""
    lesson = BY_CODE["A1"]
    spec = shortened(spec_of(lesson, lesson.defaults(), emoji64_fingerprint))
    book = opened(notebook(lesson, spec))
    expected = executed(book, monkeypatch)["trajectory"]
    now = "from core.compute.context import JobContext\nfrom core.compute.store import Store\nfrom core.jobs import Frame\n"
    then = "from core.compute.jobs import Frame, JobContext\nfrom core.compute.store import Store\n"
    cells = [cell | {"source": "".join(cell["source"])} for cell in book["cells"][1:]]
    assert sum(now in cell["source"] for cell in cells) == 1
    cells = [cell | {"source": cell["source"].replace(now, then)} for cell in cells]
    found = executed({"cells": cells}, monkeypatch)["trajectory"]
    np.testing.assert_array_equal(found["x_t"], expected["x_t"])


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_stays_a_prompt(prompt, emoji64_fingerprint):
    """Whatever is typed, or stands in a link that somebody sends, is text in the notebook and never code."""
    lesson = BY_CODE["A5"]
    spec = spec_of(lesson, lesson.defaults() | {"prompt": prompt}, emoji64_fingerprint)
    _, code, *_ = [cell for cell in opened(notebook(lesson, spec))["cells"] if cell["cell_type"] == "code"]
    scope: dict = {}
    exec("".join(code["source"]), scope)
    assert scope["params"] == json.loads(spec.canonical)
    assert scope["params"]["columns"][0]["prompt"] == prompt


def test_an_uploaded_picture_is_found_in_the_store_of_the_app(tmp_path, monkeypatch, emoji64_fingerprint):
    reference = "upload-" + Store(tmp_path).blobs.put(png(load_picture("volcano")))
    monkeypatch.setenv("DIFFUSION_DATA_DIR", str(tmp_path))
    lesson = BY_CODE["A1"]
    values = lesson.defaults() | {"picture": reference}
    mine = executed(opened(notebook(lesson, spec_of(lesson, values, emoji64_fingerprint))), monkeypatch)
    values["picture"] = "volcano"
    theirs = executed(opened(notebook(lesson, spec_of(lesson, values, emoji64_fingerprint))), monkeypatch)
    np.testing.assert_array_equal(mine["trajectory"]["x_t"], theirs["trajectory"]["x_t"])


def test_another_model_is_refused_with_a_sentence(job_context):
    lesson = BY_CODE["A1"]
    with pytest.raises(ValueError, match="export the notebook again"):
        result_of(lesson, spec_of(lesson, lesson.defaults(), "0" * 64), job_context)


# What a class draws stays in its room: B12 hands nothing out.
STAYS = [lesson for lesson in COURSE if lesson.code == "B12"]
PART_B = [lesson for lesson in COURSE if lesson not in [*WITH_SPEC, *STAYS] and lesson.jobs]


def brief(spec: JobSpec) -> JobSpec:
    """The same run of Part B with the last network alone, three steps and two pictures."""
    params = dict(spec.params)
    for name in ("digits", "sigmas"):
        if params.get(name):
            params[name] = params[name][:2]
    if params.get("classes"):
        params["classes"] = params["classes"][:1] * 2  # the judge asks how unlike two of one class are
    if "networks" in params:
        params["networks"] = params["networks"][-1:]
    return JobSpec(
        spec.kind, params | {name: few for name, few in (("num_steps", 3), ("count", 2)) if name in params}
    )


LONG = {"B11": pytest.mark.journey}  # pairs are made before it trains


@pytest.mark.parametrize(
    "lesson", [pytest.param(lesson, marks=LONG.get(lesson.code, ()), id=lesson.code) for lesson in PART_B]
)
def test_a_notebook_of_part_b_computes_the_same(lesson, job_context, emoji64_fingerprint, monkeypatch):
    """What the lesson opens with, through the networks that ship; B5 opens on a closed form, and trains."""
    if lesson.code == "B5":
        spec = vector_field.training_spec(lesson.defaults() | {"training_steps": str(vector_field.EPOCHS)})
    else:
        spec = brief(opening_jobs(lesson, emoji64_fingerprint)[0][1])
    expected, _ = result_of(lesson, spec, job_context)
    scope = executed(opened(notebook(lesson, spec)), monkeypatch)
    assert scope["trajectory"].arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(scope["trajectory"][name], array)
    assert all(data.startswith(b"\x89PNG") for data in scope["displayed"])


def test_every_lesson_s_notebook_is_run_here():
    assert {lesson.code for lesson in [*WITH_SPEC, *PART_B, *STAYS]} == {lesson.code for lesson in COURSE}


def test_a_run_that_forks_has_a_notebook_too(job_context, emoji64_fingerprint, untrained, monkeypatch):
    monkeypatch.setattr("core.pretrained.load_pretrained", lambda *_, **__: untrained)
    lesson = BY_CODE["A5"]
    whole = shortened(spec_of(lesson, lesson.defaults(), emoji64_fingerprint))
    spec = branch_spec(whole, Branch(2, {"seed": 3, "prompt": PROMPTS[1]}))
    expected, _ = result_of(lesson, spec, job_context)
    scope = executed(opened(notebook(lesson, spec)), monkeypatch)
    np.testing.assert_array_equal(scope["trajectory"]["result"], expected["result"])


def test_a_kind_that_is_not_the_lesson_s_is_refused():
    with pytest.raises(KeyError):
        notebook(BY_CODE["A1"], JobSpec("embed", {}))


# ---- outside the project -----------------------------------------------------------------------------------


def first_cell(folder: Path, python_options: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    """The first cell of a notebook, run by a fresh Python whose working folder is `folder`."""
    lesson = BY_CODE["A4"]
    cell = opened(notebook(lesson, spec_of(lesson, lesson.defaults())))["cells"][0]
    assert cell["cell_type"] == "code"
    source = "".join(cell["source"]) + "\nimport core.trajectory\nprint('found', core.trajectory.__file__)"
    return subprocess.run(
        [sys.executable, *python_options, "-c", source], cwd=folder, text=True, capture_output=True, check=False,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )  # fmt: skip


def test_outside_the_project_the_first_cell_says_what_is_missing_and_stops(tmp_path):
    ended = first_cell(tmp_path)
    assert ended.returncode == 1 and "found" not in ended.stdout
    assert ended.stderr.splitlines()[-1].startswith("ModuleNotFoundError: This notebook needs the project")
    assert "move this file into its folder, and start Jupyter there." in ended.stderr
    assert str(tmp_path) in ended.stderr


def test_without_the_requirements_the_first_cell_names_them():
    """-S and -I: a Python without the packages that are installed."""
    ended = first_cell(ROOT, ("-I", "-S"))
    assert ended.returncode == 1
    assert re.search(r"lacks torch, diffusers, .* -m pip install -r .*requirements\.txt", ended.stderr)


def test_inside_the_project_the_first_cell_finds_it_from_any_folder():
    ended = first_cell(ROOT / "docs")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == f"found {ROOT / 'core' / 'trajectory.py'}"


def test_two_cells_of_one_name_would_be_noticed():
    """The counter-example: what `opened` asserts of every exported notebook is not true of this one."""
    lesson = BY_CODE["A4"]
    book = json.loads(notebook(lesson, spec_of(lesson, lesson.defaults())))
    book["cells"][1]["id"] = book["cells"][0]["id"]
    with pytest.warns(nbformat.warnings.DuplicateCellId):
        changes, mended = nbformat.validator.normalize(book)
    assert changes == 1
    book = mended
    del book["cells"][2]["source"]
    with pytest.raises(nbformat.ValidationError):
        nbformat.validate(book)


def test_a_notebook_knows_its_run_and_its_page():
    lesson = BY_CODE["A6"]
    link = "https://example.org/classifier-free-guidance?gammas=1%2C7"
    book = opened(notebook(lesson, spec_of(lesson, lesson.defaults()), link))
    assert link in "".join(book["cells"][1]["source"])
    assert book["metadata"]["provenance"]["gammas"] == [0.0, 1.0, 3.0, 7.0, 12.0]
