"""storybook64: a network that draws what it was told, anywhere in the picture.

Three ideas, one below the other. Convolutions at 32×32 and 16×16 draw: what they have learnt about an edge they know
everywhere. A transformer at 8×8 decides: every place looks at every other place and at the words of the prompt. Between
them stand the skips of a UNet. There is no layer from all pixels to all pixels, so nothing can be remembered at one
place only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

import torch
from diffusers import DDPMScheduler
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.embeddings import get_timestep_embedding
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import (
    interpolate,
    pixel_shuffle,
    pixel_unshuffle,
    scaled_dot_product_attention,
    silu,
)

from core.networks.patch_unet import PatchUNetOutput

TIME_CHANNELS = 128
GROUPS = 16  # of the group normalisations


class StorybookUNetError(ValueError):
    """The configuration of a StorybookUNet does not fit; the message says what to change."""


@torch.no_grad()
def silence(layer: nn.Module) -> None:
    """Sets all parameters of a layer to zero, so that it says nothing until it has learnt to."""
    for parameter in layer.parameters():
        parameter.zero_()


class ResBlock(nn.Module):
    """Two 3×3 convolutions beside a straight line; the condition scales and shifts between them.

    Source: Dhariwal and Nichol 2021 (arXiv:2105.05233), section 3, adaptive group normalisation.
    """

    def __init__(self, before: int, after: int, condition: int):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(GROUPS, before), nn.Conv2d(before, after, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(GROUPS, after), nn.Conv2d(after, after, 3, padding=1)
        self.modulate = nn.Linear(condition, 2 * after)
        self.straight = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        silence(self.conv2)  # a fresh block changes nothing

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(B, before, H, W), (B, condition) → (B, after, H, W)."""
        h = self.conv1(silu(self.norm1(x)))
        scale, shift = self.modulate(condition)[:, :, None, None].chunk(2, dim=1)  # (B, after, 1, 1) each
        h = self.conv2(silu(self.norm2(h) * (1 + scale) + shift))
        return self.straight(x) + h


class TransformerBlock(nn.Module):
    """Self-attention and a two-layer network over a sequence; the condition scales, shifts and gates both.

    Source: Peebles and Xie 2022 (arXiv:2212.09748), section 3.2, adaLN-Zero.
    """

    def __init__(self, width: int, heads: int, condition: int):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv, self.attended = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.wider, self.narrower = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.modulate = nn.Linear(condition, 6 * width)
        silence(self.modulate)  # a fresh block changes nothing

    def forward(self, x: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """(B, N, width), (B, condition), mask (B, 1, 1, N): 0 where to look, −∞ where not → (B, N, width)."""
        scale1, shift1, gate1, scale2, shift2, gate2 = self.modulate(condition)[:, None].chunk(6, dim=2)
        h = self.norm1(x) * (1 + scale1) + shift1
        q, k, v = self.qkv(h).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, heads, N, C)
        h = scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype))
        x = x + gate1 * self.attended(h.transpose(1, 2).flatten(2))
        h = self.norm2(x) * (1 + scale2) + shift2
        return x + gate2 * self.narrower(torch.nn.functional.gelu(self.wider(h), approximate="tanh"))


