"""B2: a network that takes noise off a digit in one step, trained from nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.jobs import JobSpec
from lessons.denoising_digits import DRAWING, TEST_DIGITS, DigitRef
from lessons.fields import Number, seed_field
from lessons.lesson import Lesson, Preset, Question
from lessons.networks import AUTO, NetworkChoice
from lessons.training_fields import SMALL_AND_FAST, TRAINS, training_fields

SIGMAS = tuple(round(0.05 * k, 2) for k in range(31))  # 0, 0.05, ..., 1.5
COUNT = 5

LESSON = Lesson(
    code="B2",
    slug="one_step_denoiser",
    title="A one-step denoiser",
    fields=(
        NetworkChoice("network", "Network", AUTO, presets=("b2",)),
        DigitRef("digit", "First test digit", "0", "Its number among the 10,000; the four after it follow."),
        Number("level", "Noise σ", 0.5, "The scrubber’s place.", maximum=1.5, step=0.05, integer=False),
        seed_field(),
        *training_fields("b2"),
    ),
    presets=(
        Preset("reference", "The course’s numbers"),
        Preset("small", "A small network", SMALL_AND_FAST),
        Preset("little", "Trained on σ = 0.2", {**SMALL_AND_FAST, "sigma": 0.2}),
        Preset("others", "Other digits", {"digit": "120"}),
    ),
    question=Question(
        "At σ = 0.5: which makes the smaller error on test digits, the network or the exact mean over all training digits?",
        ("The exact mean: it is the optimum", "The network", "Both the same"),
        answer=1,
        because="The exact mean is optimal for the training digits alone, and can only mix those. A test digit is none of "
        "them. The network has learned strokes, and puts them together anew.",
        reveal={"level": 0.5},
    ),
    shows=(
        "core.training:denoising_loss", "core.networks.mnist_unet:UnconditionalUNet", "core.training:train",
        "core.oracle:posterior_mean_naive", "core.oracle:posterior", "lessons.denoising_digits:denoise",
    ),
    jobs={**TRAINS, "denoise_digits": "lessons.denoising_digits:denoise"},
    spec="lessons.one_step_denoiser:spec",
    black=0.0,
    minutes=8,
)  # fmt: skip


def digits_from(reference: str, count: int) -> list[str]:
    """A drawn digit alone, or a test digit and those after it."""
    if reference.startswith(DRAWING):
        return [reference]
    return [str((int(reference) + k) % TEST_DIGITS) for k in range(count)]


def spec(values: Mapping[str, Any], networks: Sequence[Mapping[str, str]]) -> JobSpec:
    """Five digits at all noise levels, through the network at its checkpoints."""
    return JobSpec("denoise_digits", {
        "networks": [dict(network) for network in networks], "digits": digits_from(values["digit"], COUNT),
        "sigmas": list(SIGMAS), "seed": values["seed"],
    })  # fmt: skip


def nearest_frame(level: float) -> int:
    """The frame of the noise level."""
    return min(range(len(SIGMAS)), key=lambda k: abs(SIGMAS[k] - level))
