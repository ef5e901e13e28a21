"""A4: the loop. Many small steps, each on the network's own estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.jobs import JobSpec
from lessons.branching import BRANCHES, PART_A
from lessons.fields import Number, PictureRef, Text, model_field, seed_field
from lessons.grid import GRIDS
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.prompts import NULL_LIKE, SUGGESTIONS

LESSON = Lesson(
    code="A4",
    slug="iterative_denoising",
    title="Iterative denoising",
    pinnable=True,
    branches=PART_A,
    sweeps=("i_start", "prompt", "seed", "model"),
    fields=(
        PictureRef("picture", "Picture", "pickup-truck"),
        Number("i_start", "i_start", 10, "Where the loop begins: 0 is pure noise, 33 is nearly clean.", maximum=33),
        Text("prompt", "Prompt", NULL_LIKE, suggestions=SUGGESTIONS),
        seed_field(),
        model_field(),
    ),
    presets=(
        Preset("reference", "i_start = 10"),
        Preset("more", "More noise: 5", {"i_start": 5}),
        Preset("less", "Less noise: 20", {"i_start": 20}),
        Preset("known", "A picture from the training set", {"picture": "tropical-fish"}),
        Preset("unlike", "A picture unlike the training pictures", {"picture": "tower-at-sunset"}),
    ),
    question=Question(
        "Follow x̂₀, the estimate of the clean picture, from the first step to the last. When is it sharp?",
        ("From the first step", "It sharpens gradually, details last", "Only at the last step"),
        answer=1,
        because="Shapes and colours are settled while there is much noise, edges and grain as it goes: each step rules out "
        "some of what the picture could still have become, and the mean of what is left has more detail.",
    ),
    variants=(
        Variant("no_noise", "No noise added", "The term σz is left out of every step.",
                "xₜ soon has less noise than belongs to its t. The network takes what is missing for flat areas: the "
                "picture comes out smooth, without grain and small parts."),
        Variant("unscaled_noise", "Noise unscaled", "z is added where σz belongs, so every step adds noise of variance 1.",
                "xₜ carries far more noise than the network expects at t; only noise comes out."),
        Variant("root_over_beta", "√ over β too", "The root is drawn over one sign too many: √(ᾱₜ′β) where √ᾱₜ′ β belongs.",
                "Every step gives x̂₀ too much weight. xₜ grows, about twentyfold by the end, and of the picture only "
                "patches of pure colours are left."),
        Variant("alpha", "α in place of ᾱ", "The schedule gives one step's factor instead of the product of all.",
                "The picture is hardly noised at the start (weight 0.08 in place of 0.89 at t = 690), and the little noise "
                "that is there stays: the network is told a t that does not fit."),
    ),
    shows=(
        "core.diffusion:iterative_denoise", "core.diffusion:estimate_clean", "core.diffusion:denoise_step",
        "core.schedule:NoiseSchedule", "core.guidance:Conditional", "core.edits:sdedit_start", "core.diffusion:add_noise",
        "core.diffusion:draw_noise", "lessons.denoising:run", "lessons.forking:loop",
        "lessons.classical_denoising:best_blur",
        "lessons.wrong:no_noise", "lessons.wrong:unscaled_noise", "lessons.wrong:root_over_beta",
        "lessons.wrong:wrong_schedule",
    ),
    jobs={"denoise": "lessons.denoising:run", **BRANCHES, **GRIDS},
    spec="lessons.iterative_denoising:spec",
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """The picture noised to i_start, denoised step by step, without guidance."""
    return JobSpec("denoise", {
        "model": model, "num_steps": 34, "i_start": values["i_start"], "picture": values["picture"],
        "columns": [{"prompt": values["prompt"], "seed": values["seed"]}], "variant": variant,
    })  # fmt: skip
