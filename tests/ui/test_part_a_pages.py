"""The start page and lessons A0 to A6 and A12: fields, links and controls say the same, and bad input gets a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from core.compute.executor import JobStatus
from core.jobs import QueueFull, State
from lessons import (
    classical_denoising,
    classifier_free_guidance,
    forward_process,
    is_it_memory,
    iterative_denoising,
    meet_the_model,
    one_step_denoising,
    sampling_from_noise,
)
from lessons.course import COURSE
from lessons.fields import Choice, Number, Numbers, PictureRef, Text
from pages.server import runtime
from tests.ui.fake_model import open_page, sentences

RUN = (
    meet_the_model,
    one_step_denoising,
    iterative_denoising,
    sampling_from_noise,
    classifier_free_guidance,
    is_it_memory,
)
MODULES = (*RUN, forward_process, classical_denoising)  # the last two compute in closed form, without a job
each_page = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.LESSON.code)
each_run = pytest.mark.parametrize("module", RUN, ids=lambda module: module.LESSON.code)


def other(field) -> str:
    """The text of a value that is not the default."""
    if isinstance(field, PictureRef):
        return "sailboat"
    if isinstance(field, Choice):
        return next(option for option in field.options if option != field.default)
    if isinstance(field, Numbers):
        return "2,5.5"
    if isinstance(field, Number):
        return str(int(field.default) + 1)
    assert isinstance(field, Text)
    return "a cartoon of a grinning cat"


def in_box(field, value):
    """What a field's control holds: text where one types, "0; 1; 7.5" or "3"."""
    if isinstance(field, Numbers):
        return "; ".join(f"{v:g}" for v in value)
    return str(value) if isinstance(field, Number) and not field.slider else value


def wanted(module, values):
    return module.spec(values, runtime.model_fingerprint())


def shown(at, key: str):
    """What a control holds."""
    return at.session_state[key]


# ---- opening -----------------------------------------------------------------------------------------------


def test_the_start_page_runs_what_the_first_lesson_opens_on(tmp_path, monkeypatch):
    with open_page("meet_the_model", tmp_path, monkeypatch) as (at, executor):
        at.run()
        assert not at.exception
        first = wanted(meet_the_model, meet_the_model.LESSON.defaults())
        assert runtime.job_id(first) in executor.results  # asked for by the start page
        assert first not in executor.asked  # and not again by the lesson
        at.switch_page("home.py").run()
        links = [link.proto.label for link in at.get("page_link")]
        assert [f"**{lesson.code} · {lesson.title}**" for lesson in COURSE] == links[1:]


@each_page
def test_a_page_opens_on_its_reference_without_a_word_of_complaint(module, visit):
    lesson = module.LESSON
    at, executor = visit(lesson.slug)
    assert at.title[0].value == f"{lesson.code} · {lesson.title}"
    assert lesson.prose["Claim"] in at.markdown[0].value or any(
        lesson.prose["Claim"] in m.value for m in at.markdown
    )
    assert sentences(at) == ""
    if module in RUN:
        assert runtime.job_id(wanted(module, lesson.defaults())) in executor.results
    assert set(at.query_params) <= {"job", "frame"}  # defaults do not stand in the address


# ---- fields, links and controls ----------------------------------------------------------------------------


@each_page
def test_a_link_sets_every_control_and_the_controls_set_the_link(module, visit):
    lesson = module.LESSON
    link = {field.name: other(field) for field in lesson.fields}
    at, executor = visit(lesson.slug, **link)
    assert sentences(at) == ""
    values = {field.name: field.parse(link[field.name]) for field in lesson.fields}
    assert at.session_state[f"{lesson.slug}/values"] == values
    if module in RUN:
        assert executor.asked[-1 if module is not meet_the_model else 0] == wanted(module, values)
    for field in lesson.fields:
        assert at.query_params[field.name] == field.encode(values[field.name])
        if isinstance(field, PictureRef):
            continue
        key = f"{lesson.slug}:{field.name}"
        assert shown(at, key) == in_box(field, values[field.name])
        at.session_state[key] = in_box(field, field.default)
        at.run()
        assert not at.exception
        assert field.name not in at.query_params
        assert at.session_state[f"{lesson.slug}/values"][field.name] == field.default


