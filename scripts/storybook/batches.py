"""Training batches: batch n of a seed is a function of both alone, so a training that goes on needs only its step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from scripts.emoji.dataset import Batch, TextEncoder
from scripts.storybook.world import World

STEPS = 1000


class Batches(Dataset):
    """Item n is batch n: `size` composed pictures with their captions, noise and times.

    The caption's embedding is computed with its batch, in a shape that the batch alone decides: a cache would give
    bits that depend on what came before.
    """

    def __init__(self, sprites: Path, text: Path, size: int, seed: int, part: int | None = None):
        self.folders, self.size, self.seed, self.part = (sprites, text), size, seed, part
        self._ready: tuple[World, TextEncoder] | None = None

    def __len__(self) -> int:
        return 2**31

    def __getitem__(self, number: int) -> Batch:
        if self._ready is None:  # in the process that composes, not in the one that trains
            torch.set_num_threads(1)
            self._ready = World(self.folders[0], self.part), TextEncoder(self.folders[1])
        world, encoder = self._ready
        pictures = [world.compose(self.seed, number * self.size + k) for k in range(self.size)]
        pixels = torch.from_numpy(np.stack([p.pixels for p in pictures]))  # uint8 (B, 64, 64, 3)
        generator = torch.Generator().manual_seed(self.seed * 2**32 + number)
        # Stratified, so that every batch sees all noise levels.
        t = (
            (torch.arange(self.size) + torch.rand(self.size, generator=generator)) / self.size * STEPS
        ).long()
        t = t[torch.randperm(self.size, generator=generator)]
        clean = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
        noise = torch.randn(clean.shape, generator=generator)
        return Batch(clean, noise, t, encoder([p.caption for p in pictures], batch_size=self.size))

    def from_number(self, first: int, workers: int) -> Iterator[Batch]:
        """Batches first, first + 1, … composed ahead by so many processes beside the one that trains; 0 for none."""
        loader = DataLoader(
            self,
            batch_size=None,
            sampler=range(first, len(self)),
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            multiprocessing_context="forkserver" if workers else None,
        )
        yield from loader


def to(batch: Batch, device: str) -> Batch:
    """The batch on a device."""
    return Batch(*(part.to(device) for part in (batch.clean, batch.noise, batch.t, batch.text)))


def x_t_of(clean: Tensor, noise: Tensor, abar: Tensor) -> Tensor:
    """√ᾱ x₀ + √(1−ᾱ) ε, (B, 3, 64, 64), ᾱ shaped to multiply."""
    return abar.sqrt() * clean + (1 - abar).sqrt() * noise
