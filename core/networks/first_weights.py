"""The first weights of a network, as a function of a seed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_DRAWING = threading.Lock()  # PyTorch's global generator is one for all jobs of the process


@contextmanager
def first_weights(seed: int) -> Iterator[None]:
    """Networks built in this context have the weights of `seed`; the global generator is left as it was."""
    with _DRAWING, torch.random.fork_rng(devices=[]):  # layers draw their weights from the global generator
        torch.manual_seed(seed)
        yield
