"""Every lesson of COURSE is whole: its prose, its links, its presets, its question, its variants, its sources."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
import textwrap
from collections.abc import Mapping
from importlib import import_module
from types import FrameType
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from core.compute.context import JobContext
from core.jobs import JobSpec
from core.pictures import load_picture
from core.schedule import NoiseSchedule
from core.trajectory import Trajectory
from lessons.address import RESERVED
from lessons.course import COURSE, JOBS, PARTS, neighbours
from lessons.exporting import KIND
from lessons.fields import BadValue, Choice, Number, PictureRef
from lessons.lesson import FOLDER, SECTIONS, Lesson, named
from lessons.wrong import root_over_beta
from tests.lesson_runs import BY_CODE, WITH_SPEC, first_frame, module_of, result_of, shortened, spec_of

LINK = re.compile(r"\]\(([^)]*)\)")
each_lesson = pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.code)


each_job = pytest.mark.parametrize("lesson", WITH_SPEC, ids=lambda lesson: lesson.code)


# ---- the course -------------------------------------------------------------------------------------


def test_codes_slugs_and_kinds_are_unique():
    assert len(BY_CODE) == len(COURSE) == len({lesson.slug for lesson in COURSE})
    assert list(BY_CODE) == sorted(BY_CODE, key=lambda code: (code[0], int(code[1:])))
    assert all(lesson.part in PARTS for lesson in COURSE)
    of_lessons = {
        kind: place for kind, place in JOBS.items() if kind != KIND
    }  # files are made of any lesson's runs
    for kind, place in of_lessons.items():
        assert {lesson.jobs[kind] for lesson in COURSE if kind in lesson.jobs} == {place}


def test_neighbours_walk_the_course():
    assert neighbours(COURSE[0])[0] is None and neighbours(COURSE[-1])[1] is None
    for one, other in itertools.pairwise(COURSE):
        assert neighbours(one)[1] is other and neighbours(other)[0] is one


@each_lesson
def test_a_lesson_has_its_page_and_its_module(lesson):
    assert (FOLDER.parent / "pages" / f"{lesson.slug}.py").is_file()
    assert module_of(lesson).LESSON is lesson
    assert "_" not in lesson.url_path


@pytest.mark.parametrize(("kind", "place"), JOBS.items())
def test_a_job_is_a_generator_that_can_be_found(kind, place):
    module, name = place.split(":")
    assert inspect.isgeneratorfunction(getattr(import_module(module), name))


# ---- prose ------------------------------------------------------------------------------------------


@each_lesson
def test_the_prose_has_its_sections_in_their_order(lesson):
    text = (FOLDER / f"{lesson.slug}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {lesson.code} {lesson.title}\n")
    assert tuple(lesson.prose) == SECTIONS
    assert all(lesson.prose[name] for name in SECTIONS)


@each_lesson
def test_the_claim_is_one_sentence(lesson):
    claim = lesson.prose["Claim"]
    assert "\n" not in claim
    assert claim.endswith(".") and len(re.findall(r"[.!?](?:\s|$)", claim)) == 1


@each_lesson
def test_the_prose_is_short_enough_for_its_minutes(lesson):
    """130 words a minute is slow reading of a text with formulas; most of the time belongs to the picture."""
    words = len(lesson.prose["What to look for"].split())
    assert 60 <= words <= 65 * lesson.minutes


@each_lesson
def test_formulas_are_closed(lesson):
    for text in lesson.prose.values():
        assert text.count("$") % 2 == 0
        assert text.count("$$") % 2 == 0
        for formula in re.findall(r"\$\$(.*?)\$\$|\$([^$]+)\$", text, re.DOTALL):
            tex = "".join(formula)
            assert tex.count("{") == tex.count("}"), tex
            assert len(re.findall(r"\\left\b", tex)) == len(re.findall(r"\\right\b", tex)), tex


@each_lesson
def test_equations_are_numbered_from_one(lesson):
    numbers = [int(n) for n in re.findall(r"\\tag\{(\d+)\}", lesson.prose["Derivation"])]
    assert numbers == list(range(1, len(numbers) + 1)) and numbers
    for text in lesson.prose.values():
        for said in re.findall(r"(?<!\w)\((\d{1,2})\)", text):
            assert int(said) in numbers, f"equation ({said}) is mentioned and not there"


def phrases(lesson: Lesson) -> list[dict[str, str]]:
    """What the links of the prose set, read as the browser reads them."""
    targets = LINK.findall("\n".join(lesson.prose.values()))
    return [
        dict(parse_qsl(t.removeprefix("#set:"), strict_parsing=True))
        for t in targets
        if t.startswith("#set:")
    ]


@each_lesson
def test_links_set_controls_or_lead_to_the_web(lesson):
    for target in LINK.findall("\n".join(lesson.prose.values())):
        assert target.startswith(("#set:", "https://")), target


@each_lesson
def test_phrases_move_the_picture(lesson):
    """Two at least, and each to a place where the lesson does not stand already."""
    found = phrases(lesson)
    assert len(found) >= 2
    for wanted in found:
        values = {name: lesson.field(name).parse(text) for name, text in wanted.items() if name != "frame"}
        assert "frame" in wanted or values


def led_to(lesson: Lesson, wanted: Mapping[str, str]) -> dict[str, Any]:
    """The controls where a phrase is followed on the page as it opens."""
    named = {name: lesson.field(name).parse(text) for name, text in wanted.items() if name != "frame"}
    return lesson.defaults() | dict(lesson.opens) | named


@each_job
def test_phrases_and_the_question_lead_from_the_opening_to_a_run(lesson):
    """A phrase names what it changes: together with what the page opens on that has to be a run, and no sentence."""
    for wanted in phrases(lesson):
        assert spec_of(lesson, led_to(lesson, wanted)).kind in lesson.jobs
    if lesson.question.reveal:
        revealed = lesson.defaults() | dict(lesson.opens) | dict(lesson.question.reveal)
        assert spec_of(lesson, revealed).kind in lesson.jobs


@each_job
def test_phrases_name_frames_that_exist(lesson, job_context, emoji64_fingerprint):
    """The first frame of a job says how many there will be."""
    for wanted in phrases(lesson):
        if "frame" in wanted:
            spec = spec_of(lesson, led_to(lesson, wanted), emoji64_fingerprint)
            assert wanted["frame"].isdecimal()
            assert int(wanted["frame"]) < first_frame(lesson, spec, job_context).total


# ---- controls, presets, questions, variants ---------------------------------------------------------


def accept(lesson: Lesson, values: Mapping[str, Any]) -> None:
    """Every value comes back unchanged through the gate that links go through."""
    for name, value in values.items():
        field = lesson.field(name)
        assert field.parse(field.encode(value)) == value, name


@each_lesson
def test_a_lesson_opens_on_values_that_its_controls_take(lesson):
    names = [field.name for field in lesson.fields]
    assert len(set(names)) == len(names)
    assert not set(RESERVED) & set(names), "the address uses these names for itself"
    accept(lesson, lesson.defaults())
    for field in lesson.fields:
        assert field.label
        if isinstance(field, PictureRef):
            assert load_picture(field.default).shape == (64, 64, 3)
        if isinstance(field, Choice) and field.labels:
            assert len(field.labels) == len(field.options)


@each_lesson
def test_presets_are_taken_and_differ(lesson):
    assert lesson.presets
    assert len({preset.name for preset in lesson.presets}) == len(lesson.presets)
    states = []
    for preset in lesson.presets:
        accept(lesson, preset.values)
        states.append({**lesson.defaults(), **preset.values})
    assert all(one != other for k, one in enumerate(states) for other in states[:k])


@each_lesson
def test_the_question_has_its_answer_among_the_choices(lesson):
    question = lesson.question
    assert question is not None and question.text.endswith("?")
    assert len(set(question.choices)) == len(question.choices) >= 2
    assert 0 <= question.answer < len(question.choices)
    assert question.because.endswith(".")
    accept(lesson, question.reveal)


@each_lesson
def test_variants_say_what_is_wrong_and_what_is_seen(lesson):
    assert len({variant.name for variant in lesson.variants}) == len(lesson.variants)
    for variant in lesson.variants:
        assert variant.what.endswith(".") and variant.see.endswith(".")


@each_lesson
@pytest.mark.parametrize("text", ["nan", "inf", "1e99", "-1"])
def test_numbers_of_a_lesson_refuse_nonsense(lesson, text):
    for field in lesson.fields:
        if isinstance(field, Number):
            with pytest.raises(BadValue, match=r"\.$"):
                field.parse(text)


@each_job
def test_specifications_can_be_told_apart(lesson):
    """Everything a preset changes that has to be computed, and every mistake, makes another job."""
    values = lesson.defaults()
    right = spec_of(lesson, values)
    assert spec_of(lesson, dict(values)) == right
    wrong = [spec_of(lesson, values, variant=variant.name) for variant in lesson.variants]
    assert len({spec.canonical for spec in (right, *wrong)}) == 1 + len(lesson.variants)
    if "seed" in values:
        assert spec_of(lesson, values | {"seed": values["seed"] + 1}) != right
    for preset in lesson.presets:
        spec_of(lesson, values | dict(preset.values))


# ---- the code that ran ------------------------------------------------------------------------------


@each_lesson
def test_shown_sources_are_whole(lesson):
    assert len(set(lesson.shows)) == len(lesson.shows) >= 2
    for place, source in lesson.sources():
        ast.parse(textwrap.dedent(source))
        assert place.rsplit(".", maxsplit=1)[-1].split(":")[-1] in source


# ---- the jobs, with the model that ships and few steps ----------------------------------------------


@each_job
def test_a_lesson_runs(lesson, job_context, emoji64_fingerprint):
    trajectory, frames = result_of(
        lesson, shortened(spec_of(lesson, lesson.defaults(), emoji64_fingerprint)), job_context
    )
    assert [frame.index for frame in frames] == list(range(frames[0].total))
    assert all(np.isfinite(array).all() for array in trajectory.arrays.values())
    again = Trajectory.from_bytes(trajectory.to_bytes())
    assert again.meta == trajectory.meta  # JSON through and through
    for name, array in trajectory.arrays.items():
        np.testing.assert_array_equal(again[name], array)


@pytest.mark.parametrize(
    ("lesson", "variant"),
    [(lesson, variant) for lesson in WITH_SPEC for variant in lesson.variants],
    ids=lambda x: getattr(x, "code", None) or x.name,
)
def test_a_mistake_changes_the_picture(lesson, variant, job_context, emoji64_fingerprint):
    right, _ = result_of(
        lesson, shortened(spec_of(lesson, lesson.defaults(), emoji64_fingerprint)), job_context
    )
    wrong, _ = result_of(
        lesson, shortened(spec_of(lesson, lesson.defaults(), emoji64_fingerprint, variant.name)), job_context
    )
    assert right.arrays.keys() == wrong.arrays.keys()
    # A12's mistake leaves the sample as it is and stands another training picture beside it.
    names = ("step_nearest", "result", "clean_hat", "x_t")
    name = next(name for name in names if name in right.arrays)
    assert np.isfinite(wrong[name]).all()
    assert np.abs(right[name] - wrong[name]).max() > 0.05  # of a range of 2: to be seen


def test_a_root_over_beta_too_is_the_formula_misread():
    """DDPM, equation 7, from diffusers' own table; variance -1 is the posterior's, whose noise is taken out again."""
    table = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2").alphas_cumprod.double()
    schedule = NoiseSchedule(table)
    x_t, clean = torch.randn(2, 1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    least = -torch.ones_like(x_t)
    for t, t_next in ((690, 660), (60, 30)):
        step = root_over_beta(x_t, clean, least, t, t_next, schedule, [torch.Generator().manual_seed(1)])
        now, then = table[t], table[t_next]
        beta = 1 - now / then
        mean = (then * beta).sqrt() / (1 - now) * clean + (now / then).sqrt() * (1 - then) / (1 - now) * x_t
        torch.testing.assert_close(step.x_next - step.sigma * step.noise, mean.float(), rtol=1e-4, atol=1e-5)


# ---- the list of what is shown, against what is called -----------------------------------------------

ALGORITHMS = ("core.diffusion", "core.edits", "core.guidance", "core.views", "lessons.wrong")
NOT_SHOWN = {  # what a reader loses nothing by: a constraint that constrains nothing, and pages' wrappers of `compute`
    "core.diffusion:keep",
    "lessons.forward_process:run",
    "lessons.classical_denoising:run",
}
BY_THE_PAGE = {"lessons.classical_denoising:best_blur"}  # called beside the job


def called(lesson: Lesson, spec: JobSpec, context: JobContext) -> set[str]:
    """ "module:qualified name" of every function of our own that the job enters."""
    found: set[str] = set()

    def note(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call" and (module := frame.f_globals.get("__name__", "")).startswith(
            ("core.", "lessons.")
        ):
            if frame.f_code.co_filename != "<string>":  # what dataclasses make has no source
                found.add(f"{module}:{frame.f_code.co_qualname.split('.<locals>')[0]}")

    fresh = JobContext(
        context.device, context.store, {k: v for k, v in context.cache.items() if k != "results"}
    )
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        result_of(lesson, spec, fresh)
    finally:
        sys.setprofile(before)
    return found


# The lessons that open the loop. Those after A6 show what they add to it.
@pytest.mark.parametrize("lesson", [BY_CODE[f"A{k}"] for k in range(7)], ids=lambda lesson: lesson.code)
def test_the_code_that_is_shown_is_the_code_that_ran(lesson, job_context, emoji64_fingerprint):
    """All of it: what the lesson's own module and the algorithms' modules did. And nothing that did not run."""
    values = lesson.defaults()
    specs = [spec_of(lesson, values, emoji64_fingerprint)]
    specs += [spec_of(lesson, values, emoji64_fingerprint, variant.name) for variant in lesson.variants]
    others = [
        values | dict(p.values) for p in lesson.presets if p.values.get("limit")
    ]  # a switch between two formulas
    specs += [spec_of(lesson, other, emoji64_fingerprint) for other in others]
    if hasattr(module_of(lesson), "embed_spec"):
        specs.append(module_of(lesson).embed_spec(values, emoji64_fingerprint))
    if lesson.studies:
        specs += named(lesson.studies)(values, emoji64_fingerprint)
    ran = {f"lessons.{lesson.slug}:spec"}.union(*(called(lesson, shortened(s), job_context) for s in specs))

    def covers(shown: str, function: str) -> bool:
        return function == shown or function.startswith(f"{shown}.")

    for shown in set(lesson.shows) - BY_THE_PAGE:
        assert any(covers(shown, function) for function in ran), f"{shown} is shown and did not run"
    own = (*ALGORITHMS, f"lessons.{lesson.slug}")
    missing = {
        function
        for function in ran - NOT_SHOWN - {f"lessons.{lesson.slug}:spec"}
        if function.split(":")[0] in own and not any(covers(shown, function) for shown in lesson.shows)
    }
    assert not missing, "these ran and are not shown"