@each_page
def test_a_preset_sets_every_control_and_is_run_at_once(module, visit):
    lesson = module.LESSON
    at, executor = visit(lesson.slug, **{field.name: other(field) for field in lesson.fields})
    for preset in lesson.presets:
        at.button(key=f"{lesson.slug}/preset/{preset.name}").click().run()
        assert not at.exception
        values = lesson.defaults() | dict(preset.values)
        assert at.session_state[f"{lesson.slug}/values"] == values
        changed = {name for name in values if values[name] != lesson.field(name).default}
        assert changed == set(at.query_params) - {"job", "frame"}
        if module in RUN:
            assert runtime.job_id(wanted(module, values)) in executor.results


@each_page
def test_leaving_a_page_and_coming_back_loses_nothing(module, visit):
    lesson = module.LESSON
    link = {field.name: other(field) for field in lesson.fields}
    at, _ = visit(lesson.slug, **link)
    before = dict(at.session_state[f"{lesson.slug}/values"])
    elsewhere = "forward_process" if module is not forward_process else "classical_denoising"
    for name in list(at.query_params):  # as the browser does when a link of the navigation is followed
        del at.query_params[name]
    at.switch_page(f"{elsewhere}.py").run()
    at.switch_page(f"{lesson.slug}.py").run()
    assert not at.exception
    assert at.session_state[f"{lesson.slug}/values"] == before
    assert {name: at.query_params[name] for name in link} == {
        name: lesson.field(name).encode(before[name]) for name in link
    }


@each_run
def test_a_moved_control_waits_for_run(module, visit):
    lesson = module.LESSON
    at, executor = visit(lesson.slug)
    asked = len(executor.asked)
    at.text_input(key=f"{lesson.slug}:seed").set_value("77").run()
    values = lesson.defaults() | {"seed": 77}
    assert wanted(module, values) not in executor.asked[asked:]
    assert "job" not in at.query_params
    at.button(key=f"{lesson.slug}/main/start").click().run()
    assert wanted(module, values) in executor.asked[asked:]
    assert at.query_params["job"] == runtime.job_id(wanted(module, values))[:16]


def test_the_die_chooses_another_seed_and_runs(visit):
    at, executor = visit("iterative_denoising")
    at.button(key="iterative_denoising:seed/roll").click().run()
    seed = at.text_input(key="iterative_denoising:seed").value
    assert at.query_params.get("seed", "0") == seed
    assert executor.asked[-1].params["columns"][0]["seed"] == int(seed)


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.LESSON.variants], ids=lambda module: module.LESSON.code
)
def test_a_mistake_is_run_at_once_and_stands_in_the_link(module, visit):
    lesson = module.LESSON
    at, executor = visit(lesson.slug)
    for variant in lesson.variants:
        at.button_group(key=f"{lesson.slug}/wrong").set_value(variant.name).run()
        assert not at.exception
        assert at.query_params["wrong"] == variant.name
        assert any(variant.see in caption.value for caption in at.caption)
        if module in RUN:
            wrong = module.spec(lesson.defaults(), runtime.model_fingerprint(), variant.name)
            assert executor.asked[-1] == wrong
    at.button_group(key=f"{lesson.slug}/wrong").set_value(None).run()
    assert "wrong" not in at.query_params


@pytest.mark.parametrize(
    ("typed", "value", "said"),
    [("60.000", 60_000, "Read as 60000"), ("1e3", 1000, None), ("１２", 12, "Read as 12"), (" 7 ", 7, None)],
)
def test_a_seed_is_read_as_it_is_meant_and_read_out(visit, typed, value, said):
    """Streamlit's own number box made 60 of 60.000, and 1 of 1e3."""
    at, _ = visit("forward_process")
    at.text_input(key="forward_process:seed").set_value(typed).run()
    assert at.session_state["forward_process/values"]["seed"] == value
    assert at.query_params["seed"] == str(value)
    assert said is None or said in [caption.value for caption in at.caption]
    at.button(key="forward_process:seed/next").click().run()
    assert at.session_state["forward_process/values"]["seed"] == value + 1
    assert at.text_input(key="forward_process:seed").value == str(value + 1)


