"""The course's UNet against a second one, written with plain functions from the course's description."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.networks.mnist_unet import (
    ClassConditionedUNet,
    TimeConditionedUNet,
    UnconditionalUNet,
    count_parameters,
    one_hot,
)

WIDTH = 8


def normalise_gelu(x: Tensor, w: dict[str, Tensor], name: str) -> Tensor:
    """Batch normalisation by the statistics of this batch, from the formula, and the exact GELU."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
    x = (x - mean) / (variance + 1e-5).sqrt()
    x = x * w[f"{name}.weight"][None, :, None, None] + w[f"{name}.bias"][None, :, None, None]
    return gelu(x)


def gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x / 2**0.5))


def conv(x: Tensor, w: dict[str, Tensor], name: str, stride: int = 1) -> Tensor:
    return normalise_gelu(F.conv2d(x, w[f"{name}.0.weight"], w[f"{name}.0.bias"], stride, 1), w, f"{name}.1")


def conv_block(x: Tensor, w: dict[str, Tensor], name: str) -> Tensor:
    return conv(conv(x, w, f"{name}.0"), w, f"{name}.1")


def down_block(x: Tensor, w: dict[str, Tensor], name: str) -> Tensor:
    return conv_block(conv(x, w, f"{name}.0", stride=2), w, f"{name}.1")


def up_block(x: Tensor, w: dict[str, Tensor], name: str) -> Tensor:
    """The transposed convolution as what it is: zeros between the pixels, then a convolution with the flipped kernel."""
    batch, channels, height, width = x.shape
    spread = torch.zeros(batch, channels, 2 * height - 1, 2 * width - 1)
    spread[:, :, ::2, ::2] = x
    kernel = w[f"{name}.0.0.weight"].flip(2, 3).transpose(0, 1)
    up = F.conv2d(F.pad(spread, (2, 2, 2, 2)), kernel, w[f"{name}.0.0.bias"])
    return conv_block(normalise_gelu(up, w, f"{name}.0.1"), w, f"{name}.1")


def fc_block(x: Tensor, w: dict[str, Tensor], name: str) -> Tensor:
    hidden = gelu(x @ w[f"{name}.0.weight"].T + w[f"{name}.0.bias"])
    return (hidden @ w[f"{name}.2.weight"].T + w[f"{name}.2.bias"])[:, :, None, None]


def reference(
    w: dict[str, Tensor], x: Tensor, t: Tensor | None = None, c: Tensor | None = None
) -> dict[str, Tensor]:
    """Every block's output, by name."""
    out = {"conv_in": conv_block(x, w, "body.conv_in")}
    out["down1"] = down_block(out["conv_in"], w, "body.down1")
    out["down2"] = down_block(out["down1"], w, "body.down2")
    out["flatten"] = gelu(out["down2"].mean(dim=(2, 3), keepdim=True))
    # From 1x1, the transposed 7x7 convolution is one matrix product.
    unflatten = torch.einsum("bi,iohw->bohw", out["flatten"][:, :, 0, 0], w["body.unflatten.0.weight"])
    unflatten = unflatten + w["body.unflatten.0.bias"][None, :, None, None]
    unflatten = normalise_gelu(unflatten, w, "body.unflatten.1")
    if c is not None:
        unflatten = unflatten * fc_block(c, w, "fc1_c") + fc_block(t[:, None], w, "fc1_t")
    elif t is not None:
        unflatten = unflatten * fc_block(t[:, None], w, "fc1_t")
    out["unflatten"] = unflatten
    up1 = up_block(torch.cat([unflatten, out["down2"]], 1), w, "body.up1")
    if c is not None:
        up1 = up1 * fc_block(c, w, "fc2_c") + fc_block(t[:, None], w, "fc2_t")
    elif t is not None:
        up1 = up1 * fc_block(t[:, None], w, "fc2_t")
    out["up1"] = up1
    out["up2"] = up_block(torch.cat([up1, out["down1"]], 1), w, "body.up2")
    out["conv_out"] = conv_block(torch.cat([out["up2"], out["conv_in"]], 1), w, "body.conv_out")
    out["last"] = F.conv2d(out["conv_out"], w["body.last.weight"], w["body.last.bias"], padding=1)
    return out


