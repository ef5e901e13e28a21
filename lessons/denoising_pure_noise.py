"""B4: a denoiser that is given nothing but noise learns the mean digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.jobs import JobSpec
from lessons.fields import seed_field
from lessons.lesson import Lesson, Preset, Question
from lessons.networks import AUTO, NetworkChoice
from lessons.training_fields import SMALL_AND_FAST, TRAINS, training_fields

COUNT = 6

LESSON = Lesson(
    code="B4",
    slug="denoising_pure_noise",
    title="Denoising pure noise",
    fields=(
        NetworkChoice("network", "Network", AUTO, presets=("b4",)),
        seed_field(),
        *training_fields("b4"),
    ),
    presets=(
        Preset("reference", "The course’s numbers"),
        Preset("small", "A small network", SMALL_AND_FAST),
        Preset("other_noise", "Other noises", {"seed": 1}),
    ),
    question=Question(
        "The network is trained to turn pure noise into training digits. Then it gets six noises. What comes out?",
        ("Six different digits", "Six times the same blur", "Noise"),
        answer=1,
        because="The noise says nothing about which digit it was paired with, so the best answer to every noise is the "
        "mean of all digits. It is the same blur every time.",
        reveal={"seed": 1},
    ),
    shows=("core.training:pure_noise_loss", "core.training:train", "lessons.denoising_digits:pure_noise",
           "lessons.denoising_digits:variance_around",
           "core.oracle:posterior"),
    jobs={**TRAINS, "pure_noise": "lessons.denoising_digits:pure_noise"},
    spec="lessons.denoising_pure_noise:spec",
    black=0.0,
)  # fmt: skip


def spec(values: Mapping[str, Any], networks: Sequence[Mapping[str, str]]) -> JobSpec:
    """COUNT noises through the network at its checkpoints."""
    return JobSpec("pure_noise", {
        "networks": [dict(network) for network in networks], "seed": values["seed"], "count": COUNT,
    })  # fmt: skip
