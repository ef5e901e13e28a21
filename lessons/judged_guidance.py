"""A6's study: for each γ eight pictures of one prompt, how many of them are named as asked, and how they differ.

{"model": fingerprint, "num_steps": 34, "prompt": "a photo of a dog", "object": "dog face", "gammas": [0, 1, 3],
 "seed": 0, "limit": "clip", "judge": the fingerprint of the judge's weights}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from core.compute.context import JobContext, JobEvents
from core.diffusion import draw_noise, iterative_denoise
from core.guidance import ClassifierFree, Conditional
from core.jobs import Frame, JobSpec
from core.judged_objects import JudgedObjects, load_judged_objects
from core.media import to_pixels
from core.trajectory import Trajectory
from lessons.denoising import LIMITS, MAX_COLUMNS
from lessons.loading import load_model
from lessons.prompts import UNCONDITIONAL
from lessons.requests import BadRequest

if TYPE_CHECKING:  # it takes seconds to import, and pages import this module
    from core.object_judge import ObjectJudge
    from core.pretrained import TextToImageModel

KIND = "judged_guidance"
EACH = MAX_COLUMNS  # pictures of each γ: one batch
LIKELIEST = 5  # that are looked at besides the first
TOLD = 3  # frames of each γ: two on the way, and the end


@lru_cache(maxsize=1)
def judged_objects() -> JudgedObjects:
    """What the judge that ships tells apart."""
    return load_judged_objects()


def judged_spec(values: Mapping[str, Any], model: str) -> JobSpec | None:
    """The job for A6's values; None where the prompt names nothing that the judge knows."""
    asked = judged_objects().asked_for(values["prompt"])
    if asked is None:
        return None
    return JobSpec(KIND, {
        "model": model, "num_steps": 34, "prompt": values["prompt"], "object": asked,
        "gammas": sorted(set(values["gammas"])), "seed": values["seed"], "limit": values["limit"],
        "judge": judged_objects().fingerprint,
    })  # fmt: skip


def studies(values: Mapping[str, Any], model: str) -> list[JobSpec]:
    spec = judged_spec(values, model)
    return [] if spec is None else [spec]


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Every γ from the same eight noises.

    Arrays: samples uint8 (gammas, 8, H, W, 3); read int64 (gammas, 8), the class that the judge finds likeliest; rank int64
    (gammas, 8), how many it finds likelier than what was asked for; probability float32 (gammas, 8) of what was asked for;
    fidelity float64 (gammas,), the share named as asked; variety float64 (gammas,), the mean RMS difference of two pictures.

    Raises:
        BadRequest, core.schedule's ValueError: parameters outside their range, an object that is no class of the judge, or
            another judge than the page was opened with.
    """
    if params["object"] not in judged_objects().names:
        raise BadRequest(
            f"The judge knows nothing called {params['object']}: name one of its objects in the prompt."
        )
    if params["judge"] != judged_objects().fingerprint:
        raise BadRequest("The judge has been replaced since this page was opened: open it again.")
    model, judge = load_model(params["model"], context), _judge(context)
    model.prepare([params["prompt"], UNCONDITIONAL])
    timesteps = model.schedule.strided_timesteps(params["num_steps"])
    like = torch.empty(EACH, *model.picture_shape, device=model.device, dtype=model.dtype)
    asked, limit = judge.names.index(params["object"]), LIMITS[params["limit"]]
    total, found = TOLD * len(params["gammas"]), []
    for k, gamma in enumerate(params["gammas"]):
        generators = [torch.Generator().manual_seed(params["seed"] + place) for place in range(EACH)]
        x_t, told = draw_noise(like, generators), 0
        for step in iterative_denoise(
            x_t, timesteps, _estimate(model, params["prompt"], gamma), model.schedule, generators, limit=limit
        ):
            x_t = step.update.x_next
            if told < TOLD - 1 and step.index + 1 >= (told + 1) * len(timesteps) // TOLD:
                yield Frame(TOLD * k + told, total, {"samples": _pixels(x_t)})
                told += 1
        yield Frame(TOLD * k + told, total, {"samples": _pixels(x_t)})
        found.append(judged(judge, x_t.float().cpu(), asked))
    arrays = {name: np.stack([one[name] for one in found]) for name in found[0]}
    return Trajectory(arrays, {"params": dict(params)})


def judged(judge: ObjectJudge, pictures: Tensor, asked: int) -> dict[str, np.ndarray]:
    """Of pictures (B, 3, H, W) in [−1, 1], B ≥ 2: the arrays of `run` for one γ."""
    probabilities = judge.probabilities(pictures)  # (B, classes)
    own = probabilities[:, asked]
    rank = (probabilities > own[:, None]).sum(dim=1)
    return {
        "samples": _pixels(pictures),
        "read": probabilities.argmax(dim=1).numpy(),
        "rank": rank.numpy(),
        "probability": own.numpy(),
        "fidelity": np.array((rank == 0).double().mean().item()),
        "variety": np.array(variety(pictures)),
    }


def variety(pictures: Tensor) -> float:
    """The mean RMS difference of two pictures, (B, 3, H, W) in [−1, 1], B ≥ 2; each as it is shown, clipped."""
    return torch.pdist(pictures.clamp(-1, 1).double().flatten(1)).mean().item() / pictures[0].numel() ** 0.5


def _estimate(model: TextToImageModel, prompt: str, gamma: float) -> Conditional | ClassifierFree:
    """γ = 0 and γ = 1 are one branch alone, and take one evaluation a step."""
    embed = model.embed
    if gamma in (0.0, 1.0):
        return Conditional(model, embed([prompt if gamma else UNCONDITIONAL] * EACH))
    return ClassifierFree(model, embed([prompt] * EACH), embed([UNCONDITIONAL] * EACH), gamma)


def _pixels(pictures: Tensor) -> np.ndarray:
    return to_pixels(pictures.detach().float().cpu().numpy())


def _judge(context: JobContext) -> ObjectJudge:
    """Kept in the worker; on the CPU, where it takes milliseconds."""
    from core.object_judge import load_object_judge

    key = ("object judge",)
    if key not in context.cache:
        context.cache[key] = load_object_judge()
    return context.cache[key]


def read_instead(read: Sequence[int], names: Sequence[str], asked: str) -> dict[str, int]:
    """What pictures were taken for that are not named as asked, the most frequent first."""
    others = [names[label] for label in read if names[label] != asked]
    return dict(sorted({name: others.count(name) for name in others}.items(), key=lambda pair: -pair[1]))
