"""The sampling job of lessons B6 to B9: one noise, one or several networks, from t = 0 to t = 1.

    {"networks": [{"source": "b6", "name": "epoch-10", "sha256": "..."}, ...],
     "seed": 0, "count": 6, "same_noise": false, "classes": [0, 1, ..., null] or null, "guidance_scale": 5.0 or null,
     "num_steps": 300, "solver": "euler", "variant": null}

"fork", if it is there, says from which kept frame on the run goes on otherwise, {"at": 12, "digit": 8,
"guidance_scale": 3.0, "solver": "heun"}: see `lessons.branching`.

All networks start from the same noise and take their steps side by side, so that a page can lay them under one
cursor. With `classes` (one for each picture, null for none) the networks are class-conditioned. With `same_noise` all
pictures of a network start from one noise as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.compute.context import JobContext, JobEvents
from core.flow import (
    ClassGuided,
    Conditional,
    EstimateVelocity,
    FlowStep,
    check_guidance,
    check_steps,
    integrate,
)
from core.jobs import Frame, JobSpec
from core.media import difference_pixels
from core.networks.mnist_unet import one_hot
from core.trajectory import Trajectory
from lessons.denoising import as_numpy
from lessons.networks import load_to_sample
from lessons.requests import BadRequest
from lessons.training import digit_pixels, fixed_noise
from lessons.wrong_flows import WRONG_FLOWS

MAX_PICTURES = 40
MAX_NETWORKS = 3
MOST_FRAMES, FEWEST_FRAMES = 100, 12  # steps that are kept; of 300 steps with few pictures every third
KEPT_PICTURES = 2400  # about, over all frames
SOLVER_TITLES = {"euler": "Euler", "heun": "Heun", "rk4": "RK4"}
VELOCITY_LIMIT = 2.0  # drawn as the strongest colour; x1 - x0 lies mostly between -2 and 3


def flow_spec(
    values: Mapping[str, Any], networks: Sequence[Mapping[str, str]], variant: str | None, **more: Any
) -> JobSpec:
    """This job for a lesson's `seed` and `steps`: without classes, by Euler's method; `more` says what is otherwise."""
    usual = {"classes": None, "guidance_scale": None, "num_steps": values["steps"], "solver": "euler"}
    asked = {"networks": [dict(network) for network in networks], "seed": values["seed"], "variant": variant}
    return JobSpec("flow", {**asked, **usual, **more})


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Integrates every network from the same noise.

    Arrays: x_t float32, velocity and clean_hat float16 (frames, networks * count, 1, 28, 28), networks one after the
    other; result float32 (networks * count, 1, 28, 28), x at t = 1. meta["steps"]: index, t and the RMS velocity of
    each network at each kept step.

    Raises:
        BadRequest, core.flow's ValueError, lessons.networks' errors.
    """
    count, num_steps, refs = params["count"], check_steps(params["num_steps"]), params["networks"]
    fork = params.get("fork")
    if not (1 <= count <= MAX_PICTURES and 1 <= len(refs) <= MAX_NETWORKS):
        raise BadRequest(
            f"A run has 1 to {MAX_PICTURES} pictures and 1 to {MAX_NETWORKS} networks; this has {count} and {len(refs)}."
        )
    networks = [load_to_sample(ref, context) for ref in refs]
    estimators = _estimators(networks, params, context)
    noise = fixed_noise(count, params["seed"], context.device)
    if params.get("same_noise"):
        noise = noise[:1].expand_as(noise).clone()
    kept = kept_steps(num_steps, count * len(refs))
    if fork is None:
        runs = [integrate(estimate, noise, num_steps, params["solver"]) for estimate in estimators]
    else:
        at, after = forking(fork, params, kept)
        others = _estimators(networks, after, context)
        runs = [
            forked(one, other, noise, num_steps, at, params["solver"], after["solver"])
            for one, other in zip(estimators, others, strict=True)
        ]
    frames: list[dict[str, Tensor]] = []
    steps: list[dict[str, Any]] = []
    for together in zip(*runs, strict=True):
        first = together[0]
        if first.index in kept:
            frames.append(side_by_side(together))
            steps.append({"index": first.index, "t": first.t, "speed": [speed(step) for step in together]})
            yield Frame(len(frames) - 1, len(kept), frame_pixels(frames[-1]))
    result = torch.cat([step.x_next for step in together])
    return record(frames, steps, result, params)


def _estimators(
    networks: Sequence[nn.Module], params: Mapping[str, Any], context: JobContext
) -> list[EstimateVelocity]:
    classes = class_vectors(params.get("classes"), params["count"], context.device)
    estimators = [estimator(network, classes, params.get("guidance_scale")) for network in networks]
    if params.get("variant") is not None:
        return [WRONG_FLOWS[params["variant"]](estimate) for estimate in estimators]
    return estimators


