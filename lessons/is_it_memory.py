"""A12: the nearest training pictures beside every sample, along the whole trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.compute.context import JobContext, JobEvents
from core.emoji_pictures import EmojiPictures, load_emoji_pictures
from core.jobs import JobSpec
from core.oracle import nearest_pictures
from core.trajectory import Trajectory
from lessons import denoising
from lessons.branching import BRANCHES, PART_A
from lessons.fields import Choice, Number, PictureRef, Text, seed_field
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.prompts import FACE, NULL_LIKE, SUGGESTIONS
from lessons.two_students import compared_spec, errors_spec

SHOWN = 3  # nearest training pictures beside a sample
AROUND = 50  # neighbours of a training picture that say how close pictures lie there

LESSON = Lesson(
    code="A12",
    slug="is_it_memory",
    title="Is it memory?",
    branches=PART_A,
    fields=(
        Text("prompt", "Prompt", FACE, suggestions=SUGGESTIONS),
        Number("gamma", "Guidance γ", 4.0, "0: no prompt. 1: the prompt as it stands.", maximum=15, step=0.5, integer=False),
        Number("count", "Samples", 4, "How many pictures, each from its own noise.", minimum=1, maximum=6),
        seed_field(),
        PictureRef("other", "Picture for both", "photo-cat"),
        Choice("shown", "What the figure shows", "samples", options=("samples", "both", "sets"),
               labels=("Samples", "Two students", "In numbers")),
    ),
    opens={"shown": "both", "other": "photo-dahlia"},
    presets=(
        Preset("reference", "One object"),
        Preset("plain", "The same at γ = 1", {"gamma": 1.0}),
        Preset("nothing", "No particular object", {"prompt": NULL_LIKE, "gamma": 1.0}),
        Preset("unlearnt", "What was never shown: a blue banana", {"prompt": "a photo of a blue banana"}),
        Preset("both", "Two students: a flower", {"shown": "both", "other": "photo-dahlia"}),
        Preset("known", "Two students: what one knows by heart", {"shown": "both", "other": "tropical-fish"}),
        Preset("sets", "Pictures seen and unseen", {"shown": "sets"}),
    ),
    question=Question(
        "emoji64 was shown 1,493 pictures, and no photograph is among them. What does it make of one under much noise?",
        ("A blurred version of it", "Something of what it was shown", "Grey: it cannot know"),
        answer=1,
        because="It recalls: what it answers is made of the pictures that it was shown. storybook64, to which every picture "
        "was new, had to learn what pictures are like, and comes near the photograph. “Show it” asks both about a rocket.",
        reveal={"shown": "both", "other": "photo-rocket"},
    ),
    variants=(
        Variant("raw", "Compared while noisy", "The nearest picture is looked for beside x_t instead of x̂₀.",
                "For the first third, pictures that are mostly grey are the nearest to any noise: noise is far from "
                "everything, and least far from what has the smallest numbers."),
    ),
    shows=(
        "core.oracle:nearest_pictures", "lessons.is_it_memory:run", "lessons.is_it_memory:nearest",
        "lessons.is_it_memory:relative", "core.emoji_pictures:load_emoji_pictures", "lessons.denoising:run",
        "core.diffusion:iterative_denoise", "core.guidance:ClassifierFree", "lessons.two_students:compared",
        "lessons.two_students:errors", "core.oracle:posterior",
    ),
    jobs={
        "memory": "lessons.is_it_memory:run", "two_students": "lessons.two_students:compared",
        "two_students_errors": "lessons.two_students:errors", **BRANCHES,
    },
    spec="lessons.is_it_memory:spec",
    studies="lessons.is_it_memory:studies",
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """`count` samples with seeds seed, seed + 1, ..., guided by γ."""
    columns = [
        {"prompt": values["prompt"], "seed": values["seed"] + k, "guidance_scale": values["gamma"]}
        for k in range(values["count"])
    ]
    return JobSpec(
        "memory", {"model": model, "num_steps": 34, "columns": columns, "compare": variant or "estimate"}
    )


def studies(values: Mapping[str, Any], model: str) -> list[JobSpec]:
    """The model that remembers beside the one that learns: on one picture, and on many."""
    return [compared_spec(values, model), errors_spec(model)]


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Samples as in lesson A6, then looks for the nearest training pictures of every x̂₀ and of the results.

    Arrays besides those of `lessons.denoising.run`: step_nearest int64, step_mirrored bool and step_distance float32
    (steps, B) of x̂₀ (with "compare": "raw", of x_t); final_distance (steps, B) to the picture that the result is nearest
    to; nearest int64 (B, 3), mirrored bool (B, 3), distance float32 (B, 3), relative float32 (B,) of the results.
    """
    trajectory = yield from denoising.run({k: v for k, v in params.items() if k != "compare"}, context)
    compared = trajectory["x_t" if params["compare"] == "raw" else "clean_hat"]
    steps, batch = compared.shape[:2]
    queries = torch.from_numpy(compared.astype(np.float32)).flatten(0, 1)
    along, which, turned = nearest(queries, 1)
    distance, found, mirrored = nearest(torch.from_numpy(trajectory["result"]), SHOWN)
    ends = training_tensor()[found[:, 0]].float() / 127.5 - 1  # (B, 3, 64, 64)
    ends = torch.where(mirrored[:, :1, None, None], ends.flip(-1), ends)
    to_end = (queries.unflatten(0, (steps, batch)) - ends).square().mean(dim=(2, 3, 4)).sqrt()
    arrays = {
        "step_nearest": which.view(steps, batch).numpy(),
        "step_mirrored": turned.view(steps, batch).numpy(),
        "step_distance": along.view(steps, batch).numpy(),
        "final_distance": to_end.numpy(),
        "nearest": found.numpy(),
        "mirrored": mirrored.numpy(),
        "distance": distance.numpy(),
        "relative": (distance[:, 0] / relative(found[:, 0])).numpy(),
    }
    return Trajectory({**trajectory.arrays, **arrays}, {**trajectory.meta, "params": dict(params)})


