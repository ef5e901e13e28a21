"""B8: the flow is told which digit it is to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.jobs import JobSpec
from lessons.branching import BRANCHES
from lessons.fields import Number, seed_field
from lessons.flow_sampling import flow_spec
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.networks import AUTO, NetworkChoice
from lessons.training_fields import CONSTANT, SMALL, TRAINS, training_fields
from lessons.wrong_flows import OTHER_CLOCK

ASKED = (*range(10), None)  # the last is told no class
READ = {"seed": 11}  # a noise of which everybody can read all ten

LESSON = Lesson(
    code="B8",
    slug="class_conditioning",
    title="Class conditioning",
    card=26,
    branches=("digit", "gamma", "solver"),
    fields=(
        NetworkChoice("network", "Network", AUTO, presets=("b8", "b8-constant")),
        Number("gamma", "Guidance γ", 1.0, "1 uses the class as it stands; lesson B9 is about more.",
               maximum=10, step=0.5, integer=False),
        Number("steps", "Steps T", 100, "Euler steps from noise to digit.", minimum=1, maximum=1000),
        seed_field(13),
        *training_fields("b8"),
    ),
    opens=READ,
    presets=(
        Preset("reference", "The course’s numbers", READ),
        Preset("constant", "Without the scheduler", {"decay": CONSTANT, **READ}),
        Preset("small", "A small network", {**SMALL, **READ}),
        Preset("unconditional", "γ = 0: no class", {"gamma": 0.0, **READ}),
    ),
    question=Question(
        "One noise, ten classes: what will the ten pictures of a row have in common?",
        ("Nothing: ten different digits", "Slant and thickness of the stroke", "Their upper half"),
        answer=1,
        because="The class decides which digit it is. What the class leaves open, such as slant, thickness and place, comes "
        "from the noise, and all columns start from the same one.",
    ),
    variants=(
        Variant("wrong_sign", "Away from the class", "The velocity is u_u − γ(u_c − u_u).",
                "Each picture is pushed away from its class: it becomes some other digit, or none."),
        OTHER_CLOCK,
    ),
    shows=(
        "core.training:class_flow_loss", "core.networks.mnist_unet:ClassConditionedUNet",
        "core.training_settings:LoopSettings.learning_rate_at", "core.training:train", "lessons.flow_sampling:run",
    ),
    jobs={**TRAINS, "flow": "lessons.flow_sampling:run", **BRANCHES},
    spec="lessons.class_conditioning:spec",
    black=0.0,
    minutes=8,
)  # fmt: skip


def spec(
    values: Mapping[str, Any], networks: Sequence[Mapping[str, str]], variant: str | None = None
) -> JobSpec:
    """The ten digits and no class, each from the same noise, through the network at up to three ages."""
    return flow_spec(
        values,
        networks,
        variant,
        count=len(ASKED),
        same_noise=True,
        classes=list(ASKED),
        guidance_scale=values["gamma"],
    )
