"""What `make warm` computes: for every lesson what its page opens with, asked for in the same words."""

from __future__ import annotations

import pytest

from lessons.course import COURSE, JOBS
from lessons.opening import opening_jobs


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.code)
def test_each_lesson_is_opened(lesson):
    jobs = opening_jobs(lesson, "f" * 16)
    if lesson.code == "B5":
        assert jobs == []  # the field is integrated in the browser
        return
    kinds = [spec.kind for _, spec in jobs]
    assert kinds and set(kinds) <= set(JOBS)
    assert all(title.startswith(lesson.code) for title, _ in jobs)
    assert len({spec.key({}) for _, spec in jobs}) == len(jobs)
    assert len(jobs) <= 2 * len(lesson.presets) + 4


def test_what_a_bare_address_shows_is_computed_and_not_the_defaults():
    lesson = next(lesson for lesson in COURSE if lesson.code == "A9")
    _, first = opening_jobs(lesson, "f" * 16)[0]
    assert first.params["columns"][0]["seed"] == 7 and lesson.field("seed").default != 7


def test_a_preset_that_ships_is_computed_with_what_the_lessons_open_with():
    lesson = next(lesson for lesson in COURSE if lesson.code == "B6")
    shipping = opening_jobs(lesson, "f" * 16, presets=False)
    sources = [{one["source"] for one in spec.params["networks"]} for _, spec in shipping]
    assert sources == [{"b6"}, {"b6-slow"}]  # one number changed, and everything else alike
    first, second = (
        {name: value for name, value in spec.params.items() if name != "networks"} for _, spec in shipping
    )
    assert first == second


def test_the_studies_of_b7_and_the_sweep_of_b9_are_there_once():
    by_code = {lesson.code: [spec.kind for _, spec in opening_jobs(lesson, "f" * 16)] for lesson in COURSE}
    for code, kinds in (("B7", ("solver_errors", "exact_flow", "flow_plane")), ("B9", ("gamma_sweep",))):
        for kind in kinds:
            assert by_code[code].count(kind) == 1
