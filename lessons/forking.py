"""A sampling loop that forks: up to a step as it was, from there on with another prompt, γ, seed or sampler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from core.diffusion import Step, Update, denoise_step, iterative_denoise, keep
from core.guidance import Estimator, NoiseEstimate
from core.samplers import ddim, dpm_solver_pp
from core.schedule import NoiseSchedule
from lessons.requests import BadRequest

if TYPE_CHECKING:
    from lessons.denoising import Column

Fork = Mapping[str, Any]  # {"at": 12} and what is otherwise: "prompt", "guidance_scale", "seed", "sampler"

ON_THE_WAY = (
    2**40
)  # added to a seed: the noise of the way is another stream than the first noise of that seed
AS_IT_WAS = "ddpm"  # the sampler of every run before it forks
SAMPLERS: Mapping[str, tuple[str, Callable[..., Iterator[Step]]]] = {
    AS_IT_WAS: ("DDPM", iterative_denoise),
    "ddim": ("DDIM, η = 0", ddim),
    "dpm": ("DPM-Solver++(2M)", dpm_solver_pp),
}


def loop(
    fork: Fork | None,
    x_t: Tensor,
    timesteps: Sequence[int],
    estimate: Callable[[Sequence[Column]], Estimator],
    columns: Sequence[Column],
    schedule: NoiseSchedule,
    generators: Sequence[torch.Generator],
    *,
    constrain: Callable[[Tensor, int | None], Tensor] = keep,
    take_step: Callable[..., Update] = denoise_step,
    limit: Callable[[Tensor], Tensor] | None = None,
) -> Iterator[Step]:
    """`iterative_denoise` from x_t (B, C, H, W) on; where there is a fork, otherwise from step fork["at"] on.

    `estimate` makes the estimator for the pictures' prompts and scales. The steps before the fork are those of the run
    without it, bit for bit; so are those after it if it changes nothing, because the generators go on where they were.

    Raises:
        BadRequest: the run has no such step, or the sampler is none of SAMPLERS, or it cannot keep the constraint.
    """
    as_it_was: dict[str, Any] = {"constrain": constrain, "take_step": take_step, "limit": limit}
    run = iterative_denoise(x_t, timesteps, estimate(columns), schedule, generators, **as_it_was)
    if fork is None:
        yield from run
        return
    at, sampler = _checked(fork, len(timesteps), constrained=constrain is not keep)
    for step in islice(run, at):
        yield step
        x_t = step.update.x_next
    if "seed" in fork:
        seeds = [ON_THE_WAY + fork["seed"] + k for k in range(len(columns))]
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    changed = {name: fork[name] for name in ("prompt", "guidance_scale") if name in fork}
    estimator = estimate([replace(column, **changed) for column in columns])
    more: dict[str, Any] = as_it_was if sampler is iterative_denoise else {"limit": limit}
    for step in sampler(x_t, timesteps[at:], estimator, schedule, generators, **more):
        yield replace(step, index=at + step.index)


class Switched:
    """An estimator down to a timestep, and from there on another: how loops fork that take no more than an estimator."""

    def __init__(self, before: Estimator, after: Estimator, at: int):
        self._before, self._after, self._at = before, after, at

    def __call__(self, x_t: Tensor, t: int) -> NoiseEstimate:
        return (self._after if t <= self._at else self._before)(x_t, t)


def switched(
    fork: Fork | None,
    timesteps: Sequence[int],
    estimate: Callable[[Sequence[Column]], Estimator],
    columns: Sequence[Column],
) -> Estimator:
    """The estimator of a run that goes on with another prompt or γ from step fork["at"] on. Raises BadRequest."""
    if fork is None:
        return estimate(columns)
    at, _ = _checked(fork, len(timesteps), constrained=True)
    changed = {name: fork[name] for name in ("prompt", "guidance_scale") if name in fork}
    return Switched(
        estimate(columns), estimate([replace(column, **changed) for column in columns]), timesteps[at]
    )


def _checked(fork: Fork, steps: int, *, constrained: bool) -> tuple[int, Callable[..., Iterator[Step]]]:
    at, name = fork["at"], fork.get("sampler", AS_IT_WAS)
    if not 0 <= at < steps:
        raise BadRequest(f"The run has {steps} steps; none of them is number {at}.")
    if name not in SAMPLERS or (constrained and name != AS_IT_WAS):
        raise BadRequest(f"From here the run goes on with {AS_IT_WAS}, not with {name!r}.")
    return at, SAMPLERS[name][1]
