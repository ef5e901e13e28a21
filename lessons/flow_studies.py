"""Lesson B7's three studies of a trained flow: how solvers err, what the exact field would do, a plane through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.compute.context import JobContext, JobEvents
from core.flow import EVALUATIONS_PER_STEP, SOLVERS, Conditional, EstimateVelocity, Velocity, integrate
from core.jobs import Frame
from core.oracle import flow_oracle, nearest_pictures
from core.trajectory import Trajectory
from lessons.networks import load_to_sample
from lessons.training import digit_pixels, fixed_noise, load_digits

STEP_COUNTS = (1, 2, 4, 8, 16, 32, 64)
REFERENCE_STEPS = 128  # of RK4: 512 evaluations, far finer than anything compared with it
PLANE_TIMES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
PLANE_POINTS = 13  # along each side of the grid
PLANE_MARGIN = 0.3  # of the triangle's extent, on each side


def end_of(
    estimate: EstimateVelocity, noise: Tensor, num_steps: int, solver: str, stop: float = 1.0
) -> Tensor:
    """Where the flow stands at t = `stop`, or at the first step after it."""
    x = noise
    for step in integrate(estimate, noise, num_steps, solver):
        if step.t >= stop - 1e-9:
            break
        x = step.x_next
    return x


# ---------------------------------------------------------------- how solvers err


def solver_errors(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Every solver with every number of steps, against a far finer one.

    {"network": {...}, "seed": 0, "count": 4}

    Arrays: x float32 (T, solvers * count, 1, 28, 28), solvers one after the other; error float64 (T, solvers), RMS over
    all pixels; evaluations int64 (T, solvers); reference float32 (count, 1, 28, 28).
    """
    estimate = Conditional(load_to_sample(params["network"], context))
    noise = fixed_noise(params["count"], params["seed"], context.device)
    reference = end_of(estimate, noise, REFERENCE_STEPS, "rk4")
    ends, errors = [], []
    for index, num_steps in enumerate(STEP_COUNTS):
        found = [end_of(estimate, noise, num_steps, solver) for solver in SOLVERS]
        ends.append(torch.cat(found))
        errors.append([(x - reference).square().mean().sqrt().item() for x in found])
        yield Frame(index, len(STEP_COUNTS), {"x": digit_pixels(ends[-1])})
    evaluations = [[steps * EVALUATIONS_PER_STEP[solver] for solver in SOLVERS] for steps in STEP_COUNTS]
    arrays = {
        "x": torch.stack(ends).cpu().numpy(),
        "error": np.array(errors),
        "evaluations": np.array(evaluations),
        "reference": reference.cpu().numpy(),
    }
    return Trajectory(arrays, {"params": dict(params), "steps": list(STEP_COUNTS), "solvers": list(SOLVERS)})


# ---------------------------------------------------------------- what the exact field would do


def exact_velocity(pictures: Tensor, report: Callable[[float], None]) -> EstimateVelocity:
    """The field that a perfect network would have learned from these pictures: (E[x1 | x_t] - x_t) / (1 - t).

    `report` hears the mean number of pictures that are mixed at each evaluation.
    """

    def estimate(x_t: Tensor, t: float) -> Velocity:
        posterior = flow_oracle(x_t, t, pictures)
        report(posterior.effective_count.mean().item())
        return Velocity((posterior.mean - x_t) / (1 - t))

    return estimate


