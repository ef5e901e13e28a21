"""Part A with a model that is not this project's, such as DeepFloyd IF: other prompts, presets and texts, the same lessons.

The prompts of the lessons are those that the shipped model draws, and their texts say what was measured of it. None of
that is true of another model, so `fitted` puts the course's own prompts there, and the texts of `any_model.md`, which say
what follows from the mathematics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from core.model_card import ModelCard
from core.settings import SHIPPED_MODELS
from lessons.classifier_free_guidance import WRONG_UNCONDITIONAL
from lessons.fields import MODEL, Field, Text
from lessons.lesson import FOLDER, Lesson, Preset, Variant
from lessons.prompts import NULL_LIKE

VILLAGE = "an oil painting of a snowy mountain village"
CAMPFIRE = "an oil painting of people around a campfire"
OLD_MAN = "an oil painting of an old man"
FALLS = "a lithograph of waterfalls"
SKULL = "a lithograph of a skull"
HAT = "a man wearing a hat"
DOG = "a photo of a dog"
ROCKET = "a rocket ship"
PENCIL = "a pencil"

# The prompts of the course, for which its students are given embeddings.
COURSE_PROMPTS = (VILLAGE, HAT, ROCKET, PENCIL, DOG, OLD_MAN, CAMPFIRE, FALLS, SKULL, NULL_LIKE)
SAID = "Prompts of the course:"
SAID_OF_FILE = "There is no text encoder here, so these are all there are:"


@dataclass(frozen=True)
class Elsewhere:
    """What a lesson opens with, and offers, under another model than the shipped one."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    presets: tuple[Preset, ...] = ()


TOWER = {"picture": "tower-at-sunset"}
ELSEWHERE: Mapping[str, Elsewhere] = {
    "A0": Elsewhere(
        {"p1": VILLAGE, "p2": HAT, "p3": ROCKET, "gamma": 7.0},
        (
            Preset("reference", "20 steps"),
            Preset("hundred", "100 steps", {"steps": 100}),
            Preset("empty", "From no prompt to one", {"p1": "", "p2": NULL_LIKE, "p3": ROCKET}),
        ),
    ),
    "A3": Elsewhere(TOWER, tuple(Preset(f"t{t}", f"t = {t}", {"t": t}) for t in (250, 500, 750))),
    "A4": Elsewhere(
        TOWER,
        (
            Preset("reference", "i_start = 10"),
            Preset("more", "More noise: 5", {"i_start": 5}),
            Preset("less", "Less noise: 20", {"i_start": 20}),
        ),
    ),
    "A5": Elsewhere(
        {"seed": 0}, (Preset("reference", "5 samples"), Preset("prompted", "With a real prompt", {"prompt": DOG}))
    ),
    "A6": Elsewhere(
        {"prompt": DOG},
        (
            Preset("reference", "γ = 0, 1, 3, 7, 12"),
            Preset("five", "5 samples at γ = 7", {"gammas": (7.0,), "count": 5}),
            Preset("alike", "5 samples at γ = 1", {"gammas": (1.0,), "count": 5}),
            Preset("dynamic", "γ = 7 and 15, scaled", {"gammas": (7.0, 15.0), "limit": "dynamic"}),
        ),
    ),
    "A7": Elsewhere(
        TOWER,
        (
            Preset("reference", "i_start = 1, 3, 5, 7, 10, 20"),
            Preset("late", "Late starts only", {"i_starts": (16, 20, 24, 27, 30, 33)}),
        ),
    ),
    "A8": Elsewhere(
        {**TOWER, "mask": "top", "prompt": NULL_LIKE, "gamma": 7.0},
        (
            Preset("reference", "The top of the test picture"),
            Preset("rocket", "A rocket in the sky", {"prompt": ROCKET}),
            Preset("volcano", "Smoke for the volcano", {"picture": "volcano"}),
        ),
    ),
    "A9": Elsewhere(
        {**TOWER, "prompt": ROCKET, "gamma": 7.0},
        (
            Preset("reference", "A rocket ship"),
            Preset("pencil", "A pencil", {"prompt": PENCIL}),
            Preset("village", "A snowy mountain village", {"prompt": VILLAGE}),
        ),
    ),
    "A10": Elsewhere(
        {"p1": OLD_MAN, "p2": CAMPFIRE, "gamma1": 7.0, "gamma2": 7.0},
        (
            Preset("old-man", "Old man / campfire"),
            Preset("falls", "Waterfalls / man with a hat", {"p1": FALLS, "p2": HAT}),
            Preset("village", "Village / dog", {"p1": VILLAGE, "p2": DOG}),
        ),
    ),
    "A11": Elsewhere(
        {"p1": SKULL, "p2": FALLS, "gamma1": 7.0, "gamma2": 7.0},
        (
            Preset("skull", "Skull / waterfalls"),
            Preset("pencil", "Pencil / rocket ship", {"p1": PENCIL, "p2": ROCKET}),
            Preset("falls", "Waterfalls / dog", {"p1": FALLS, "p2": DOG}),
        ),
    ),
    "A12": Elsewhere(),
    "A13": Elsewhere(
        {"prompt": DOG, "gamma": 7.0},
        (
            Preset("reference", "4 to 100 evaluations"),
            Preset("even", "Steps even in t", {"spacing": "even"}),
            Preset("half", "DDIM with η = ½", {"eta": 0.5}),
            Preset("full", "DDIM with η = 1", {"eta": 1.0}),
        ),
    ),
    "B0": Elsewhere(
        {"prompt": DOG},
        (
            Preset("reference", "34 steps"),
            Preset("four", "4 steps", {"steps": 4}),
            Preset("hundred", "100 steps", {"steps": 100}),
        ),
    ),
    "A14": Elsewhere(
        {**TOWER, "other": VILLAGE, "gamma": 7.0},
        (
            Preset("reference", "34 steps each way"),
            Preset("hundred", "100 steps each way", {"steps": 100}),
            Preset("half", "Turn at t = 690", {"turn": 690}),
        ),
    ),
}  # fmt: skip
WRONG_PROMPTS = {  # A6's mistake needs a prompt: in place of the shipped model's, one of the course's
    "wrong_unconditional_dog": Variant(
        "wrong_unconditional_dog", "Wrong unconditional prompt",
        f"“{WRONG_UNCONDITIONAL['wrong_unconditional_dog']}” stands where the empty prompt belongs.",
        "γ = 0 now draws what that prompt says, γ = 1 draws what it drew before, and a larger γ moves away from it as well "
        "as towards the prompt. As a tool this is called a negative prompt; as a mistake it is easily overlooked.",
    ),
}  # fmt: skip


