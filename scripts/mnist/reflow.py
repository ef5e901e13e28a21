"""Straightens the shipped flow of digits for lesson B11: python -m scripts.mnist.reflow --minutes 4

Pairs noises with the samples that b6 makes of them, then trains b6 further on these pairs (core/reflow.py). Works for about
so many minutes and keeps what it has; the same command goes on until all is done, with the numbers of an uninterrupted run
(for the same number of threads). At the end it writes the weights, b11.json (figures) and b11.md (model card).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from core.datasets import load_mnist
from core.flow import Conditional
from core.jobs import Checkpoint, Metric
from core.judge import frechet_distance, load_judge, read_digits
from core.mnist_models import MODEL_FOLDER, load_network, save_weights, weights_file
from core.networks.mnist_unet import count_parameters
from core.reflow import Pairs, carry, straightness, transport_cost
from core.settings import Settings
from core.training import pair_loss, train
from core.training_checkpoint import network_weights
from core.training_settings import REFLOWED, MnistSettings
from core.trajectory import Trajectory
from scripts.mnist.figures import averaged, write_figures
from scripts.mnist.measure import features_of
from scripts.mnist.train import CHECKPOINT_EVERY, CURVE_BLOCK, load_state

PRESET, TEACHER = "b11", ("b6", 10)
BLOCK = 250  # pairs that are made at a time, from a seed of their own
PAIR_SOLVER, PAIR_STEPS = "heun", 8  # 16 evaluations
MEASURED = 500  # noises that are neither's training data
MEASURED_STEPS = (1, 2, 4, 8, 50)
FIRST_FREE_SEED = 1_000_000  # of the noises that are measured on


class OutOfTime(Exception):
    """The minutes are over; what was done is kept."""


def make_pairs(settings: MnistSettings, folder: Path, until: float) -> Pairs:
    """All pairs; those that are not there yet are made, a block at a time. Raises OutOfTime."""
    folder.mkdir(parents=True, exist_ok=True)
    teacher = Conditional(load_network(*TEACHER).to(memory_format=torch.channels_last))
    noises, samples = [], []
    for block in range(settings.pictures // BLOCK):
        path = folder / f"block-{block}.safetensors"
        noise = block_noise(block)
        if not path.exists():
            if time.monotonic() > until:
                raise OutOfTime(f"{block * BLOCK} of {settings.pictures} pairs")
            found = carry(teacher, noise, PAIR_STEPS, PAIR_SOLVER)
            Trajectory({"clean": found.numpy().astype(np.float16)}).save(path)
        noises.append(noise)
        samples.append(torch.from_numpy(Trajectory.load(path)["clean"].copy()).float())
    return Pairs(torch.cat(noises), torch.cat(samples))


def block_noise(seed: int, count: int = BLOCK) -> Tensor:
    """float (count, 1, 28, 28), standard normal."""
    return torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


def train_on(
    pairs: Pairs, settings: MnistSettings, state_file: Path, until: float
) -> tuple[Checkpoint, float]:
    """The checkpoint of the last epoch, and the seconds that it took. Raises OutOfTime."""
    checkpoint, seconds = load_state(state_file)
    total = settings.epochs * settings.steps_per_epoch(len(pairs))
    if checkpoint is not None and checkpoint.step == total:
        return checkpoint, seconds
    began = time.monotonic() - seconds
    network = load_network(*TEACHER)
    for event in train(
        network, pairs, pair_loss, settings, checkpoint=checkpoint, checkpoint_every=CHECKPOINT_EVERY
    ):
        if isinstance(event, Metric) and event.step % CURVE_BLOCK == 0:
            print(f"step {event.step}/{total}: loss {event.values['loss']:.4f}", flush=True)
        if isinstance(event, Checkpoint):
            seconds = time.monotonic() - began
            Trajectory(event.arrays, {"step": event.step, "name": event.name, "seconds": seconds}).save(
                state_file
            )
            if event.step == total:
                return event, seconds
            if time.monotonic() > until:
                raise OutOfTime(f"{event.step} of {total} steps")
    raise RuntimeError("The training has ended without a checkpoint.")


def measured(network: nn.Module) -> dict:
    """Straightness, transport cost, and what the judge says of samples with few steps, from fresh noises."""
    estimate, noise = Conditional(network), block_noise(FIRST_FREE_SEED, MEASURED)
    judge, real = load_judge(), features_of(load_judge(), load_mnist("test"))
    figures: dict = {"samples": MEASURED}
    for num_steps in MEASURED_STEPS:
        found = carry(estimate, noise, num_steps)
        read = read_digits(judge, found)
        figures[f"confidence_{num_steps}_steps"] = read.confidence.mean().item()
        figures[f"frechet_distance_{num_steps}_steps"] = frechet_distance(read.features, real)
    figures["transport_cost"] = transport_cost(noise, found).mean().item()
    figures["straightness"] = straightness(estimate, noise, MEASURED_STEPS[-1]).mean().item()
    return figures


def finish(checkpoint: Checkpoint, settings: MnistSettings, pairs: Pairs, seconds: float, out: Path) -> None:
    """Writes the weights, measures them as they are written, beside b6, and writes figures and card."""
    save_weights(weights_file(PRESET, settings.epochs, out), network_weights(checkpoint), settings)
    network = load_network(PRESET, settings.epochs, folder=out)
    figures = {
        "parameters": count_parameters(network),
        "steps": checkpoint.step,
        "training_seconds": round(seconds),
        "threads": torch.get_num_threads(),
        "pairs": f"{len(pairs):,} noises, each with the sample of b6 after epoch {TEACHER[1]} "
                 f"({PAIR_SOLVER}, {PAIR_STEPS} steps)",
        "loss_curve": {"steps_a_point": CURVE_BLOCK, "loss": averaged(checkpoint.arrays["loop/losses"], CURVE_BLOCK)},
        "before": measured(load_network(*TEACHER)),
        "epochs": {str(settings.epochs): measured(network)},
    }  # fmt: skip
    write_figures(PRESET, settings, figures, out)
    print(json.dumps({"before": figures["before"], "after": figures["epochs"]}, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="about how long to work; go on later")
    parser.add_argument("--out", type=Path, default=MODEL_FOLDER, help="where weights, figures and card go")
    parser.add_argument(
        "--state", type=Path, help="where pairs and checkpoints go; default: in the data directory"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    os.nice(10)
    torch.set_num_threads(arguments.threads)
    settings = REFLOWED[PRESET]
    state = arguments.state or Settings.from_environment().data_dir / "training" / "reflow"
    until = time.monotonic() + 60 * arguments.minutes
    try:
        pairs = make_pairs(settings, state, until)
        checkpoint, seconds = train_on(pairs, settings, state / "training.safetensors", until)
    except OutOfTime as so_far:
        print(f"{so_far}: the same command goes on from there.")
        return
    finish(checkpoint, settings, pairs, seconds, arguments.out)


if __name__ == "__main__":
    main()
