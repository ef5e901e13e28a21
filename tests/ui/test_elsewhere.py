"""A result that ships: the page says so in one line, its files say so, and it is computed here when that is asked for."""

from __future__ import annotations

from dataclasses import replace

from core.compute.store import ELSEWHERE
from lessons import iterative_denoising
from lessons.iterative_denoising import LESSON
from lessons.provenance import provenance_of
from pages.server import runtime
from tests.ui.part_a import wanted

ORIGIN = {"machine": "a machine of 1972", "date": "2026-01-02", "note": "Steps are rounded.", "seconds": 61.0}
SAID = "Computed elsewhere"


def shown_from_elsewhere(visit):
    """A4 with its opening as one that ships."""
    at, executor = visit(LESSON.slug)
    job = runtime.job_id(wanted(iterative_denoising, LESSON.defaults()))
    found = executor.results[job]
    executor.results[job] = replace(found, meta={**found.meta, ELSEWHERE: ORIGIN})
    runtime.shared_results().forget(job)
    at.run()
    assert not at.exception
    return at, executor, job


def lines(at) -> list[str]:
    return [caption.value for caption in at.caption if caption.value == SAID]


def test_it_is_said_in_one_line_and_what_was_rounded_behind_it(visit):
    at, _, _ = shown_from_elsewhere(visit)
    assert lines(at) == [SAID]
    (caption,) = [caption for caption in at.caption if caption.value == SAID]
    took = "It took 61 s on a machine of 1972, on 2026-01-02."
    assert caption.help == f"This ships with the app. {took} Steps are rounded."


def test_it_is_computed_here_when_that_is_asked_for(visit):
    at, executor, job = shown_from_elsewhere(visit)
    executor.asked.clear()
    at.button(key=f"{LESSON.slug}/compute-here").click().run()
    assert not at.exception
    assert [runtime.job_id(spec) for spec in executor.asked] == [job]
    assert executor.here == [job]
    assert lines(at) == []


def test_a_result_of_this_machine_has_no_such_line(visit):
    at, _ = visit(LESSON.slug)
    assert lines(at) == []
    assert all(button.label != "Compute it here" for button in at.button)


def test_files_of_it_say_so_too():
    spec = wanted(iterative_denoising, LESSON.defaults())
    note = provenance_of(LESSON, spec, {"steps": [], ELSEWHERE: ORIGIN}, note="256 colours.").note
    assert note == "256 colours. Computed on a machine of 1972, 2026-01-02. Steps are rounded."
    assert provenance_of(LESSON, spec, {"steps": []}, note="256 colours.").note == "256 colours."
