"""The UNet of Part B, block by block, and the three networks made of it.

Pictures are MNIST digits: float (batch, 1, 28, 28) in [0, 1]. D is the number of hidden channels:
D at 28x28, D at 14x14, 2D at 7x7, 2D at 1x1. The shape is that of Ronneberger, Fischer, Brox, "U-Net"
(2015); GELU is Hendrycks and Gimpel (2016), batch normalisation Ioffe and Szegedy (2015).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

NUM_CLASSES = 10
MIN_WIDTH, MAX_WIDTH, WIDTH_STEP = 8, 256, 8

Walk = Iterator[tuple[str, Tensor]]  # (name of the block, its output), in the order of the computation


def check_width(width: int) -> int:
    """D itself, if the course's networks can be built with it.

    Raises:
        ValueError: D is no multiple of 8 between 8 and 256.
    """
    if not (isinstance(width, int) and MIN_WIDTH <= width <= MAX_WIDTH and width % WIDTH_STEP == 0):
        raise ValueError(
            f"Choose D, the number of hidden channels, as a multiple of {WIDTH_STEP} "
            f"from {MIN_WIDTH} to {MAX_WIDTH}; {width} is none."
        )
    return width


# ---------------------------------------------------------------- the simple blocks


class Conv(nn.Sequential):
    """3x3 convolution, batch normalisation, GELU: (B, in, H, W) -> (B, out, H, W)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, 1, 1), nn.BatchNorm2d(channels_out), nn.GELU()
        )


class DownConv(nn.Sequential):
    """3x3 convolution with stride 2, batch normalisation, GELU: (B, in, H, W) -> (B, out, H/2, W/2)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, 2, 1), nn.BatchNorm2d(channels_out), nn.GELU()
        )


class UpConv(nn.Sequential):
    """4x4 transposed convolution with stride 2, batch normalisation, GELU: (B, in, H, W) -> (B, out, 2H, 2W)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.ConvTranspose2d(channels_in, channels_out, 4, 2, 1), nn.BatchNorm2d(channels_out), nn.GELU()
        )


class Flatten(nn.Sequential):
    """7x7 average pool, GELU: (B, C, 7, 7) -> (B, C, 1, 1)."""

    def __init__(self) -> None:
        super().__init__(nn.AvgPool2d(7), nn.GELU())


class Unflatten(nn.Sequential):
    """7x7 transposed convolution, batch normalisation, GELU: (B, C, 1, 1) -> (B, C, 7, 7)."""

    def __init__(self, channels: int) -> None:
        super().__init__(nn.ConvTranspose2d(channels, channels, 7, 7, 0), nn.BatchNorm2d(channels), nn.GELU())


class FCBlock(nn.Sequential):
    """Linear, GELU, Linear: (B, in) -> (B, out). It turns a condition into one number a channel."""

    def __init__(self, features_in: int, features_out: int) -> None:
        super().__init__(
            nn.Linear(features_in, features_out), nn.GELU(), nn.Linear(features_out, features_out)
        )


# ---------------------------------------------------------------- the composed blocks


class ConvBlock(nn.Sequential):
    """Two Conv: (B, in, H, W) -> (B, out, H, W)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(Conv(channels_in, channels_out), Conv(channels_out, channels_out))


class DownBlock(nn.Sequential):
    """DownConv, ConvBlock: (B, in, H, W) -> (B, out, H/2, W/2)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(DownConv(channels_in, channels_out), ConvBlock(channels_out, channels_out))


