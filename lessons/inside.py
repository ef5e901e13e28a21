"""The job behind A0's "What is inside": one evaluation in the middle of a run, part by part.

    {"model": fingerprint, "num_steps": 20, "column": {"prompt": "...", "seed": 0, "guidance_scale": 4.0}}

The run is the lesson's own of one prompt as far as half of its steps; what the network puts out is that of its next
evaluation, with the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.compute.context import JobContext, JobEvents
from core.diffusion import draw_noise, estimate_clean, iterative_denoise
from core.inside import look_inside
from core.jobs import Frame
from core.media import to_pixels
from core.trajectory import Trajectory
from lessons.denoising import Column, guided
from lessons.loading import load_model

MAPS = 4  # channels that are shown of a part: those that vary most over the picture
EDGE = 0.01  # of a channel's values lie below its black, and as many above its white


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """The parts of the model's network, in the order of its computation.

    Arrays: x_t and clean_hat uint8 (H, W, 3), what goes in and what the answer comes to; maps/<k> uint8 (up to 4, H, W), or
    (1, H, W, 3) where a part puts out a picture. meta["parts"]: name, does, shape (empty for the condition), parameters;
    meta["t"], meta["parameters"], meta["network"]: the class.
    """
    model = load_model(params["model"], context)
    column = Column(**params["column"])
    model.prepare([column.prompt, ""])
    generators = [torch.Generator().manual_seed(column.seed)]
    timesteps = model.schedule.strided_timesteps(params["num_steps"])
    noise = draw_noise(
        torch.empty(1, *model.picture_shape, device=model.device, dtype=model.dtype), generators
    )
    half = len(timesteps) // 2
    steps = iterative_denoise(noise, timesteps, guided(model, [column], ""), model.schedule, generators)
    for step in islice(steps, half + 1):
        yield Frame(step.index, half + 1, {})

    embedding, answer = model.embed([column.prompt]), []
    seen = look_inside(model.unet, lambda: answer.append(model.evaluate(step.x_t, step.t, embedding)))
    eps = answer[0][:, :3]
    arrays = {
        "x_t": to_pixels(step.x_t[0].float().cpu().numpy()),
        "clean_hat": to_pixels(
            estimate_clean(step.x_t, eps, step.t, model.schedule)[0].float().cpu().numpy()
        ),
    }
    parts = []
    for k, one in enumerate(seen):
        shape = [] if one.output is None else list(one.output.shape)
        parts.append(
            {"name": one.part.name, "does": one.part.does, "shape": shape, "parameters": one.parameters}
        )
        if one.output is not None:
            arrays[f"maps/{k}"] = strongest(one.output)
    return Trajectory(arrays, {
        "params": dict(params), "t": step.t, "parts": parts, "network": type(model.unet).__name__,
        "parameters": sum(one.parameters for one in seen),
    })  # fmt: skip


def strongest(output: Tensor) -> np.ndarray:
    """(C, H, W) -> the channels that vary most, each from its own black to its own white: uint8 (up to 4, H, W).

    Three channels are a picture: uint8 (1, H, W, 3), of one scale.
    """
    if len(output) == 3:
        return _levels(output[None]).permute(0, 2, 3, 1).byte().cpu().numpy()
    chosen = output.flatten(1).var(dim=1, correction=0).argsort(descending=True)[:MAPS]
    return torch.cat([_levels(output[k][None]) for k in chosen]).byte().cpu().numpy()


def _levels(values: Tensor) -> Tensor:
    """Of any shape -> whole numbers from 0 to 255, but for the EDGE at both ends."""
    low, high = torch.quantile(values.flatten(), torch.tensor([EDGE, 1 - EDGE], device=values.device))
    return ((values - low) / (high - low).clamp(min=1e-6) * 255).clamp(0, 255).round()
