"""A11: one picture that changes with the distance it is seen from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from core.compute.context import JobContext, JobEvents
from core.edits import GaussianLowpass
from core.guidance import Hybrid
from core.jobs import JobSpec
from lessons.branching import BRANCHES
from lessons.denoising import guided
from lessons.editing import MAX_SAMPLES, NUM_STEPS, from_noise, samples, second_columns, set_up
from lessons.fields import Choice, Number, Text, seed_field
from lessons.grid import GRIDS
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.pairs import HYBRID_COURSE, HYBRID_SHOWN, suggestions
from lessons.wrong_edits import NotCut

KERNELS = (5, 9, 17, 33, 63)
FIRST = HYBRID_SHOWN[0]

LESSON = Lesson(
    code="A11",
    slug="hybrid_images",
    title="Hybrid images",
    pinnable=True,
    branches=("seed",),
    sweeps=("sigma", "kernel", "gamma1", "gamma2", "p1", "p2", "seed"),
    fields=(
        Text("p1", "Prompt from afar (low frequencies)", FIRST.one, suggestions=suggestions(HYBRID_SHOWN)),
        Text("p2", "Prompt from near (high frequencies)", FIRST.two, suggestions=suggestions(HYBRID_SHOWN)),
        Number("sigma", "Low pass σ (pixels)", FIRST.more["sigma"],
               "The larger σ, the lower the frequency at which the bands part.",
               minimum=0.5, maximum=8, step=0.25, integer=False),
        Choice("kernel", "Kernel size (pixels)", "33", "How far the Gaussian is followed before it is cut off.",
               tuple(str(k) for k in KERNELS)),
        Number("gamma1", "Guidance γ, low", 4.0, "For the reading from afar.", maximum=15, step=0.5, integer=False),
        Number("gamma2", "Guidance γ, high", 4.0, "For the reading from near.", maximum=15, step=0.5, integer=False),
        Number("count", "Samples", 3, "Each from its own noise.", minimum=1, maximum=MAX_SAMPLES),
        seed_field(FIRST.seed),
    ),
    presets=(
        *(Preset(f"pair{k}", pair.label, pair.values) for k, pair in enumerate(HYBRID_SHOWN)),
        *(Preset(f"course{k}", f"Course: {pair.label}", pair.values) for k, pair in enumerate(HYBRID_COURSE)),
    ),
    question=Question(
        "You want the reading from near to take over already at a greater distance. Which way do you move σ?",
        ("Up: the low band gets narrower", "Down: the low band gets wider", "Neither: only the distance counts"),
        answer=0,
        because="A larger σ leaves the first prompt only the very coarsest patches and gives all the rest to the second, "
        "so that the second is still seen from further away.",
        reveal={"sigma": 4.0},
    ),
    variants=(
        Variant("not_cut", "Bands not cut", "ε = ε₁ + ε₂, both whole.",
                "The sum has twice the noise that is in xₜ; subtracting it throws the picture far out of its range."),
    ),
    shows=("core.guidance:Hybrid", "core.edits:GaussianLowpass", "lessons.hybrid_images:run"),
    jobs={"hybrid": "lessons.hybrid_images:run", **BRANCHES, **GRIDS},
    spec="lessons.hybrid_images:spec",
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """`count` hybrids of the same pair, each from its own noise."""
    return JobSpec("hybrid", {
        "model": model, "num_steps": NUM_STEPS, "kernel": int(values["kernel"]), "sigma": values["sigma"],
        "variant": variant, "columns": samples(values["p1"], values, scale="gamma1"),
        "second": {"prompt": values["p2"], "guidance_scale": values["gamma2"]},
    })  # fmt: skip


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Two guided estimates a step: the low frequencies of one and the high ones of the other."""
    bench = set_up(params, context)
    near = guided(bench.model, second_columns(bench, params), "")
    combine = NotCut if params["variant"] == "not_cut" else Hybrid
    lowpass = GaussianLowpass(params["kernel"], params["sigma"])
    return (
        yield from from_noise(
            bench, lambda columns: combine(guided(bench.model, columns, ""), near, lowpass), params
        )
    )


def gains(kernel: int, sigma: float, frequencies: list[float]) -> list[float]:
    """What the low pass leaves of a wave of f cycles a pixel, 0 .. 0.5, along one axis; the high pass leaves the rest.

    The discrete kernel's own response, not that of an endless Gaussian: a short kernel shows its ripple.
    """
    taps = GaussianLowpass(kernel, sigma).taps()
    places = torch.arange(kernel, dtype=torch.float64) - kernel // 2
    return [float((taps * torch.cos(2 * torch.pi * f * places)).sum()) for f in frequencies]


def crossover(sigma: float) -> float:
    """The wavelength in pixels at which both bands get half: exp(-sigma^2 w^2 / 2) = 1/2, wavelength 2 pi / w."""
    return float(2 * torch.pi * sigma / (2 * torch.log(torch.tensor(2.0))) ** 0.5)
