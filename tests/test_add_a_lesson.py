"""The lesson of docs/add-a-lesson.md: built from the document, word for word, in a copy of the project, and opened there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Runs in the copy: the page by a link, the run that it asks for, the die of a number that is not called "seed".
OPENS = """
import sys
from pathlib import Path
import pytest
from lessons.fewer_steps import LESSON
from tests.ui.fake_model import open_page, sentences
from pages.server import runtime

with pytest.MonkeyPatch.context() as patch, open_page("fewer_steps", Path(sys.argv[1]), patch, steps="3") as (at, executor):
    at.run()
    assert not at.exception, at.exception
    assert sentences(at) == ""
    assert LESSON.prose["Claim"] in at.markdown[0].value
    assert [spec.params["num_steps"] for spec in executor.asked] == [3]
    at.button(key="fewer_steps:noise/roll").click().run()
    assert not at.exception, at.exception
    rolled = executor.asked[-1].params["columns"][0]["seed"]
    assert len(executor.asked) == 2 and isinstance(rolled, int) and 0 <= rolled <= 9999
    assert executor.asked[-1] == LESSON.job(LESSON.defaults() | {"steps": 3, "noise": rolled}, runtime.model_fingerprint())

with pytest.MonkeyPatch.context() as patch, open_page(
    "fewer_steps", Path(sys.argv[1]), patch, steps="3", pin="steps=2"
) as (at, executor):
    at.run()
    assert not at.exception and sentences(at) == "", "a link with a pin brings both runs back"
    assert sorted(spec.params["num_steps"] for spec in executor.asked) == [2, 3]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """The project with the lesson added as the document says."""
    project = tmp_path_factory.mktemp("project")
    for name in ("lessons", "pages", "tests"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("core", "assets", ".streamlit", "pyproject.toml"):
        (project / name).symlink_to(ROOT / name)
    files = FILE.findall((ROOT / "docs" / "add-a-lesson.md").read_text(encoding="utf-8"))
    assert [name for name, _ in files] == [
        "lessons/fewer_steps.md",
        "lessons/fewer_steps.py",
        "pages/fewer_steps.py",
    ]
    for name, text in files:
        (project / name).write_text(text, encoding="utf-8")
    course = project / "lessons" / "course.py"
    text = course.read_text(encoding="utf-8")
    for before, added in (
        ("    forward_process,\n", "    fewer_steps,\n"),
        ("    two_conventions.LESSON,\n", "    fewer_steps.LESSON,\n"),
    ):
        assert text.count(before) == 1
        text = text.replace(before, added + before)
    course.write_text(text, encoding="utf-8")
    return project


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=project, env={"PYTHONPATH": str(project), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


def test_the_page_of_the_documents_lesson_opens_and_runs(project, tmp_path):
    opened = run(project, "-c", OPENS, str(tmp_path))
    assert opened.returncode == 0, opened.stderr[-3000:]


def test_the_tests_that_go_through_all_lessons_accept_it(project):
    """Prose, phrases, question, presets, shown sources, what `make warm` computes."""
    tested = run(
        project, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider",
        "tests/test_lessons.py", "tests/test_opening.py",
        "-k", "A15 and not runs and not frames_that_exist",
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", tested.stdout)[1]) >= 14


def test_it_is_checked_when_the_course_is_built(project):
    """The sentences that the document shows are what is said."""
    text = (ROOT / "docs" / "add-a-lesson.md").read_text(encoding="utf-8")
    lesson = project / "lessons" / "fewer_steps.py"
    good = lesson.read_text(encoding="utf-8")
    for right, wrong in (('Number("noise"', 'Number("frame"'), ("fewer_steps:spec", "fewer_steps:specs")):
        lesson.write_text(good.replace(right, wrong), encoding="utf-8")
        said = run(project, "-c", "import lessons.course").stderr.strip().splitlines()[-1]
        assert said.removeprefix("lessons.check.BadLesson: ") in text
    lesson.write_text(good, encoding="utf-8")
