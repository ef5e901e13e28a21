"""“Go on from here” on a page: the run and its branch under one cursor, in the address, and taken away again."""

from __future__ import annotations

import json

import pytest

from core.provenance import Provenance
from lessons.course import COURSE
from tests.ui.fake_model import sentences


@pytest.fixture
def visit(visit_filmed):
    return visit_filmed


def test_a_run_goes_on_with_another_prompt_from_a_frame(visit):
    at, executor, films = visit("sampling_from_noise", count="1", frame="12")
    at.text_input(key="sampling_from_noise/branch/prompt").set_value("a photo of a dog")
    at.text_input(key="sampling_from_noise/branch/gamma").set_value("7,5")
    submit = next(button for button in at.button if button.label == "Go on")
    submit.click().run()
    assert not at.exception, at.exception
    at.run()
    assert at.query_params["branch"] == "at=12&prompt=a+photo+of+a+dog&gamma=7.5"
    job = executor.asked[-1]
    assert job.kind == "branch" and job.params["fork"] == {
        "at": 12,
        "prompt": "a photo of a dog",
        "guidance_scale": 7.5,
    }
    joined = films[-1]
    assert joined["columns"] == ["as it was · seed 429", "“a photo of a dog”, γ = 7.5 · seed 429"]
    assert joined["total"] == 34 and 12 in joined["marks"]
    runs = [Provenance.from_json(json.dumps(run)) for run in joined["about"]["runs"]]
    assert runs[0].prompts == ("a high quality photo",) and runs[1].prompts == (
        "a high quality photo",
        "a photo of a dog",
    )
    said = "\n".join(caption.value for caption in at.caption)
    assert "One run up to frame 13 (t = 630)" in said
    at.button(key="sampling_from_noise/branch/away").click().run()
    assert "branch" not in at.query_params and films[-1]["columns"] == ["seed 429"]


FORKING = [lesson for lesson in COURSE if lesson.branches]


def test_the_lessons_that_sample_in_one_loop_can_be_gone_on_from():
    assert (
        " ".join(lesson.code for lesson in FORKING) == "A0 A4 A5 A6 A7 A8 A9 A10 A11 A12 A14 B0 B6 B7 B8 B9"
    )


ALWAYS = {"A4", "A8", "A14", "B0", "B7"}  # of each kind of loop one; make journeys has the others


@pytest.mark.parametrize(
    "lesson",
    [
        pytest.param(lesson, marks=() if lesson.code in ALWAYS else pytest.mark.journey, id=lesson.code)
        for lesson in FORKING
    ],
)
def test_a_link_brings_the_branch_back(lesson, visit):
    less = {"count": "1"} if lesson.part == "A" else {"steps": "4"}
    short = {name: less[name] for name in less if any(field.name == name for field in lesson.fields)}
    change, value, said = next(
        one
        for one in (("seed", 3, "seed 3"), ("solver", "rk4", "RK4"), ("prompt", "dog", "“dog”"))
        if one[0] in lesson.branches
    )
    frame = 40 if lesson.code == "A14" else 2  # A14 forks on its way back
    at, executor, films = visit(lesson.slug, branch=f"at={frame}&{change}={value}", **short)
    at.run()
    assert [job.params["fork"] for job in executor.asked if job.kind == "branch"] == [
        {"at": frame, change: value}
    ]
    joined = [
        film
        for film in films
        if "as it was" in str(film["columns"] + [row["caption"] for row in film["rows"]])
    ]
    assert joined and said in str(joined[-1])  # other films of the page may follow
    assert at.query_params["branch"] == f"at={frame}&{change}={value}"


@pytest.mark.parametrize(
    ("branch", "said"),
    [
        ("seed=3", "The link’s branch was left out: Frame must be a number"),
        ("at=99&seed=3", "The branch was left out: The run has the frames 0 to 33"),
    ],
)
def test_a_branch_that_cannot_be_followed_costs_a_sentence(branch, said, visit):
    at, executor, _ = visit("sampling_from_noise", count="1", branch=branch)
    assert said in sentences(at)
    assert {job.kind for job in executor.asked} == {"denoise"}


def test_a_lesson_without_a_run_to_go_on_from_says_so(visit):
    at, _, _ = visit("forward_process", branch="at=1&seed=3")
    assert "This lesson has no run to go on from" in sentences(at) and "branch" not in at.query_params


@pytest.mark.parametrize(
    ("slug", "query"),
    [
        ("iterative_denoising", {"i_start": "33"}),
        ("image_to_image", {"i_starts": "33"}),
        ("text_image_to_image", {"i_starts": "33"}),
    ],
)
def test_a_run_of_one_step_can_be_gone_on_from_too(slug, query, visit):
    at, executor, _ = visit(slug, **query)
    at.text_input(key=f"{slug}/branch/seed").set_value("3")
    next(button for button in at.button if button.label == "Go on").click().run()
    assert not at.exception, at.exception
    assert executor.asked[-1].params["fork"] == {"at": 0, "seed": 3}


def test_nothing_changed_is_no_branch(visit):
    at, executor, _ = visit("sampling_from_noise", count="1")
    next(button for button in at.button if button.label == "Go on").click().run()
    assert "Change something" in sentences(at) and {job.kind for job in executor.asked} == {"denoise"}
