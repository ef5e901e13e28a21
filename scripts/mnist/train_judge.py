"""Trains the judge, the digit classifier that measures generated digits: python -m scripts.mnist.train_judge

Data: the 60,000 training digits of MNIST, each shifted by up to two pixels either way. Writes
judge.safetensors, judge.json (figures) and judge.md (model card).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from core.datasets import load_mnist, to_unit
from core.jobs import Metric
from core.judge import JUDGE_FILE, Judge, accuracy, confusion, diversity, read_digits
from core.networks.mnist_unet import count_parameters
from core.training import train
from core.training_settings import LoopSettings

SETTINGS = LoopSettings(learning_rate=3e-3, batch_size=128, epochs=12, decay=True, seed=0)
MAX_SHIFT = 2  # pixels


def shift(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture moved by up to two pixels in x and y, black coming in: (B, 1, 28, 28) -> the same."""
    batch, _, height, width = pictures.shape
    padded = functional.pad(pictures, [MAX_SHIFT] * 4)
    down, right = torch.randint(2 * MAX_SHIFT + 1, (2, batch, 1), generator=generator)
    rows = (torch.arange(height) + down)[:, :, None]  # (B, H, 1)
    columns = (torch.arange(width) + right)[:, None, :]  # (B, 1, W)
    return padded[torch.arange(batch)[:, None, None], 0, rows, columns][:, None]


def judge_loss(network: nn.Module, clean: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Cross entropy on shifted digits."""
    return functional.cross_entropy(network(shift(clean, generator)), labels.long())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=JUDGE_FILE, help="where the weights go; figures and card beside"
    )
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    os.nice(10)
    torch.set_num_threads(arguments.threads)
    with torch.random.fork_rng():
        torch.manual_seed(SETTINGS.seed)
        judge = Judge()
    digits, test = load_mnist("train"), load_mnist("test")
    began, steps = time.monotonic(), SETTINGS.steps_per_epoch(len(digits))
    for event in train(judge, digits, judge_loss, SETTINGS):
        if isinstance(event, Metric) and event.step % steps == 0:
            reading = read_digits(judge.eval(), to_unit(test.pictures))
            judge.train()
            error = 1 - accuracy(reading.labels, test.labels)
            print(
                f"epoch {event.step // steps}: test error {error:.2%}, {time.monotonic() - began:.0f} s",
                flush=True,
            )
    reading = read_digits(judge.eval(), to_unit(test.pictures))
    figures = {
        "parameters": count_parameters(judge),
        "epochs": SETTINGS.epochs,
        "seed": SETTINGS.seed,
        "seconds": round(time.monotonic() - began),
        "threads": arguments.threads,
        "test_accuracy": accuracy(reading.labels, test.labels),
        "test_diversity": diversity(reading.features, test.labels),
        "test_confusion": confusion(reading.labels, test.labels).tolist(),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    save_file(judge.state_dict(), arguments.out)
    arguments.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")
    arguments.out.with_suffix(".md").write_text(card(figures))
    print(f"test accuracy {figures['test_accuracy']:.2%}")


def card(figures: dict) -> str:
    """The model card."""
    return f"""# The judge: a small digit classifier

Reads 28 × 28 digits in [0, 1] and measures the digits that the networks of Part B draw: does a sample read
as the class it was asked for, and how much do the samples of a class differ.

| | |
|---|---|
| network | `core/judge.py`: six 3 × 3 convolutions, {figures["parameters"]:,} parameters |
| data | MNIST, 60,000 training digits (LeCun, Cortes, Burges; generally cited as CC BY-SA 3.0), shifted by up to 2 pixels |
| recipe | `scripts/mnist/train_judge.py`: Adam {SETTINGS.learning_rate:g} falling tenfold, batch {SETTINGS.batch_size}, {SETTINGS.epochs} epochs, seed {SETTINGS.seed} |
| time | {figures["seconds"]} s on {figures["threads"]} slow CPU thread(s) |
| accuracy on the 10,000 test digits | {figures["test_accuracy"]:.2%} |
| diversity of the test digits (mean feature distance within a class) | {figures["test_diversity"]:.3f} |

Limits: it has seen real digits only. A picture that is no digit at all is still read as one, often with
confidence; distances between its features compare only with each other, not with published FID values.
"""


if __name__ == "__main__":
    main()
