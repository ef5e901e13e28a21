"""Numbers on both sides of the vector field: those of core, and how far the browser's may be from them."""

from __future__ import annotations

import torch
from torch import Tensor

from core.toy import DATA_SETS


def doubles(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def points_of(name: str, count: int) -> Tensor:
    return DATA_SETS[name](count, torch.Generator().manual_seed(1)).double()


def places(count: int) -> Tensor:
    return 1.5 * torch.randn(count, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def flat(x: Tensor) -> list[float]:
    return x.flatten().tolist()


def agree(found: object, expected: Tensor, shape: tuple[int, ...] = (-1, 2)) -> None:
    """To 1e-9 of the size of the numbers: both sides compute in doubles, in another order."""
    found = found if isinstance(found, Tensor) else doubles(found)
    torch.testing.assert_close(found.reshape(shape), expected, rtol=1e-9, atol=1e-9)