def conditions(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """t in [0, 1] and c, with one example of no class: (4,), (4, 10)."""
    c = one_hot(torch.tensor([3, 1, 4, 1]))
    c[2] = 0
    return torch.rand(4, generator=generator), c


@pytest.mark.parametrize("kind", [UnconditionalUNet, TimeConditionedUNet, ClassConditionedUNet])
def test_every_block_agrees_with_the_independent_one(kind: type) -> None:
    torch.manual_seed(0)
    network = kind(WIDTH).double().train()
    for name, parameter in network.named_parameters():  # a fresh normalisation is 1 and 0: make it count
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, 0.5, 0.5)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(4, 1, 28, 28, generator=generator, dtype=torch.float64)
    t, c = conditions(generator)
    condition = [t.double(), c.double()][: {UnconditionalUNet: 0, TimeConditionedUNet: 1}.get(kind, 2)]
    torch.set_default_dtype(torch.float64)
    try:
        expected = reference(dict(network.state_dict()), x, *condition)
    finally:
        torch.set_default_dtype(torch.float32)
    walked = dict(network.walk(x, *condition))
    assert list(walked) == list(expected)
    for name, output in walked.items():
        torch.testing.assert_close(
            output, expected[name], rtol=1e-9, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_shapes_are_those_of_the_course() -> None:
    shapes = {
        name: tuple(output.shape[1:])
        for name, output in UnconditionalUNet(WIDTH).walk(torch.zeros(2, 1, 28, 28))
    }
    assert shapes == {
        "conv_in": (8, 28, 28),
        "down1": (8, 14, 14),
        "down2": (16, 7, 7),
        "flatten": (16, 1, 1),
        "unflatten": (16, 7, 7),
        "up1": (8, 14, 14),
        "up2": (8, 28, 28),
        "conv_out": (8, 28, 28),
        "last": (1, 28, 28),
    }


def body_parameters(d: int) -> int:
    """Counted by hand: 3x3 kernels, biases, and two numbers a channel for each normalisation."""

    def conv(i: int, o: int) -> int:
        return 9 * i * o + o + 2 * o

    def up_conv(i: int, o: int) -> int:
        return 16 * i * o + o + 2 * o

    conv_in = conv(1, d) + conv(d, d)
    down1 = 3 * conv(d, d)
    down2 = conv(d, 2 * d) + 2 * conv(2 * d, 2 * d)
    unflatten = 49 * (2 * d) ** 2 + 2 * d + 4 * d
    up1 = up_conv(4 * d, d) + 2 * conv(d, d)
    up2 = up_conv(2 * d, d) + 2 * conv(d, d)
    conv_out = conv(2 * d, d) + conv(d, d)
    return conv_in + down1 + down2 + unflatten + up1 + up2 + conv_out + 9 * d + 1


def fc_parameters(i: int, o: int) -> int:
    return i * o + o + o * o + o


@pytest.mark.parametrize("d", [8, 64, 128])
def test_parameter_counts(d: int) -> None:
    with torch.device("meta"):
        body = body_parameters(d)
        assert count_parameters(UnconditionalUNet(d)) == body
        time = fc_parameters(1, 2 * d) + fc_parameters(1, d)
        assert count_parameters(TimeConditionedUNet(d)) == body + time
        classes = fc_parameters(10, 2 * d) + fc_parameters(10, d)
        assert count_parameters(ClassConditionedUNet(d)) == body + time + classes


@pytest.mark.parametrize("width", [7, 0, -8, 12, 4096, 64.0])
def test_a_width_that_cannot_be_is_refused_in_words(width: int) -> None:
    with pytest.raises(ValueError, match="multiple of 8 from 8 to 256"):
        UnconditionalUNet(width)
