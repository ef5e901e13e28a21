"""A0: prompts, steps, seeds, and what the network gets to see of a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.compute.context import JobContext, JobEvents
from core.jobs import Frame, JobSpec
from core.trajectory import Trajectory
from lessons.branching import BRANCHES, PART_A
from lessons.fields import Number, Text, seed_field
from lessons.grid import GRIDS
from lessons.lesson import Lesson, Preset, Question
from lessons.loading import load_model
from lessons.prompts import FACE, NULL_LIKE, STYLES, SUGGESTIONS, TRIO

LESSON = Lesson(
    code="A0",
    slug="meet_the_model",
    title="Meet the model",
    pinnable=True,
    branches=PART_A,
    sweeps=("p1", "steps", "gamma", "seed"),
    fields=(
        *(
            Text(f"p{k + 1}", f"Prompt {k + 1}", prompt, suggestions=SUGGESTIONS)
            for k, prompt in enumerate(TRIO)
        ),
        Number("steps", "Steps", 20, "How many times the network is asked.", minimum=5, maximum=100),
        Number(
            "gamma", "Guidance γ", 4.0, "Lesson A6 says what this is.", maximum=20, step=0.5, integer=False
        ),
        seed_field(),
    ),
    presets=(
        Preset("reference", "20 steps"),
        Preset("hundred", "100 steps", {"steps": 100}),
        Preset("styles", "One face, three styles", {"p1": STYLES[0], "p2": STYLES[1], "p3": STYLES[2], "seed": 1}),
        Preset("empty", "From no prompt to one", {"p1": "", "p2": NULL_LIKE, "p3": FACE}),
    ),
    question=Question(
        "The model has made a picture in 20 steps. You ask for 100, with the same seed. What do you get?",
        (
            "The same picture, only sharper",
            "The same object, with other grain and small differences",
            "The same picture, pixel for pixel",
        ),
        answer=1,
        because="Both runs begin with the same noise, so object, place and outline are alike. But every step adds fresh "
        "noise, and 100 steps need more of it, at other times, than 20: grain and small parts come out differently.",
        reveal={"steps": 100},
    ),
    shows=(
        "core.pretrained:TextToImageModel", "core.guidance:ClassifierFree", "core.diffusion:iterative_denoise",
        "core.diffusion:draw_noise", "core.diffusion:estimate_clean", "core.diffusion:denoise_step",
        "lessons.denoising:run", "lessons.forking:loop", "lessons.meet_the_model:embed",
    ),
    jobs={"denoise": "lessons.denoising:run", "embed": "lessons.meet_the_model:embed",
          "inside": "lessons.inside:run", **BRANCHES, **GRIDS},
    spec="lessons.meet_the_model:spec",
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str) -> JobSpec:
    """Three prompts under the same starting noise, as one batch."""
    columns = [
        {"prompt": values[name], "seed": values["seed"], "guidance_scale": values["gamma"]}
        for name in ("p1", "p2", "p3")
    ]
    return JobSpec("denoise", {"model": model, "num_steps": values["steps"], "columns": columns})


def embed_spec(values: Mapping[str, Any], model: str) -> JobSpec:
    """The embeddings of the three prompts."""
    return JobSpec("embed", {"model": model, "prompts": [values["p1"], values["p2"], values["p3"]]})


def inside_spec(values: Mapping[str, Any], model: str) -> JobSpec:
    """The network's parts in the middle of the first prompt's run."""
    column = {"prompt": values["p1"], "seed": values["seed"], "guidance_scale": values["gamma"]}
    return JobSpec("inside", {"model": model, "num_steps": values["steps"], "column": column})


def embed(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Tokens, and the embeddings (prompts, tokens, width) that the network is conditioned on."""
    model = load_model(params["model"], context)
    yield Frame(0, 1, {})
    embedding = model.embed(params["prompts"]).float().cpu().numpy()
    tokens = [model.tokens(prompt) for prompt in params["prompts"]]
    words = [model.count_tokens(prompt) for prompt in params["prompts"]]
    return Trajectory(
        {"embedding": embedding}, {"tokens": tokens, "untruncated": words, "limit": model.text_tokens}
    )