def exact_flow(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """The learned and the exact field from the same noises, and the training pictures nearest to both ends.

    {"network": {...}, "seed": 0, "count": 4, "num_steps": 40}

    Arrays: x_t, clean_hat float32 (steps, 2 * count, 1, 28, 28), the network's first; result (2 * count, 1, 28, 28);
    nearest uint8 (2 * count, 28, 28, 1); distance float64 (2 * count,), RMS over the pixels; mixed float64 (steps,).
    """
    digits = load_digits("train", context)
    mixed: list[float] = []
    noise = fixed_noise(params["count"], params["seed"], context.device)
    runs = [
        integrate(estimate, noise, params["num_steps"])
        for estimate in (
            Conditional(load_to_sample(params["network"], context)),
            exact_velocity(digits.pictures, mixed.append),
        )
    ]
    x_t, clean_hat = [], []
    for together in zip(*runs, strict=True):
        x_t.append(torch.cat([step.x_t for step in together]))
        clean_hat.append(torch.cat([step.clean_hat for step in together]))
        pixels = {"x_t": digit_pixels(x_t[-1]), "clean_hat": digit_pixels(clean_hat[-1])}
        yield Frame(together[0].index, params["num_steps"], pixels)
    result = torch.cat([step.x_next for step in together])
    distances, places = nearest_pictures(result, digits.pictures, count=1)
    arrays = {
        "x_t": torch.stack(x_t).cpu().numpy(),
        "clean_hat": torch.stack(clean_hat).cpu().numpy(),
        "result": result.cpu().numpy(),
        "nearest": digits.pictures[places[:, 0]].permute(0, 2, 3, 1).cpu().numpy(),
        "distance": distances[:, 0].double().cpu().numpy() / 28,  # sqrt(28 * 28) pixels
        "mixed": np.array(mixed),
    }
    return Trajectory(arrays, {"params": dict(params)})


# ---------------------------------------------------------------- a plane through three trajectories


def plane(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """The learned field on the plane through three points that move: the pictures of three trajectories at time t.

    {"network": {...}, "seed": 0, "num_steps": 100}

    Arrays, for each of PLANE_TIMES: corners float64 (times, 3, 2), where the three stand in the plane; side
    float64 (times, 4): left, right, bottom, top; arrows float32 (times, N * N, 2), the velocity's part in the plane;
    inside float32 (times, N * N), its share of the whole velocity's length, 0 to 1; clean_hat float16
    (times, N * N, 1, 28, 28). Rows of the grid from bottom to top.
    """
    estimate = Conditional(load_to_sample(params["network"], context))
    noise = fixed_noise(3, params["seed"], context.device)
    found: dict[str, list[np.ndarray]] = {
        name: [] for name in ("corners", "side", "arrows", "inside", "clean_hat")
    }
    for index, t in enumerate(PLANE_TIMES):
        three = end_of(estimate, noise, params["num_steps"], "euler", stop=t)
        axes, corners = plane_through(three.flatten(1).double())
        low, high = corners.amin(0), corners.amax(0)
        middle, half = (low + high) / 2, (high - low).max() * (0.5 + PLANE_MARGIN)
        ticks = torch.linspace(-1, 1, PLANE_POINTS, dtype=torch.float64, device=corners.device) * half
        down, across = torch.meshgrid(ticks, ticks, indexing="ij")
        places = torch.stack([across, down], dim=-1).reshape(-1, 2) + middle  # (N * N, 2)
        x = (three[0].flatten().double() + places @ axes).float().reshape(-1, 1, 28, 28)
        with torch.no_grad():
            velocity = estimate(x, t).velocity
        whole = velocity.flatten(1).double()
        arrows = whole @ axes.T  # (N * N, 2)
        found["corners"].append(corners.cpu().numpy())
        found["side"].append(
            torch.stack([middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half])
            .cpu()
            .numpy()
        )
        found["arrows"].append(arrows.float().cpu().numpy())
        found["inside"].append((arrows.norm(dim=1) / whole.norm(dim=1)).float().cpu().numpy())
        found["clean_hat"].append((x + (1 - t) * velocity).half().cpu().numpy())
        yield Frame(index, len(PLANE_TIMES), {})
    arrays = {name: np.stack(parts) for name, parts in found.items()}
    return Trajectory(arrays, {"params": dict(params), "times": list(PLANE_TIMES)})


def plane_through(three: Tensor) -> tuple[Tensor, Tensor]:
    """The plane through three points (3, P): orthonormal axes (2, P), and where the points stand in it, (3, 2).

    The first point is the origin, the second lies on the first axis (Gram and Schmidt).
    """
    first = three[1] - three[0]
    first = first / first.norm()
    second = three[2] - three[0]
    second = second - (second @ first) * first
    axes = torch.stack([first, second / second.norm()])
    return axes, (three - three[0]) @ axes.T