@cache
def texts() -> Mapping[str, str]:
    """What to look for, by lesson, under any model: the sections of `any_model.md`."""
    parts = (FOLDER / "any_model.md").read_text(encoding="utf-8").split("\n## ")[1:]
    return {code: body.strip() for code, body in (part.split("\n", 1) for part in parts)}


def fitted(lesson: Lesson, card: ModelCard) -> Lesson:
    """The lesson as it is under this model: unchanged under one of this project's, and in Part B."""
    lesson = _with_the_models_there_are(lesson, card)
    if lesson.code not in ELSEWHERE or (card.ours and card.prompts is None):
        return lesson
    other = ELSEWHERE[lesson.code]
    if (
        card.ours
    ):  # one of this project's without its encoder: its texts stay, its prompts are those of the file
        fields = tuple(_among(f, card, k) for k, f in enumerate(lesson.fields))
        opens = lesson.opens if all(_there(prompt, card) for prompt in _prompts(lesson, lesson.opens)) else {}
        return replace(lesson, fields=fields, presets=(), opens=opens)
    fields = tuple(_field(f, other, card, k) for k, f in enumerate(lesson.fields))
    question = None if lesson.code == "A14" else lesson.question  # that one is about emoji64's own pictures
    variants = lesson.variants
    if lesson.code == "A6":
        variants = tuple(v for v in WRONG_PROMPTS.values() if _there(WRONG_UNCONDITIONAL[v.name], card))
    if lesson.code == "A12":  # everything in it is about training pictures that are not here
        instead = {"What to look for": texts()[lesson.code]}
        return replace(
            lesson,
            fields=(),
            presets=(),
            question=None,
            variants=(),
            opens={},
            shows=(),
            jobs={},
            spec="",
            instead=instead,
        )
    return replace(
        lesson, fields=fields, variants=variants, question=question, opens={},
        presets=tuple(p for p in other.presets if all(_there(prompt, card) for prompt in _prompts(lesson, p.values))),
        instead={"What to look for": texts()[lesson.code]} if lesson.code in texts() else {},
    )  # fmt: skip


def _with_the_models_there_are(lesson: Lesson, card: ModelCard) -> Lesson:
    """Where a lesson offers the models that ship, it opens on that of the settings; under another there is no choice."""
    offered = next((f for f in lesson.fields if f.name == MODEL), None)
    if offered is None or card.name == offered.default:
        return lesson
    if card.ours and card.prompts is None and card.name in SHIPPED_MODELS:
        changed = replace(offered, default=card.name)
        return replace(lesson, fields=tuple(changed if f is offered else f for f in lesson.fields))
    return replace(
        lesson,
        fields=tuple(f for f in lesson.fields if f is not offered),
        presets=tuple(p for p in lesson.presets if MODEL not in p.values),
        sweeps=tuple(name for name in lesson.sweeps if name != MODEL),
    )


def course_prompts() -> tuple[str, ...]:
    """Every prompt that the lessons open with or offer under another model than the shipped one."""
    return COURSE_PROMPTS


def _field(kept: Field, other: Elsewhere, card: ModelCard, place: int) -> Field:
    changed = replace(kept, default=other.defaults.get(kept.name, kept.default))
    if isinstance(changed, Text):
        changed = replace(changed, suggestions=COURSE_PROMPTS, said=SAID)
    return _among(changed, card, place)


def _among(kept: Field, card: ModelCard, place: int) -> Field:
    """Where there is no encoder, a prompt is one of the file's; several controls of a lesson open on different ones."""
    if not isinstance(kept, Text) or card.prompts is None:
        return kept
    named = [prompt for prompt in card.prompts if prompt] or [""]
    default = kept.default if _there(kept.default, card) else named[place % len(named)]
    return replace(kept, default=default, only=card.prompts, suggestions=(), said=SAID_OF_FILE)


def _there(prompt: str, card: ModelCard) -> bool:
    return card.prompts is None or prompt in card.prompts


def _prompts(lesson: Lesson, values: Mapping[str, Any]) -> list[str]:
    texts_of = {f.name for f in lesson.fields if isinstance(f, Text)}
    return [value for name, value in values.items() if name in texts_of]