class StorybookUNet(ModelMixin, ConfigMixin):
    """Estimates noise and variance of a picture: (x_t, t, prompt embedding) → 3 + 3 channels.

    Inside, the velocity v = √ᾱ ε − √(1−ᾱ) x₀ is estimated; outside stands ε̂ = √(1−ᾱ) x_t + √ᾱ v.

    Args:
        sample_size: height and width of the picture in pixels.
        patch_size: side of the squares of pixels that become channels first.
        widths: channels at each resolution, every one half of the one before; the last is the transformer's.
        blocks: residual blocks at each resolution but the last, on the way down and again on the way up.
        depth, heads: blocks of the transformer, and heads of its attention.
        condition: width of the vector that says t and what the prompt is about.
        encoder_hid_dim: channels of the prompt embedding. A word whose embedding is zero is padding.
        num_train_timesteps, beta_schedule: as in `DDPMScheduler`; they fix ᾱ.
        in_channels, out_channels: of the picture and of the answer, fixed by the contract (3 and 6).

    Source: a transformer at the lowest resolution of a UNet, Hoogeboom et al. 2023 (arXiv:2301.11093), section 3.3;
    words and places in one sequence, Bao et al. 2023 (arXiv:2209.12152); v, Salimans and Ho 2022 (arXiv:2202.00512),
    appendix D; learned variance, Nichol and Dhariwal 2021 (arXiv:2102.09672), equation 15.
    """

    alphas_cumprod: Tensor  # ᾱ, (T,), float32
    places: Tensor  # what tells the places of the lowest resolution apart, (places, channels)

    @register_to_config
    def __init__(
        self,
        sample_size: int = 64,
        patch_size: int = 2,
        widths: tuple[int, ...] = (48, 128, 256),
        blocks: tuple[int, ...] = (1, 1),
        depth: int = 6,
        heads: int = 4,
        condition: int = 512,
        encoder_hid_dim: int = 384,
        num_train_timesteps: int = 1000,
        beta_schedule: str = "squaredcos_cap_v2",
        in_channels: int = 3,
        out_channels: int = 6,
    ):
        super().__init__()
        lowest = patch_size * 2 ** len(blocks)
        if (in_channels, out_channels) != (3, 6):
            raise StorybookUNetError(
                "Use 3 input and 6 output channels: the IF stage-1 contract has no others."
            )
        if len(widths) != len(blocks) + 1:
            raise StorybookUNetError(
                f"Give one width more than blocks: there are {len(widths)} and {len(blocks)}."
            )
        if sample_size % lowest or widths[-1] % (4 * heads):
            raise StorybookUNetError(
                f"Choose a sample size that {lowest} divides, and a last width that {4 * heads} divides: "
                f"{sample_size} and {widths[-1]} do not fit."
            )
        self.time = nn.Sequential(
            nn.Linear(TIME_CHANNELS, condition), nn.SiLU(), nn.Linear(condition, condition)
        )
        self.about = nn.Sequential(nn.LayerNorm(encoder_hid_dim), nn.Linear(encoder_hid_dim, condition))
        self.words = nn.Sequential(nn.LayerNorm(encoder_hid_dim), nn.Linear(encoder_hid_dim, widths[-1]))
        self.read = nn.Conv2d(in_channels * patch_size**2, widths[0], 3, padding=1)
        self.down, self.smaller = nn.ModuleList(), nn.ModuleList()
        self.up, self.larger = nn.ModuleList(), nn.ModuleList()
        for width, below, count in zip(widths[:-1], widths[1:], blocks, strict=True):
            self.down.append(nn.ModuleList(ResBlock(width, width, condition) for _ in range(count)))
            self.smaller.append(nn.Conv2d(width, below, 2, stride=2))
            self.larger.append(nn.Conv2d(below, width, 1))
            self.up.append(
                nn.ModuleList(ResBlock(width * (2 if i == 0 else 1), width, condition) for i in range(count))
            )
        self.middle = nn.ModuleList(TransformerBlock(widths[-1], heads, condition) for _ in range(depth))
        self.norm = nn.GroupNorm(GROUPS, widths[0])
        self.write = nn.Conv2d(widths[0], out_channels * patch_size**2, 3, padding=1)
        silence(self.write)  # the first estimate is v = 0
        scheduler = DDPMScheduler(num_train_timesteps, beta_schedule=beta_schedule)
        self.register_buffer("alphas_cumprod", scheduler.alphas_cumprod.float(), persistent=False)
        self.register_buffer("places", places(sample_size // lowest, widths[-1]), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Moves like any module, but ᾱ stays float32: near t = T it is too small for float16."""
        table = self.alphas_cumprod
        super()._apply(fn, recurse)
        self.alphas_cumprod = table.to(self.alphas_cumprod.device)
        return self

    def velocity(
        self, sample: Tensor, timestep: Tensor | int | float, encoder_hidden_states: Tensor
    ) -> tuple[Tensor, Tensor]:
        """v and the variance interpolation, (B, 3, H, W) each. Arguments as in `forward`."""
        t = torch.as_tensor(timestep, device=sample.device).expand(len(sample))  # (B,)
        text = encoder_hidden_states.to(sample.dtype)  # (B, words, text channels)
        written = (text != 0).any(dim=2)  # (B, words): padding is zero
        pooled = text.sum(dim=1) / written.sum(dim=1, keepdim=True).clamp(min=1)  # (B, text channels)
        time = get_timestep_embedding(t, TIME_CHANNELS, flip_sin_to_cos=True).to(sample.dtype)
        condition = silu(self.time(time) + self.about(pooled))  # (B, condition)

        folded = pixel_unshuffle(sample, self.config.patch_size)  # (B, 12, 32, 32)
        h = self.read(
            folded.contiguous(memory_format=torch.channels_last)
        )  # a CPU convolves faster so: (B, C₀, 32, 32)
        skips = []
        for blocks, smaller in zip(self.down, self.smaller, strict=True):
            for block in blocks.children():
                h = block(h, condition)
            skips.append(h)
            h = smaller(h)  # half the height and width

        height, width = h.shape[2:]  # 8, 8
        sequence = torch.cat([h.flatten(2).transpose(1, 2) + self.places, self.words(text)], dim=1)
        seen = torch.cat([written.new_ones(len(h), height * width), written], dim=1)  # (B, 64 + words)
        mask = torch.zeros_like(seen, dtype=sequence.dtype).masked_fill(~seen, -math.inf)[:, None, None]
        for block in self.middle:
            sequence = block(sequence, condition, mask)
        h = sequence[:, : height * width].transpose(1, 2).unflatten(2, (height, width))  # (B, C₂, 8, 8)

        for blocks, larger, skip in reversed(list(zip(self.up, self.larger, skips, strict=True))):
            h = torch.cat([interpolate(larger(h), scale_factor=2.0, mode="nearest"), skip], dim=1)
            for block in blocks.children():
                h = block(h, condition)
        answer = pixel_shuffle(self.write(silu(self.norm(h))), self.config.patch_size)  # (B, 6, H, W)
        return answer[:, :3], answer[:, 3:]

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | int | float,
        encoder_hidden_states: Tensor,
        return_dict: bool = True,
        **unused: object,
    ) -> PatchUNetOutput | tuple[Tensor]:
        """The IF contract: noise estimate and variance interpolation of a noisy picture.

        Args:
            sample: x_t, (B, 3, H, W), about [−1, 1] plus noise.
            timestep: one integer in 0..T−1 for the batch, or (B,) of them.
            encoder_hidden_states: prompt embedding, (B, words, text channels), zero where nothing is written.
            unused: what a diffusers pipeline passes besides, None.

        Returns:
            (B, 6, H, W): ε̂, then the variance interpolation of equation 15, −1 at the posterior
            variance and +1 at β. A tuple of it if `return_dict` is false.
        """
        if given := sorted(name for name, value in unused.items() if value is not None):
            raise StorybookUNetError(
                f"Leave out {', '.join(given)}: this network takes a picture, t and a prompt."
            )
        v, variance = self.velocity(sample, timestep, encoder_hidden_states)
        t = torch.as_tensor(timestep, device=sample.device)
        abar = self.alphas_cumprod[t.long()].view(-1, 1, 1, 1)
        eps = (1 - abar).sqrt() * sample + abar.sqrt() * v  # float32 whatever the weights are
        output = torch.cat([eps.to(sample.dtype), variance.to(sample.dtype)], dim=1)
        return PatchUNetOutput(sample=output) if return_dict else (output,)


def places(side: int, width: int) -> Tensor:
    """What tells the places of a side × side grid apart: (side², width), sines and cosines of row and column.

    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.5, once for each axis.
    """
    axis = get_timestep_embedding(torch.arange(side), width // 2, max_period=100)  # (side, width / 2)
    rows, columns = axis.repeat_interleave(side, dim=0), axis.repeat(side, 1)
    return torch.cat([rows, columns], dim=1)
