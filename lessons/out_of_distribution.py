"""B3: the denoiser at noise levels that it has not been trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.jobs import JobSpec
from lessons.denoising_digits import DigitRef
from lessons.fields import Numbers, seed_field
from lessons.lesson import Lesson, Preset, Question
from lessons.networks import AUTO, NetworkChoice

LEVELS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0)

LESSON = Lesson(
    code="B3",
    slug="out_of_distribution",
    title="Out of distribution",
    fields=(
        NetworkChoice("network", "Network", AUTO, presets=("b2",)),
        DigitRef("digit", "Test digit", "3", "Its number among the 10,000 test digits."),
        Numbers("levels", "Noise levels σ", LEVELS, "Up to ten, from 0 to 3: 0; 0.5; 1.", maximum=3, max_count=10),
        seed_field(),
    ),
    presets=(
        Preset("reference", "σ = 0 … 1"),
        Preset("low", "Little noise", {"levels": (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)}),
        Preset("high", "Much noise", {"levels": (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)}),
        Preset("another", "Another digit", {"digit": "61"}),
    ),
    question=Question(
        "The network was trained on σ = 0.5 alone. It is given a digit without any noise. What does it answer?",
        ("The digit, unchanged", "A digit close to it, with strokes altered", "Noise"),
        answer=1,
        because="It has never seen a clean digit, and takes off noise that is not there: edges and thin strokes are treated "
        "as if they were partly noise. The error at σ = 0 is small, but it is not zero.",
        reveal={"levels": (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)},
    ),
    shows=("lessons.denoising_digits:denoise", "core.networks.mnist_unet:UnconditionalUNet", "core.oracle:denoise_exactly"),
    jobs={"denoise_digits": "lessons.denoising_digits:denoise"},
    spec="lessons.out_of_distribution:spec",
    black=0.0,
)  # fmt: skip


def spec(values: Mapping[str, Any], networks: Sequence[Mapping[str, str]]) -> JobSpec:
    """One digit at the noise levels, through the network at its checkpoints."""
    return JobSpec("denoise_digits", {
        "networks": [dict(network) for network in networks], "digits": [values["digit"]],
        "sigmas": list(values["levels"]), "seed": values["seed"],
    })  # fmt: skip
