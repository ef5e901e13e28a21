"""The job behind every lesson of Part A that runs the loop: parameters in, steps out.

    {"model": fingerprint, "num_steps": 34, "i_start": 0, "picture": null,
     "columns": [{"prompt": "...", "seed": 0, "guidance_scale": 7.0}], "unconditional": "", "variant": null,
     "limit": "clip"}

A column is one picture of the batch. With `picture` the run starts from that picture noised to
i_start (SDEdit), without it from pure noise. `guidance_scale: null` in every column asks for a single
evaluation without guidance. `limit` says what becomes of x̂₀ beyond [-1, 1]: see LIMITS. "fork", if it is there, says from
which step on the run goes on otherwise: see `lessons.forking`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.compute.context import JobContext, JobEvents
from core.diffusion import DynamicThreshold, Step, denoise_step, draw_noise
from core.edits import sdedit_start
from core.guidance import ClassifierFree, Conditional
from core.jobs import Frame
from core.media import to_pixels
from core.schedule import NoiseSchedule
from core.trajectory import Trajectory
from lessons.forking import loop
from lessons.loading import load_model, load_reference, prompts_in
from lessons.requests import BadRequest
from lessons.wrong import WRONG_STEPS, wrong_schedule

EPS_RANGE = 3.0  # noise is drawn from -3 (black) over 0 (grey) to 3 (white)
MAX_COLUMNS = 8
LIMITS: Mapping[str, Callable[[Tensor], Tensor] | None] = {"clip": None, "dynamic": DynamicThreshold()}


@dataclass(frozen=True)
class Column:
    """One picture of the batch."""

    prompt: str
    seed: int
    guidance_scale: float | None = None


def columns_of(params: Mapping[str, Any]) -> list[Column]:
    """Checks and reads `columns`. Raises BadRequest."""
    columns = [Column(**column) for column in params["columns"]]
    if not 1 <= len(columns) <= MAX_COLUMNS:
        raise BadRequest(f"A run has between 1 and {MAX_COLUMNS} pictures; this has {len(columns)}.")
    return columns


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Denoises a batch and returns its `Trajectory`; see the module's docstring for `params`.

    Raises:
        BadRequest, core.schedule's ValueError: parameters outside their range.
    """
    model = load_model(params["model"], context)
    columns = columns_of(params)
    model.prepare(prompts_in(params))
    generators = [torch.Generator().manual_seed(column.seed) for column in columns]
    schedule = wrong_schedule(model.schedule) if params.get("variant") == "alpha" else model.schedule
    timesteps = schedule.strided_timesteps(params["num_steps"])

    like = torch.empty(len(columns), *model.picture_shape, device=model.device, dtype=model.dtype)
    noise = draw_noise(like, generators)  # (B, 3, H, W)
    i_start, clean = params.get("i_start", 0), None
    if params.get("picture") is not None:
        clean = load_reference(params["picture"], context).to(like)  # (3, H, W)
        x_t, timesteps = sdedit_start(clean.expand_as(like), noise, timesteps, i_start, schedule)
    else:
        x_t, timesteps = noise, timesteps[i_start:]

    unconditional = params.get("unconditional", "")
    take_step = WRONG_STEPS.get(params.get("variant") or "", denoise_step)
    limit = LIMITS[params.get("limit", "clip")]
    steps = []
    for step in loop(
        params.get("fork"), x_t, timesteps, lambda asked: guided(model, asked, unconditional), columns, schedule, generators,
        take_step=take_step, limit=limit,
    ):  # fmt: skip
        steps.append(step)
        yield Frame(step.index, len(timesteps), frame_pixels(step))
    return record(steps, schedule, params, clean)


def guided(model: Any, columns: Sequence[Column], unconditional: str) -> Conditional | ClassifierFree:
    """One evaluation a step if no column asks for guidance, else both branches in one call."""
    embedding = model.embed([column.prompt for column in columns])  # (B, tokens, width)
    scales = [column.guidance_scale for column in columns]
    if all(scale is None for scale in scales):
        return Conditional(model, embedding)
    scale = torch.tensor([1.0 if s is None else s for s in scales])  # (B,)
    return ClassifierFree(model, embedding, model.embed([unconditional] * len(columns)), scale)


def frame_pixels(step: Step) -> dict[str, np.ndarray]:
    """What is shown of a step while the run goes on: uint8 (B, H, W, 3) each."""
    return {
        "x_t": to_pixels(as_numpy(step.x_t)),
        "clean_hat": to_pixels(as_numpy(step.clean_hat)),
        "eps": to_pixels(as_numpy(step.estimate.eps), low=-EPS_RANGE, high=EPS_RANGE),
    }


def record(
    steps: Sequence[Step], schedule: NoiseSchedule, params: Mapping[str, Any], clean: Tensor | None
) -> Trajectory:
    """All terms of all steps. x_t stays float32; the terms are float16, exact to about 1e-3."""
    arrays = {
        "x_t": _stack(step.x_t for step in steps),  # (steps, B, 3, H, W)
        "clean_hat": _stack((step.clean_hat for step in steps), np.float16),
        "eps": _stack((step.estimate.eps for step in steps), np.float16),
        "noise_added": _stack((step.update.sigma * step.update.noise for step in steps), np.float16),
        "result": as_numpy(steps[-1].update.x_next),  # (B, 3, H, W)
    }
    for name in steps[0].estimate.parts:
        arrays[name] = _stack((step.estimate.parts[name] for step in steps), np.float16)
    if clean is not None:
        arrays["clean"] = as_numpy(clean[None])  # (1, 3, H, W)
    numbers = []
    for step in steps:
        c = schedule.coefficients(step.t, step.t_next)
        numbers.append({
            "t": step.t, "t_next": step.t_next, "signal": schedule.signal(step.t), "sigma": schedule.sigma(step.t),
            "clean": c.clean, "x_t": c.x_t, "noise": step.update.sigma.mean().item(),
        })  # fmt: skip
    return Trajectory(arrays, {"params": dict(params), "steps": numbers})


def as_numpy(x: Tensor) -> np.ndarray:
    """Of the same shape, float32, wherever x lies."""
    return x.detach().float().cpu().numpy()


def _stack(tensors: Iterator[Tensor], dtype: type = np.float32) -> np.ndarray:
    return np.stack([as_numpy(x).astype(dtype) for x in tensors])
