"""A10: one picture, two readings: upright, and through a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from core.compute.context import JobContext, JobEvents
from core.diffusion import Step, estimate_clean
from core.guidance import Anagram, Estimator
from core.jobs import JobSpec
from core.media import to_pixels
from core.trajectory import Trajectory
from core.views import VIEWS, Jigsaw, View
from lessons.branching import BRANCHES
from lessons.denoising import Column, guided
from lessons.editing import MAX_SAMPLES, NUM_STEPS, from_noise, samples, second_columns, set_up
from lessons.fields import Choice, Number, Text, seed_field
from lessons.grid import GRIDS
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.pairs import ANAGRAM_COURSE, ANAGRAM_SHOWN, PANDA, suggestions
from lessons.wrong_edits import NotTurnedBack

VIEW_LABELS = {
    "flip": "Flip upside down",
    "rotate 180": "Half turn",
    "rotate 90": "Quarter turn",
    "negative": "Negative",
    "jigsaw": "Jigsaw 4 × 4",
    "identity": "Identity",
    "half contrast": "Half contrast: does not preserve the noise",
    "tilt 30": "Tilt by 30°: does not preserve the noise",
}

CALLED = {  # what a view does to a picture, in a word above it
    "flip": "flipped", "rotate 180": "turned", "rotate 90": "turned", "negative": "in negative", "jigsaw": "rearranged",
    "identity": "the same", "half contrast": "at half contrast", "tilt 30": "tilted",
}  # fmt: skip

# Both readings large, side by side: of a pair that it knows the small model draws every noise alike.
ONE = {"count": 1}

LESSON = Lesson(
    code="A10",
    slug="visual_anagrams",
    title="Visual anagrams",
    pinnable=True,
    branches=("seed",),
    sweeps=("gamma1", "gamma2", "view", "p1", "p2", "seed"),
    fields=(
        Text("p1", "Prompt upright, p₁", PANDA.one, suggestions=suggestions(ANAGRAM_SHOWN)),
        Text("p2", "Prompt turned, p₂", PANDA.two, suggestions=suggestions(ANAGRAM_SHOWN)),
        Choice("view", "View", "flip", "How the picture is turned for the second reading.", tuple(VIEWS),
               tuple(VIEW_LABELS[name] for name in VIEWS)),
        Number("gamma1", "Guidance γ₁", 4.0, "For the upright reading.", maximum=15, step=0.5, integer=False),
        Number("gamma2", "Guidance γ₂", 4.0, "For the turned reading.", maximum=15, step=0.5, integer=False),
        Number("count", "Samples", 3, "Each from its own noise.", minimum=1, maximum=MAX_SAMPLES),
        seed_field(PANDA.seed),
    ),
    opens={**ANAGRAM_SHOWN[0].values, **ONE},
    presets=(
        *(Preset(f"pair{k}", pair.label, {**pair.values, **ONE}) for k, pair in enumerate(ANAGRAM_SHOWN)),
        *(Preset(f"course{k}", f"Course: {pair.label}", {**pair.values, **ONE}) for k, pair in enumerate(ANAGRAM_COURSE)),
    ),
    question=Question(
        "Turning it is one view. Another is “Half contrast”: for the second reading all values are halved, and doubled "
        "again afterwards, exactly. Will that anagram work?",
        ("Yes: the map can be undone without loss", "No: the noise in xₜ is halved too, and the network is told t",
         "Yes, but with half the colours"),
        answer=1,
        because="At t the network expects noise of a certain strength. Seen through this view the noise is half as strong, "
        "so its estimate is wrong, and doubling it doubles the error. A view must map noise to noise.",
        reveal={"view": "half contrast"},
    ),
    variants=(
        Variant("not_turned_back", "Not turned back",
                "The second estimate, ε₂, is averaged where it lies in the turned picture.",
                "The two estimates speak of different pixels; neither reading appears."),
    ),
    shows=("core.guidance:Anagram", "core.views:Flip", "core.views:Jigsaw", "lessons.visual_anagrams:run"),
    jobs={"anagram": "lessons.visual_anagrams:run", **BRANCHES, **GRIDS},
    spec="lessons.visual_anagrams:spec",
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """`count` anagrams of the same pair, each from its own noise."""
    return JobSpec("anagram", {
        "model": model, "num_steps": NUM_STEPS, "view": values["view"], "variant": variant,
        "columns": samples(values["p1"], values, scale="gamma1"),
        "second": {"prompt": values["p2"], "guidance_scale": values["gamma2"]},
    })  # fmt: skip


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Two guided estimates a step, of the picture and of the turned picture, averaged."""
    bench = set_up(params, context)
    turned = guided(bench.model, second_columns(bench, params), "")
    view = VIEWS[params["view"]]
    combine = NotTurnedBack if params["variant"] == "not_turned_back" else Anagram
    readings: dict[str, list[np.ndarray]] = {"clean_1": [], "clean_2": []}

    def both_readings(step: Step) -> dict[str, np.ndarray]:
        for name, eps in (("clean_1", "eps_1"), ("clean_2", "eps_2")):
            clean_hat = estimate_clean(step.x_t, step.estimate.parts[eps], step.t, bench.schedule)
            readings[name].append(clean_hat.float().cpu().numpy().astype(np.float16))
        return {"turned": to_pixels(seen(step.clean_hat.float().cpu().numpy(), view))}

    def estimate(columns: Sequence[Column]) -> Estimator:
        return combine(guided(bench.model, columns, ""), turned, view)

    trajectory = yield from from_noise(bench, estimate, params, more=both_readings)
    arrays = dict(trajectory.arrays) | {name: np.stack(frames) for name, frames in readings.items()}
    return Trajectory(arrays, trajectory.meta)


def seen(pictures: np.ndarray, view: View) -> np.ndarray:
    """Pictures (..., 3, H, W) through a view, float32."""
    flat = torch.from_numpy(pictures.astype(np.float32).reshape(-1, *pictures.shape[-3:]))
    return view.forward(flat).reshape(pictures.shape).numpy()


def order(view: View) -> list[int]:
    """Of a jigsaw: which square of the picture lies at each place afterwards, in reading order; of others nothing."""
    if not isinstance(view, Jigsaw):
        return []
    squares = np.arange(view.grid**2).reshape(1, view.grid, view.grid)
    return seen(squares, view).astype(int).ravel().tolist()


def cosine(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """The cosine of the angle between two estimates, (..., C, H, W) each, as vectors: 1 agree, 0 unrelated."""
    one, two = (x.astype(np.float64).reshape(*x.shape[:-3], -1) for x in (one, two))
    return (one * two).sum(-1) / (np.linalg.norm(one, axis=-1) * np.linalg.norm(two, axis=-1))
