"""The oracle against the mean, a two-picture closed form, the naive formula, and the 2-D exact field."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core.oracle import denoise_exactly, flow_oracle, nearest_pictures, posterior, posterior_mean_naive
from core.toy import ExactField


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """uint8 (150, 1, 6, 6): blobs, close enough to one another for mixtures."""
    generator = torch.Generator().manual_seed(0)
    return (80 + 30 * torch.randn(150, 1, 6, 6, generator=generator)).clamp(0, 255).byte()


def noisy(pictures: Tensor, sigma: float, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return pictures[:5].to(dtype) / 255 + sigma * torch.randn(5, 1, 6, 6, generator=generator, dtype=dtype)


def test_pure_noise_gives_the_mean(pictures: Tensor) -> None:
    z = torch.randn(4, 1, 6, 6, generator=torch.Generator().manual_seed(2))
    answer = flow_oracle(z, 0.0, pictures, chunk=64)
    mean = (pictures.double() / 255).mean(dim=0)
    torch.testing.assert_close(answer.mean, mean.float().expand(4, 1, 6, 6), rtol=0, atol=1e-6)
    torch.testing.assert_close(answer.effective_count, torch.full((4,), 150.0))


@pytest.mark.parametrize("chunk", [1, 64, 150, 4096])
@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.5, 5.0])
def test_the_chunked_oracle_equals_the_naive_one(pictures: Tensor, chunk: int, sigma: float) -> None:
    z = noisy(pictures, sigma)
    naive = posterior_mean_naive(z, 1.0, sigma, pictures)
    torch.testing.assert_close(denoise_exactly(z, sigma, pictures, chunk).mean, naive, rtol=0, atol=1e-9)


def test_float32_is_good_enough_for_the_eye(pictures: Tensor) -> None:
    exact = denoise_exactly(noisy(pictures, 0.2), 0.2, pictures).mean
    single = denoise_exactly(noisy(pictures, 0.2).float(), 0.2, pictures).mean
    torch.testing.assert_close(single.double(), exact, rtol=0, atol=1 / 2550)


def test_two_pictures_mix_by_a_sigmoid() -> None:
    a, b = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    z, sigma = torch.tensor([0.7, 0.2, 0.6, 0.4]).reshape(1, 1, 2, 2), 0.8
    odds = ((z - a).square().sum() - (z - b).square().sum()) / (2 * sigma**2)
    weight = 1 / (1 + math.exp(-odds))
    answer = denoise_exactly(z, sigma, torch.cat([a, 255 * b]).byte())
    torch.testing.assert_close(answer.mean, torch.full((1, 1, 2, 2), weight))
    assert answer.largest_weight.item() == pytest.approx(max(weight, 1 - weight))
    assert answer.effective_count.item() == pytest.approx(1 / (weight**2 + (1 - weight) ** 2))


def test_without_noise_it_repeats_the_nearest_picture(pictures: Tensor) -> None:
    for answer in (
        denoise_exactly(noisy(pictures, 0.0, torch.float32), 0.0, pictures, chunk=32),
        flow_oracle(noisy(pictures, 0.0, torch.float32), 1.0, pictures, chunk=32),
    ):
        torch.testing.assert_close(answer.mean, pictures[:5].float() / 255)
        assert answer.likeliest.tolist() == [0, 1, 2, 3, 4]


def test_a_far_query_stays_finite(pictures: Tensor) -> None:
    answer = denoise_exactly(torch.full((1, 1, 6, 6), 1e4), 0.01, pictures, chunk=10)
    assert answer.mean.isfinite().all() and answer.largest_weight.item() == pytest.approx(1)


@pytest.mark.parametrize("t", [0.0, 0.4, 0.8])
def test_along_the_flow_it_is_the_exact_field(pictures: Tensor, t: float) -> None:
    x_t = noisy(pictures, 1 - t)
    field = ExactField((pictures.float() / 255).double().flatten(1))  # what the network is shown
    expected = field.clean_mean(x_t.flatten(1), t).reshape(x_t.shape)
    torch.testing.assert_close(flow_oracle(x_t, t, pictures, 40).mean, expected, rtol=0, atol=1e-9)


def test_the_sums_are_independent_of_the_order(pictures: Tensor) -> None:
    z = noisy(pictures, 0.3)
    there, back = posterior(z, 0.7, 0.3, pictures, 17), posterior(z, 0.7, 0.3, pictures.flip(0), 17)
    torch.testing.assert_close(there.mean, back.mean)
    assert torch.equal(there.likeliest, 149 - back.likeliest)


def test_nearest_pictures_are_those_of_all_distances(pictures: Tensor) -> None:
    queries = noisy(pictures, 0.1)
    every = torch.cdist(queries.flatten(1), (pictures.double() / 255).flatten(1))
    expected, order = every.sort(dim=1)
    distances, indices = nearest_pictures(queries, pictures, 3, chunk=40)
    torch.testing.assert_close(distances, expected[:, :3])
    assert torch.equal(indices, order[:, :3])


@pytest.mark.parametrize("sigma", [-0.1, math.nan, math.inf])
def test_a_noise_level_that_cannot_be_is_refused(pictures: Tensor, sigma: float) -> None:
    with pytest.raises(ValueError, match="noise level"):
        denoise_exactly(torch.zeros(1, 1, 6, 6), sigma, pictures)
    with pytest.raises(ValueError, match="time t from 0 to 1"):
        flow_oracle(torch.zeros(1, 1, 6, 6), 1.5, pictures)
