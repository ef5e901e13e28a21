"""The judge of objects: a small network that names what a 64 × 64 picture shows, among the objects of emoji64's vocabulary.

Its training (`scripts/storybook/classifier.py`) composes pictures that are never shown twice, so it names drawings that it
has never seen. What it says of samples is classification accuracy as a measure of fidelity (Ravuri and Vinyals,
"Classification Accuracy Score for Conditional Generative Models", 2019), with a judge that is no model of the lessons.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from core.judged_objects import FIGURES, OBJECT_JUDGE, WEIGHTS

SIDE = 64


class ObjectJudge(nn.Module):
    """3 × 3 convolutions that halve the picture four times, then as many logits as there are names.

    Attributes:
        names: of the classes, in the order of the logits.
    """

    def __init__(self, names: Sequence[str]):
        super().__init__()
        self.names = tuple(names)
        self.stages = nn.Sequential(
            *_conv(3, 32, 2), *_conv(32, 32), *_conv(32, 64, 2), *_conv(64, 64),  # (B, 64, 16, 16)
            *_conv(64, 96, 2), *_conv(96, 96), *_conv(96, 128, 2), *_conv(128, 128),  # (B, 128, 4, 4)
            nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )  # fmt: skip
        self.classify = nn.Linear(128, len(names))

    def forward(self, pictures: Tensor) -> Tensor:
        """float (B, 3, 64, 64) in [−1, 1] → logits (B, classes)."""
        return self.classify(self.stages(pictures))

    @torch.inference_mode()
    def probabilities(self, pictures: Tensor, batch: int = 250) -> Tensor:
        """float (B, 3, H, W) → (B, classes), rows of sum 1. Clips to ±1; brings other sizes to 64 × 64."""
        if pictures.shape[-2:] != (SIDE, SIDE):
            pictures = functional.interpolate(pictures, (SIDE, SIDE), mode="bilinear", antialias=True)
        return torch.cat([self(part.clamp(-1, 1)).softmax(dim=1) for part in pictures.split(batch)])

    def ranked(self, pictures: Tensor) -> Tensor:
        """float (B, 3, 64, 64) → (B, classes): the classes of every picture, the likeliest first."""
        return self.probabilities(pictures).argsort(dim=1, descending=True)

    def named(self, pictures: Tensor, asked: Sequence[str], k: int = 1) -> Tensor:
        """bool (B,): whether what was asked for is among the k likeliest classes.

        Raises:
            ValueError: a name that is no class.
        """
        return among_the_likeliest(self.ranked(pictures), self.names, asked, k)


def among_the_likeliest(ranked: Tensor, names: Sequence[str], asked: Sequence[str], k: int) -> Tensor:
    """bool (B,): whether what was asked for is among the first k of `ranked` (B, classes), which counts `names`.

    Raises:
        ValueError: a name that is no class.
    """
    if unknown := sorted(set(asked) - set(names)):
        raise ValueError(f"Ask for one of the {len(names)} classes: {', '.join(unknown)} is none.")
    wanted = torch.tensor([names.index(name) for name in asked])
    return (ranked[:, :k] == wanted[:, None]).any(dim=1)


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(channels_out), nn.ReLU()


def load_object_judge(folder: Path = OBJECT_JUDGE) -> ObjectJudge:
    """The judge in a folder, in evaluation mode, float32. Raises FileNotFoundError: there is none."""
    judge = ObjectJudge(json.loads((folder / FIGURES).read_text(encoding="utf-8"))["names"])
    # counters of batch normalisation are whole numbers and stay so
    weights = {k: v.float() if v.is_floating_point() else v for k, v in load_file(folder / WEIGHTS).items()}
    judge.load_state_dict(weights)
    return judge.eval()
