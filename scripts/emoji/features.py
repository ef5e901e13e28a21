"""Two classical feature spaces in which pictures are compared: neither was trained on anything.

Both take pictures as float (N, 3, 64, 64) in [−1, 1] and give vectors whose Euclidean distance is the measure.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, pad

CELL = 8  # pixels: side of the squares in which gradients are counted
BINS = 8  # of the orientation, over half a turn


def pixels16(pictures: Tensor) -> Tensor:
    """Colours at 16×16: (N, 768). The distance is the RMS difference of a channel, from 0 to 2."""
    coarse = adaptive_avg_pool2d(pictures, 16).flatten(1)
    return coarse / math.sqrt(coarse.shape[1])


def gradients(pictures: Tensor) -> Tensor:
    """Histograms of oriented gradients: (N, 1568). Shapes and edges, whatever their colour.

    Every 8×8 square counts its edges by orientation, weighted by their strength; every 2×2 of these
    histograms is scaled to length 1. Source: Dalal and Triggs 2005, "Histograms of oriented gradients for
    human detection", section 6, without its Gaussian weighting.
    """
    grey = pictures.mean(dim=1)  # (N, H, W)
    padded = pad(grey[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = (across.square() + down.square()).sqrt()
    place = torch.atan2(down, across).remainder(math.pi) / math.pi * BINS  # (N, H, W) in [0, BINS)
    lower = place.floor().long() % BINS
    share = place - place.floor()
    cells = torch.stack(
        [
            avg_pool2d(strength * ((lower == k) * (1 - share) + ((lower + 1) % BINS == k) * share), CELL)
            for k in range(BINS)
        ],
        dim=1,
    )  # (N, BINS, 8, 8)
    blocks = torch.stack(
        [cells[:, :, dy : dy + 7, dx : dx + 7] for dy in (0, 1) for dx in (0, 1)], dim=1
    )  # (N, 4, BINS, 7, 7)
    length = (blocks.square().sum(dim=(1, 2), keepdim=True) + 0.05**2).sqrt()  # empty squares stay near 0
    return (blocks / length).flatten(1) / 7  # 7·7 blocks of length 1 give a vector of length at most 1


SPACES: dict[str, Callable[[Tensor], Tensor]] = {"pixels16": pixels16, "gradients": gradients}
"""Name → the map into the space."""
