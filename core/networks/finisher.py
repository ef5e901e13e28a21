"""The third part of emoji64: a few convolutions over all pixels, which take the grain away that patches leave."""

import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn
from torch.nn.functional import silu


class Finisher(nn.Module):
    """(x_t, v, x̂₀, t) → a correction of v, from each pixel's nearest neighbours.

    A UNet over patches must say all pixels of a patch at one place, and errs most where the noise is small and
    every pixel counts. What is left to say there is local: is this dot noise, or is it an eye? A few narrow
    convolutions over all pixels see that, for a fifth of the operations of all that comes before.

    Args:
        width: channels between the convolutions.
        layers: convolutions after the first; each sees one pixel further.
    """

    def __init__(self, width: int = 32, layers: int = 2):
        super().__init__()
        self.time_channels = 128
        self.look = nn.Conv2d(9, width, 3, padding=1)
        self.time = nn.Linear(self.time_channels, 2 * width)
        self.blocks = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(layers))
        self.draw = nn.Conv2d(width, 3, 3, padding=1)
        for parameter in self.draw.parameters():  # a fresh one corrects nothing
            nn.init.zeros_(parameter)

    def forward(self, sample: Tensor, v: Tensor, clean: Tensor, timestep: Tensor) -> Tensor:
        """(B, 3, H, W) three times, (B,) → (B, 3, H, W)."""
        time = get_timestep_embedding(timestep, self.time_channels, flip_sin_to_cos=True).to(sample.dtype)
        gain, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)  # (B, width, 1, 1) each
        seen = torch.cat([sample, v, clean], dim=1).contiguous(memory_format=torch.channels_last)
        # A CPU convolves many pixels of few channels faster laid out so (docs/performance.md), also with loaded weights.
        h = self.look(seen)  # (B, width, H, W)
        h = silu(h * (1 + gain) + shift)
        for block in self.blocks:
            h = h + silu(block(h))
        return self.draw(h)
