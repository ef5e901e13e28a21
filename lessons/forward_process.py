"""A1: noise is added in closed form, at any t at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from core.compute.context import JobContext, JobEvents
from core.diffusion import add_noise, draw_noise
from core.jobs import Frame, JobSpec
from core.schedule import NoiseSchedule
from core.trajectory import Trajectory
from lessons.fields import Number, PictureRef, seed_field
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.loading import load_reference, load_schedule
from lessons.wrong import wrong_schedule

TIMESTEPS = (*range(0, 1000, 25), 999)
MARKED = (250, 500, 750)

LESSON = Lesson(
    code="A1",
    slug="forward_process",
    title="The forward process",
    fields=(
        PictureRef("picture", "Picture", "tropical-fish"),
        Number("t", "Timestep t", 500, "0 is the clean picture, 999 is noise.", maximum=999, step=25),
        seed_field(),
    ),
    presets=(
        *(Preset(f"t{t}", f"t = {t}", {"t": t}) for t in MARKED),
        Preset("t950", "t = 950: lost to the eye", {"t": 950}),
    ),
    question=Question(
        "t = 500 is half of the way. Which has the larger weight there, the picture (√ᾱ) or the noise (√(1−ᾱ))?",
        ("The picture", "Both are nearly equal", "The noise"),
        answer=1,
        because="On the cosine schedule ᾱ passes one half close to the middle, at t = 495. At t = 500 the weights are 0.70 "
        "for the picture and 0.71 for the noise.",
        reveal={"t": 500},
    ),
    variants=(
        Variant(
            "alpha", "α in place of ᾱ",
            "The factor of one single step is used where the product of all steps up to t belongs.",
            "At t = 500 the noise has the weight 0.06 in place of 0.71, and the picture stays recognisable until the last "
            "few steps: one step's noise is not the noise of all steps up to t.",
        ),
    ),
    shows=(
        "core.diffusion:add_noise", "core.diffusion:draw_noise", "core.schedule:NoiseSchedule",
        "lessons.forward_process:compute", "lessons.wrong:wrong_schedule",
    ),
    jobs={"forward": "lessons.forward_process:run"},
    spec="lessons.forward_process:spec",
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """What the exported notebook computes; the page calls `compute` itself. t only chooses the frame."""
    return JobSpec(
        "forward", {"model": model, "picture": values["picture"], "seed": values["seed"], "variant": variant}
    )


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """`compute` as a job: there is no network in it, so there is nothing to wait for."""
    schedule = load_schedule(params["model"])
    clean = load_reference(params["picture"], context).numpy()  # (3, H, W)
    yield Frame(0, 1, {})
    return compute(clean, schedule, params["seed"], params["variant"])


def compute(clean: np.ndarray, schedule: NoiseSchedule, seed: int, variant: str | None = None) -> Trajectory:
    """x_t and its two terms at every t of TIMESTEPS, under the same noise. `clean`: (3, H, W) in [-1, 1]."""
    if variant == "alpha":
        schedule = wrong_schedule(schedule)
    picture = torch.from_numpy(clean)[None]  # (1, 3, H, W)
    noise = draw_noise(picture, [torch.Generator().manual_seed(seed)])
    x_t = torch.stack([add_noise(picture, noise, t, schedule) for t in TIMESTEPS])  # (steps, 1, 3, H, W)
    signal = torch.stack([schedule.signal(t) * picture for t in TIMESTEPS])
    rest = torch.stack([schedule.sigma(t) * noise for t in TIMESTEPS])
    numbers = [
        {"t": t, "signal": schedule.signal(t), "sigma": schedule.sigma(t), "snr": schedule.snr(t)}
        for t in TIMESTEPS
    ]
    arrays = {"x_t": x_t, "signal": signal, "noise": rest}
    return Trajectory({name: a.numpy() for name, a in arrays.items()}, {"steps": numbers, "seed": seed})


def nearest_frame(t: int, timesteps: Sequence[int] = TIMESTEPS) -> int:
    """The frame whose timestep lies nearest to t."""
    return int(np.argmin([abs(t - s) for s in timesteps]))
