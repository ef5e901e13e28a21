"""The judge's figures by hand and by scipy; the shipped judge on the test digits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from core.datasets import load_mnist, to_unit
from core.judge import Judge, accuracy, confusion, diversity, frechet_distance, load_judge, read_digits


def test_the_shipped_judge_reads_the_test_digits() -> None:
    test = load_mnist("test")
    readings = read_digits(load_judge(), to_unit(test.pictures))
    assert accuracy(readings.labels, test.labels) >= 0.993
    table = confusion(readings.labels, test.labels)
    assert torch.equal(table.sum(dim=1), torch.bincount(test.labels.long()))
    real = readings.features
    # Halves of the same data are near; digits without the fives are farther away.
    assert frechet_distance(real[::2], real[1::2]) < 0.25 * frechet_distance(
        real[test.labels != 5], real[1::2]
    )


def test_accuracy_and_confusion_by_hand() -> None:
    labels, asked = torch.tensor([1, 1, 2, 9]), torch.tensor([1, 2, 2, 9])
    assert accuracy(labels, asked) == 0.75
    table = confusion(labels, asked)
    assert table.sum() == 4 and table[2, 1] == table[2, 2] == table[1, 1] == table[9, 9] == 1


def test_diversity_by_hand() -> None:
    features = torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0], [1.0, 2.0], [7.0, 7.0]])
    # Distances 5 within class 0 and 2 within class 1; class 2 has one sample only.
    assert diversity(features, torch.tensor([0, 0, 1, 1, 2])) == pytest.approx(3.5)
    assert diversity(features[:1].expand(4, 2), torch.zeros(4)) == 0
    with pytest.raises(ValueError, match="at least two samples"):
        diversity(features[:2], torch.tensor([0, 1]))


def test_frechet_distance_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(300, 8)) @ rng.normal(size=(8, 8))
    b = rng.normal(size=(200, 8)) @ rng.normal(size=(8, 8)) + 0.5
    c1, c2 = np.cov(a.T), np.cov(b.T)
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(c1 + c2 - 2 * sqrtm(c1 @ c2).real)
    assert frechet_distance(torch.tensor(a), torch.tensor(b)) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(torch.tensor(a), torch.tensor(a)) == pytest.approx(0, abs=1e-9)
    # Fewer samples than features: the covariance is singular, the distance still a number.
    assert frechet_distance(torch.tensor(a[:4]), torch.tensor(b)) > 0


def test_readings_do_not_depend_on_the_batch() -> None:
    torch.manual_seed(0)
    judge = Judge().eval()
    pictures = 2 * torch.rand(7, 1, 28, 28) - 0.5
    whole, parts = read_digits(judge, pictures), read_digits(judge, pictures.clamp(0, 1), batch_size=3)
    torch.testing.assert_close(whole.features, parts.features)
    assert torch.equal(whole.labels, parts.labels) and whole.features.shape == (7, 64)
