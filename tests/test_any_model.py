"""Part A under a model that is not this project's: nothing of the shipped model's words, and every lesson whole."""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch

from core.compute.context import JobContext
from core.compute.store import Store
from core.model_card import ModelCard, read_card
from core.model_folder import fingerprint
from core.pretrained import load_pretrained
from core.prompt_file import NoSuchPrompt
from core.settings import Settings
from lessons.any_model import COURSE_PROMPTS, fitted, texts
from lessons.classifier_free_guidance import WRONG_UNCONDITIONAL
from lessons.course import COURSE, neighbours
from lessons.fields import BadValue, Text
from lessons.loading import ModelChanged, load_model, prompts_in
from lessons.opening import opening_jobs
from lessons.pairs import ANAGRAM_SHOWN, HYBRID_SHOWN, suggestions
from lessons.prompts import STYLES, SUGGESTIONS
from tests.lesson_runs import BY_CODE, first_event, first_frame, result_of, shortened, spec_of

IF = ModelCard("IF-I-M-v1.0", ours=False, text_tokens=77, prompts=None, dynamic_threshold=True)
OURS = ModelCard("emoji64", True, 16, None, dynamic_threshold=False, training_pictures=True)
FEW = ("", "a photo of a dog", "a high quality photo", "a rocket ship")  # a file of embeddings
PART_A = [lesson for lesson in COURSE if lesson.part == "A" or lesson.pretrained]
RUN = [
    lesson.code for lesson in PART_A if lesson.code != "A12"
]  # which has nothing to run without training pictures
each = pytest.mark.parametrize("lesson", PART_A, ids=lambda lesson: lesson.code)

# What is the shipped model's alone: its prompts and what its texts say. The course's own prompts are everybody's.
WORDS = {*SUGGESTIONS, *STYLES, *suggestions(ANAGRAM_SHOWN), *suggestions(HYBRID_SHOWN)} - set(COURSE_PROMPTS)
ITS_OWN = re.compile(
    r"emoji|3d render|flat icon|ink drawing|taxi|264 objects|of the small model|training pictures a style",
    re.I,
)


def everything_said(lesson) -> str:
    """All that a student reads of a lesson, but the code."""
    shown = asdict(lesson)
    del shown["shows"], shown["jobs"]
    return f"{shown}\n" + "\n".join(lesson.prose.values())


# ---- what is said --------------------------------------------------------------------------------------------


def test_the_words_of_the_shipped_model_are_found_where_they_belong():
    """The test below would be worth little if its words were nobody's."""
    said = "\n".join(everything_said(fitted(lesson, OURS)) for lesson in PART_A)
    assert all(word in said for word in WORDS) and ITS_OWN.search(said)


@each
def test_nothing_of_the_shipped_models_vocabulary_is_shown(lesson):
    said = everything_said(fitted(lesson, IF))
    assert not ITS_OWN.search(said), ITS_OWN.search(said).group()
    quoted = {word for word in WORDS if f"'{word}'" in said or f"“{word}”" in said}
    assert not quoted


@each
def test_a_lesson_of_the_shipped_model_is_what_it_was(lesson):
    assert fitted(lesson, OURS) is lesson


@pytest.mark.parametrize(
    "lesson", [lesson for lesson in COURSE if lesson not in PART_A], ids=lambda lesson: lesson.code
)
def test_part_b_has_nothing_to_do_with_it(lesson):
    assert fitted(lesson, IF) is lesson


@each
@pytest.mark.parametrize(
    "card", [IF, ModelCard("x", False, 77, FEW, False)], ids=["any prompt", "a file's prompts"]
)
def test_defaults_presets_and_phrases_are_values_of_the_controls(lesson, card):
    there = fitted(lesson, card)
    for values in [there.defaults(), there.opens, *(preset.values for preset in there.presets)]:
        for name, value in values.items():
            field = there.field(name)
            assert field.parse(field.encode(value)) == value, (name, value)
    if there.question:
        for name, value in there.question.reveal.items():
            assert there.field(name).parse(there.field(name).encode(value)) == value
    for target in re.findall(r"\]\(#set:([^)]*)\)", there.prose["What to look for"]):
        for name, text in parse_qsl(target, strict_parsing=True):
            if name != "frame" and not (card.prompts and isinstance(there.field(name), Text)):
                there.field(name).parse(text)
    assert len({preset.name for preset in there.presets}) == len(there.presets)
    assert neighbours(there) == neighbours(lesson)