class UpBlock(nn.Sequential):
    """UpConv, ConvBlock: (B, in, H, W) -> (B, out, 2H, 2W)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(UpConv(channels_in, channels_out), ConvBlock(channels_out, channels_out))


# ---------------------------------------------------------------- the body, and the three networks


def unchanged(features: Tensor) -> Tensor:
    """The condition of a network that has none."""
    return features


class UNetBody(nn.Module):
    """The path that all three networks share. Two of its tensors can be conditioned on the way."""

    def __init__(self, width: int) -> None:
        super().__init__()
        d = self.width = check_width(width)
        self.conv_in = ConvBlock(1, d)
        self.down1 = DownBlock(d, d)
        self.down2 = DownBlock(d, 2 * d)
        self.flatten = Flatten()
        self.unflatten = Unflatten(2 * d)
        self.up1 = UpBlock(4 * d, d)
        self.up2 = UpBlock(2 * d, d)
        self.conv_out = ConvBlock(2 * d, d)
        self.last = nn.Conv2d(d, 1, 3, 1, 1)

    def walk(
        self,
        x: Tensor,
        condition_unflatten: Callable[[Tensor], Tensor] = unchanged,
        condition_up1: Callable[[Tensor], Tensor] = unchanged,
    ) -> Walk:
        """Every block's name and output, in the order of the computation.

        Args:
            x: float (B, 1, 28, 28).
            condition_unflatten: what happens to the unflattened tensor, (B, 2D, 7, 7).
            condition_up1: what happens to the first up-block's output, (B, D, 14, 14).
        """
        conv_in = self.conv_in(x)  # (B, D, 28, 28)
        yield "conv_in", conv_in
        down1 = self.down1(conv_in)  # (B, D, 14, 14)
        yield "down1", down1
        down2 = self.down2(down1)  # (B, 2D, 7, 7)
        yield "down2", down2
        flatten = self.flatten(down2)  # (B, 2D, 1, 1)
        yield "flatten", flatten
        unflatten = condition_unflatten(self.unflatten(flatten))  # (B, 2D, 7, 7)
        yield "unflatten", unflatten
        up1 = condition_up1(self.up1(torch.cat([unflatten, down2], dim=1)))  # (B, 4D, 7, 7) -> (B, D, 14, 14)
        yield "up1", up1
        up2 = self.up2(torch.cat([up1, down1], dim=1))  # (B, 2D, 14, 14) -> (B, D, 28, 28)
        yield "up2", up2
        conv_out = self.conv_out(torch.cat([up2, conv_in], dim=1))  # (B, 2D, 28, 28) -> (B, D, 28, 28)
        yield "conv_out", conv_out
        yield "last", self.last(conv_out)  # (B, 1, 28, 28)


def last_output(walk: Walk) -> Tensor:
    """Goes the whole way and returns what the last block put out."""
    return deque(walk, maxlen=1).pop()[1]


def per_channel(values: Tensor) -> Tensor:
    """(B, C) -> (B, C, 1, 1), so that one number multiplies a whole channel."""
    return values[:, :, None, None]


class UnconditionalUNet(nn.Module):
    """D_theta(z): one picture in, one picture out (lessons B2 to B4)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = UNetBody(width)

    def walk(self, x: Tensor) -> Walk:
        """x: (B, 1, 28, 28). See `UNetBody.walk`."""
        yield from self.body.walk(x)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, 28, 28) -> (B, 1, 28, 28)."""
        return last_output(self.walk(x))


class TimeConditionedUNet(nn.Module):
    """u_theta(x_t, t), the velocity at time t (lessons B6, B7)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = UNetBody(width)
        self.fc1_t = FCBlock(1, 2 * width)
        self.fc2_t = FCBlock(1, width)

    def walk(self, x: Tensor, t: Tensor) -> Walk:
        """x: (B, 1, 28, 28); t: (B,) in [0, 1]. See `UNetBody.walk`."""
        t = t[:, None]  # (B, 1)
        fc1_t = per_channel(self.fc1_t(t))  # (B, 2D, 1, 1)
        fc2_t = per_channel(self.fc2_t(t))  # (B, D, 1, 1)
        yield from self.body.walk(x, lambda unflatten: unflatten * fc1_t, lambda up1: up1 * fc2_t)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x: (B, 1, 28, 28), t: (B,) in [0, 1] -> velocity (B, 1, 28, 28)."""
        return last_output(self.walk(x, t))


class ClassConditionedUNet(nn.Module):
    """u_theta(x_t, t, c), the velocity at time t for a class (lessons B8, B9)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = UNetBody(width)
        self.fc1_t = FCBlock(1, 2 * width)
        self.fc2_t = FCBlock(1, width)
        self.fc1_c = FCBlock(NUM_CLASSES, 2 * width)
        self.fc2_c = FCBlock(NUM_CLASSES, width)

    def walk(self, x: Tensor, t: Tensor, c: Tensor) -> Walk:
        """x: (B, 1, 28, 28); t: (B,) in [0, 1]; c: (B, 10), one-hot, or zeros for no class."""
        t = t[:, None]  # (B, 1)
        fc1_t, fc1_c = per_channel(self.fc1_t(t)), per_channel(self.fc1_c(c))  # (B, 2D, 1, 1) each
        fc2_t, fc2_c = per_channel(self.fc2_t(t)), per_channel(self.fc2_c(c))  # (B, D, 1, 1) each
        yield from self.body.walk(
            x, lambda unflatten: unflatten * fc1_c + fc1_t, lambda up1: up1 * fc2_c + fc2_t
        )

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """x: (B, 1, 28, 28), t: (B,), c: (B, 10) one-hot or zeros -> velocity (B, 1, 28, 28)."""
        return last_output(self.walk(x, t, c))


MnistUNet: TypeAlias = UnconditionalUNet | TimeConditionedUNet | ClassConditionedUNet


def one_hot(labels: Tensor) -> Tensor:
    """Digits (B,) of any integer type -> float (B, 10)."""
    return functional.one_hot(labels.long(), NUM_CLASSES).float()


def count_parameters(module: nn.Module) -> int:
    """How many numbers are learned in the module."""
    return sum(parameter.numel() for parameter in module.parameters())
