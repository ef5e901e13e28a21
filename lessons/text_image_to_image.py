"""A9: image to image with a prompt that says what to make of the picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.jobs import JobSpec
from core.trajectory import Trajectory
from lessons import image_to_image
from lessons.branching import BRANCHES, PART_A
from lessons.editing import rms
from lessons.fields import Text
from lessons.grid import GRIDS
from lessons.image_to_image import NOT_NOISED, edit_fields
from lessons.lesson import Lesson, Preset, Question
from lessons.prompts import FACE, SUGGESTIONS

LESSON = Lesson(
    code="A9",
    slug="text_image_to_image",
    title="Text-guided image to image",
    card=5,
    pinnable=True,
    branches=PART_A,
    sweeps=("i_starts", "gamma", "prompt", "seed"),
    fields=(
        Text("prompt", "Prompt", FACE, suggestions=SUGGESTIONS),
        *edit_fields("cat-face", gamma=2.0),
    ),
    presets=(
        Preset("reference", "Cat → grinning face"),
        Preset("late", "Cat → grinning face, later starts", {"i_starts": (15, 20, 24, 27, 29, 31)}),
        Preset("apple", "Apple → grinning face", {"picture": "red-apple"}),
        Preset("house", "House → car", {"picture": "house-with-garden", "prompt": "a 3d render of an automobile"}),
        Preset("pencil", "Course: a pencil", {"prompt": "a pencil", "picture": "tower-at-sunset"}),
        Preset("rocket", "Course: a rocket ship", {"prompt": "a rocket ship", "picture": "tower-at-sunset"}),
        Preset("village", "Course: a snowy mountain village",
               {"prompt": "a snowy mountain village", "picture": "tower-at-sunset"}),
    ),
    question=Question(
        "The noisier the start, the less the result takes from the picture. What does it take longest?",
        ("Its outlines and textures", "Its large patches of colour", "Its meaning: what it is a picture of"),
        answer=1,
        because="Noise of equal strength at all frequencies covers the weak, fine detail first and the strong, coarse "
        "patches last. So an early start keeps at most where the large colours were, and the prompt says what they become.",
    ),
    variants=(NOT_NOISED,),
    shows=("core.edits:sdedit_start", "core.guidance:ClassifierFree", "lessons.image_to_image:run"),
    jobs={"edit": "lessons.image_to_image:run", **BRANCHES, **GRIDS},
    spec="lessons.text_image_to_image:spec",
    takes_pictures=True,
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """As A7, with the student's prompt."""
    return image_to_image.spec(values, model, variant, values["prompt"])


def distances(trajectory: Trajectory) -> list[float]:
    """How far each result is from the picture, root mean square in [0, 2], one number an i_start."""
    return rms(trajectory["result"] - trajectory["clean"]).tolist()


def starts(trajectory: Trajectory) -> np.ndarray:
    """The noised picture that each column began with, (columns, 3, H, W)."""
    begins = trajectory.meta["begins"]
    return np.stack([trajectory["x_t"][begin, k] for k, begin in enumerate(begins)])
