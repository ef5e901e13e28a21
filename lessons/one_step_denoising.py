"""A3: one evaluation of the network, at any noise level, against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from core.compute.context import JobContext, JobEvents
from core.diffusion import add_noise, draw_noise, estimate_clean
from core.guidance import Conditional
from core.jobs import Frame, JobSpec
from core.media import to_pixels
from core.trajectory import Trajectory
from lessons.denoising import EPS_RANGE
from lessons.fields import Number, PictureRef, Text, model_field, seed_field
from lessons.lesson import Lesson, Preset, Question
from lessons.loading import load_model, load_reference
from lessons.prompts import NULL_LIKE, SUGGESTIONS

TIMESTEPS = (25, *range(50, 1000, 50), 990)
MARKED = (250, 500, 750)

LESSON = Lesson(
    code="A3",
    slug="one_step_denoising",
    title="One-step denoising",
    pinnable=True,
    fields=(
        PictureRef("picture", "Picture", "pickup-truck"),
        Number(
            "t", "Timestep t", 500, "0 is the clean picture, 999 is noise.", minimum=25, maximum=990, step=25
        ),
        Text("prompt", "Prompt", NULL_LIKE, suggestions=SUGGESTIONS),
        seed_field(),
        model_field(),
    ),
    presets=(
        *(Preset(f"t{t}", f"t = {t}", {"t": t}) for t in MARKED),
        Preset("known", "A picture from the training set", {"picture": "tropical-fish"}),
        Preset("unlike", "A picture unlike the training pictures", {"picture": "tower-at-sunset"}),
        Preset("photograph", "A photograph", {"picture": "photo-cat"}),
        Preset("learner", "The photograph, by storybook64", {"picture": "photo-cat", "model": "storybook64"}),
    ),
    question=Question(
        "The network sees xₜ at t = 750, mostly noise, and has one try. How will its estimate of the clean picture look?",
        ("Sharp, but of something else", "Blurred: an average of all it could be", "Still noisy"),
        answer=1,
        because="Trained on squared error, the network tends to the mean of all clean pictures that could have led here. "
        "Their stripes and edges lie in different places, so their mean is blurred.",
        reveal={"t": 750},
    ),
    shows=(
        "lessons.one_step_denoising:run",
        "core.diffusion:add_noise",
        "core.diffusion:draw_noise",
        "core.guidance:Conditional",
        "core.diffusion:estimate_clean",
    ),
    jobs={"one-step": "lessons.one_step_denoising:run"},
    spec="lessons.one_step_denoising:spec",
)


def spec(values: Mapping[str, Any], model: str) -> JobSpec:
    """One estimate at every t of TIMESTEPS; t only chooses the frame, so it is no part of the job."""
    return JobSpec("one-step", {"model": model, **{k: values[k] for k in ("picture", "prompt", "seed")}})


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Noise, estimate and their difference at every t of TIMESTEPS, under the same noise."""
    model = load_model(params["model"], context)
    clean = load_reference(params["picture"], context).to(model.device, model.dtype)[None]  # (1, 3, H, W)
    noise = draw_noise(clean, [torch.Generator().manual_seed(params["seed"])])
    estimate_noise = Conditional(model, model.embed([params["prompt"]]))
    kept: dict[str, list[np.ndarray]] = {"x_t": [], "clean_hat": [], "eps": []}
    for index, t in enumerate(TIMESTEPS):
        x_t = add_noise(clean, noise, t, model.schedule)
        eps = estimate_noise(x_t, t).eps
        for name, tensor in (
            ("x_t", x_t),
            ("clean_hat", estimate_clean(x_t, eps, t, model.schedule)),
            ("eps", eps),
        ):
            kept[name].append(tensor.float().cpu().numpy())
        yield Frame(index, len(TIMESTEPS), {
            "x_t": to_pixels(kept["x_t"][-1]),
            "clean_hat": to_pixels(kept["clean_hat"][-1]),
            "eps": to_pixels(kept["eps"][-1], low=-EPS_RANGE, high=EPS_RANGE),
        })  # fmt: skip
    arrays = {name: np.stack(frames) for name, frames in kept.items()}  # (steps, 1, 3, H, W)
    arrays |= {"clean": clean.float().cpu().numpy(), "noise": noise.float().cpu().numpy()}
    return Trajectory(arrays, {"timesteps": list(TIMESTEPS), "params": dict(params)})