@pytest.mark.parametrize("typed", ["7,5", "−5", "seven", ""])
def test_a_seed_that_is_none_is_refused_and_stays_to_be_mended(visit, typed):
    at, _ = visit("forward_process", seed="3")
    at.text_input(key="forward_process:seed").set_value(typed).run()
    assert "Seed must" in sentences(at)
    assert at.text_input(key="forward_process:seed").value == typed
    at.button(key="forward_process:seed/next").click().run()
    assert at.text_input(key="forward_process:seed").value == typed
    assert at.session_state["forward_process/values"]["seed"] == 3


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
    assert set(at.query_params) <= {"job", "frame"}


@each_run
def test_a_prompt_that_is_too_long_is_not_run(module, visit):
    lesson = module.LESSON
    name = next(field.name for field in lesson.fields if isinstance(field, Text))
    at, executor = visit(lesson.slug)
    asked = len(executor.asked)
    at.text_input(key=f"{lesson.slug}:seed").set_value("5")
    at.text_input(key=f"{lesson.slug}:{name}").set_value("y" * 5000).run()
    assert "is limited to 300 characters; this has 5000. Shorten it." in sentences(at).replace("\\", "")
    assert at.button(key=f"{lesson.slug}/main/start").disabled
    assert not [spec for spec in executor.asked[asked:] if spec.kind != "embed"]
    at.text_input(key=f"{lesson.slug}:{name}").set_value("猫 и кошка").run()
    assert "The model does not know “猫”: it reads “[UNK]” there" in sentences(at).replace("\\", "")
    at.button(key=f"{lesson.slug}/main/start").click().run()
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

    def full(spec, owner):
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


# ---- the question, the comparison, the tokens --------------------------------------------------------------


@each_page
def test_the_question_is_settled_after_a_guess(module, visit):
    lesson = module.LESSON
    at, _ = visit(lesson.slug)
    right, wrong = lesson.question.answer, (lesson.question.answer + 1) % len(lesson.question.choices)
    guess = at.radio(key=f"{lesson.slug}/guess")
    assert guess.value is None
    guess.set_value(lesson.question.choices[wrong]).run()
    assert at.info[-1].value.startswith(f"The answer is: {lesson.question.choices[right]}.")
    at.radio(key=f"{lesson.slug}/guess").set_value(lesson.question.choices[right]).run()
    assert at.success[0].value.startswith("Yes.")
    if lesson.question.reveal:
        at.button(key=f"{lesson.slug}/reveal").click().run()
        assert not at.exception
        for name, value in lesson.question.reveal.items():
            assert at.session_state[f"{lesson.slug}/values"][name] == value


def test_the_result_stands_beside_its_shortcuts(visit):
    at, _ = visit("iterative_denoising")
    captions = [caption.value for caption in at.caption]
    for title in ("Original", "Noised to t = 690", "Iterative", "One step", "Best blur"):
        assert any(caption.startswith(title) for caption in captions), title


def test_what_a_prompt_loses_is_said(visit):
    """Beside the box by the model's own tokenizer; among the vectors by the stand-in, which makes a token of each word."""
    at, _ = visit("meet_the_model", p2=" ".join(["*very*"] * 20))
    seen = "<start> " + " ".join(["*very*"] * 15)
    assert f"The model sees 16 of them: {seen}" in [caption.value.replace("\\", "") for caption in at.caption]
    assert "The model reads 16 tokens of a prompt, and this one has 62. It does not see:" in sentences(at)


def test_equal_and_empty_prompts_are_three_pictures_all_the_same(visit):
    at, executor = visit("meet_the_model", p1="", p2="", p3="")
    assert sentences(at) == ""
    assert [column["prompt"] for column in executor.asked[0].params["columns"]] == ["", "", ""]