def nearest(pictures: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of pictures (B, 3, 64, 64) in [−1, 1]: the RMS distances (B, count) to the nearest training pictures, and which.

    The third says where the training picture lies nearer when it is mirrored, as training showed it every other time.
    """
    # In float64: |x|² − 2 x·y + |y|² of two equal pictures is 0 only to the last bits of 12,288.
    unit = (pictures.double() + 1) / 2
    either = [nearest_pictures(queries, training_tensor(), count) for queries in (unit, unit.flip(-1))]
    distance, found = (torch.cat(both, dim=1) for both in zip(*either, strict=True))  # (B, 2·count)
    distance, order = distance.sort(dim=1, stable=True)
    found = found.gather(1, order)
    # A picture may be there twice, as it is and mirrored: the further one is struck out.
    again = (found[:, :, None] == found[:, None, :]).tril(diagonal=-1).any(dim=2)  # (B, 2·count)
    first = again.int().argsort(dim=1, stable=True)[:, :count]  # each picture once, still the nearest first
    rms = 2 * distance / pictures[0].numel() ** 0.5
    return rms.gather(1, first).float(), found.gather(1, first), order.gather(1, first) >= count


def relative(rows: Tensor) -> Tensor:
    """For training pictures (B,): how far their own 50 nearest neighbours in the training set lie, in the mean (B,)."""
    distance, *_ = nearest(training_tensor()[rows].float() / 127.5 - 1, AROUND + 1)
    return distance[:, 1:].mean(dim=1)  # the nearest of all is the picture itself


@lru_cache(maxsize=1)
def training() -> EmojiPictures:
    """The training pictures."""
    return load_emoji_pictures("training")


@lru_cache(maxsize=1)
def training_tensor() -> Tensor:
    """Their pixels, uint8 (N, 3, 64, 64)."""
    return torch.from_numpy(training().pixels).permute(0, 3, 1, 2).contiguous()


@lru_cache(maxsize=1)
def reference_distances() -> dict[str, np.ndarray]:
    """RMS distances to the nearest training picture, ascending: of held-out pictures, of 120 training ones to others."""
    heldout = torch.from_numpy(load_emoji_pictures("heldout").pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    among = training_tensor()[:: len(training_tensor()) // 120].float() / 127.5 - 1
    return {
        "heldout": np.sort(nearest(heldout, 1)[0][:, 0].numpy()),
        "training": np.sort(nearest(among, 2)[0][:, 1].numpy()),  # the nearest is the picture itself
    }
