"""A12's study: the model that remembers beside the one that learns, on pictures that both have or have not seen.

`compared` shows one picture under one noise at every t; `errors` measures many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from core.compute.context import JobContext, JobEvents
from core.diffusion import add_noise, draw_noise, estimate_clean
from core.emoji_pictures import load_emoji_pictures
from core.guidance import Conditional
from core.jobs import Frame, JobSpec
from core.media import from_pixels, to_pixels
from core.model_folder import fingerprint
from core.oracle import posterior
from core.pictures import list_pictures, load_picture
from core.schedule import NoiseSchedule
from core.settings import MODELS, SHIPPED_MODELS
from core.trajectory import Trajectory
from lessons.classical_denoising import best_blur
from lessons.loading import load_model, load_reference
from lessons.one_step_denoising import TIMESTEPS
from lessons.prompts import NULL_LIKE

if TYPE_CHECKING:  # it takes seconds to import, and pages import this module
    from core.pretrained import TextToImageModel

OPPONENTS = (*SHIPPED_MODELS, "blur", "exact")  # in the order of every array's axis
TIMES = (100, 250, 400, 550, 700, 850)
SETS = {
    "training": "emoji64’s training pictures", "heldout": "objects that emoji64 was never shown",
    "photographs": "photographs",
}  # fmt: skip
EACH = 24  # pictures of a set at most
TOGETHER = 12  # pictures in one evaluation

Estimate = Callable[[Tensor, Tensor, int], Tensor]  # (clean, x_t, t) → x̂₀


def _learner() -> str:
    return fingerprint(MODELS / SHIPPED_MODELS[1])


def compared_spec(values: Mapping[str, Any], model: str) -> JobSpec:
    """The picture `other` at every t. `model` is the one that remembers."""
    return JobSpec("two_students", {
        "model": model, "learner": _learner(), "picture": values["other"], "prompt": NULL_LIKE, "seed": 0,
    })  # fmt: skip


def errors_spec(model: str) -> JobSpec:
    """The errors on all of SETS."""
    return JobSpec("two_students_errors", {
        "model": model, "learner": _learner(), "times": list(TIMES), "each": EACH, "prompt": NULL_LIKE,
    })  # fmt: skip


def compared(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """A frame for each t of A3's: what each opponent makes of the same x_t.

    Arrays: x_t (steps, 1, 3, H, W); estimates (steps, 4, 3, H, W) in the order of OPPONENTS; clean (1, 3, H, W).
    """
    estimates, schedule = _opponents(params, context)
    clean = load_reference(params["picture"], context)[None]
    noise = draw_noise(clean, [torch.Generator().manual_seed(params["seed"])])
    kept: dict[str, list[np.ndarray]] = {"x_t": [], "estimates": []}
    for index, t in enumerate(TIMESTEPS):
        x_t = add_noise(clean, noise, t, schedule)
        kept["x_t"].append(x_t.numpy())
        kept["estimates"].append(torch.cat([estimate(clean, x_t, t) for estimate in estimates]).numpy())
        yield Frame(index, len(TIMESTEPS), {name: to_pixels(found[-1]) for name, found in kept.items()})
    arrays = {name: np.stack(found) for name, found in kept.items()}
    return Trajectory(
        arrays | {"clean": clean.numpy()}, {"timesteps": list(TIMESTEPS), "params": dict(params)}
    )


def errors(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """A frame for each of `times`: what the opponents make of the first picture of each set; and the error over all.

    Arrays: one float32 (times, 4, 3, H, W) for each of SETS, in the order of OPPONENTS; error float64 (sets, times, 4), root
    mean square of x̂₀ − x₀. Noise is seeded by the picture's place in its set.
    """
    estimates, schedule = _opponents(params, context)
    sets = {name: pictures_of(name, params["each"]) for name in SETS}
    noise = {name: draw_noise(clean, _generators(len(clean))) for name, clean in sets.items()}
    error, first = [], []
    for index, t in enumerate(params["times"]):
        found = {
            name: [
                torch.cat(
                    [
                        estimate(c, x, t)
                        for c, x in _together(clean, add_noise(clean, noise[name], t, schedule))
                    ]
                )
                for estimate in estimates
            ]
            for name, clean in sets.items()
        }  # for each set and opponent (N, 3, H, W)
        error.append([[_rms(x - sets[name]) for x in of_set] for name, of_set in found.items()])
        first.append({name: torch.stack([x[0] for x in of_set]).numpy() for name, of_set in found.items()})
        yield Frame(
            index, len(params["times"]), {name: to_pixels(drawn) for name, drawn in first[-1].items()}
        )
    arrays = {name: np.stack([at[name] for at in first]) for name in SETS}
    measured = np.array(error).swapaxes(0, 1)  # (sets, times, opponents)
    return Trajectory(arrays | {"error": measured}, {"params": dict(params)})


def _generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def _together(clean: Tensor, x_t: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(clean.split(TOGETHER), x_t.split(TOGETHER), strict=True)


def _rms(difference: Tensor) -> float:
    return float(difference.double().square().mean().sqrt())


def pictures_of(name: str, most: int) -> Tensor:
    """Up to `most` pictures of one of SETS, evenly over it: float (N, 3, 64, 64) in [−1, 1]."""
    if name == "photographs":
        slugs = [picture.slug for picture in list_pictures() if picture.slug.startswith("photo-")]
        pixels = np.stack([load_picture(slug) for slug in slugs])
    else:
        pixels = load_emoji_pictures(name).pixels
    chosen = np.unique(np.linspace(0, len(pixels) - 1, min(most, len(pixels))).round().astype(int))
    return torch.from_numpy(np.stack([from_pixels(pixels[k]) for k in chosen]))


def _opponents(params: Mapping[str, Any], context: JobContext) -> tuple[list[Estimate], NoiseSchedule]:
    """What each of OPPONENTS makes of x_t, clipped to [−1, 1], and the schedule that both models were trained on."""
    both = [load_model(params[name], context) for name in ("model", "learner")]
    schedule = both[0].schedule
    return [*(_network(model, params["prompt"]) for model in both), _blur, _exact(schedule)], schedule


def _network(model: TextToImageModel, prompt: str) -> Estimate:
    embedding = model.embed([prompt])

    @torch.no_grad()
    def estimate(clean: Tensor, x_t: Tensor, t: int) -> Tensor:
        x_t = x_t.to(model.device, model.dtype)
        eps = Conditional(model, embedding.expand(len(x_t), -1, -1))(x_t, t).eps
        return estimate_clean(x_t, eps, t, model.schedule).clamp(-1, 1).float().cpu()

    return estimate


def _blur(clean: Tensor, x_t: Tensor, t: int) -> Tensor:
    """For each picture the best of twenty blurs, chosen with the answer at hand."""
    return torch.stack(
        [best_blur(noisy, picture)[0] for noisy, picture in zip(x_t, clean, strict=True)]
    ).clamp(-1, 1)


def _exact(schedule: NoiseSchedule) -> Estimate:
    """E[x₀ | x_t] over emoji64's training pictures: what that training asked for, and its end."""

    def estimate(clean: Tensor, x_t: Tensor, t: int) -> Tensor:
        abar = schedule.alphas_cumprod[t].item()
        signal, sigma = abar**0.5, (1 - abar) ** 0.5
        # In [0, 1], as the oracle has its pictures: x_t = a (2u − 1) + s ε, so (x_t + a) / 2 = a u + (s / 2) ε.
        mean = posterior((x_t + signal) / 2, signal, sigma / 2, _shown(), chunk=512).mean
        return 2 * mean - 1

    return estimate


@lru_cache(maxsize=1)
def _shown() -> Tensor:
    """What emoji64 was shown: each training picture and its mirror image, uint8 (2 N, 3, 64, 64)."""
    pixels = torch.from_numpy(load_emoji_pictures("training").pixels).permute(0, 3, 1, 2)
    return torch.cat([pixels, pixels.flip(-1)]).contiguous()
