"""A1: noise is added in closed form, at any t at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from core.diffusion import add_noise, draw_noise
from core.schedule import NoiseSchedule
from core.trajectory import Trajectory
from lessons.fields import Number, PictureRef, seed_field
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.wrong import wrong_schedule

TIMESTEPS = (*range(0, 1000, 25), 999)
MARKED = (250, 500, 750)

LESSON = Lesson(
    code="A1",
    slug="forward_process",
    title="The forward process",
    fields=(
        PictureRef("picture", "Picture", "tower-at-sunset"),
        Number("t", "Timestep t", 500, "0 is the clean picture, 999 is noise.", maximum=999, step=25),
        seed_field(),
    ),
    presets=tuple(Preset(f"t{t}", f"t = {t}", {"t": t}) for t in MARKED),
    question=Question(
        "At t = 500, half of the way, how much of the picture is left? Compare the weight of the picture, √ᾱ, with the "
        "weight of the noise, √(1−ᾱ).",
        ("More picture than noise", "As much of each", "More noise than picture"),
        answer=1,
        because="With this model's cosine schedule ᾱ is close to one half at t = 500, so both weights are close to 0.71.",
        reveal={"t": 500},
    ),
    variants=(
        Variant(
            "alpha", "α in place of ᾱ",
            "The factor of one single step is used where the product of all steps up to t belongs.",
            "The picture stays almost clean until the very end: one step's noise is not the noise of five hundred.",
        ),
    ),
    shows=("core.diffusion:add_noise", "core.schedule:NoiseSchedule"),
)  # fmt: skip


def compute(clean: np.ndarray, schedule: NoiseSchedule, seed: int, variant: str | None = None) -> Trajectory:
    """x_t and its two terms at every t of TIMESTEPS, under the same noise. `clean`: (3, H, W) in [-1, 1]."""
    if variant == "alpha":
        schedule = wrong_schedule(schedule)
    picture = torch.from_numpy(clean)[None]  # (1, 3, H, W)
    noise = draw_noise(picture, [torch.Generator().manual_seed(seed)])
    x_t = torch.stack([add_noise(picture, noise, t, schedule) for t in TIMESTEPS])  # (steps, 1, 3, H, W)
    signal = torch.stack([schedule.signal(t) * picture for t in TIMESTEPS])
    rest = torch.stack([schedule.sigma(t) * noise for t in TIMESTEPS])
    numbers = [{"t": t, "signal": schedule.signal(t), "sigma": schedule.sigma(t), "snr": schedule.snr(t)} for t in TIMESTEPS]
    arrays = {"x_t": x_t, "signal": signal, "noise": rest}
    return Trajectory({name: a.numpy() for name, a in arrays.items()}, {"steps": numbers, "seed": seed})


def nearest_frame(t: int, timesteps: Sequence[int] = TIMESTEPS) -> int:
    """The frame whose timestep lies nearest to t."""
    return int(np.argmin([abs(t - s) for s in timesteps]))
