"""The start page and lessons A0 to A6 and A12: fields, links and controls say the same."""

from __future__ import annotations

import numpy as np
import pytest

from core.pictures import load_picture
from lessons import (
    forward_process,
    meet_the_model,
)
from lessons.fields import Choice, Number, Numbers, PictureRef, Text
from pages.components.player import pack
from pages.server import runtime
from pages.ui import stage
from tests.ui.fake_model import open_page, sentences
from tests.ui.part_a import MODULES, RUN, each_page, each_run, most_of_a_page, reference, wanted


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


def shown(at, key: str):
    """What a control holds."""
    return at.session_state[key]


# ---- opening -----------------------------------------------------------------------------------------------


def test_the_start_page_runs_what_the_first_lesson_opens_on(tmp_path, monkeypatch):
    with open_page("meet_the_model", tmp_path, monkeypatch, through_start=True) as (at, executor):
        at.run()
        assert not at.exception
        first = wanted(meet_the_model, meet_the_model.LESSON.defaults())
        assert runtime.job_id(first) in executor.results  # asked for by the start page
        assert first not in executor.asked  # and not again by the lesson


@each_page
def test_a_page_opens_on_its_reference_without_a_word_of_complaint(module, visit):
    lesson = module.LESSON
    at, executor = visit(lesson.slug, **reference(lesson))
    assert at.title[0].value == f"{lesson.code} · {lesson.title}"
    assert lesson.prose["Claim"] in at.markdown[0].value or any(
        lesson.prose["Claim"] in m.value for m in at.markdown
    )
    assert sentences(at) == ""
    if module in RUN:
        assert runtime.job_id(wanted(module, lesson.defaults())) in executor.results
    assert set(at.query_params) <= {
        "job",
        "frame",
        *lesson.opens,
    }  # other defaults do not stand in the address


# ---- fields, links and controls ----------------------------------------------------------------------------


@most_of_a_page
def test_a_link_sets_every_control_and_the_controls_set_the_link(module, visit):
    lesson = module.LESSON
    fields = [field for field in lesson.fields if field.name != "shown"]  # with another, A12 does not sample
    link = {field.name: other(field) for field in fields}
    at, executor = visit(lesson.slug, **link)
    assert sentences(at) == ""
    values = {field.name: field.parse(link[field.name]) for field in fields}
    assert at.session_state[f"{lesson.slug}/values"] == lesson.defaults() | values
    if module in RUN:
        assert executor.asked[-1 if module is not meet_the_model else 0] == wanted(
            module, lesson.defaults() | values
        )
    for field in fields:
        assert at.query_params[field.name] == field.encode(values[field.name])
        if isinstance(field, PictureRef):
            continue
        key = f"{lesson.slug}:{field.name}"
        assert shown(at, key) == in_box(field, values[field.name])
        at.session_state[key] = in_box(field, field.default)
        at.run()
        assert not at.exception
        assert (field.name in at.query_params) == (field.name in lesson.opens)
        assert at.session_state[f"{lesson.slug}/values"][field.name] == field.default


@most_of_a_page
def test_a_preset_sets_every_control_and_is_run_at_once(module, visit):
    lesson = module.LESSON
    at, executor = visit(lesson.slug, **{field.name: other(field) for field in lesson.fields})
    for preset in lesson.presets:
        at.button(key=f"{lesson.slug}/preset/{preset.name}").click().run()
        assert not at.exception
        values = lesson.defaults() | dict(preset.values)
        assert at.session_state[f"{lesson.slug}/values"] == values
        changed = {name for name in values if values[name] != lesson.field(name).default}
        assert changed | set(lesson.opens) == set(at.query_params) - {"job", "frame"}
        if module in RUN:
            assert runtime.job_id(wanted(module, values)) in executor.results


@most_of_a_page
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
def test_a_moved_control_acts_at_once(module, visit):
    lesson = module.LESSON
    at, executor = visit(lesson.slug, **reference(lesson))
    asked = len(executor.asked)
    at.text_input(key=f"{lesson.slug}:seed").set_value("77").run()
    values = lesson.defaults() | {"seed": 77}
    assert wanted(module, values) in executor.asked[asked:]
    assert at.query_params["job"] == runtime.job_id(wanted(module, values))[:16]


