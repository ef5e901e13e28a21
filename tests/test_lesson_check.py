"""What a lesson declares is checked when the course is built: a sentence for each mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lessons.branching import BRANCHES
from lessons.check import BadLesson, check
from lessons.course import COURSE
from lessons.fields import Choice, Number
from lessons.grid import GRIDS
from lessons.lesson import Preset, Variant

BY_CODE = {lesson.code: lesson for lesson in COURSE}
A5, B6 = BY_CODE["A5"], BY_CODE["B6"]
SEED = A5.field("seed")


def said(*lessons) -> list[str]:
    with pytest.raises(BadLesson) as caught:
        check(lessons)
    return str(caught.value).splitlines()


def test_the_course_has_no_mistake():
    check(COURSE)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"slug": "no_such_lesson"}, "lessons/no_such_lesson.md is missing: write its prose there."),
        ({"fields": (*A5.fields, SEED)}, "two fields have the name 'seed': change one."),
        ({"fields": (*A5.fields, Number("pin", "Pin", 0))}, "no field can be called 'pin'"),
        ({"fields": (*A5.fields, Number("more", "More", 5))}, "the field 'more' does not take its own default:"),
        ({"fields": (*A5.fields, Choice("c", "C", "x", ("y",)))}, "the field 'c' does not take its own default:"),
        ({"presets": (Preset("a", "A"), Preset("a", "B"))}, "two presets have the name 'a': change one."),
        ({"presets": (Preset("a", "A", {"nothing": 1}),)}, "sets 'nothing', which is none of the lesson's fields."),
        ({"presets": (Preset("a", "A", {"count": 99}),)}, "sets 'count' to what it does not take: Samples must lie"),
        ({"presets": (Preset("a", "A", {"count": True}),)}, "the preset 'a' sets 'count' to what it does not take"),
        ({"opens": {"x": 1}}, "what it opens on sets 'x', which is none"),
        ({"question": replace(A5.question, answer=3)}, "the right answer is choice 3 of 3; they are counted from 0."),
        ({"question": replace(A5.question, reveal={"x": 1})}, "the question's answer sets 'x'"),
        ({"variants": (*A5.variants, Variant("no_noise", "Twice", "a", "b"))}, "two mistakes have the name 'no_noise'"),
        ({"jobs": {"denoise": "lessons/denoising.py", **BRANCHES, **GRIDS}}, 'name its function as "lessons.module:'),
        ({"spec": "spec"}, 'spec is \'spec\'; name the function as "lessons.sampling_from_noise:function".'),
        ({"spec": "lessons.sampling_from_noise:specs"}, "which is not there: write that function, or correct the name."),
        ({"spec": "lessons.nothing:spec"}, "which is not there: write that function, or correct the name."),
        ({"spec": "lessons.classical_denoising:spec"}, "must take 3 arguments, the last of them the name of a mistake."),
        ({"opening": "lessons.block_glossary:opening_specs"}, "it has a spec and an opening"),
        ({"studies": "lessons.block_glossary:opening_specs"}, "block_glossary:opening_specs must take 2 arguments."),
        ({"takes_pictures": True}, 'takes_pictures needs a PictureRef with the name "picture"'),
        ({"branches": ("prompt", "colour")}, "branches names ['colour']; at a step of a run prompt, gamma, seed, sampler"),
        ({"jobs": {"denoise": "lessons.denoising:run", **GRIDS}}, "branches needs the job that forks a run"),
        ({"jobs": {"denoise": "lessons.denoising:run", **BRANCHES}}, "sweeps needs the job that computes a grid"),
        ({"sweeps": ("seed", "colour")}, "sweeps names ['colour']; a grid sweeps fields that are numbers, choices or"),
        ({"black": 0.5}, "black is 0.5; pictures lie in [−1, 1] or in [0, 1], so write −1 or 0."),
    ],
)  # fmt: skip
def test_a_mistake_gets_a_sentence(change, sentence):
    (mistake,) = said(replace(A5, **change))
    assert mistake.startswith("Lesson A5: ") and sentence in mistake


def test_a_lesson_of_part_b_chooses_its_network():
    """Without, `make warm` could not say which one to warm."""
    fields = tuple(field for field in B6.fields if field.name != "network")
    presets = tuple(preset for preset in B6.presets if "network" not in preset.values)
    (mistake,) = said(replace(B6, fields=fields, presets=presets))
    assert mistake == "Lesson B6: its spec is given networks, and no field chooses one: add a NetworkChoice."


def test_lessons_do_not_share_a_name_nor_a_kind():
    other = replace(BY_CODE["A6"], code="A5", jobs={"denoise": "lessons.editing:run", **BRANCHES, **GRIDS})
    code, kind = sorted(said(A5, other), key=lambda sentence: "kind" in sentence)
    assert code == "Two lessons have the code 'A5': change one."
    assert "jobs of the kind 'denoise' are lessons.denoising:run in another lesson" in kind


def test_every_mistake_is_said_at_once():
    assert len(said(replace(A5, black=3.0, takes_pictures=True, presets=(Preset("a", "A", {"x": 1}),)))) == 3
