"""The training loops of Part B, as generators of events.

One loop trains everything; what differs is the objective. It yields the loss of every step, pictures when
they are asked for, and a checkpoint at every epoch, from which it goes on with the very same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from core.datasets import Digits, TrainingData
from core.flow import interpolate
from core.jobs import Checkpoint, ComputeError, Frame, Metric
from core.networks.first_weights import first_weights
from core.networks.mnist_unet import (
    ClassConditionedUNet,
    MnistUNet,
    TimeConditionedUNet,
    UnconditionalUNet,
    one_hot,
)
from core.training_checkpoint import TrainingState
from core.training_settings import LoopSettings, MnistSettings

EXPLOSION = 5.0  # a loss more than this many times the first one has exploded,
PATIENCE = 5  # if so many in a row have: Adam's first steps may overshoot once or twice and heal


class TrainingDiverged(ComputeError):
    """The loss is no number any more, or far larger than at the beginning.

    Attributes:
        step: the step at which it was seen, counted from 1.
        checkpoint: the last good one of this run, or None if no epoch had ended yet.
    """

    advice = "The training has diverged. Choose a smaller learning rate."

    def __init__(self, step: int, what: str, learning_rate: float, checkpoint: Checkpoint | None) -> None:
        self.step, self.checkpoint = step, checkpoint
        kept = (
            "no checkpoint had been reached"
            if checkpoint is None
            else f"the checkpoint {checkpoint.name} is kept"
        )
        super().__init__(
            f"The training has diverged: {what} at step {step}. The steps of the optimizer are too long: "
            f"choose a learning rate below {learning_rate:g}; {kept}."
        )


# ---------------------------------------------------------------- objectives: what one batch costs

Objective = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]
"""(network, clean (B, ...), labels (B,), generator) -> loss, a scalar: the mean over all pixels."""


def denoising_loss(
    network: nn.Module, clean: Tensor, labels: Tensor, generator: torch.Generator, sigma: float
) -> Tensor:
    """B2: |D(z) - x|^2 with z = x + sigma noise."""
    z = clean + sigma * normal_like(clean, generator)
    return (network(z) - clean).square().mean()


def pure_noise_loss(network: nn.Module, clean: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """B4: |D(z) - x|^2 with z ~ N(0, I), which says nothing about x: the best D is the mean digit."""
    z = normal_like(clean, generator)
    return (network(z) - clean).square().mean()


def flow_loss(
    network: nn.Module, clean: Tensor, labels: Tensor, generator: torch.Generator, given: str = "x_t"
) -> Tensor:
    """B5, B6: |u(x_t, t) - (x1 - x0)|^2 with t uniform in [0, 1].

    With `given` "x_1" the network sees the digit in place of x_t, a mistake made on purpose: the best that it can answer is
    x1, because nothing tells it x0, and the variance of the noise remains as the loss.
    """
    noise, t = normal_like(clean, generator), uniform(clean, generator)
    velocity = network(clean if given == "x_1" else interpolate(noise, clean, t), t)
    return (velocity - (clean - noise)).square().mean()


def pair_loss(network: nn.Module, clean: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """B11: |u(x_t, t) - (x1 - x0)|^2 of pairs that are given, (B, 2, ...), the noise first: no noise is drawn anew.

    Equation 1 of Liu, Gong, Liu, "Flow Straight and Fast" (2022), with t uniform in [0, 1].
    """
    noise, end = clean.unbind(dim=1)
    t = uniform(end, generator)
    return (network(interpolate(noise, end, t), t) - (end - noise)).square().mean()


def class_flow_loss(
    network: nn.Module, clean: Tensor, labels: Tensor, generator: torch.Generator, p_uncond: float
) -> Tensor:
    """B8: |u(x_t, t, c) - (x1 - x0)|^2, with c hidden (all zeros) from each example with probability p_uncond."""
    noise, t = normal_like(clean, generator), uniform(clean, generator)
    keep = (uniform(clean, generator) >= p_uncond).float()
    c = one_hot(labels) * keep[:, None]  # (B, 10)
    velocity = network(interpolate(noise, clean, t), t, c)
    return (velocity - (clean - noise)).square().mean()


def normal_like(clean: Tensor, generator: torch.Generator) -> Tensor:
    """N(0, I) of the same shape and device, drawn on the CPU so that every device sees the same noise."""
    return torch.randn(clean.shape, generator=generator).to(clean.device)


def uniform(clean: Tensor, generator: torch.Generator) -> Tensor:
    """One number in [0, 1) for each example: (B,)."""
    return torch.rand(len(clean), generator=generator).to(clean.device)


# ---------------------------------------------------------------- the loop


@dataclass(frozen=True)
class Snapshots:
    """Pictures to take during the training.

    Attributes:
        steps: after which steps, counted from 1.
        take: called with the network in evaluation mode, no gradients; returns uint8 arrays by name.
    """

    steps: frozenset[int] = frozenset()
    take: Callable[[nn.Module], dict[str, np.ndarray]] = field(default=lambda network: {})


TrainingEvents = Generator[Metric | Frame | Checkpoint, None, nn.Module]


def train(
    network: nn.Module,
    data: TrainingData,
    objective: Objective,
    settings: LoopSettings,
    *,
    snapshots: Snapshots = Snapshots(),
    checkpoint: Checkpoint | None = None,
    checkpoint_every: int | None = None,
) -> TrainingEvents:
    """Trains the network in place with Adam, and yields what happens.

    Args:
        network: already on the data's device.
        checkpoint: where to go on from. On a CPU the numbers are those of an uninterrupted run.
        checkpoint_every: also keep a checkpoint every so many steps, besides the end of each epoch.

    Yields:
        Metric (loss, learning_rate, epoch counted from 1) after every step; Frame at the snapshots' steps;
        Checkpoint "epoch-1", "epoch-2", ... at the end of every epoch, "step-500" in between.

    Returns:
        The trained network, in evaluation mode.

    Raises:
        InvalidSettings: a batch is larger than the data set.
        TrainingDiverged: see there.
        CheckpointCorrupt: the checkpoint is damaged, or of another network or data set.
    """
    per_epoch = settings.steps_per_epoch(len(data))
    total = settings.epochs * per_epoch
    # The same numbers, laid out as the fast kernels read them.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch names it so
    state = TrainingState.start(network, settings.seed, len(data))
    if checkpoint is not None:
        state.restore(checkpoint)
    last_good = checkpoint
    network.train()
    for step in range(state.step, total):
        epoch, position = divmod(step, per_epoch)
        if position == 0:
            state.permutation = torch.randperm(len(data), generator=state.generator)
        indices = state.permutation[position * settings.batch_size : (position + 1) * settings.batch_size]
        learning_rate = state.set_learning_rate(settings.learning_rate_at(epoch))

        clean, labels = data.batch(indices)
        with torch.autocast(clean.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            loss = objective(network, clean, labels, state.generator)
        state.optimizer.zero_grad()
        loss.backward()
        state.optimizer.step()

        state.step = step + 1
        state.losses.append(loss.item())
        if trouble := diverged(state.losses):
            raise TrainingDiverged(state.step, trouble, settings.learning_rate, last_good)
        yield Metric(
            state.step, total, {"loss": state.losses[-1], "learning_rate": learning_rate, "epoch": epoch + 1}
        )
        if state.step in snapshots.steps:
            yield Frame(state.step - 1, total, look(network, snapshots))
        ends_epoch = state.step % per_epoch == 0
        if ends_epoch or (checkpoint_every and state.step % checkpoint_every == 0):
            if not state.is_finite():
                what = "a weight of the network is no number any more"
                raise TrainingDiverged(state.step, what, settings.learning_rate, last_good)
            last_good = state.checkpoint(f"epoch-{epoch + 1}" if ends_epoch else f"step-{state.step}")
            yield last_good
    return network.eval()


def native_precision(device: str | torch.device) -> str:
    """The precision in which this device trains fastest: "bfloat16" where it multiplies that in hardware."""
    kind = torch.device(device).type
    if kind == "cpu":
        able = torch.cpu.get_capabilities()
        native = bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    else:
        native = kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if native else "float32"


def diverged(losses: list[float]) -> str | None:
    """What is wrong with the losses so far, in words, or None."""
    if not math.isfinite(losses[-1]):
        return "the loss is no number any more"
    if min(losses[-PATIENCE:]) > EXPLOSION * losses[0]:
        return f"the loss has grown from {losses[0]:.3g} to {losses[-1]:.3g}"
    return None


@torch.no_grad()
def look(network: nn.Module, snapshots: Snapshots) -> dict[str, np.ndarray]:
    """The snapshot's pictures; training goes on afterwards as if nothing had been looked at."""
    network.eval()
    pictures = snapshots.take(network)
    network.train()
    return pictures


