"""A2: what a Gaussian blur can do against noise, and what it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from core.compute.context import JobContext, JobEvents
from core.diffusion import add_noise, draw_noise
from core.edits import GaussianLowpass
from core.jobs import Frame, JobSpec
from core.schedule import NoiseSchedule
from core.trajectory import Trajectory
from lessons.fields import Choice, Number, PictureRef, seed_field
from lessons.lesson import Lesson, Preset, Question
from lessons.loading import load_reference, load_schedule

TIMESTEPS = (250, 500, 750)
SIGMAS = tuple(round(0.1 * k, 1) for k in range(61))  # 0 .. 6 pixels; 0 is no blur
KERNEL = 33

LESSON = Lesson(
    code="A2",
    slug="classical_denoising",
    title="Classical denoising",
    fields=(
        PictureRef("picture", "Picture", "tropical-fish"),
        Number("sigma", "Blur σ (pixels)", 1.0, "Standard deviation of the Gaussian.", maximum=6, step=0.1, integer=False),
        Choice("scale", "Blurred is", "xt", "xₜ as it is, or divided by √ᾱ for the right contrast.", ("xt", "unscaled"),
               ("xₜ", "xₜ / √ᾱₜ")),
        seed_field(),
    ),
    presets=(
        Preset("reference", "σ = 1"),
        Preset("strong", "σ = 3", {"sigma": 3.0}),
        Preset("fair", "Right contrast: xₜ / √ᾱₜ", {"scale": "unscaled", "sigma": 1.6}),
    ),
    question=Question(
        "The best blur for t = 250 is found. Is the best blur for t = 750 weaker, equal or stronger?",
        ("Weaker", "Equal", "Stronger"),
        answer=2,
        because="The more noise, the more pixels must be averaged to cancel it, and the more of the picture is averaged "
        "away with it. The peak of the PSNR curve moves to the right, and sinks.",
        reveal={"sigma": 1.7},
    ),
    shows=(
        "core.edits:GaussianLowpass", "core.diffusion:add_noise", "core.diffusion:draw_noise",
        "lessons.classical_denoising:blurs", "lessons.classical_denoising:psnr", "lessons.classical_denoising:compute",
    ),
    jobs={"blur": "lessons.classical_denoising:run"},
    spec="lessons.classical_denoising:spec",
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str) -> JobSpec:
    """What the exported notebook computes; the page calls `compute` itself. sigma only chooses the frame."""
    return JobSpec("blur", {"model": model, **{k: values[k] for k in ("picture", "scale", "seed")}})


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """`compute` as a job: there is no network in it, so there is nothing to wait for."""
    schedule = load_schedule(params["model"])
    clean = load_reference(params["picture"], context).numpy()  # (3, H, W)
    yield Frame(0, 1, {})
    return compute(clean, schedule, params)


def blurs(pictures: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) under every blur of SIGMAS: (blurs, B, 3, H, W)."""
    return torch.stack([GaussianLowpass(KERNEL, sigma)(pictures) if sigma else pictures for sigma in SIGMAS])


def psnr(picture: torch.Tensor, clean: torch.Tensor) -> float:
    """Peak signal-to-noise ratio in dB for pictures in [-1, 1]: 10 log10(2^2 / mean squared error)."""
    return (10 * torch.log10(4 / (picture - clean).square().mean())).item()


def compute(clean: np.ndarray, schedule: NoiseSchedule, values: Mapping[str, Any]) -> Trajectory:
    """Every blur of SIGMAS on the picture at every t of TIMESTEPS, with its PSNR. `clean`: (3, H, W)."""
    picture = torch.from_numpy(clean)[None]  # (1, 3, H, W)
    noise = draw_noise(picture, [torch.Generator().manual_seed(values["seed"])])
    noisy = torch.cat([add_noise(picture, noise, t, schedule) for t in TIMESTEPS])  # (3 timesteps, 3, H, W)
    if values["scale"] == "unscaled":
        noisy = noisy / torch.tensor([schedule.signal(t) for t in TIMESTEPS]).view(-1, 1, 1, 1)
    blurred = blurs(noisy)
    curves = [[psnr(frame[k], picture[0]) for frame in blurred] for k in range(len(TIMESTEPS))]
    best = [SIGMAS[int(np.argmax(curve))] for curve in curves]
    arrays = {"blurred": blurred.numpy(), "noisy": noisy.numpy(), "clean": picture.numpy()}
    return Trajectory(arrays, {"psnr": curves, "best": best})


def best_blur(noisy: torch.Tensor, clean: torch.Tensor) -> tuple[torch.Tensor, float]:
    """The blur of `noisy` (3, H, W) with the highest PSNR, and its sigma: the fairest opponent."""
    tried = [(GaussianLowpass(KERNEL, sigma)(noisy[None])[0], sigma) for sigma in SIGMAS[1:]]
    return max(tried, key=lambda pair: psnr(pair[0], clean))
