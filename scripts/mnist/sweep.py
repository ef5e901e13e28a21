"""Measures B8's network over γ, T and its epochs, or what B6's draws: python -m scripts.mnist.sweep b8 [or another]

Writes every point into <preset>.json under "sweep" as soon as it is there, and rewrites the model card; lesson B9 draws
the curves. An interruption loses at most a hundred digits: the same command goes on. The one point with 1,000 digits
and T = 300 takes most of the time (600,000 evaluations); the others have 100 digits, and T = 30 where γ varies. B6 has
no classes, so no γ: 1,000 digits at T = 300 after its last epoch, 100 after each other. The samples are drawn in the
precision in which the processor multiplies fastest; each point says which.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from core.datasets import Digits, load_mnist, to_unit
from core.flow import ClassGuided, Conditional, EstimateVelocity, integrate
from core.judge import (
    NUM_FEATURES,
    Judge,
    Readings,
    accuracy,
    confident,
    confusion,
    diversity,
    frechet_distance,
    load_judge,
    read_digits,
)
from core.mnist_models import MODEL_FOLDER, SHIPPED_EPOCHS, load_network, shipped_settings, weights_file
from core.networks.folded import folded
from core.networks.mnist_unet import one_hot
from core.settings import Settings
from core.training import native_precision
from core.training_settings import PRECISIONS
from core.trajectory import Trajectory
from scripts.mnist.figures import figures_file, write_figures
from scripts.mnist.second_judge import labels_of, load_second_judge

BATCH = 100
SEED = 1
GAMMAS = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0)


@dataclass(frozen=True)
class Point:
    """What is measured: `samples` digits after an epoch, at one T, as many of each class at one γ; None has no classes."""

    epoch: int
    guidance_scale: float | None
    num_steps: int
    samples: int = 100


def points(epochs: tuple[int, ...], classes: bool = True) -> list[Point]:
    """The sweep, the long point last: γ at T = 30, T at γ = 5, and the course's own setting with 1,000 digits."""
    if not classes:
        return [*(Point(epoch, None, 300) for epoch in epochs[:-1]), Point(max(epochs), None, 300, 1000)]
    over_gamma = [Point(epoch, gamma, 30) for epoch in epochs for gamma in GAMMAS]
    over_steps = [Point(epoch, 5.0, num_steps) for epoch in epochs for num_steps in (10, 100)]
    return [*over_gamma, *over_steps, Point(max(epochs), 5.0, 300, 1000)]


@dataclass(frozen=True)
class Bench:
    """What every point is measured with."""

    judge: Judge
    second: nn.Module  # scripts/mnist/second_judge.py
    test: Digits
    of_test: Readings  # what the judge makes of the test digits
    precision: str
    state: Path  # where unfinished points are kept


def measure_point(point: Point, network: nn.Module, weights: str, bench: Bench) -> dict:
    """Draws the digits, a hundred at a time, and reads them; goes on from what an interruption has left."""
    asked = torch.arange(point.samples) % 10
    noise = torch.randn(point.samples, 1, 28, 28, generator=torch.Generator().manual_seed(SEED))
    named = "none" if point.guidance_scale is None else f"{point.guidance_scale:g}"
    state = bench.state / f"sweep-{weights}-{point.epoch}-{named}-{point.num_steps}-{bench.precision}"
    read, second, seconds = load_state(state)
    for start in range(len(second), point.samples, BATCH):
        began = time.process_time()
        own = slice(start, start + BATCH)
        with torch.autocast("cpu", torch.bfloat16, enabled=bench.precision == "bfloat16"):
            drawn = draw(network, noise[own], asked[own], point)
        read = joined(read, read_digits(bench.judge, drawn))
        second = torch.cat([second, labels_of(bench.second, drawn)])
        seconds += time.process_time() - began
        arrays = {name: tensor.numpy() for name, tensor in vars(read).items()}
        Trajectory({**arrays, "second": second.numpy()}, {"seconds": seconds}).save(state)
    state.unlink()
    return {
        "epoch": point.epoch,
        "guidance_scale": point.guidance_scale,
        "num_steps": point.num_steps,
        "samples": point.samples,
        "confident": confident(read),
        "confident_of_test_digits": confident(bench.of_test),
        "judges_agree": accuracy(second, read.labels),
        "frechet_distance": frechet_distance(read.features, bench.of_test.features),
        **({} if point.guidance_scale is None else of_classes(read, second, asked, bench)),
        "precision": bench.precision,
        "weights": weights,
        "cpu_seconds": round(seconds, 1),
    }


