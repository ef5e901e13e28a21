"""B6: a network learns the velocity that leads from noise to digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.jobs import JobSpec
from lessons.branching import BRANCHES
from lessons.fields import Number, seed_field
from lessons.flow_sampling import flow_spec
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.networks import AUTO, NetworkChoice
from lessons.training_fields import SMALL, TRAINS, training_fields
from lessons.wrong_flows import OTHER_CLOCK

COUNT = 8

LESSON = Lesson(
    code="B6",
    slug="time_conditioned_flow",
    title="Training a flow",
    card=23,
    branches=("solver",),
    fields=(
        NetworkChoice("network", "Network", AUTO, presets=("b6", "b6-slow")),
        Number("steps", "Steps T", 300, "Euler steps from noise to digit.", minimum=1, maximum=1000),
        seed_field(44),
        *training_fields("b6"),
    ),
    presets=(
        Preset("reference", "The course's numbers"),
        Preset("small", "A small network", SMALL),
        Preset("slower", "Learning rate 0.002", {"network": "b6-slow", "learning_rate": 0.002}, ships=True),
        Preset("too_fast", "Learning rate 0.1", {"learning_rate": 0.1}),
        Preset("few_steps", "T = 5", {"steps": 5}),
    ),
    question=Question(
        "The loss of a trained flow is compared with that of a perfect one. Where does the perfect one’s loss end?",
        ("At zero", "Well above zero", "It has no lower limit"),
        answer=1,
        because="Many pairs of noise and digit pass through the same x_t, each with its own velocity. The network can "
        "answer only with their mean, so the spread around it remains in the loss, however good the network is.",
    ),
    variants=(
        OTHER_CLOCK,
        Variant("frozen_clock", "t stays 0", "The network is told t = 0 at every step.",
                "It answers as if all were still noise: every velocity points to the mean digit."),
    ),
    shows=(
        "core.training:flow_loss", "core.training:train", "core.flow:integrate",
        "core.networks.mnist_unet:TimeConditionedUNet", "lessons.flow_sampling:run",
    ),
    jobs={**TRAINS, "flow": "lessons.flow_sampling:run", **BRANCHES},
    spec="lessons.time_conditioned_flow:spec",
    black=0.0,
    minutes=8,
)  # fmt: skip


def spec(
    values: Mapping[str, Any], networks: Sequence[Mapping[str, str]], variant: str | None = None
) -> JobSpec:
    """The same noises through the network after its first, middle and last epoch."""
    return flow_spec(values, networks, variant, count=COUNT)
