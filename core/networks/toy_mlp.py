"""The small network that learns the vector field of a 2-D data set while the student watches (lesson B5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ToyVelocity(nn.Sequential):
    """u_theta(x_t, t) in the plane: three hidden layers over (x, y, t). About 34,000 parameters at 128."""

    def __init__(self, hidden: int = 128) -> None:
        super().__init__(
            nn.Linear(3, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, 2),
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:  # type: ignore[override]  # a Sequential of two inputs
        """x: (B, 2), t: (B,) in [0, 1] -> velocity (B, 2)."""
        return super().forward(torch.cat([x, t[:, None]], dim=1))  # (B, 3) -> (B, 2)
