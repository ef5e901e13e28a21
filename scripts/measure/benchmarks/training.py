"""The rows about training digits: our loop against a notebook's, and against the machine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from core.datasets import Digits, load_mnist
from core.networks.mnist_unet import one_hot
from core.training import build_network, build_objective, native_precision, train_mnist
from core.training_settings import MnistSettings
from scripts.measure.benchmarks.measure import Row, alternate, matrix_peak, row, seconds

WIDTH, BATCH = 64, 64  # the reference presets of lessons B6 and B8


class NotebookDigits(Dataset):
    """What torchvision's MNIST with ToTensor does for each picture."""

    def __init__(self, digits: Digits) -> None:
        self.pictures, self.labels = digits.pictures.cpu(), digits.labels.cpu()

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.pictures[index, 0].numpy())
        array = np.array(picture, copy=True)[:, :, None]
        tensor = torch.from_numpy(array).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
        return tensor, int(self.labels[index])


def notebook_loop(settings: MnistSettings, digits: Digits, device: str) -> Iterator[float]:
    """The class-conditioned flow as a notebook writes it, torchcfm's too; yields the loss of every step."""
    network = build_network(settings).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    while True:
        for x1, labels in DataLoader(NotebookDigits(digits), settings.batch_size, shuffle=True):
            x1, labels = x1.to(device), labels.to(device)
            x0, t = torch.randn_like(x1), torch.rand(len(x1), device=device)
            keep = torch.rand(len(x1), device=device) >= settings.p_uncond
            x_t = (1 - t)[:, None, None, None] * x0 + t[:, None, None, None] * x1
            predicted = network(x_t, t, one_hot(labels) * keep.float()[:, None])
            loss = torch.nn.functional.mse_loss(predicted, x1 - x0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()


def settings_of(precision: str, width: int = WIDTH) -> MnistSettings:
    return MnistSettings(
        objective="class_flow",
        width=width,
        learning_rate=1e-3,
        batch_size=BATCH,
        epochs=1,
        precision=precision,
    )


def training(repeats: int, device: str) -> list[Row]:
    """Single steps of both loops in turns, and both losses after the same number of steps."""
    digits, rows = load_mnist("train", device=device), []
    native = native_precision(device)
    for precision in dict.fromkeys([native, "float32"]):
        settings = settings_of(precision)
        plain, quick = notebook_loop(settings, digits, device), train_mnist(settings, digits)
        theirs, mine = [next(plain)], [next(quick).values["loss"]]  # the first step allocates
        pairs = alternate(
            lambda: mine.append(next(quick).values["loss"]),  # noqa: B023
            lambda: theirs.append(next(plain)),  # noqa: B023
            max(repeats, 5),
        )
        note = f"loss after {len(mine)} steps {mine[-1]:.2f}, notebook's {theirs[-1]:.2f}"
        figure = f"MNIST training, D = {WIDTH}, {precision}: notebook / ours"
        rows.append(row(figure, pairs, ">=", 2.5, faster=True, unit="s/step", note=note))
    return rows


def training_floor(repeats: int, device: str) -> list[Row]:
    """The formulas of a step, forwards and backwards, at the speed of matrix products of the same precision."""
    digits, rows = load_mnist("train", device=device), []
    for precision in dict.fromkeys([native_precision(device), "float32"]):
        settings = settings_of(precision)
        clean, labels = digits.batch(torch.arange(BATCH))
        with FlopCounterMode(display=False) as counter:
            network = build_network(settings).to(device)
            build_objective(settings)(network, clean, labels, torch.Generator()).backward()
        flops, steps = counter.get_total_flops(), train_mnist(settings, digits)
        list(islice(steps, 2))
        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        pairs = [
            (flops / matrix_peak(device, dtype), seconds(lambda: next(steps)))  # noqa: B023
            for _ in range(max(repeats, 5))
        ]
        note = f"{flops / 1e9:.0f} GFLOP a step"
        figure = f"training floor, {precision}: FLOPs at GEMM speed / ours"
        rows.append(row(figure, pairs, ">=", 0.6, unit="s/step", note=note))
    return rows
