"""Estimators: what guidance must reduce to, and how often it asks the network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.guidance import ClassifierFree, Conditional

BATCH = 4
T = 500


class Recorder:
    """A network without weights, and the batches that it was asked for. Each picture is answered by itself."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, x_t: Tensor, t: int, embedding: Tensor) -> Tensor:
        self.batches.append(len(x_t))
        shift = embedding.mean(dim=(1, 2)).view(-1, 1, 1, 1)  # (B, 1, 1, 1)
        return torch.cat([torch.tanh(x_t + shift) * t / 1000, torch.cos(x_t - shift)], dim=1)


@pytest.fixture
def network() -> Recorder:
    return Recorder()


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X_T = random(BATCH, 3, 8, 8, seed=0)
CONDITIONAL = random(BATCH, 5, 7, seed=1)
UNCONDITIONAL = random(1, 5, 7, seed=2).expand(BATCH, -1, -1)


def guided(network: Recorder, scale: float | Tensor):
    return ClassifierFree(network, CONDITIONAL, UNCONDITIONAL, scale)(X_T, T)


def test_one_condition_is_one_call_and_the_two_halves_of_its_answer(network):
    estimate = Conditional(network, CONDITIONAL)(X_T, T)
    assert network.batches == [BATCH]
    answer = network(X_T, T, CONDITIONAL)
    assert torch.equal(estimate.eps, answer[:, :3])
    assert torch.equal(estimate.variance, answer[:, 3:])


def test_both_branches_are_one_call(network):
    guided(network, 7.0)
    assert network.batches == [2 * BATCH]


def test_scale_zero_is_unconditional_and_one_is_conditional(network):
    unconditional = Conditional(network, UNCONDITIONAL)(X_T, T)
    conditional = Conditional(network, CONDITIONAL)(X_T, T)
    assert torch.equal(guided(network, 0.0).eps, unconditional.eps)
    assert torch.equal(guided(network, 0.0).variance, unconditional.variance)  # nothing of the prompt is left
    assert not torch.equal(unconditional.variance, conditional.variance)
    torch.testing.assert_close(guided(network, 1.0).eps, conditional.eps, rtol=0, atol=1e-14)
    assert (conditional.eps - unconditional.eps).abs().max() > 0.1


def test_the_parts_are_the_branches_and_the_variance_is_the_conditional_one(network):
    estimate = guided(network, 7.0)
    conditional = Conditional(network, CONDITIONAL)(X_T, T)
    assert torch.equal(estimate.parts["eps_u"], Conditional(network, UNCONDITIONAL)(X_T, T).eps)
    assert torch.equal(estimate.parts["eps_c"], conditional.eps)
    assert torch.equal(estimate.variance, conditional.variance)


@pytest.mark.parametrize("scale", [-2.0, 0.5, 3.0, 7.0, 12.0])
def test_guidance_is_linear_in_the_scale(network, scale):
    """A straight line through its points at 0 and 1, also beyond them."""
    at_0, at_1 = guided(network, 0.0).eps, guided(network, 1.0).eps
    torch.testing.assert_close(
        guided(network, scale).eps, (1 - scale) * at_0 + scale * at_1, rtol=0, atol=1e-12
    )


def test_equal_prompts_leave_nothing_to_guide(network):
    same = ClassifierFree(network, UNCONDITIONAL, UNCONDITIONAL, 12.0)(X_T, T)
    assert torch.equal(same.eps, Conditional(network, UNCONDITIONAL)(X_T, T).eps)


def test_a_scale_for_each_picture_equals_a_run_for_each_scale(network):
    scales = [0.0, 1.0, 3.0, 7.0]
    together = guided(network, torch.tensor(scales))
    for row, scale in enumerate(scales):
        alone = guided(network, scale)
        torch.testing.assert_close(together.eps[row], alone.eps[row], rtol=0, atol=1e-12)
        assert torch.equal(together.variance[row], alone.variance[row])


def test_guidance_of_a_real_network_is_the_sum_of_its_two_branches(tiny_if):
    """Through a UNet with attention and normalisation: the branches do not see each other in the common batch."""
    x_t = random(2, *tiny_if.picture_shape, seed=0).float()
    conditional, unconditional = tiny_if.embed(["a cat", "red"]), tiny_if.embed(["", ""])
    both = ClassifierFree(tiny_if, conditional, unconditional, 7.0)(x_t, T)
    eps_u = Conditional(tiny_if, unconditional)(x_t, T).eps
    eps_c = Conditional(tiny_if, conditional)(x_t, T).eps
    torch.testing.assert_close(both.eps, eps_u + 7 * (eps_c - eps_u), rtol=0, atol=1e-4)
    assert (eps_c - eps_u).abs().max() > 1e-3
