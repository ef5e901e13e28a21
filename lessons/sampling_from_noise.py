"""A5: the same loop, started from pure noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.jobs import JobSpec
from lessons.branching import BRANCHES, PART_A
from lessons.fields import Number, Text, seed_field
from lessons.grid import GRIDS
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.prompts import FACE, NULL_LIKE, SUGGESTIONS

LESSON = Lesson(
    code="A5",
    slug="sampling_from_noise",
    title="Sampling from noise",
    card=1,
    pinnable=True,
    branches=PART_A,
    sweeps=("prompt", "seed"),
    fields=(
        Text("prompt", "Prompt", NULL_LIKE, suggestions=SUGGESTIONS),
        Number("count", "Samples", 5, "How many pictures, each from its own noise.", minimum=1, maximum=6),
        seed_field(429),
    ),
    presets=(
        Preset("reference", "5 samples"),
        Preset("prompted", "Five dogs", {"prompt": "a photo of a dog"}),
        Preset("face", "One face, five times", {"prompt": FACE}),
    ),
    question=Question(
        "Two samples, same prompt, different noise. At which step can you first tell what each will be?",
        ("At the first: x̂₀ shows it at once", "Within the first ten", "Only near the end"),
        answer=1,
        because="At the first step x̂₀ is nearly the same pale average for both. After three or four steps colours and "
        "places have parted; after ten the shapes stand and are not taken back.",
    ),
    variants=(
        Variant("no_noise", "No noise added", "The term σz is left out of every step.",
                "After one step xₜ is nearly grey, where the network expects noise of variance 1. Nearly the same smooth "
                "blob comes out of every column: variety comes from the noise of the steps."),
    ),
    shows=(
        "core.diffusion:draw_noise", "core.diffusion:iterative_denoise", "core.diffusion:estimate_clean",
        "core.diffusion:denoise_step", "core.schedule:NoiseSchedule", "core.guidance:Conditional",
        "lessons.denoising:run", "lessons.forking:loop", "lessons.wrong:no_noise",
    ),
    jobs={"denoise": "lessons.denoising:run", **BRANCHES, **GRIDS},
    spec="lessons.sampling_from_noise:spec",
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """`count` samples with seeds seed, seed + 1, ..., without guidance."""
    columns = [{"prompt": values["prompt"], "seed": values["seed"] + k} for k in range(values["count"])]
    return JobSpec("denoise", {"model": model, "num_steps": 34, "columns": columns, "variant": variant})