# ---------------------------------------------------------------- Part B's networks


def build_network(settings: MnistSettings) -> MnistUNet:
    """The objective's network on the CPU, with weights that depend on the seed alone."""
    kinds: dict[str, type[MnistUNet]] = {
        "denoise": UnconditionalUNet,
        "pure_noise": UnconditionalUNet,
        "flow": TimeConditionedUNet,
        "class_flow": ClassConditionedUNet,
    }
    with first_weights(settings.seed):
        return kinds[settings.objective](settings.width)


def build_objective(settings: MnistSettings) -> Objective:
    """The loss of the settings' objective."""
    losses: dict[str, Objective] = {
        "denoise": partial(denoising_loss, sigma=settings.sigma),
        "pure_noise": pure_noise_loss,
        "flow": partial(flow_loss, given=settings.given),
        "class_flow": partial(class_flow_loss, p_uncond=settings.p_uncond),
    }
    return losses[settings.objective]


def train_mnist(
    settings: MnistSettings,
    digits: Digits,
    *,
    snapshots: Snapshots = Snapshots(),
    checkpoint: Checkpoint | None = None,
    checkpoint_every: int | None = None,
) -> TrainingEvents:
    """A training of lessons B2 to B8 on the first `settings.pictures` digits. Arguments and events as in `train`."""
    network = build_network(settings).to(digits.pictures.device)
    return (
        yield from train(
            network,
            digits.first(settings.pictures),
            build_objective(settings),
            settings,
            snapshots=snapshots,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
        )
    )