@each_run
def test_a_run_that_takes_long_waits_for_its_button_and_the_picture_stays(module, visit, monkeypatch):
    lesson = module.LESSON
    at, executor = visit(lesson.slug, **reference(lesson))
    stale = []
    monkeypatch.setattr(stage, "player", lambda film, **how: stale.append(how["stale"]))
    executor.usual = 40.0
    asked = len(executor.asked)
    at.text_input(key=f"{lesson.slug}:seed").set_value("77").run()
    values = lesson.defaults() | {"seed": 77}
    assert wanted(module, values) not in executor.asked[asked:]
    assert "job" not in at.query_params
    assert stale[0] is True  # the film of the seed before, dimmed
    assert at.button(key=f"{lesson.slug}/main/start").label == "Run · about 40 s"
    at.button(key=f"{lesson.slug}/main/start").click().run()
    assert wanted(module, values) in executor.asked[asked:]
    assert at.query_params["job"] == runtime.job_id(wanted(module, values))[:16]


@each_run
@pytest.mark.parametrize(
    ("most", "usual", "begins"), [("0", 1.0, False), ("0", None, False), ("60", 40.0, True)]
)
def test_a_server_says_how_long_a_run_may_be_that_begins_by_itself(
    module, visit, monkeypatch, most, usual, begins
):
    monkeypatch.setenv("DIFFUSION_AT_ONCE", most)
    lesson = module.LESSON
    at, executor = visit(lesson.slug, **reference(lesson))
    executor.usual = usual
    at.text_input(key=f"{lesson.slug}:seed").set_value("77").run()
    assert (wanted(module, lesson.defaults() | {"seed": 77}) in executor.asked) == begins


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
    at, executor = visit(lesson.slug, **reference(lesson))
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


# ---- the question, the comparison, the tokens --------------------------------------------------------------


@most_of_a_page
def test_the_question_is_settled_after_a_guess(module, visit):
    lesson = module.LESSON
    at, _ = visit(lesson.slug, **reference(lesson))
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
    at.session_state["a0/embedding"] = True  # the fold is opened
    at.run()
    seen = "<start> " + " ".join(["*very*"] * 15)
    assert f"The model sees 16 of them: {seen}" in [caption.value.replace("\\", "") for caption in at.caption]
    assert "The model reads 16 tokens of a prompt, and this one has 62. It does not see:" in sentences(at)


def test_equal_and_empty_prompts_are_three_pictures_all_the_same(visit):
    at, executor = visit("meet_the_model", p1="", p2="", p3="")
    assert sentences(at) == ""
    assert [column["prompt"] for column in executor.asked[0].params["columns"]] == ["", "", ""]


def test_what_a_new_run_replaces_is_left_and_what_was_cancelled_is_not_begun_again(visit, monkeypatch):
    at, executor = visit("iterative_denoising")
    first = executor.key(executor.asked[-1])
    left = []
    monkeypatch.setattr(executor, "cancel", lambda job, owner: left.append(job), raising=False)
    monkeypatch.setattr(stage, "live", lambda status: status is not None)  # as if none had come to an end
    at.text_input(key="iterative_denoising:seed").set_value("5").run()
    assert left == [first]
    monkeypatch.undo()
    cancelled = executor.key(executor.asked[-1])
    del executor.results[cancelled]  # what a job that was cancelled leaves: nothing
    asked = len(executor.asked)
    at.run()
    assert len(executor.asked) == asked
    assert not at.button(key="iterative_denoising/main/start").disabled


def test_a2_shows_beside_the_noisy_pictures_what_the_blur_takes_from_the_original(visit, monkeypatch):
    films = []
    monkeypatch.setattr("pages.components.player.pack", lambda film, **more: films.append(film) or pack(film))
    visit("classical_denoising", picture="castle", seed="7301")
    (film,) = films
    rows = {row.name: row.pixels for row in film.rows}
    assert list(film.columns) == ["the original", "t = 250", "t = 500", "t = 750"]
    np.testing.assert_array_equal(rows["noisy"][0, 0], load_picture("castle"))
    np.testing.assert_array_equal(rows["blurred"][0], rows["noisy"][0])  # σ = 0
    steps = [np.abs(np.diff(frame[0].astype(int), axis=1)).mean() for frame in rows["blurred"][::10]]
    assert steps == sorted(steps, reverse=True)  # each wider blur leaves less of what neighbours differ by
