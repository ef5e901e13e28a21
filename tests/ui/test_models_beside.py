"""Lessons that offer both models that ship: the choice goes into the job and the link, and is gone under another model."""

from __future__ import annotations

import pytest

from core.model_folder import fingerprint
from core.settings import MODELS
from lessons.course import COURSE

OFFERING = [lesson.slug for lesson in COURSE if any(field.name == "model" for field in lesson.fields)]


def test_the_lessons_on_pictures_offer_both():
    assert OFFERING == ["one_step_denoising", "iterative_denoising", "image_to_image", "inpainting"]


@pytest.mark.parametrize(("name", "query"), [("emoji64", {}), ("storybook64", {"model": "storybook64"})])
@pytest.mark.parametrize("slug", OFFERING)
def test_the_chosen_model_is_asked(slug, name, query, visit):
    few = {"image_to_image": {"i_starts": "30,33"}, "iterative_denoising": {"i_start": "30"}}.get(slug, {})
    _, executor = visit(slug, **few, **query)
    asked = {spec.params["model"] for spec in executor.specs.values() if "model" in spec.params}
    assert asked == {fingerprint(MODELS / name)}


@pytest.mark.parametrize("slug", OFFERING)
def test_under_another_model_there_is_no_choice(slug, course_if_folder, monkeypatch, visit):
    monkeypatch.setenv("DIFFUSION_MODEL", str(course_if_folder))
    at, executor = visit(slug, model="storybook64")
    assert all(box.label != "Model" for box in at.selectbox)
    assert {spec.params["model"] for spec in executor.specs.values()} == {fingerprint(course_if_folder)}


def test_with_the_other_one_as_the_default_its_lessons_open_on_it(monkeypatch, visit):
    monkeypatch.setenv("DIFFUSION_MODEL", str(MODELS / "storybook64"))
    _, executor = visit("one_step_denoising")
    assert {spec.params["model"] for spec in executor.specs.values()} == {fingerprint(MODELS / "storybook64")}
