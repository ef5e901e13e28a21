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
from lessons.image_to_image import I_STARTS, NOT_NOISED, edit_fields
from lessons.lesson import Lesson, Preset, Question
from lessons.prompts import FACE, SUGGESTIONS

CASTLE = "a 3d render of a castle"
GRADUAL = {"seed": 7, "i_starts": (1, 8, 12, 13, 20, 24)}  # of ten noises, the one that changes least at once

LESSON = Lesson(
    code="A9",
    slug="text_image_to_image",
    title="Text-guided image to image",
    card=5,
    pinnable=True,
    branches=PART_A,
    sweeps=("i_starts", "gamma", "prompt", "seed"),
    fields=(
        Text("prompt", "Prompt", CASTLE, suggestions=SUGGESTIONS),
        *edit_fields("house-with-garden", gamma=2.0, i_starts=(1, 8, 10, 12, 20, 24)),
    ),
    opens=GRADUAL,
    presets=(
        Preset("reference", "House → castle", GRADUAL),
        Preset("late", "Cat → grinning face",
               {"prompt": FACE, "picture": "cat-face", "i_starts": (10, 14, 17, 20, 24, 29)}),
        Preset("panda", "Raccoon → panda",
               {"prompt": "a 3d render of a panda", "picture": "raccoon", "i_starts": (1, 14, 17, 20, 24, 29)}),
        *(
            Preset(name, f"Course: {prompt}", {"prompt": prompt, "picture": "tower-at-sunset", "i_starts": I_STARTS})
            for name, prompt in {
                "pencil": "a pencil", "rocket": "a rocket ship", "village": "a snowy mountain village",
            }.items()
        ),
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
