"""The half of emoji64 that sees the whole picture at once: a first, coarse guess of what it will be."""

import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, pixel_shuffle

FEW_ROWS = 4


class Sketcher(nn.Module):
    """(x_t, t, prompt embedding) → a guess of the clean picture, by fully connected layers alone.

    A convolution spends two operations per weight at every place of a feature map; a fully connected layer
    spends two, once. On a CPU that makes it the cheapest way to remember what a rocket looks like. It sees
    x_t only as `coarse` × `coarse` averages, which is nearly all that large noise leaves to be seen.

    Args:
        text_width: channels of the prompt embedding.
        hidden: width of the layers.
        layers: number of residual blocks.
        coarse: height and width to which x_t is averaged.
        sample_size, patch_size: of the picture and of the squares in which the last layer writes it.
    """

    def __init__(
        self,
        sample_size: int,
        patch_size: int,
        text_width: int = 384,
        hidden: int = 1024,
        layers: int = 2,
        coarse: int = 16,
    ):
        super().__init__()
        self.coarse, self.patch_size, self.places = coarse, patch_size, sample_size // patch_size
        self.time_channels = 128
        self.text = nn.Sequential(nn.LayerNorm(text_width), nn.Linear(text_width, hidden))
        self.time = nn.Linear(self.time_channels, hidden)
        self.look = nn.Linear(3 * coarse**2, hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden)
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden)
        self.draw = nn.Linear(hidden, 3 * sample_size**2)
        nn.init.zeros_(self.draw.weight)  # the first guess is a grey picture
        nn.init.zeros_(self.draw.bias)

    def forward(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        """(B, 3, H, W), (B,), (B, tokens, text_width) → (B, 3, H, W), about [−1, 1]."""
        written = (encoder_hidden_states != 0).any(dim=2, keepdim=True)  # padding is zero: (B, tokens, 1)
        pooled = encoder_hidden_states.sum(dim=1) / written.sum(dim=1).clamp(min=1)  # (B, text_width)
        time = get_timestep_embedding(timestep, self.time_channels, flip_sin_to_cos=True).to(sample.dtype)
        seen = adaptive_avg_pool2d(sample, self.coarse).flatten(1)  # (B, 3·coarse²)
        h = self.text(pooled) + self.time(time) + self.look(seen)  # (B, hidden)
        for block in self.blocks:
            h = h + block(h)
        patches = few_rows(self.draw, self.norm(torch.nn.functional.silu(h)))  # (B, 3·H·W)
        patches = patches.view(len(sample), 3 * self.patch_size**2, self.places, self.places)
        return pixel_shuffle(patches, self.patch_size)


def few_rows(layer: nn.Linear, x: Tensor) -> Tensor:
    """layer(x), (B, in) → (B, out), faster when a sampler asks for a picture or two.

    A large matrix times a few rows takes as long as reading the matrix. Written as W xᵀ instead of x Wᵀ, a CPU
    reads it at more than twice the speed (docs/performance.md).
    """
    if len(x) > FEW_ROWS or x.device.type != "cpu" or torch.is_grad_enabled():
        return layer(x)
    return (layer.weight @ x.T).T + layer.bias
