"""B10: every kind of block, with its shape rule, its parameters and its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.jobs import JobSpec
from lessons.denoising_digits import DigitRef
from lessons.fields import Choice, Number, seed_field
from lessons.lesson import Lesson, Preset, Question
from lessons.unet_blocks import TERMS

LESSON = Lesson(
    code="B10",
    slug="block_glossary",
    title="The glossary of blocks",
    fields=(
        Choice("term", "Block", "Conv", options=tuple(term.name for term in TERMS)),
        Number("i", "Channels in, i", 1, minimum=1, maximum=64),
        Number("o", "Channels out, o", 8, minimum=1, maximum=64),
        DigitRef("digit", "Test digit", "0", "Its number among the 10,000 test digits."),
        seed_field(),
    ),
    presets=(
        Preset("reference", "1 → 8"),
        Preset("wide", "64 → 64", {"i": 64, "o": 64}),
        Preset("down", "DownBlock", {"term": "DownBlock"}),
        Preset("up", "UpBlock", {"term": "UpBlock"}),
    ),
    question=Question(
        "The channels in and out of a ConvBlock are both doubled. How many times as many parameters does it have?",
        ("Twice", "Four times", "Eight times"),
        answer=1,
        because="Every output channel has a small kernel for every input channel, so the count grows with i · o. Only "
        "biases and normalisation grow with o alone.",
        reveal={"term": "ConvBlock", "i": 64, "o": 64},
    ),
    shows=(*(term.source for term in TERMS), "lessons.unet_blocks:glossary"),
    jobs={"blocks": "lessons.unet_blocks:glossary"},
    opening="lessons.block_glossary:opening_specs",
    black=0.0,
)  # fmt: skip


def spec(values: Mapping[str, Any]) -> JobSpec:
    """Every kind of block on one digit."""
    return JobSpec("blocks", {
        "channels_in": values["i"], "channels_out": values["o"], "digit": values["digit"], "seed": values["seed"],
    })  # fmt: skip


def opening_specs(model: str) -> list[JobSpec]:
    """The defaults, which are the first preset, and the other presets, where they ask for other numbers."""
    return list(
        {
            (job := spec({**LESSON.defaults(), **preset.values})).key({}): job for preset in LESSON.presets
        }.values()
    )
