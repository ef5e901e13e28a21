"""Networks whose normalisation is folded into their convolutions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from core.mnist_models import load_network
from core.networks.folded import folded
from core.networks.mnist_unet import ClassConditionedUNet, TimeConditionedUNet, UnconditionalUNet, one_hot

DIGITS = 4


def with_statistics(network: nn.Module) -> nn.Module:
    """The network as after a training: scales, shifts, means and variances that are not 1 and 0."""
    generator = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                tensor.uniform_(0.5, 2.0, generator=generator)
            for tensor in (module.bias.data, module.running_mean):
                tensor.normal_(generator=generator)
    return network.eval()


def given(network: nn.Module) -> tuple[Tensor, ...]:
    """Noisy digits, and the time and class of those networks that want them."""
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(DIGITS, 1, 28, 28, generator=generator)
    t, c = torch.linspace(0, 1, DIGITS), one_hot(torch.arange(DIGITS))
    return {UnconditionalUNet: (x,), TimeConditionedUNet: (x, t), ClassConditionedUNet: (x, t, c)}[
        type(network)
    ]


@pytest.mark.parametrize("kind", [UnconditionalUNet, TimeConditionedUNet, ClassConditionedUNet])
@torch.no_grad()
def test_every_block_puts_out_what_the_taught_one_does(kind: type[nn.Module]) -> None:
    """Against PyTorch's own layers, one after another, in double precision: each block, not the last alone."""
    network = with_statistics(kind(16)).double()
    fast = folded(network)
    x = tuple(tensor.double() for tensor in given(network))
    for (name, taught), (_, found) in zip(network.walk(*x), fast.walk(*x), strict=True):
        assert (found - taught).abs().max() <= 1e-12 * max(1.0, taught.abs().max().item()), name
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    assert any(
        isinstance(module, nn.BatchNorm2d) for module in network.modules()
    )  # the taught one is as it was


@torch.no_grad()
def test_what_ships_estimates_the_same_velocity() -> None:
    network = load_network("b8", 10)
    x = given(network)
    taught = network(*x)
    assert (folded(network)(*x) - taught).abs().max() <= 1e-5 * taught.abs().max()


def test_a_network_in_training_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Call eval\(\) first"):
        folded(UnconditionalUNet(8))