def of_classes(read: Readings, second: Tensor, asked: Tensor, bench: Bench) -> dict:
    """What can be said where digits were asked for."""
    return {
        "accuracy": accuracy(read.labels, asked),
        "accuracy_second_judge": accuracy(second, asked),
        "diversity": diversity(read.features, asked),
        "diversity_of_test_digits": diversity(bench.of_test.features, bench.test.labels),
        "confusion": confusion(read.labels, asked).tolist(),
    }


def joined(some: Readings, more: Readings) -> Readings:
    """Both, one after the other."""
    return Readings(*(torch.cat([getattr(some, name), getattr(more, name)]) for name in vars(some)))


def load_state(path: Path) -> tuple[Readings, Tensor, float]:
    """What has been read so far: by the judge, by the second one (N,), and CPU seconds."""
    if not path.exists():
        none = torch.empty(0, dtype=torch.int64)
        return Readings(none, torch.empty(0), torch.empty(0, NUM_FEATURES)), none, 0.0
    kept = Trajectory.load(path)
    arrays = {name: torch.from_numpy(array.copy()) for name, array in kept.arrays.items()}
    second = arrays.pop("second")
    return Readings(**arrays), second, kept.meta["seconds"]


def draw(network: nn.Module, noise: Tensor, asked: Tensor, point: Point) -> Tensor:
    """Euler from noise to digits of the asked classes: float32 (N, 1, 28, 28)."""
    for step in integrate(velocity(network, asked, point.guidance_scale), noise, point.num_steps):
        x = step.x_next
    return x.float()


def velocity(network: nn.Module, asked: Tensor, guidance_scale: float | None) -> EstimateVelocity:
    """As `ClassGuided`; at γ = 0 and γ = 1 one of its two halves is not needed, and not computed."""
    if guidance_scale is None:
        return Conditional(network)
    classes = one_hot(asked)
    if guidance_scale == 0:
        return Conditional(network, torch.zeros_like(classes))
    return (
        Conditional(network, classes)
        if guidance_scale == 1
        else ClassGuided(network, classes, guidance_scale)
    )


def sweep(preset: str, bench: Bench, folder: Path = MODEL_FOLDER, wanted: list[Point] | None = None) -> None:
    """Measures every point that is not in the figures yet, for the weights that lie there now."""
    epochs = tuple(e for e in SHIPPED_EPOCHS[preset] if weights_file(preset, e, folder).exists())
    settings = shipped_settings(preset, epochs[-1], folder)
    names = {epoch: fingerprint(weights_file(preset, epoch, folder)) for epoch in epochs}
    figures = json_of(preset, folder)
    found = [one for one in figures.get("sweep", []) if one.get("weights") == names.get(one["epoch"])]
    measured = {(one["epoch"], one["guidance_scale"], one["num_steps"], one["samples"]) for one in found}
    for point in wanted or points(epochs, settings.objective == "class_flow"):
        if (point.epoch, point.guidance_scale, point.num_steps, point.samples) in measured:
            continue
        network = folded(load_network(preset, point.epoch, folder=folder))
        found.append(measure_point(point, network, names[point.epoch], bench))
        write_figures(preset, settings, {**json_of(preset, folder), "sweep": found}, folder)
        print({name: value for name, value in found[-1].items() if name != "confusion"}, flush=True)


def json_of(preset: str, folder: Path) -> dict:
    """The figures as they lie on the disk."""
    return json.loads(figures_file(preset, folder).read_text(encoding="utf-8"))


def fingerprint(path: Path) -> str:
    """Names the weights of one file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", nargs="?", default="b8", choices=["b8", "b8-constant", "b6", "b6-slow"])
    parser.add_argument(
        "--folder", type=Path, default=MODEL_FOLDER, help="where weights, figures and card lie"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=PRECISIONS, default=native_precision("cpu"))
    arguments = parser.parse_args()
    os.nice(10)
    torch.set_num_threads(arguments.threads)
    state = Settings.from_environment().data_dir / "training"
    state.mkdir(parents=True, exist_ok=True)
    judge, second, test = load_judge(), load_second_judge(state, load_mnist("train")), load_mnist("test")
    sweep(
        arguments.preset,
        Bench(judge, second, test, read_digits(judge, to_unit(test.pictures)), arguments.precision, state),
        arguments.folder,
    )


if __name__ == "__main__":
    main()
