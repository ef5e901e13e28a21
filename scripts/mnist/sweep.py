"""Measures B8's network over γ, T and its epochs: python -m scripts.mnist.sweep [b8-constant]

Writes every point into <preset>.json under "sweep" as soon as it is there, and rewrites the model card; lesson B9 draws
the curves. An interruption loses at most a hundred digits: the same command goes on. The one point with 1,000 digits
and T = 300 takes most of the time (600,000 evaluations); the others have 100 digits, and T = 30 where γ varies. The
samples are drawn in the precision in which the processor multiplies fastest; each point says which.
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

from core.datasets import Digits, load_mnist
from core.flow import ClassGuided, Conditional, EstimateVelocity, integrate
from core.judge import Judge, accuracy, confusion, diversity, frechet_distance, load_judge, read_digits
from core.mnist_models import MODEL_FOLDER, SHIPPED_EPOCHS, load_network, shipped_settings, weights_file
from core.networks.mnist_unet import one_hot
from core.settings import Settings
from core.training import native_precision
from core.training_settings import PRECISIONS
from core.trajectory import Trajectory
from scripts.mnist.figures import figures_file, write_figures
from scripts.mnist.measure import features_of

BATCH = 100
SEED = 1
GAMMAS = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0)


@dataclass(frozen=True)
class Point:
    """What is measured: `samples` digits, as many of each class, after an epoch, at one γ and T."""

    epoch: int
    guidance_scale: float
    num_steps: int
    samples: int = 100


def points(epochs: tuple[int, ...]) -> list[Point]:
    """The sweep, the long point last: γ at T = 30, T at γ = 5, and the course's own setting with 1,000 digits."""
    over_gamma = [Point(epoch, gamma, 30) for epoch in epochs for gamma in GAMMAS]
    over_steps = [Point(epoch, 5.0, num_steps) for epoch in epochs for num_steps in (10, 100)]
    return [*over_gamma, *over_steps, Point(max(epochs), 5.0, 300, 1000)]


@dataclass(frozen=True)
class Bench:
    """What every point is measured with."""

    judge: Judge
    test: Digits
    test_features: Tensor
    precision: str
    state: Path  # where unfinished points are kept


def measure_point(point: Point, network: nn.Module, weights: str, bench: Bench) -> dict:
    """Draws the digits, a hundred at a time, and reads them; goes on from what an interruption has left."""
    asked = torch.arange(point.samples) % 10
    noise = torch.randn(point.samples, 1, 28, 28, generator=torch.Generator().manual_seed(SEED))
    state = (
        bench.state
        / f"sweep-{weights}-{point.epoch}-{point.guidance_scale:g}-{point.num_steps}-{bench.precision}"
    )
    labels, features, seconds = load_state(state)
    for start in range(len(labels), point.samples, BATCH):
        began = time.process_time()
        own = slice(start, start + BATCH)
        with torch.autocast("cpu", torch.bfloat16, enabled=bench.precision == "bfloat16"):
            drawn = draw(network, noise[own], asked[own], point)
        read = read_digits(bench.judge, drawn)
        labels, features = torch.cat([labels, read.labels]), torch.cat([features, read.features])
        seconds += time.process_time() - began
        arrays = {"labels": labels.numpy(), "features": features.numpy()}
        Trajectory(arrays, {"seconds": seconds}).save(state)
    state.unlink()
    return {
        "epoch": point.epoch,
        "guidance_scale": point.guidance_scale,
        "num_steps": point.num_steps,
        "samples": point.samples,
        "accuracy": accuracy(labels, asked),
        "diversity": diversity(features, asked),
        "diversity_of_test_digits": diversity(bench.test_features, bench.test.labels),
        "frechet_distance": frechet_distance(features, bench.test_features),
        "confusion": confusion(labels, asked).tolist(),
        "precision": bench.precision,
        "weights": weights,
        "cpu_seconds": round(seconds, 1),
    }


def load_state(path: Path) -> tuple[Tensor, Tensor, float]:
    """What has been read so far: labels (N,), features (N, 64), CPU seconds."""
    if not path.exists():
        return torch.empty(0, dtype=torch.int64), torch.empty(0, 64), 0.0
    kept = Trajectory.load(path)
    return (
        torch.from_numpy(kept["labels"].copy()),
        torch.from_numpy(kept["features"].copy()),
        kept.meta["seconds"],
    )


def draw(network: nn.Module, noise: Tensor, asked: Tensor, point: Point) -> Tensor:
    """Euler from noise to digits of the asked classes: float32 (N, 1, 28, 28)."""
    for step in integrate(velocity(network, asked, point.guidance_scale), noise, point.num_steps):
        x = step.x_next
    return x.float()


def velocity(network: nn.Module, asked: Tensor, guidance_scale: float) -> EstimateVelocity:
    """As `ClassGuided`; at γ = 0 and γ = 1 one of its two halves is not needed, and not computed."""
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
    for point in wanted or points(epochs):
        if (point.epoch, point.guidance_scale, point.num_steps, point.samples) in measured:
            continue
        network = load_network(preset, point.epoch, folder=folder).to(memory_format=torch.channels_last)
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
    parser.add_argument("preset", nargs="?", default="b8", choices=["b8", "b8-constant"])
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
    judge, test = load_judge(), load_mnist("test")
    sweep(
        arguments.preset,
        Bench(judge, test, features_of(judge, test), arguments.precision, state),
        arguments.folder,
    )


if __name__ == "__main__":
    main()
