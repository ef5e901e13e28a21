"""The jobs of lesson B9: guided digits with the judge's opinion of them, and the sweep over γ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.compute.context import JobContext, JobEvents
from core.datasets import to_unit
from core.flow import check_guidance, check_steps, integrate
from core.jobs import Frame
from core.judge import Judge, accuracy, confusion, diversity, load_judge, read_digits
from core.networks.mnist_unet import one_hot
from core.oracle import nearest_pictures
from core.trajectory import Trajectory
from lessons import flow_sampling
from lessons.flow_sampling import estimator
from lessons.networks import load_to_sample
from lessons.requests import BadRequest
from lessons.training import digit_pixels, fixed_noise, load_digits

YARDSTICK = 200  # test digits whose nearest training digits say what "near" means
MOST_SWEPT = 12  # values of γ


def judge_of(context: JobContext) -> Judge:
    """The judge on the job's device, kept in the worker."""
    key = ("judge", context.device)
    if key not in context.cache:
        context.cache[key] = load_judge(device=context.device)
    return context.cache[key]


def guided(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """`lessons.flow_sampling.run`, then the judge and the nearest training digits.

    Adds the arrays read int64 and confidence float64 (networks * count,), nearest uint8 (count, 28, 28, 1) and distance
    float64 (count,), RMS, of the last network; meta["judged"]: for each network accuracy, diversity and confusion;
    meta["test_distance"]: the median distance of test digits to their nearest training digits; "test_diversity".
    """
    trajectory = yield from flow_sampling.run(params, context)
    fork = params.get("fork", {})
    asked = torch.tensor([fork["digit"]] * params["count"] if "digit" in fork else params["classes"])
    result = torch.from_numpy(trajectory["result"].copy()).to(context.device)
    read = read_digits(judge_of(context), result)
    judged = []
    for k in range(len(params["networks"])):
        own = slice(k * len(asked), (k + 1) * len(asked))
        judged.append({
            "accuracy": accuracy(read.labels[own].cpu(), asked),
            "diversity": diversity(read.features[own].cpu(), asked),
            "confusion": confusion(read.labels[own].cpu(), asked).tolist(),
        })  # fmt: skip
    train = load_digits("train", context).pictures
    distances, places = nearest_pictures(result[-len(asked) :].clamp(0, 1), train, count=1)
    arrays = {
        **trajectory.arrays,
        "read": read.labels.cpu().numpy(),
        "confidence": read.confidence.double().cpu().numpy(),
        "nearest": train[places[:, 0].to(train.device)].permute(0, 2, 3, 1).cpu().numpy(),
        "distance": distances[:, 0].double().cpu().numpy() / 28,  # sqrt(28 * 28) pixels
    }
    return Trajectory(arrays, {**trajectory.meta, "judged": judged, **yardsticks(context)})


def yardsticks(context: JobContext) -> dict[str, float]:
    """What real digits score: the first test digits, by the same measures; once in a worker."""
    key = ("yardsticks", context.device)
    if key not in context.cache:
        test, train = load_digits("test", context), load_digits("train", context)
        pictures, labels = to_unit(test.pictures[:YARDSTICK]), test.labels[:YARDSTICK].cpu()
        near, _ = nearest_pictures(pictures, train.pictures, count=1)
        features = read_digits(judge_of(context), pictures).features.cpu()
        context.cache[key] = {
            "test_distance": near.median().item() / 28,
            "test_diversity": diversity(features, labels),
        }
    return context.cache[key]


def sweep(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Accuracy and diversity for each γ, from the same noises.

    {"network": {...}, "gammas": [0, 1, ...], "seed": 0, "a_class": 10, "num_steps": 50}

    Arrays: samples uint8 (gammas, 10, 28, 28, 1), one of each class; accuracy, diversity, confidence float64 (gammas,).

    Raises:
        BadRequest, core.flow's ValueError: parameters outside their range.
    """
    gammas, num_steps = (
        [check_guidance(gamma) for gamma in params["gammas"]],
        check_steps(params["num_steps"]),
    )
    if not (1 <= len(gammas) <= MOST_SWEPT and 2 <= params["a_class"] <= 100):
        raise BadRequest(f"A sweep has 1 to {MOST_SWEPT} values of γ and 2 to 100 digits of each class.")
    network, judge = load_to_sample(params["network"], context), judge_of(context)
    asked = torch.arange(10 * params["a_class"]) % 10
    noise = fixed_noise(len(asked), params["seed"], context.device)
    samples, scores = [], []
    for index, gamma in enumerate(gammas):
        x = drawn(network, noise, asked, gamma, num_steps)
        read = read_digits(judge, x)
        samples.append(digit_pixels(x[:10]))
        scores.append((
            accuracy(read.labels.cpu(), asked), diversity(read.features.cpu(), asked), read.confidence.mean().item(),
        ))  # fmt: skip
        yield Frame(index, len(gammas), {"samples": samples[-1]})
    names = ("accuracy", "diversity", "confidence")
    arrays = {name: np.array(column) for name, column in zip(names, zip(*scores, strict=True), strict=True)}
    return Trajectory(
        {"samples": np.stack(samples), **arrays}, {"params": dict(params), **yardsticks(context)}
    )


def drawn(
    network: torch.nn.Module, noise: Tensor, asked: Tensor, gamma: float, num_steps: int, batch: int = 50
) -> Tensor:
    """Euler from the noises to digits of the asked classes: float (N, 1, 28, 28)."""
    finished = []
    for x, labels in zip(noise.split(batch), asked.split(batch), strict=True):
        for step in integrate(estimator(network, one_hot(labels).to(x.device), gamma), x, num_steps):
            x = step.x_next
        finished.append(x)
    return torch.cat(finished)
