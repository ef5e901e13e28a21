"""Lessons A0 to A6 and A12 when a link, a value or the executor is not as it should be: a sentence, and nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest

from core.compute.executor import JobStatus
from core.jobs import QueueFull, State
from lessons import (
    iterative_denoising,
)
from lessons.fields import Text
from pages.server import runtime
from tests.ui.fake_model import sentences
from tests.ui.part_a import each_page, each_run, reference, wanted

# ---- what cannot be used -----------------------------------------------------------------------------------


@each_page
def test_a_link_that_cannot_be_followed_gets_sentences_and_the_defaults(module, visit):
    lesson = module.LESSON
    bad = {field.name: "x" * 400 if isinstance(field, Text) else "no such thing" for field in lesson.fields}
    at, _ = visit(
        lesson.slug, **bad, guidance_scale="nan", preset="unheard-of", frame="-5", wrong="everything"
    )
    complaints = sentences(at).replace("\\", "")
    for field in lesson.fields:
        assert field.label in complaints
    for text in ("“guidance_scale”", "“preset”", "frame “-5”", "mistake “everything”"):
        assert text in complaints
    assert at.session_state[f"{lesson.slug}/values"] == lesson.defaults()
    assert set(at.query_params) <= {"job", "frame", *lesson.opens}


@each_run
def test_a_prompt_that_is_too_long_is_not_run(module, visit):
    lesson = module.LESSON
    name = next(field.name for field in lesson.fields if isinstance(field, Text))
    at, executor = visit(lesson.slug, **reference(lesson))
    asked = len(executor.asked)
    at.text_input(key=f"{lesson.slug}:seed").set_value("5")
    at.text_input(key=f"{lesson.slug}:{name}").set_value("y" * 5000).run()
    assert "is limited to 300 characters; this has 5000. Shorten it." in sentences(at).replace("\\", "")
    assert at.button(key=f"{lesson.slug}/main/start").disabled
    assert not [spec for spec in executor.asked[asked:] if spec.kind != "embed"]
    at.text_input(key=f"{lesson.slug}:{name}").set_value("猫 и кошка").run()
    assert "The model does not know “猫”: it reads “[UNK]” there" in sentences(at).replace("\\", "")
    assert "猫 и кошка" in {column["prompt"] for column in executor.asked[-1].params.get("columns", [])} | {
        executor.asked[-1].params.get("prompt"), *executor.asked[-1].params.get("prompts", [])
    }  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("1, two", "Guidance scales γ must be a number, not “two”; write it like 0; 1; 3; 7; 12."),
        ("1 2 3 4 5 6 7", "give between 1 and 6 numbers"),
        ("", "give between 1 and 6 numbers"),
        ("nan", "must be a number, not “nan”; write it like 0; 1; 3; 7; 12"),
        ("7,5", "Write “7.5” or “7; 5”"),
        ("0,5, 1", "must be a number, not “0,5, 1”"),
        ("1e9", "must lie between 0 and 30"),
    ],
)
def test_scales_that_cannot_be_used(visit, typed, sentence):
    at, executor = visit("classifier_free_guidance")
    before = len(executor.asked)
    at.text_input(key="classifier_free_guidance:gammas").set_value(typed).run()
    assert not at.exception
    assert sentence in sentences(at).replace("\\", "")
    assert len(executor.asked) == before


def test_too_many_pictures_for_one_run(visit):
    at, _ = visit("classifier_free_guidance", gammas="0,1,2,3", count="6")
    assert "4 scales × 6 samples are 24 pictures; one run has at most 8" in sentences(at)
    at.slider(key="classifier_free_guidance:count").set_value(2).run()
    assert sentences(at) == ""


# ---- the run that a link names -----------------------------------------------------------------------------


def test_a_link_to_a_run_of_elsewhere_says_so(visit):
    at, _ = visit("iterative_denoising", job="0123456789abcdef")
    assert "The link names another run than its settings lead to here" in sentences(at)
    assert "or the address was changed by hand" in sentences(at)


@pytest.mark.parametrize(
    "job", ["nonsense", "0123", "0123456789ABCDEF", "../etc", "０１２３４５６７８９abcdef"]
)
def test_what_names_no_run_is_not_blamed_on_the_machine(visit, job):
    at, _ = visit("iterative_denoising", job=job)
    assert f"The link names the run “{job}”, which is no name of a run" in sentences(at).replace("\\", "")
    assert "another model" not in sentences(at)


def test_a_run_that_differs_by_a_refused_value_is_not_blamed_on_the_machine(visit):
    at, _ = visit("iterative_denoising", job="0123456789abcdef", i_start="99")
    assert "i_start must lie between 0 and 33" in sentences(at).replace("\\", "")
    assert "another model" not in sentences(at)


def test_a_link_to_a_run_shows_what_its_own_settings_give_and_nothing_of_that_run(visit):
    """Two people's runs: the name of one in the other's address gives nothing away."""
    at, executor = visit("iterative_denoising", prompt="a secret drawing")
    theirs = at.query_params["job"]
    at.query_params.clear()
    at.query_params["job"] = theirs
    for key in ("page", "iterative_denoising/values"):  # another session
        del at.session_state[key]
    at.run()
    own = wanted(iterative_denoising, iterative_denoising.LESSON.defaults())
    assert at.query_params["job"] == runtime.job_id(own)[:16] != theirs
    assert executor.asked[-1] == own
    assert "names another run" in sentences(at)


# ---- starts of A7 and A9, and guidance at its ends ---------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("-1", "must lie between 0 and 33, not “-1”"), ("34", "must lie between 0 and 33, not “34”"),
     ("1.5", "must be a whole number, not “1.5”: write 1 or 2"), ("7,5,x", "must be a number, not “x”")],
)  # fmt: skip
@pytest.mark.parametrize("slug", ["image_to_image", "text_image_to_image"])
def test_starts_that_are_none_are_refused(visit, slug, typed, sentence):
    at, _ = visit(slug, i_starts="33")
    at.text_input(key=f"{slug}:i_starts").set_value(typed).run()
    assert sentence in sentences(at).replace("\\", "")


def test_the_last_start_is_one_step_the_first_is_noise_and_a_double_counts_once(visit):
    at, executor = visit("image_to_image", i_starts="33,33")
    assert executor.asked[-1].params["i_starts"] == [33]
    result = executor.results[runtime.job_id(executor.asked[-1])]
    assert result["x_t"].shape[:2] == (1, 1)  # one step, one column
    assert at.query_params["i_starts"] == "33"
    at.text_input(key="image_to_image:i_starts").set_value("0; 33; 0").run()
    assert "Read as 0; 33" in [caption.value for caption in at.caption]


def test_at_scale_zero_two_prompts_are_one_picture_and_at_thirty_all_is_finite(visit):
    results = []
    for prompt in ("a castle", "an old man"):
        at, executor = visit("classifier_free_guidance", prompt=prompt, gammas="0;1;30")
        assert sentences(at) == ""
        results.append(executor.results[runtime.job_id(executor.asked[-1])])
    assert (results[0]["result"][0] == results[1]["result"][0]).all()
    assert not (results[0]["result"][1] == results[1]["result"][1]).all()
    for result in results:
        assert all(np.isfinite(array).all() for array in result.arrays.values())
        assert np.abs(result["result"]).max() <= 1


# ---- an executor that cannot -------------------------------------------------------------------------------


def test_a_full_queue_is_said_and_can_be_tried_again(visit, monkeypatch):
    at, executor = visit("iterative_denoising")

    def full(spec, owner, here=False):
        raise QueueFull(64, 30.0)

    with monkeypatch.context() as patched:
        patched.setattr(executor, "submit", full)
        at.button(
            key="iterative_denoising/preset/" + iterative_denoising.LESSON.presets[1].name
        ).click().run()
        assert "64 computations are waiting already. Try again in 30 s." in sentences(at)
    at.button(key="iterative_denoising/main/start").click().run()
    assert sentences(at) == ""
    assert "job" in at.query_params


def test_a_failed_run_says_why_and_can_be_tried_again(visit, monkeypatch):
    at, executor = visit("iterative_denoising")
    with monkeypatch.context() as patched:
        failed = JobStatus(
            State.FAILED, executor.asked[0], error_name="OutOfMemory", message="There is no room left."
        )
        patched.setattr(executor, "status", lambda job_id: failed)
        asked = len(executor.asked)
        at.run()
        assert "There is no room left." in sentences(at)
        assert len(executor.asked) == asked  # not by itself, again and again
        assert at.button(key="iterative_denoising/main/start").label == "Try again"
        at.button(key="iterative_denoising/main/start").click().run()
        assert len(executor.asked) == asked + 1
    at.run()
    assert sentences(at) == ""


def test_progress_is_shown_with_the_time_left(visit, monkeypatch):
    at, executor = visit("iterative_denoising")
    spec = executor.asked[0]
    for status, text in (
        (
            JobStatus(State.QUEUED, spec, position=2, eta_seconds=12.4),
            "Waiting, place 2 in the queue · about 12 s left",
        ),
        (JobStatus(State.RUNNING, spec), "Starting: the model is being loaded"),
        (JobStatus(State.RUNNING, spec, done=12, total=24, eta_seconds=1.0), "Step 12 of 24 · nearly done"),
    ):
        monkeypatch.setattr(executor, "status", lambda job_id, status=status: status)
        at.run()
        assert not at.exception
        assert text in [bar.proto.text for bar in at.get("progress")]
        assert at.button(key="iterative_denoising/main/cancel").label == "Cancel"
