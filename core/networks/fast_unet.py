"""The UNet's blocks once more, for training on a CPU: the same parameters, the same numbers to about 1e-4.

`accelerate` exchanges the blocks of a network of `mnist_unet` for these. What differs:

* 3x3 convolutions by Winograd's F(4x4, 3x3): a quarter of the multiplications (Lavin and Gray, 2016);
* batch normalisation and GELU together, two passes over the memory forwards and two backwards;
* all pictures channels last, so that eight channels go through one instruction;
* the unflattening convolution as the matrix product that it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.native import Kernels, load_kernels
from core.networks.mnist_unet import Conv, DownConv, Unflatten, UpConv

CHUNK_TILES = 3136  # tiles to a matrix product: more memory does not make it faster

# The kernel's transform G of F(4x4, 3x3); its partners A and B are in kernels.c.
G = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)


def channels_last(x: Tensor) -> Tensor:
    """(B, C, H, W) with C innermost in memory; a copy only where it is not so already."""
    return x.contiguous(memory_format=torch.channels_last)


class Workspace:
    """Memory that the blocks of one network take turns in, so that no page is asked for twice.

    One network is computed by one thread at a time; so is its workspace.
    """

    def __init__(self, kernels: Kernels) -> None:
        self.kernels = kernels
        self._buffers: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """Uninitialised float32 of a shape; valid until the same name is taken again."""
        size = torch.Size(shape).numel()
        if name not in self._buffers or self._buffers[name].numel() < size:
            self._buffers[name] = torch.empty(size)
        return self._buffers[name][:size].view(shape)

    def transform(self, name: str, source: Tensor, target: Tensor, pictures: Tensor, *extra: Tensor) -> None:
        """One of Winograd's transforms between pictures and their 36 planes, the pictures split over threads.

        `pictures` is the (images, C, H, W) one of source and target; the other is (36, tiles, C).
        """
        images, channels, height, width = pictures.shape
        self.kernels.call(name, [source, *extra, target], [images, height, width, channels])


def tiles_of(pictures: Tensor) -> int:
    """How many 4x4 tiles cover one picture."""
    return -(-pictures.shape[2] // 4) * -(-pictures.shape[3] // 4)


class WinogradConv(torch.autograd.Function):
    """functional.conv2d(x, weight, bias, padding=1) for 3x3 kernels."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, workspace: Workspace) -> Tensor:
        x = channels_last(x)
        ctx.save_for_backward(x, weight)
        ctx.workspace = workspace
        kernel = transform_kernel(weight)  # (36, in, out)
        y = channels_last(x.new_empty(len(x), len(weight), *x.shape[2:]))
        for part, part_y in zip(chunks(x), chunks(y), strict=True):
            v = workspace.take("v", 36, len(part) * tiles_of(x), x.shape[1])
            m = workspace.take("m", 36, len(part) * tiles_of(x), y.shape[1])
            workspace.transform("winograd_input", part, v, part)
            torch.bmm(v, kernel, out=m)
            workspace.transform("winograd_output", m, part_y, part_y, bias)
        return y

    @staticmethod
    def backward(ctx, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        workspace: Workspace = ctx.workspace
        dy = channels_last(dy)
        kernel_transposed = transform_kernel(weight).transpose(1, 2).contiguous()  # (36, out, in)
        d_kernel = x.new_zeros(36, x.shape[1], dy.shape[1])
        dx = torch.zeros_like(x)
        for part, part_dy, part_dx in zip(chunks(x), chunks(dy), chunks(dx), strict=True):
            v = workspace.take("v", 36, len(part) * tiles_of(x), x.shape[1])
            dm = workspace.take("m", 36, len(part) * tiles_of(x), dy.shape[1])
            workspace.transform("winograd_input", part, v, part)  # again: quicker than keeping 36 planes
            workspace.transform("winograd_output_adjoint", part_dy, dm, part_dy)
            d_kernel.baddbmm_(v.transpose(1, 2), dm)
            torch.bmm(dm, kernel_transposed, out=v)
            workspace.transform("winograd_input_adjoint", v, part_dx, part_dx)
        d_weight = torch.einsum("ij,ilco,lk->ocjk", G, d_kernel.view(6, 6, *d_kernel.shape[1:]), G)
        return dx, d_weight, dy.sum(dim=(0, 2, 3)), None


def transform_kernel(weight: Tensor) -> Tensor:
    """G g G' for every pair of channels: (out, in, 3, 3) -> (36, in, out)."""
    return torch.einsum("ij,ocjk,lk->ilco", G, weight, G).reshape(36, weight.shape[1], weight.shape[0]).contiguous()


def chunks(pictures: Tensor) -> tuple[Tensor, ...]:
    """The batch in parts of about CHUNK_TILES tiles."""
    return pictures.split(max(1, CHUNK_TILES // tiles_of(pictures)))


class BatchNormGelu(torch.autograd.Function):
    """gelu(batch_norm(x)) by the statistics of this batch. Returns y, mean (C,) and biased variance (C,)."""

    @staticmethod
    def forward(
        ctx, x: Tensor, gamma: Tensor, beta: Tensor, eps: float, kernels: Kernels
    ) -> tuple[Tensor, Tensor, Tensor]:
        x = channels_last(x)
        channels, rows = x.shape[1], x.numel() // x.shape[1]
        sums = reduce(kernels, "moments", [x], [], rows, channels) / rows
        mean = sums[0]
        variance = (sums[1] - mean**2).clamp(min=0)
        inverse = (variance + eps).rsqrt()
        scale = (gamma * inverse).float()
        shift = (beta - mean * gamma * inverse).float()
        ctx.save_for_backward(x, scale, shift, mean, inverse)
        ctx.kernels = kernels
        mean, variance = mean.float(), variance.float()
        ctx.mark_non_differentiable(mean, variance)
        return scale_shift_gelu(kernels, x, scale, shift), mean, variance

    @staticmethod
    def backward(ctx, dy: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, shift, mean, inverse = ctx.saved_tensors
        channels, rows = x.shape[1], x.numel() // x.shape[1]
        g = torch.empty_like(x)  # the gradient at the input of the GELU, then that of x
        sum_g, sum_gx = reduce(ctx.kernels, "gelu_backward", [x, channels_last(dy)], [scale, shift], rows, channels, g)
        d_gamma = inverse * (sum_gx - mean * sum_g)
        # dx = scale (g - mean(g) - x_hat mean(g x_hat)), Ioffe and Szegedy (2015), as a g + b x + d
        b = -scale * inverse * d_gamma / rows
        d = -scale * sum_g / rows - b * mean
        b, d = b.float(), d.float()

        def combine(part: int, first: int, last: int) -> None:
            flat_g, flat_x = rows_of(g)[first:last], rows_of(x)[first:last]
            ctx.kernels.call("combine", [flat_g, flat_x, scale, b, d], [last - first, channels])

        ctx.kernels.split(rows, combine)
        return g, d_gamma.float(), sum_g.float(), None, None


def rows_of(x: Tensor) -> Tensor:
    """The pixels of a channels-last tensor as rows: (B, C, H, W) -> (B H W, C), the same memory."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def reduce(
    kernels: Kernels, name: str, pictures: list[Tensor], tables: list[Tensor], rows: int, channels: int, *out: Tensor
) -> Tensor:
    """Runs a kernel that leaves two sums a channel, on every thread's share of the rows: float64 (2, C)."""
    sums = torch.zeros(torch.get_num_threads(), 2, channels, dtype=torch.float64)

    def work(part: int, first: int, last: int) -> None:
        sources = [rows_of(x)[first:last] for x in pictures]
        targets = [rows_of(x)[first:last] for x in out]
        kernels.call(name, [*sources, *tables, *targets, sums[part]], [last - first, channels])

    kernels.split(rows, work)
    return sums.sum(dim=0)


def scale_shift_gelu(kernels: Kernels, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """gelu(scale x + shift), one scale and shift a channel."""
    y = torch.empty_like(x)

    def work(part: int, first: int, last: int) -> None:
        sizes = [last - first, x.shape[1]]
        kernels.call("scale_shift_gelu", [rows_of(x)[first:last], scale, shift, rows_of(y)[first:last]], sizes)

    kernels.split(len(rows_of(x)), work)
    return y


def batch_norm_gelu(x: Tensor, norm: nn.BatchNorm2d, kernels: Kernels) -> Tensor:
    """functional.gelu(norm(x)), in training as in evaluation mode."""
    if not norm.training:
        if torch.is_grad_enabled():
            return functional.gelu(norm(x))  # nothing in the course asks for this gradient
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        return scale_shift_gelu(kernels, channels_last(x), scale, norm.bias - norm.running_mean * scale)
    y, mean, variance = BatchNormGelu.apply(x, norm.weight, norm.bias, norm.eps, kernels)
    with torch.no_grad():
        count = x.numel() // x.shape[1]
        norm.num_batches_tracked += 1
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(variance * count / (count - 1), norm.momentum)
    return y


# ---------------------------------------------------------------- the blocks


class FastBlock(nn.Sequential):
    """A convolution, its normalisation and its GELU, taken over from a block of `mnist_unet`."""

    def __init__(self, block: nn.Sequential, workspace: Workspace) -> None:
        super().__init__(*block)
        self.workspace = workspace

    def convolve(self, x: Tensor) -> Tensor:
        """PyTorch's own, channels last."""
        return self[0](channels_last(x))

    def forward(self, x: Tensor) -> Tensor:
        """As the block that it was made of."""
        return batch_norm_gelu(self.convolve(x), self[1], self.workspace.kernels)


class FastConv(FastBlock):
    """`Conv`."""

    def convolve(self, x: Tensor) -> Tensor:
        """By Winograd's method; the very first, from one channel, by PyTorch's."""
        if x.shape[1] % 8:
            return super().convolve(x)
        return WinogradConv.apply(x, self[0].weight, self[0].bias, self.workspace)


class FastUnflatten(FastBlock):
    """`Unflatten`."""

    def convolve(self, x: Tensor) -> Tensor:
        """From 1x1, the transposed convolution is a matrix product: (B, C) @ (C, C 7 7)."""
        weight = self[0].weight  # (in, out, 7, 7)
        y = (x.flatten(1) @ weight.flatten(1)).unflatten(1, weight.shape[1:])  # (B, out, 7, 7)
        return channels_last(y + self[0].bias[:, None, None])


FAST_BLOCKS: dict[type, type[FastBlock]] = {
    Conv: FastConv,
    DownConv: FastBlock,
    UpConv: FastBlock,
    Unflatten: FastUnflatten,
}


def accelerate(network: nn.Module) -> nn.Module:
    """Exchanges the network's blocks for fast ones, in place, on a CPU with a C compiler; otherwise leaves it.

    Parameters, their names and the state dict stay as they are.
    """
    kernels = load_kernels() if next(network.parameters()).device.type == "cpu" else None
    if kernels is not None:
        _exchange(network, Workspace(kernels))
    return network


def _exchange(module: nn.Module, workspace: Workspace) -> None:
    for name, child in module.named_children():
        if type(child) in FAST_BLOCKS:
            setattr(module, name, FAST_BLOCKS[type(child)](child, workspace))
        else:
            _exchange(child, workspace)