def forking(
    fork: Mapping[str, Any], params: Mapping[str, Any], kept: Sequence[int]
) -> tuple[int, dict[str, Any]]:
    """The first step that is taken otherwise, and the run's parameters from there on.

    Raises:
        BadRequest: the run has no such frame, or draws no digits that could be changed.
    """
    if not 0 <= fork["at"] < len(kept):
        raise BadRequest(f"The run has {len(kept)} frames; none of them is number {fork['at']}.")
    after = {**params, **{name: fork[name] for name in ("guidance_scale", "solver") if name in fork}}
    if {"digit", "guidance_scale"} & set(fork) and params.get("classes") is None:
        raise BadRequest("This network takes no class, so the run cannot go on with another digit or γ.")
    if "digit" in fork:
        after["classes"] = [fork["digit"]] * params["count"]
    return kept[fork["at"]], after


def forked(
    before: EstimateVelocity,
    after: EstimateVelocity,
    noise: Tensor,
    num_steps: int,
    at: int,
    solver: str,
    then: str,
) -> Iterator[FlowStep]:
    """Follows `before` up to step `at`, the same bit for bit as without the fork, and `after` from there to t = 1."""
    x_t = noise
    for step in islice(integrate(before, noise, num_steps, solver), at):
        yield step
        x_t = step.x_next
    yield from integrate(after, x_t, num_steps, then, first_step=at)


def class_vectors(classes: Sequence[int | None] | None, count: int, device: str) -> Tensor | None:
    """(count, 10), one-hot; None for networks that take no class. Raises BadRequest."""
    if classes is None:
        return None
    if len(classes) != count or not all(c is None or (isinstance(c, int) and 0 <= c <= 9) for c in classes):
        raise BadRequest(f"Give one digit from 0 to 9, or null, for each of the {count} pictures.")
    asked = torch.tensor([[c is not None] for c in classes])
    return (one_hot(torch.tensor([c or 0 for c in classes])) * asked).to(device)


def estimator(network: nn.Module, classes: Tensor | None, guidance_scale: float | None) -> EstimateVelocity:
    """The velocity to follow: the network's own, or guided from no class towards the asked one."""
    if classes is None or guidance_scale is None:
        return Conditional(network, classes)
    return ClassGuided(network, classes, check_guidance(guidance_scale))


def kept_steps(num_steps: int, pictures: int) -> list[int]:
    """Which steps are shown: evenly spaced, the first and the last among them, fewer if there are many pictures."""
    most = min(num_steps, max(FEWEST_FRAMES, min(MOST_FRAMES, KEPT_PICTURES // pictures)))
    return sorted({round(k * (num_steps - 1) / max(1, most - 1)) for k in range(most)})


def side_by_side(together: Sequence[FlowStep]) -> dict[str, Tensor]:
    """One step of all networks: (networks * count, 1, 28, 28) each."""
    return {
        "x_t": torch.cat([step.x_t for step in together]),
        "clean_hat": torch.cat([step.clean_hat for step in together]),
        "velocity": torch.cat([step.estimate.velocity for step in together]),
    }


def speed(step: FlowStep) -> float:
    """The root mean square of the velocity over all pictures and pixels."""
    return step.estimate.velocity.square().mean().sqrt().item()


def frame_pixels(frame: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """uint8 (networks * count, 28, 28, 1) each, and (…, 3) for the velocity: blue −, orange +."""
    return {
        "x_t": digit_pixels(frame["x_t"]),
        "clean_hat": digit_pixels(frame["clean_hat"]),
        "velocity": difference_pixels(as_numpy(frame["velocity"]), VELOCITY_LIMIT),
    }


def to_the_end(trajectory: Trajectory) -> Trajectory:
    """A flow's run, to be looked at, with where it ends as one step more: x_t and its estimate are x at t = 1 there.

    Steps are kept before they are taken, so the last one's x_t is not yet the result; nor is its estimate, but for Euler's
    method. No velocity is asked for at the end: the one that led there stays.
    """
    end, arrays = trajectory["result"][None], dict(trajectory.arrays)
    for name, last in (("x_t", end), ("clean_hat", end), ("velocity", None)):
        if name in arrays:
            more = arrays[name][-1:] if last is None else last.astype(arrays[name].dtype)
            arrays[name] = np.concatenate([arrays[name], more])
    meta = dict(trajectory.meta)
    if "steps" in meta:
        meta["steps"] = [*meta["steps"], {"index": meta["params"]["num_steps"], "t": 1.0}]
    return Trajectory(arrays, meta)


def record(
    frames: Sequence[Mapping[str, Tensor]],
    steps: Sequence[Mapping[str, Any]],
    result: Tensor,
    params: Mapping[str, Any],
) -> Trajectory:
    """All kept steps. x_t stays float32; the rest is float16, exact to about 1e-3."""
    arrays = {
        "x_t": np.stack([as_numpy(frame["x_t"]) for frame in frames]),
        "clean_hat": np.stack([as_numpy(frame["clean_hat"]).astype(np.float16) for frame in frames]),
        "velocity": np.stack([as_numpy(frame["velocity"]).astype(np.float16) for frame in frames]),
        "result": as_numpy(result),
    }
    return Trajectory(arrays, {"params": dict(params), "steps": [dict(step) for step in steps]})
