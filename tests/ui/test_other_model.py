"""Pages under a folder in the DeepFloyd IF format: none of the shipped model's words, and a file's prompts as a list."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import streamlit as st
import torch
from diffusers import DDPMScheduler

from lessons.course import COURSE
from pages.server import runtime
from tests.test_any_model import FEW, ITS_OWN, WORDS
from tests.ui.fake_model import FakeModel, sentences

PART_A = [lesson.slug for lesson in COURSE if lesson.part == "A"]


@pytest.fixture
def under_if(course_if_folder, monkeypatch):
    monkeypatch.setenv("DIFFUSION_MODEL", str(course_if_folder))


def everything_shown(at) -> str:
    """All text of a page, and what its controls hold and offer; the code that ran is everybody's."""
    told = [at.title, at.markdown, at.caption, at.info, at.warning, at.error, at.header]
    said = [element.value for elements in told for element in elements]
    said += [button.label for button in at.button]
    for box in [*at.text_input, *at.selectbox]:
        said += [f"“{box.value}”", box.help or ""]
    return "\n".join(map(str, said)).replace("\\", "")  # what `plain` has put before punctuation


@pytest.mark.parametrize("slug", PART_A)
def test_a_page_shows_nothing_of_the_shipped_models_vocabulary(slug, under_if, visit):
    at, _ = visit(slug)
    shown = everything_shown(at)
    assert "IF-I-tiny, which sees 77 tokens" in shown
    assert not ITS_OWN.search(re.sub(r"lessons/\S+|core/\S+", "", shown))
    assert not {word for word in WORDS if f"“{word}”" in shown or f"\n* {word}" in shown}
    assert "not in the training set" not in shown


def test_the_start_and_the_first_lesson_run_the_courses_prompts(under_if, visit):
    """One run for both, which the start page asks for."""
    _, executor = visit("meet_the_model", through_start=True)
    ran = executor.specs.values()
    assert {column["prompt"] for spec in ran for column in spec.params.get("columns", ())} == {
        "an oil painting of a snowy mountain village", "a man wearing a hat", "a rocket ship",
    }  # fmt: skip


def test_the_lesson_on_memory_says_why_it_cannot_run(under_if, visit):
    at, executor = visit("is_it_memory")
    assert "IF-I-tiny was trained on pictures that are not here" in sentences(at)
    assert executor.asked == []


def test_where_there_is_no_encoder_prompts_are_chosen_from_the_file(
    course_if_folder, tmp_path, monkeypatch, visit
):
    folder = shutil.copytree(course_if_folder, tmp_path / "IF")
    shutil.rmtree(folder / "text_encoder")
    torch.save(
        {prompt: torch.zeros(1, 77, 24, dtype=torch.float16) for prompt in FEW}, tmp_path / "prompts.pth"
    )
    monkeypatch.setenv("DIFFUSION_MODEL", str(folder))
    monkeypatch.setenv("DIFFUSION_EMBEDDINGS", str(tmp_path / "prompts.pth"))
    at, executor = visit("sampling_from_noise", prompt="a cat")
    assert "must be one of the prompts there are, not “a cat”" in sentences(at)
    (box,) = [box for box in at.selectbox if box.label == "Prompt"]
    assert tuple(box.options) == tuple(prompt or "(the empty prompt)" for prompt in FEW)
    assert {column["prompt"] for spec in executor.asked for column in spec.params["columns"]} == {
        "a high quality photo"
    }
    box.set_value("a rocket ship").run()
    assert not at.exception and FakeModel.text_tokens == 16
    assert at.query_params["prompt"] == ["a rocket ship"] or at.query_params["prompt"] == "a rocket ship"


def test_what_was_kept_is_seen_without_a_model(monkeypatch, tmp_path, visit):
    at, _ = visit("denoising_pure_noise")
    monkeypatch.setenv("DIFFUSION_MODEL", str(tmp_path / "nothing"))
    at.switch_page("collection.py").run()
    assert not at.exception and sentences(at) == ""
    assert at.title[0].value == "Kept in your collection"


def test_a_file_that_cannot_be_used_is_a_sentence_on_the_page(course_if_folder, tmp_path, monkeypatch, visit):
    folder = shutil.copytree(course_if_folder, tmp_path / "IF")
    shutil.rmtree(folder / "text_encoder")
    (tmp_path / "prompts.pth").write_bytes(b"not a file of embeddings")
    monkeypatch.setenv("DIFFUSION_MODEL", str(folder))
    monkeypatch.setenv("DIFFUSION_EMBEDDINGS", str(tmp_path / "prompts.pth"))
    at, executor = visit("sampling_from_noise")
    assert "is not a file of embeddings: it has to be a safetensors file" in sentences(at)
    assert executor.asked == []


def test_a_folder_that_is_replaced_while_the_server_runs_is_read_anew(
    course_if_folder, tmp_path, monkeypatch
):
    """Its weights have another name then, and so has the schedule that goes with them: that of diffusers."""
    folder = tmp_path / "model"
    shutil.copytree(course_if_folder, folder)
    monkeypatch.setenv("DIFFUSION_MODEL", str(folder))
    st.cache_resource.clear()
    before = runtime.model_fingerprint(), float(runtime.schedule().abar(500))
    config = folder / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"beta_schedule": "linear"}))
    after = runtime.model_fingerprint(), float(runtime.schedule().abar(500))
    st.cache_resource.clear()
    linear = DDPMScheduler(1000, beta_schedule="linear").alphas_cumprod[500]
    assert before[0] != after[0] and before[1] != after[1]
    assert after[1] == pytest.approx(float(linear), rel=1e-6)
