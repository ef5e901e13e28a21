"""A8: a part of the picture is made anew, and the rest is kept to the last bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from core.compute.context import JobContext, JobEvents
from core.edits import keep_outside
from core.jobs import JobSpec
from core.trajectory import Trajectory
from lessons.branching import BRANCHES
from lessons.denoising import guided
from lessons.editing import GAMMA_HELP, MAX_SAMPLES, NUM_STEPS, from_noise, samples, set_up
from lessons.fields import Number, PictureRef, Text, model_field, seed_field
from lessons.grid import GRIDS
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.masks import MaskRef, mask_of
from lessons.prompts import FACE, NULL_LIKE, SUGGESTIONS
from lessons.wrong_edits import kept_but_not_noised, pasted_at_the_end

VOLCANO = "a 3d render of a volcano"
EYES = {
    "picture": "cat-face",
    "mask": "top",
    "prompt": "a flat icon of a cat",
    "gamma": 2.0,
    "seed": 6,
    "count": 1,
}

TREE = {"prompt": "a cartoon of a christmas tree", "gamma": 3.0, "count": 1}

KEPT_STREAM = 2**32  # added to the seed: the constraint's noise is another stream than the loop's

LESSON = Lesson(
    code="A8",
    slug="inpainting",
    title="Inpainting",
    pinnable=True,
    branches=("prompt", "gamma", "seed"),
    sweeps=("gamma", "prompt", "seed", "model"),
    fields=(
        PictureRef("picture", "Picture", "volcano"),
        MaskRef("mask", "Mask", "top", "Painted = made anew. Everything else is kept."),
        Text("prompt", "Prompt", VOLCANO, suggestions=SUGGESTIONS),
        Number("gamma", "Guidance γ", 7.0, GAMMA_HELP, maximum=15, step=0.5, integer=False),
        Number("count", "Samples", 2, "Each from its own noise.", minimum=1, maximum=MAX_SAMPLES),
        seed_field(),
        model_field(),
    ),
    opens=TREE,
    presets=(
        Preset("tree", "A Christmas tree for the volcano", TREE),
        Preset("reference", "Smoke for the volcano"),
        Preset("eyes", "Other eyes for the cat", EYES),
        Preset("laugh", "A laugh for the cat", {**EYES, "mask": "bottom"}),
        Preset("face", "A face on the apple", {"picture": "red-apple", "mask": "middle", "prompt": FACE}),
        Preset("course", "Course: the top of the test picture", {"picture": "tower-at-sunset", "prompt": NULL_LIKE}),
    ),
    question=Question(
        "Outside the mask the loop puts the original back after every step, freshly noised. How does it get into the result "
        "in the end?",
        ("Nearly: a little noise remains", "Exactly, to the last bit", "Smoothed by the network"),
        answer=1,
        because="The last step goes to the clean end, where forward(x₀, t) is x₀ itself. The row “kept” shows "
        "it: noise at first, the original at last.",
    ),
    variants=(
        Variant("not_noised", "Kept region not noised",
                "The clean picture is put back at every t, where forward(x₀, t) belongs.",
                "At large t the network sees a faint picture next to full noise; what it makes does not connect."),
        Variant("paste", "Pasted at the end", "The loop runs free; only the last step puts the original back.",
                "The hole is filled by a picture that never knew its surroundings: the seam is a hard edge."),
    ),
    shows=("core.edits:keep_outside", "lessons.inpainting:run", "lessons.inpainting:seam"),
    jobs={"inpaint": "lessons.inpainting:run", **BRANCHES, **GRIDS},
    spec="lessons.inpainting:spec",
    takes_pictures=True,
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """`count` fillings of the same hole, each from its own noise."""
    return JobSpec("inpaint", {
        "model": model, "num_steps": NUM_STEPS, "picture": values["picture"], "mask": values["mask"], "variant": variant,
        "columns": samples(values["prompt"], values),
    })  # fmt: skip


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Sampling from pure noise, with the original put back outside the mask after every step."""
    bench = set_up(params, context)
    clean = bench.picture.expand_as(bench.like)  # (B, 3, H, W)
    painted = mask_of(params["mask"], context.store.blobs)
    mask = torch.from_numpy(painted).to(bench.like)[None, None].expand(len(clean), 1, -1, -1)  # (B, 1, H, W)
    constrain = {
        "not_noised": lambda: kept_but_not_noised(mask, clean),
        "paste": lambda: pasted_at_the_end(mask, clean),
        None: lambda: keep_outside(mask, clean, bench.schedule, bench.generators(KEPT_STREAM)),
    }[params["variant"]]()
    trajectory = yield from from_noise(
        bench, lambda columns: guided(bench.model, columns, ""), params, constrain
    )
    arrays = dict(trajectory.arrays) | {"mask": painted.astype(np.uint8)[None, None]}  # (1, 1, H, W)
    return Trajectory(arrays, trajectory.meta)


def seam(pictures: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """The root mean square step between neighbours of which one is inside the mask and one outside.

    pictures: (..., C, H, W); mask: bool (H, W). Returns (...), or None for a mask without a border.
    """
    across_rows = mask[1:] != mask[:-1]
    across_columns = mask[:, 1:] != mask[:, :-1]
    if not across_rows.any() and not across_columns.any():
        return None
    pictures = pictures.astype(np.float32)
    down = (pictures[..., 1:, :] - pictures[..., :-1, :])[..., across_rows]  # (..., C, pairs)
    right = (pictures[..., 1:] - pictures[..., :-1])[..., across_columns]
    return np.sqrt(np.square(np.concatenate([down, right], axis=-1)).mean(axis=(-2, -1)))