def test_every_text_belongs_to_a_lesson_and_is_as_short_as_one():
    assert set(texts()) <= set(BY_CODE)
    for code, text in texts().items():
        assert len(text.split()) <= 65 * BY_CODE[code].minutes, code
        assert text.count("$") % 2 == 0


def test_the_lesson_on_memory_has_nothing_to_run_without_training_pictures():
    lesson = fitted(BY_CODE["A12"], IF)
    assert (lesson.fields, lesson.presets, lesson.variants, lesson.question) == ((), (), (), None)
    assert opening_jobs(lesson, "0" * 16) == []


# ---- the card ------------------------------------------------------------------------------------------------


def test_the_card_of_the_shipped_model():
    card = read_card(Settings())
    assert card.ours and card.training_pictures and card.prompts is None and not card.dynamic_threshold


def test_the_card_of_a_folder_that_diffusers_wrote(course_if_folder):
    assert read_card(Settings(model=str(course_if_folder))) == ModelCard("IF-I-tiny", False, 77, None, True)


def test_a_model_of_the_hubs_cache_has_the_hubs_name(tiny_if_folder, tmp_path):
    folder = tmp_path / "models--DeepFloyd--IF-I-L-v1.0" / "snapshots" / ("0" * 40)
    shutil.copytree(tiny_if_folder, folder)
    assert read_card(Settings(model=str(folder))).name == "IF-I-L-v1.0"


