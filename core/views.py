"""Views of a picture: pairs of a map and its inverse, for visual anagrams.

A view must be linear and orthogonal: then it maps standard normal noise to standard normal noise,
and the network, which has only ever seen such noise, can read the turned picture as well as the
upright one (Geng, Park, Owens, "Visual Anagrams", 2023, section 3.3). Two views that break this rule
are kept for the lesson that shows why it is there. Tensors are (B, C, H, W) with H = W.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class View(Protocol):
    """A map of pictures, its inverse, and where the inverse moves the pixels."""

    preserves_noise: bool

    def forward(self, x: Tensor) -> Tensor: ...

    def inverse(self, x: Tensor) -> Tensor: ...

    def inverse_places(self, x: Tensor) -> Tensor:
        """The inverse for quantities without a sign, such as a variance: it moves, it does not negate or scale."""


class _Placement(View):
    """A view that only moves pixels: sizes move as pictures do."""

    preserves_noise = True

    def inverse_places(self, x: Tensor) -> Tensor:
        return self.inverse(x)


class Identity(_Placement):
    def forward(self, x: Tensor) -> Tensor:
        return x

    def inverse(self, x: Tensor) -> Tensor:
        return x


class Flip(_Placement):
    """Upside down, as in a mirror lying below the picture."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(-2)

    inverse = forward


@dataclass(frozen=True)
class Rotate(_Placement):
    """Quarter turns, counter-clockwise: 1 is 90 degrees, 2 is 180."""

    quarters: int

    def forward(self, x: Tensor) -> Tensor:
        return x.rot90(self.quarters, (-2, -1))

    def inverse(self, x: Tensor) -> Tensor:
        return x.rot90(-self.quarters, (-2, -1))


@dataclass(frozen=True)
class Jigsaw(_Placement):
    """Cuts the picture into `grid` x `grid` squares and permutes them; the seed chooses the permutation.

    Raises:
        ValueError: in use, when the picture's side is not a multiple of `grid`.
    """

    grid: int = 4
    seed: int = 0

    def _order(self) -> Tensor:
        return torch.randperm(self.grid**2, generator=torch.Generator().manual_seed(self.seed))

    def _permute(self, x: Tensor, order: Tensor) -> Tensor:
        b, c, h, w = x.shape
        g = self.grid
        if h % g or w % g:
            raise ValueError(
                f"A {h} x {w} picture cannot be cut into {g} x {g} equal squares; choose a divisor."
            )
        pieces = (
            x.reshape(b, c, g, h // g, g, w // g).permute(0, 2, 4, 1, 3, 5).reshape(b, g * g, -1)
        )  # (B, g*g, pixels)
        pieces = pieces[:, order.to(x.device)].reshape(b, g, g, c, h // g, w // g)
        return pieces.permute(0, 3, 1, 4, 2, 5).reshape(b, c, h, w)

    def forward(self, x: Tensor) -> Tensor:
        return self._permute(x, self._order())

    def inverse(self, x: Tensor) -> Tensor:
        return self._permute(x, self._order().argsort())


class Negative:
    """Colours inverted. The noise changes its sign, which leaves its distribution as it was."""

    preserves_noise = True

    def forward(self, x: Tensor) -> Tensor:
        return -x

    inverse = forward

    def inverse_places(self, x: Tensor) -> Tensor:
        return x


@dataclass(frozen=True)
class Contrast:
    """Why this fails, 1: less contrast also means less noise than the network expects at t."""

    factor: float = 0.5
    preserves_noise = False

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x

    def inverse(self, x: Tensor) -> Tensor:
        return x / self.factor

    def inverse_places(self, x: Tensor) -> Tensor:
        return x


@dataclass(frozen=True)
class Tilt(_Placement):
    """Why this fails, 2: turning by an angle between pixels averages neighbours, so the noise is smoothed.

    The corners that leave the picture are reflected back in; the inverse is only approximate.
    """

    degrees: float = 30.0
    preserves_noise = False

    def _turn(self, x: Tensor, degrees: float) -> Tensor:
        a = math.radians(degrees)
        matrix = torch.tensor([[math.cos(a), -math.sin(a), 0.0], [math.sin(a), math.cos(a), 0.0]]).to(x)
        grid = F.affine_grid(matrix.expand(len(x), 2, 3), list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    def forward(self, x: Tensor) -> Tensor:
        return self._turn(x, self.degrees)

    def inverse(self, x: Tensor) -> Tensor:
        return self._turn(x, -self.degrees)


VIEWS: dict[str, View] = {
    "flip": Flip(),
    "rotate 180": Rotate(2),
    "rotate 90": Rotate(1),
    "negative": Negative(),
    "jigsaw": Jigsaw(),
    "identity": Identity(),
    "half contrast": Contrast(),
    "tilt 30": Tilt(),
}
