"""Our training loop against the plain notebook loop, step by step in turns: python -m scripts.bench_mnist

The notebook loop: a DataLoader over PIL pictures with ToTensor, float32, eager, torch's own Adam; the same
network, batch and optimizer. Steps of both are timed alternately, so that a busy machine slows both, and the
medians are compared. Also prints the share of this machine's measured matrix-product peak.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from core.datasets import Digits, load_mnist
from core.networks.mnist_unet import one_hot
from core.training import build_network, build_objective, train_mnist
from core.training_settings import MnistSettings


class NotebookDigits(Dataset):
    """What torchvision's MNIST with ToTensor does for each picture."""

    def __init__(self, digits: Digits) -> None:
        self.pictures, self.labels = digits.pictures, digits.labels

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.pictures[index, 0].numpy())
        array = np.array(picture, copy=True)[:, :, None]
        tensor = torch.from_numpy(array).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
        return tensor, int(self.labels[index])


def notebook_loop(settings: MnistSettings, digits: Digits) -> Iterator[float]:
    """The class-conditioned flow as a notebook writes it; yields the loss of every step."""
    network = build_network(settings)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    while True:
        for x1, labels in DataLoader(NotebookDigits(digits), settings.batch_size, shuffle=True):
            x0, t = torch.randn_like(x1), torch.rand(len(x1))
            c = one_hot(labels) * (torch.rand(len(x1)) >= settings.p_uncond).float()[:, None]
            x_t = (1 - t)[:, None, None, None] * x0 + t[:, None, None, None] * x1
            loss = torch.nn.functional.mse_loss(network(x_t, t, c), x1 - x0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()


def seconds(steps: Iterator) -> float:
    """How long the next step takes."""
    began = time.perf_counter()
    next(steps)
    return time.perf_counter() - began


def flops_a_step(settings: MnistSettings, digits: Digits) -> int:
    """Of the formulas, forwards and backwards."""
    network = build_network(settings)
    clean, labels = digits.batch(torch.arange(settings.batch_size))
    with FlopCounterMode(display=False) as counter:
        build_objective(settings)(network, clean, labels, torch.Generator()).backward()
    return counter.get_total_flops()


def matrix_peak() -> float:
    """FLOP/s of the fastest of ten 1024 x 1024 matrix products."""
    a, times = torch.randn(1024, 1024), []
    for _ in range(10):
        began = time.perf_counter()
        torch.mm(a, a)
        times.append(time.perf_counter() - began)
    return 2 * 1024**3 / min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    digits, peak = load_mnist("train"), matrix_peak()
    for width in arguments.width:
        settings = MnistSettings(
            objective="class_flow", width=width, learning_rate=1e-3, batch_size=arguments.batch, epochs=1
        )
        plain, ours = notebook_loop(settings, digits), train_mnist(settings, digits)
        next(plain), next(ours)  # the first step allocates
        times = [(seconds(plain), seconds(ours)) for _ in range(arguments.steps)]
        slow, quick = (statistics.median(column) for column in zip(*times, strict=True))
        flops = flops_a_step(settings, digits)
        print(json.dumps({
            "width": width,
            "batch": arguments.batch,
            "threads": arguments.threads,
            "notebook_steps_per_second": round(1 / slow, 3),
            "our_steps_per_second": round(1 / quick, 3),
            "ratio": round(slow / quick, 2),
            "gemm_peak_gflops": round(peak / 1e9, 1),
            "notebook_share_of_peak": round(flops / slow / peak, 2),
            "our_share_of_peak": round(flops / quick / peak, 2),
        }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
