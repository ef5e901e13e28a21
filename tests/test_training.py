"""The loop against a plain notebook loop; resuming to the bit; every way to go wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.datasets import Digits
from core.jobs import Checkpoint, CheckpointCorrupt, Frame, Metric
from core.training import (
    Snapshots,
    TrainingDiverged,
    build_network,
    class_flow_loss,
    denoising_loss,
    flow_loss,
    pure_noise_loss,
    train,
    train_mnist,
)
from core.training_checkpoint import network_weights
from core.training_settings import REFERENCE, InvalidSettings, LoopSettings, MnistSettings


@pytest.fixture(scope="module")
def digits() -> Digits:
    """40 pictures of noise: what is learned does not matter here."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(256, (40, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return Digits(pictures, torch.randint(10, (40,), generator=generator, dtype=torch.uint8))


def settings(**changes: object) -> MnistSettings:
    small = {
        "objective": "class_flow", "width": 8, "learning_rate": 1e-3, "batch_size": 16, "epochs": 2,
        "decay": True, "pictures": 40, "seed": 3,
    }  # fmt: skip
    return MnistSettings(**{**small, **changes})


def losses(events: Iterable) -> list[float]:
    return [event.values["loss"] for event in events if isinstance(event, Metric)]


def checkpoints(events: Iterable) -> dict[str, Checkpoint]:
    return {event.name: event for event in events if isinstance(event, Checkpoint)}


