"""A7: a picture is noised, more or less, and the loop goes on from there (SDEdit)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.compute.context import JobContext, JobEvents
from core.diffusion import Step, draw_noise
from core.edits import sdedit_start
from core.jobs import Frame, JobSpec
from lessons.branching import BRANCHES, PART_A
from lessons.denoising import frame_pixels, guided, record
from lessons.editing import GAMMA_HELP, NUM_STEPS, beside, samples, set_up, together
from lessons.fields import Number, Numbers, PictureRef, model_field, seed_field
from lessons.forking import loop
from lessons.grid import GRIDS
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.prompts import NULL_LIKE

I_STARTS = (1, 3, 5, 7, 10, 20)


def edit_fields(
    picture: str, gamma: float, i_starts: tuple[int, ...] = I_STARTS, seed: int = 0
) -> tuple[PictureRef, Numbers, Number, Number]:
    """The controls that A7 and A9 share."""
    return (
        PictureRef("picture", "Picture", picture),
        Numbers("i_starts", "Starts i_start", i_starts,
                "Up to six whole numbers (1; 10; 20): 0 is pure noise, 33 nearly the picture.", maximum=33, integer=True),
        Number("gamma", "Guidance γ", gamma, GAMMA_HELP, maximum=15, step=0.5, integer=False),
        seed_field(seed),
    )  # fmt: skip


NOT_NOISED = Variant(
    "not_noised", "Start not noised", "The loop starts from the clean picture, and the network is told t all the same.",
    "The network takes the picture itself for noise and removes it: what is left is smooth and pale.",
)  # fmt: skip

CAT = {"picture": "cat-face", "seed": 14}

LESSON = Lesson(
    code="A7",
    slug="image_to_image",
    title="Image to image",
    card=4,
    pinnable=True,
    branches=PART_A,
    sweeps=("i_starts", "gamma", "seed", "model"),
    fields=(*edit_fields("pickup-truck", gamma=1.0, seed=1), model_field()),
    opens=CAT,
    presets=(
        Preset("cat", "A cat", CAT),
        Preset("reference", "A truck"),
        Preset("boat", "A sailing boat", {"picture": "sailboat", "seed": 0, "i_starts": (1, 10, 13, 16, 20, 25)}),
        Preset("late", "Late starts only", {"i_starts": (16, 20, 24, 27, 30, 33)}),
        Preset("guided", "γ = 7", {"gamma": 7.0}),
    ),
    question=Question(
        "The loop starts from the picture at t = 960 (i_start = 1) and at t = 390 (i_start = 20). Which result is closer to "
        "the picture?",
        ("The start at t = 960: it has more steps to repair it", "The start at t = 390: less was destroyed",
         "Both are equally close: the picture is the same"),
        answer=1,
        because="What the noise has covered is made anew, and steps cannot bring it back: they only make something "
        "that looks like a picture. The lower t is at the start, the less there is to make.",
        reveal={"i_starts": (1, 20)},
    ),
    variants=(NOT_NOISED,),
    shows=("core.edits:sdedit_start", "lessons.image_to_image:run", "core.diffusion:iterative_denoise"),
    jobs={"edit": "lessons.image_to_image:run", **BRANCHES, **GRIDS},
    spec="lessons.image_to_image:spec",
    takes_pictures=True,
)  # fmt: skip


def spec(
    values: Mapping[str, Any], model: str, variant: str | None = None, prompt: str = NULL_LIKE
) -> JobSpec:
    """The picture edited from every i_start, with guidance, under one noise."""
    return JobSpec("edit", {
        "model": model, "num_steps": NUM_STEPS, "picture": values["picture"], "variant": variant,
        "columns": samples(prompt, values, count=1), "i_starts": sorted(set(values["i_starts"])),
    })  # fmt: skip


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """The picture noised to every i_start, each denoised by a run of its own, all under the same noise.

    The runs are taken in step, so that one t holds for all of them, and all end together.
    """
    bench = set_up(params, context)
    first, fork, loops = min(params["i_starts"]), params.get("fork"), []
    for i_start in params["i_starts"]:
        generators = bench.generators()
        noise = draw_noise(bench.picture, generators)
        x_t, timesteps = sdedit_start(bench.picture, noise, bench.timesteps, i_start, bench.schedule)
        if params["variant"] == "not_noised":
            x_t = bench.picture
        here = fork and {
            **fork,
            "at": max(0, fork["at"] + first - i_start),
        }  # all fork at one t, or begin behind it
        loops.append(
            loop(here, x_t, timesteps, lambda columns: guided(bench.model, columns, ""), bench.columns, bench.schedule,
                 generators)
        )  # fmt: skip
    steps: list[list[Step]] = [[] for _ in loops]
    for index in range(first, len(bench.timesteps)):
        pictures = []
        for i_start, way, done in zip(params["i_starts"], loops, steps, strict=True):
            if index >= i_start:
                done.append(next(way))
            pictures.append(frame_pixels(done[-1]) if done else None)
        yield Frame(index - first, len(bench.timesteps) - first, beside(pictures))
    return together([record(done, bench.schedule, params, bench.picture[0]) for done in steps], params)
