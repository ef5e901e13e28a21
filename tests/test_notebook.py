"""The exported notebook is one that Jupyter opens, and computes what the app computed."""

from __future__ import annotations

import builtins
import json
import re
import sys
from types import ModuleType

import numpy as np
import pytest

from core.compute.store import Store
from core.jobs import JobSpec
from core.media import png
from core.pictures import load_picture
from lessons.course import COURSE
from lessons.notebook import notebook
from tests.lesson_runs import BY_CODE, WITH_SPEC, result_of, shortened, spec_of

PROMPTS = (
    "'''; raise SystemExit('''",
    'a "quoted" \\ back\\nslash {brace} %s',
    "日本の城 – naïve \u2028 𝔵",
    "",
)


def opened(data: bytes) -> dict:
    """Checked against the format's description (nbformat 4.5): top level, cells, ids, sources, outputs."""
    book = json.loads(data.decode("utf-8"))
    assert book.keys() == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert {"name", "display_name"} <= book["metadata"]["kernelspec"].keys()
    ids = [cell["id"] for cell in book["cells"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in ids)
    for cell in book["cells"]:
        assert cell["cell_type"] in ("markdown", "code") and isinstance(cell["metadata"], dict)
        assert all(isinstance(line, str) and line for line in cell["source"])
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        more = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert cell.keys() == {"cell_type", "id", "metadata", "source"} | more
        if more:
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
def test_it_computes_the_same_trajectory(lesson, job_context, emoji64_fingerprint, emoji64, monkeypatch):
    """Bit by bit: the same functions, the same device, the same batch."""
    if lesson.code != "A0":  # one notebook that loads the model by itself is enough
        monkeypatch.setattr("core.pretrained.load_pretrained", lambda *_: emoji64)
    spec = shortened(spec_of(lesson, lesson.defaults(), emoji64_fingerprint))
    expected, _ = result_of(lesson, spec, job_context)
    scope = executed(opened(notebook(lesson, spec)), monkeypatch)
    assert scope["trajectory"].arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(scope["trajectory"][name], array)
    assert scope["trajectory"].meta == expected.meta
    assert scope["displayed"] and all(data.startswith(b"\x89PNG") for data in scope["displayed"])


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_stays_a_prompt(prompt, emoji64_fingerprint):
    """Whatever is typed, or stands in a link that somebody sends, is text in the notebook and never code."""
    lesson = BY_CODE["A5"]
    spec = spec_of(lesson, lesson.defaults() | {"prompt": prompt}, emoji64_fingerprint)
    code = next(cell for cell in opened(notebook(lesson, spec))["cells"] if cell["cell_type"] == "code")
    scope: dict = {}
    exec("".join(code["source"]), scope)
    assert scope["params"] == json.loads(spec.canonical)
    assert scope["params"]["columns"][0]["prompt"] == prompt


def test_an_uploaded_picture_is_found_in_the_store_of_the_app(tmp_path, monkeypatch, emoji64_fingerprint):
    reference = "upload-" + Store(tmp_path).put_blob(png(load_picture("volcano")))
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


def test_every_lesson_can_be_exported():
    """Part B's specifications need a network; tests/test_flow_lessons.py exports one."""
    assert {lesson.code for lesson in COURSE if lesson.part == "A"} == {lesson.code for lesson in WITH_SPEC}


def test_a_kind_that_is_not_the_lesson_s_is_refused():
    with pytest.raises(KeyError):
        notebook(BY_CODE["A1"], JobSpec("embed", {}))