def test_the_loop_is_the_notebook_loop(digits: Digits) -> None:
    """Adam unfused, ExponentialLR stepped per epoch, the same draws in the same order."""
    network = build_network(settings())
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, foreach=False, fused=False)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.1 ** (1 / 2))
    generator = torch.Generator().manual_seed(3)
    expected, rates = [], []
    for _ in range(2):
        order = torch.randperm(40, generator=generator)
        for indices in order.split(16):
            x1 = digits.pictures[indices].float() / 255
            x0 = torch.randn(x1.shape, generator=generator)
            t = torch.rand(len(x1), generator=generator)
            keep = torch.rand(len(x1), generator=generator) >= 0.1
            c = torch.eye(10)[digits.labels[indices].long()] * keep[:, None]
            x_t = (1 - t)[:, None, None, None] * x0 + t[:, None, None, None] * x1
            loss = torch.nn.functional.mse_loss(network(x_t, t, c), x1 - x0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
            rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step()
    events = list(train_mnist(settings(), digits))
    assert losses(events) == pytest.approx(expected, rel=1e-5)
    assert [e.values["learning_rate"] for e in events if isinstance(e, Metric)] == pytest.approx(rates)
    assert [e.values["epoch"] for e in events if isinstance(e, Metric)] == [1, 1, 1, 2, 2, 2]


def test_bfloat16_rounds_the_products_and_nothing_else(digits: Digits) -> None:
    """bfloat16 keeps 8 bits of a number: a loss may move by a few times 2^-9, the weights stay float32."""
    exact = losses(train_mnist(settings(), digits))
    events = list(train_mnist(settings(precision="bfloat16"), digits))
    assert losses(events) != exact
    assert losses(events) == pytest.approx(exact, rel=2**-6)
    weights = checkpoints(events)["epoch-2"].arrays
    assert {
        a.dtype for k, a in weights.items() if k.startswith(("network/", "adam/")) and "num_batches" not in k
    } == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", ["step-2", "epoch-1", "step-4"])
@pytest.mark.parametrize(
    "kind",
    [{"objective": "denoise"}, {"objective": "class_flow"}, {"objective": "flow", "precision": "bfloat16"}],
)
def test_a_resumed_run_has_the_same_bits(digits: Digits, name: str, kind: dict) -> None:
    whole = list(train_mnist(settings(**kind), digits, checkpoint_every=2))
    assert list(checkpoints(whole)) == ["step-2", "epoch-1", "step-4", "epoch-2"]
    start = checkpoints(whole)[name]
    resumed = list(train_mnist(settings(**kind), digits, checkpoint=start, checkpoint_every=2))
    assert losses(resumed) == losses(whole)[start.step :]
    end, again = checkpoints(whole)["epoch-2"].arrays, checkpoints(resumed)["epoch-2"].arrays
    assert end.keys() == again.keys()
    for key in end:
        assert np.array_equal(end[key], again[key]), key


def test_looking_does_not_change_the_training(digits: Digits) -> None:
    def take(network: nn.Module) -> dict[str, np.ndarray]:
        assert not network.training and not torch.is_grad_enabled()
        torch.rand(3)  # the global generator is nobody's
        network(torch.zeros(2, 1, 28, 28), torch.zeros(2), torch.zeros(2, 10))
        return {"digit": np.zeros((28, 28), np.uint8)}

    events = list(train_mnist(settings(), digits, snapshots=Snapshots(frozenset({2, 6}), take)))
    assert [(e.index, e.total) for e in events if isinstance(e, Frame)] == [(1, 6), (5, 6)]
    assert losses(events) == losses(train_mnist(settings(), digits))


def test_the_network_comes_back_ready_to_use(digits: Digits) -> None:
    events, run = [], train_mnist(settings(), digits)
    while True:
        try:
            events.append(next(run))
        except StopIteration as end:
            network = end.value
            break
    assert not network.training
    weights = network_weights(checkpoints(events)["epoch-2"])
    assert weights.keys() == network.state_dict().keys()
    assert all(torch.equal(weights[key], tensor) for key, tensor in network.state_dict().items())


# ---------------------------------------------------------------- objectives


def test_a_flow_that_is_given_the_digit_can_answer_with_the_digit_only_and_noise_remains() -> None:
    """x1 is the best answer to x1: of x1 - x0 it knows all but x0, whose mean is 0. What is left is x0's square."""
    x1 = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    x0 = torch.randn(x1.shape, generator=torch.Generator().manual_seed(2))

    def digit(x: Tensor, t: Tensor) -> Tensor:
        assert torch.equal(x, x1)
        return x

    loss = flow_loss(digit, x1, torch.zeros(4), torch.Generator().manual_seed(2), given="x_1")
    assert loss.item() == pytest.approx(x0.square().mean().item(), rel=1e-6)


def test_only_b6_can_be_given_the_digit() -> None:
    assert settings(objective="flow", given="x_1").given == "x_1"
    for wrong in ({"objective": "class_flow", "given": "x_1"}, {"objective": "flow", "given": "x_2"}):
        with pytest.raises(InvalidSettings, match="lesson B6 only"):
            settings(**wrong)


class Spy(nn.Module):
    """Answers zeros and remembers what it was asked."""

    def forward(self, *inputs: Tensor) -> Tensor:
        self.inputs = inputs
        return torch.zeros_like(inputs[0])


CLEAN = torch.linspace(0, 1, 4000 * 4).reshape(4000, 1, 2, 2)
LABELS = torch.arange(4000) % 10


def test_the_objectives_ask_what_the_course_says() -> None:
    spy, generator = Spy(), torch.Generator().manual_seed(1)
    energy = CLEAN.square().mean().item()
    # An answer of zero costs |x|^2 for a denoiser and |x1 - x0|^2 = |x1|^2 + 1 for a flow.
    assert denoising_loss(spy, CLEAN, LABELS, generator, sigma=0.5).item() == pytest.approx(energy)
    assert (spy.inputs[0] - CLEAN).std().item() == pytest.approx(0.5, rel=0.02)
    assert pure_noise_loss(spy, CLEAN, LABELS, generator).item() == pytest.approx(energy)
    assert spy.inputs[0].mean().item() == pytest.approx(0, abs=0.03)
    assert spy.inputs[0].std().item() == pytest.approx(1, rel=0.02)
    assert flow_loss(spy, CLEAN, LABELS, generator).item() == pytest.approx(energy + 1, rel=0.02)
    x_t, t = spy.inputs
    noise = (x_t - t[:, None, None, None] * CLEAN) / (1 - t)[:, None, None, None]
    assert t.min() >= 0 and t.max() < 1 and t.mean().item() == pytest.approx(0.5, abs=0.02)
    assert noise.std().item() == pytest.approx(1, rel=0.02)


def test_the_class_is_hidden_from_a_tenth() -> None:
    spy = Spy()
    class_flow_loss(spy, CLEAN, LABELS, torch.Generator().manual_seed(2), p_uncond=0.1)
    c = spy.inputs[2]
    hidden = c.sum(dim=1) == 0
    assert hidden.double().mean().item() == pytest.approx(0.1, abs=0.02)
    assert torch.equal(c[~hidden], torch.eye(10)[LABELS[~hidden]])


# ---------------------------------------------------------------- divergence


def test_a_loss_that_explodes_is_named_and_explained(digits: Digits) -> None:
    with pytest.raises(TrainingDiverged, match=r"choose a learning rate below 1;") as caught:
        list(train_mnist(settings(learning_rate=1.0, epochs=20, decay=False), digits))
    assert "the loss has grown from" in str(caught.value)


def test_nan_in_a_later_epoch_keeps_the_last_good_checkpoint(digits: Digits) -> None:
    calls = []

    def objective(network: nn.Module, clean: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        calls.append(1)
        return pure_noise_loss(network, clean, labels, generator) * (math.nan if len(calls) == 5 else 1)

    network = build_network(settings(objective="pure_noise"))
    run, seen = train(network, digits, objective, settings()), []
    with pytest.raises(TrainingDiverged, match=r"no number any more at step 5.*epoch-1 is kept") as caught:
        for event in run:
            seen.append(event)
    assert caught.value.checkpoint is checkpoints(seen)["epoch-1"]
    assert all(np.isfinite(array).all() for array in caught.value.checkpoint.arrays.values())


def test_a_broken_weight_never_reaches_a_checkpoint(digits: Digits) -> None:
    """The last step of an epoch can break a weight that no loss has seen yet."""
    network = build_network(settings(objective="pure_noise"))

    def objective(network: nn.Module, clean: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        loss = pure_noise_loss(network, clean, labels, generator)
        return (
            loss + 0 * (loss.detach() * 0 + network.body.last.bias * 0).sqrt().sum()
        )  # a gradient of 0 * inf

    with pytest.raises(TrainingDiverged, match="weight"):
        list(train(network, digits, objective, LoopSettings(learning_rate=1e-3, batch_size=40, epochs=1)))


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0}, "learning rate above 0"),
        ({"learning_rate": -1e-3}, "learning rate above 0"),
        ({"learning_rate": 10}, "at most 1"),
        ({"learning_rate": math.nan}, "learning rate above 0"),
        ({"learning_rate": "fast"}, "learning rate above 0"),
        ({"batch_size": 41}, "batch of at most 40"),
        ({"batch_size": 0}, "batch size"),
        ({"epochs": 0}, "number of epochs"),
        ({"epochs": 1.5}, "number of epochs"),
        ({"width": 7}, "multiple of 8 from 8 to 256; 7"),
        ({"width": 4096}, "multiple of 8 from 8 to 256; 4096"),
        ({"sigma": 0}, "noise level"),
        ({"p_uncond": 1.1}, "probability"),
        ({"objective": "magic"}, "objectives"),
        ({"pictures": 60_001}, "number of pictures"),
        ({"seed": -1}, "seed"),
        ({"precision": "float16"}, "float32 or bfloat16"),
    ],
)
def test_settings_that_cannot_train_are_refused_in_words(change: dict, message: str) -> None:
    with pytest.raises(InvalidSettings, match=message) as caught:
        settings(**change)
    assert isinstance(caught.value, ValueError)


def test_a_checkpoint_of_another_network_is_refused(digits: Digits) -> None:
    start = checkpoints(train_mnist(settings(epochs=1), digits))["epoch-1"]
    with pytest.raises(CheckpointCorrupt, match="another network"):
        next(train_mnist(settings(width=16), digits, checkpoint=start))
    with pytest.raises(CheckpointCorrupt, match="another network or data set"):
        next(train_mnist(settings(pictures=39), digits, checkpoint=start))
    damaged = Checkpoint(
        start.step, start.name, {k: v for k, v in start.arrays.items() if "exp_avg_sq" not in k}
    )
    with pytest.raises(CheckpointCorrupt, match="has no adam"):
        next(train_mnist(settings(), digits, checkpoint=damaged))


def test_the_reference_presets_are_those_of_the_course() -> None:
    described = {k: (s.width, s.batch_size, s.learning_rate, s.epochs, s.decay) for k, s in REFERENCE.items()}
    assert described == {
        "b2": (128, 256, 1e-4, 5, False),
        "b4": (128, 256, 1e-4, 5, False),
        "b6": (64, 64, 1e-2, 10, True),
        "b8": (64, 64, 1e-2, 10, True),
        "b8-constant": (64, 64, 1e-2, 10, False),
    }