@pytest.fixture
def without_encoder(course_if_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of an instructor who has the network, and the file of embeddings of the course."""
    folder = shutil.copytree(course_if_folder, tmp_path / "IF")
    shutil.rmtree(folder / "text_encoder")
    model = load_pretrained(course_if_folder)
    table = {prompt: model.embed([prompt]).half() for prompt in FEW}  # (1, 77, 24)
    torch.save(table, tmp_path / "prompts.pth")
    monkeypatch.setenv("DIFFUSION_MODEL", str(folder))
    monkeypatch.setenv("DIFFUSION_EMBEDDINGS", str(tmp_path / "prompts.pth"))
    return folder


def test_without_an_encoder_the_prompts_of_the_file_are_the_only_ones(without_encoder):
    card = read_card(Settings())
    assert card.prompts == FEW
    lesson = fitted(BY_CODE["A0"], card)
    assert lesson.defaults()["p3"] == "a rocket ship"  # the lesson's own is there
    assert lesson.defaults()["p1"] in FEW and lesson.defaults()["p2"] in FEW
    with pytest.raises(
        BadValue, match=r"must be one of the prompts there are, not “a cat”: “a photo of a dog”"
    ):
        lesson.field("p1").parse("a cat")
    assert all(preset.values.get(f"p{k}", "") in FEW for preset in lesson.presets for k in (1, 2, 3))


def test_the_wrong_prompt_of_a6_is_one_that_is_there(without_encoder):
    assert [v.name for v in fitted(BY_CODE["A6"], read_card(Settings())).variants] == [
        "wrong_unconditional_dog"
    ]
    other = ModelCard("x", False, 77, ("", "a cat"), False)
    assert fitted(BY_CODE["A6"], other).variants == ()
    assert set(WRONG_UNCONDITIONAL.values()) & set(COURSE_PROMPTS) == {"a photo of a dog"}


# ---- the lessons, run ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def context(course_if_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> JobContext:
    """A worker that has the tiny model in the IF format, with its encoder beside it."""
    cache = {("model", fingerprint(course_if_folder), "cpu"): load_pretrained(course_if_folder)}
    return JobContext("cpu", Store(tmp_path_factory.mktemp("store")), cache)


@pytest.fixture
def model(course_if_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DIFFUSION_MODEL", str(course_if_folder))
    return fingerprint(course_if_folder)


def of_code(code: str):
    return fitted(BY_CODE[code], IF)


@pytest.mark.parametrize("code", RUN)
def test_every_lesson_runs_on_a_folder_in_the_if_format(code, model, context):
    lesson = of_code(code)
    trajectory, frames = result_of(lesson, shortened(spec_of(lesson, lesson.defaults(), model)), context)
    assert frames and all(np.isfinite(array).all() for array in trajectory.arrays.values())
    result = trajectory.arrays.get("result", trajectory.arrays.get("clean_hat", trajectory.arrays.get("x_t")))
    assert result is None or result.shape[-3:] == (3, 64, 64)


@pytest.mark.parametrize("code", RUN)
def test_every_preset_and_every_mistake_starts(code, model, context):
    lesson = of_code(code)
    for preset in lesson.presets:
        values = lesson.defaults() | dict(preset.values)
        assert first_event(lesson, shortened(spec_of(lesson, values, model)), context).total > 0
    for variant in lesson.variants:
        spec = shortened(spec_of(lesson, lesson.defaults(), model, variant.name))
        assert first_event(lesson, spec, context).total > 0


def test_the_switch_of_a6_scales_where_the_other_clips(model, context):
    """Both against their formulas in NumPy, from the x_t and the noise that the run has kept (in float16)."""
    lesson, values = of_code("A6"), of_code("A6").defaults() | {"gammas": (12.0,)}
    for limit in ("clip", "dynamic"):
        spec = shortened(spec_of(lesson, values | {"limit": limit}, model))
        found, _ = result_of(lesson, spec, context)
        step = found.meta["steps"][
            2
        ]  # t = 330: the estimate is well out of range, and float16 is fine enough
        raw = (found["x_t"][2] - step["sigma"] * found["eps"][2]) / step["signal"]
        s = {"clip": 1.0, "dynamic": np.clip(np.quantile(np.abs(raw), 0.95), 1, 1.5)}[limit]
        assert limit == "clip" or s > 1.1
        np.testing.assert_allclose(found["clean_hat"][2], np.clip(raw, -s, s) / s, rtol=0, atol=0.02)


def test_a_run_without_an_encoder_takes_the_embeddings_of_the_file(without_encoder, tmp_path):
    """The same pictures as with the encoder, to what float16 embeddings say; and another prompt is refused in words."""
    settings = Settings()
    named, context = (
        fingerprint(without_encoder, settings.embeddings),
        JobContext("cpu", Store(tmp_path / "store"), {}),
    )
    lesson = fitted(BY_CODE["A6"], read_card(settings))
    values = lesson.defaults() | {"gammas": (7.0,)}
    assert values["prompt"] == "a photo of a dog"
    trajectory, _ = result_of(lesson, shortened(spec_of(lesson, values, named)), context)
    loaded = load_model(named, context)
    assert loaded.text_encoder is None and loaded.book.known == FEW
    assert np.isfinite(trajectory["result"]).all()
    with pytest.raises(NoSuchPrompt, match="“a cat” cannot be used"):
        first_frame(lesson, shortened(spec_of(lesson, values | {"prompt": "a cat"}, named)), context)
    with pytest.raises(ModelChanged):  # a page that does not know of the file
        load_model(fingerprint(without_encoder), JobContext("cpu", context.store, {}))


def test_the_prompt_that_a7_always_takes_is_named_where_the_file_has_not_got_it(
    without_encoder, course_if_folder, tmp_path, monkeypatch
):
    model, fewer = load_pretrained(course_if_folder), tmp_path / "fewer.pth"
    torch.save({prompt: model.embed([prompt]) for prompt in FEW if prompt != "a high quality photo"}, fewer)
    monkeypatch.setenv("DIFFUSION_EMBEDDINGS", str(fewer))
    lesson, named = fitted(BY_CODE["A7"], read_card(Settings())), fingerprint(without_encoder, fewer)
    spec = shortened(spec_of(lesson, lesson.defaults(), named))
    with pytest.raises(
        NoSuchPrompt,
        match=r"“a high quality photo” cannot be used; the prompts there are: “a photo of a dog”",
    ):
        first_frame(lesson, spec, JobContext("cpu", Store(tmp_path / "store"), {}))


def test_the_prompts_of_a_job_are_all_found():
    lesson = of_code("A10")
    params = dict(spec_of(lesson, lesson.defaults()).params)
    assert set(prompts_in(params)) == {lesson.defaults()["p1"], lesson.defaults()["p2"], ""}
    assert prompts_in({"picture": "castle"}) == [""]
