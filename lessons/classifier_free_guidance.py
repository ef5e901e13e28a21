"""A6: the difference that the prompt makes, multiplied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.jobs import JobSpec
from lessons.branching import BRANCHES, PART_A
from lessons.denoising import MAX_COLUMNS
from lessons.fields import BadValue, Choice, Number, Numbers, Text, seed_field
from lessons.grid import GRIDS
from lessons.judged_guidance import KIND as JUDGED
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.prompts import FACE, SUGGESTIONS, UNCONDITIONAL

# What stands in the place of the empty prompt, by the variant's name; the second is for other models (any_model.py).
WRONG_UNCONDITIONAL = {
    "wrong_unconditional": "a flat icon of a taxi",
    "wrong_unconditional_dog": "a photo of a dog",
}

DOG = "a photo of a dog"  # the model was shown four kinds
DOGS = {
    "prompt": DOG,
    "gammas": (0.0, 1.0, 7.0, 12.0),
    "count": 2,
    "seed": 2,
}  # two noises that become the same dog one γ after the other

LESSON = Lesson(
    code="A6",
    slug="classifier_free_guidance",
    title="Classifier-free guidance",
    card=3,
    pinnable=True,
    branches=PART_A,
    sweeps=("gammas", "prompt", "limit", "seed"),
    fields=(
        Text("prompt", "Prompt", FACE, suggestions=SUGGESTIONS),
        Numbers("gammas", "Guidance scales γ", (0.0, 1.0, 3.0, 7.0, 12.0), "Up to six from 0 to 30: 0; 1; 7.5.", maximum=30),
        Number("count", "Samples of each", 1, "Each sample has its own noise, shared by all γ.", minimum=1, maximum=6),
        Choice("limit", "x̂₀ beyond ±1 is", "clip",
               "Cut off: every value outside [−1, 1] becomes the nearer end. Scaled: all are divided by the size that 95 % "
               "of them keep to, 1.5 at most (dynamic thresholding).",
               ("clip", "dynamic"), ("cut off", "scaled")),
        seed_field(),
    ),
    opens=DOGS,
    presets=(
        Preset("dogs", "2 dogs at γ = 0, 1, 7, 12", DOGS),
        Preset("reference", "γ = 0, 1, 3, 7, 12"),
        Preset("five", "5 samples at γ = 7", {"gammas": (7.0,), "count": 5}),
        Preset("unguided", "5 dogs at γ = 1", {"prompt": DOG, "gammas": (1.0,), "count": 5}),
        Preset("alike", "5 dogs at γ = 12", {"prompt": DOG, "gammas": (12.0,), "count": 5}),
        Preset("fine", "γ between 0 and 3", {"gammas": (0.0, 0.5, 1.0, 2.0, 3.0)}),
        Preset("scaled", "γ = 7 and 12, scaled", {"gammas": (7.0, 12.0), "limit": "dynamic"}),
    ),
    question=Question(
        "Every γ starts from the same noise. Which picture of a row does not depend on the prompt at all?",
        ("γ = 0", "γ = 1", "None: the prompt is always used"),
        answer=0,
        because=r"At γ = 0 the estimate is $\varepsilon_u$ alone. At γ = 1 it is $\varepsilon_c$ alone: plain conditional "
        "sampling, no guidance.",
        reveal={"gammas": (0.0, 1.0, 3.0)},
    ),
    variants=(
        Variant("wrong_unconditional", "Wrong unconditional prompt",
                f"“{WRONG_UNCONDITIONAL['wrong_unconditional']}” stands where the empty prompt belongs.",
                "γ = 0 now draws the taxi, γ = 1 draws what it drew before, and a larger γ moves away from taxis as well as "
                "towards the prompt. As a tool this is called a negative prompt; as a mistake it is easily overlooked."),
    ),
    shows=(
        "core.guidance:ClassifierFree", "core.guidance:Conditional", "lessons.denoising:guided",
        "core.diffusion:iterative_denoise",
        "core.diffusion:estimate_clean", "core.diffusion:DynamicThreshold", "core.diffusion:denoise_step",
        "core.diffusion:draw_noise",
        "core.schedule:NoiseSchedule", "lessons.denoising:run", "lessons.forking:loop",
        "lessons.classifier_free_guidance:spec", "lessons.judged_guidance:run", "lessons.judged_guidance:judged",
        "core.object_judge:ObjectJudge", "core.judged_objects:JudgedObjects",
    ),
    jobs={"denoise": "lessons.denoising:run", JUDGED: "lessons.judged_guidance:run", **BRANCHES, **GRIDS},
    spec="lessons.classifier_free_guidance:spec",
    studies="lessons.judged_guidance:studies",
    minutes=6,
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """Every γ for every sample; a sample's noise is the same under every γ.

    Raises:
        BadValue: more pictures than one run may have.
    """
    columns = [
        {"prompt": values["prompt"], "seed": values["seed"] + k, "guidance_scale": gamma}
        for k in range(values["count"])
        for gamma in values["gammas"]
    ]
    if len(columns) > MAX_COLUMNS:
        raise BadValue(
            f"{len(values['gammas'])} scales × {values['count']} samples are {len(columns)} pictures; one run has at most "
            f"{MAX_COLUMNS}. Compare fewer scales, or fewer samples."
        )
    unconditional = UNCONDITIONAL if variant is None else WRONG_UNCONDITIONAL[variant]
    params: dict[str, Any] = {
        "model": model, "num_steps": 34, "columns": columns, "unconditional": unconditional,
    }  # fmt: skip
    if values["limit"] != "clip":
        params["limit"] = values["limit"]
    return JobSpec("denoise", params)
