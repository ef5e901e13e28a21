"""The judge: a small digit classifier, and what it can say about generated digits.

It measures how many samples read as the class they were asked for, how different the samples of a class
are from one another, and how far their features lie from those of real digits. The last is the Fréchet
distance of Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (2017), over this classifier's
features; since these are not Inception features, its values compare only with each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

JUDGE_FILE = Path(__file__).parent.parent / "assets" / "models" / "mnist" / "judge.safetensors"
NUM_CLASSES = 10
NUM_FEATURES = 64


class Judge(nn.Module):
    """Three stages of 3x3 convolutions, halving twice, then 64 features and 10 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            *_conv(1, 16), *_conv(16, 16), nn.MaxPool2d(2),  # (B, 16, 14, 14)
            *_conv(16, 32), *_conv(32, 32), nn.MaxPool2d(2),  # (B, 32, 7, 7)
            *_conv(32, 64), *_conv(64, NUM_FEATURES), nn.AdaptiveAvgPool2d(1), nn.Flatten(),  # (B, 64)
        )  # fmt: skip
        self.classify = nn.Linear(NUM_FEATURES, NUM_CLASSES)

    def features(self, pictures: Tensor) -> Tensor:
        """float (B, 1, 28, 28) in [0, 1] -> (B, 64)."""
        return self.stages(pictures)

    def forward(self, pictures: Tensor) -> Tensor:
        """float (B, 1, 28, 28) in [0, 1] -> logits (B, 10)."""
        return self.classify(self.features(pictures))


def _conv(channels_in: int, channels_out: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(channels_out), nn.ReLU()


def load_judge(path: Path = JUDGE_FILE, device: str | torch.device = "cpu") -> Judge:
    """The shipped judge, in evaluation mode. Raises FileNotFoundError, or RuntimeError for other weights."""
    judge = Judge()
    judge.load_state_dict(load_file(path))
    return judge.to(device).eval()


@dataclass(frozen=True, eq=False)
class Readings:
    """What the judge makes of B pictures: labels int64 (B,), confidence (B,) in [0.1, 1], features (B, 64)."""

    labels: Tensor
    confidence: Tensor
    features: Tensor


@torch.no_grad()
def read_digits(judge: Judge, pictures: Tensor, batch_size: int = 500) -> Readings:
    """Classifies pictures, float (B, 1, 28, 28). Values outside [0, 1] are clipped, as the eye sees them."""
    features = torch.cat([judge.features(part.clamp(0, 1)) for part in pictures.split(batch_size)])
    confidence, labels = judge.classify(features).softmax(dim=1).max(dim=1)
    return Readings(labels, confidence, features)


def accuracy(labels: Tensor, asked: Tensor) -> float:
    """The share of pictures that read as what was asked for; both (B,)."""
    return (labels == asked).double().mean().item()


def confident(read: Readings, least: float = 0.9) -> float:
    """The share of pictures that are read with at least so much confidence, as digits usually are."""
    return (read.confidence >= least).double().mean().item()


def confusion(labels: Tensor, asked: Tensor) -> Tensor:
    """int64 (10, 10): how often a picture asked for as the row's digit reads as the column's."""
    cells = asked.long() * NUM_CLASSES + labels.long()
    return torch.bincount(cells, minlength=NUM_CLASSES**2).reshape(NUM_CLASSES, NUM_CLASSES)


def diversity(features: Tensor, classes: Tensor) -> float:
    """The mean distance between the features of two samples of one class, averaged over the classes.

    Args:
        features: (B, F).
        classes: (B,), as they were asked for. Classes with fewer than two samples are left out.

    Raises:
        ValueError: no class has two samples.
    """
    spreads = [_mean_distance(features[classes == c]) for c in classes.unique() if (classes == c).sum() > 1]
    if not spreads:
        raise ValueError("Draw at least two samples of a class: one alone has no diversity.")
    return sum(spreads) / len(spreads)


def _mean_distance(features: Tensor) -> float:
    """The mean Euclidean distance over all pairs of rows, (B, F), B >= 2."""
    return torch.pdist(features.double()).mean().item()


def frechet_distance(features: Tensor, reference: Tensor) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), between Gaussians fitted to two sets of features.

    Args:
        features: (B1, F), reference: (B2, F). With B1 < F the estimate is biased upwards; compare only
            values of equal B1.

    Raises:
        ValueError: fewer than two rows in either.
    """
    if min(len(features), len(reference)) < 2:
        raise ValueError("Draw at least two samples: a covariance needs them.")
    mean1, covariance1 = _gaussian(features)
    mean2, covariance2 = _gaussian(reference)
    # C1 C2 is similar to R C2 R with R = C1^(1/2), which is symmetric: real roots, and no complex sqrtm.
    root1 = _symmetric_root(covariance1)
    eigenvalues = torch.linalg.eigvalsh(root1 @ covariance2 @ root1)
    trace_of_root = eigenvalues.clamp(min=0).sqrt().sum()
    distance = (mean1 - mean2).square().sum() + covariance1.trace() + covariance2.trace() - 2 * trace_of_root
    return max(distance.item(), 0.0)


def _gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (F,) and covariance (F, F), float64."""
    features = features.double()
    return features.mean(dim=0), torch.cov(features.T)


def _symmetric_root(matrix: Tensor) -> Tensor:
    """The square root of a symmetric positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
