"""Reflow against closed forms: of a Gaussian everything is known, and of finitely many points the exact field is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import Tensor

from core.flow import Velocity, integrate
from core.reflow import Pairs, carry, steps_needed, straightness, transport_cost
from core.toy import ExactField, moons
from core.training import flow_loss, pair_loss

MEAN, SPREAD = torch.tensor([1.5, -0.5], dtype=torch.float64), 0.4


def gaussian_field(x: Tensor, t: float) -> Velocity:
    """From N(0, I) to N(m, s² I), drawn apart: x_t = t m + σ z with σ² = (1 − t)² + t² s², so dx/dt = m + σ'/σ (x − t m)."""
    variance = (1 - t) ** 2 + (t * SPREAD) ** 2
    return Velocity(MEAN + (t * SPREAD**2 - (1 - t)) / variance * (x - t * MEAN))


def straight_field(x: Tensor, t: float) -> Velocity:
    """After reflow: z is joined to m + s z, so x_t = t m + (1 − t + t s) z and dx/dt = m + (s − 1) z."""
    return Velocity(MEAN + (SPREAD - 1) / (1 - t + t * SPREAD) * (x - t * MEAN))


def noise_of(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_flow_of_a_gaussian_takes_each_noise_to_its_image():
    noise = noise_of(50)
    torch.testing.assert_close(
        carry(gaussian_field, noise, 100, "rk4"), MEAN + SPREAD * noise, rtol=0, atol=1e-6
    )


def test_the_straightness_of_a_gaussian_is_its_integral():
    """dx/dt = m + σ' z and Z1 − Z0 = m + (s − 1) z: S of a path is |z|² ∫ (σ' − (s − 1))² dt."""

    def slope(t: float) -> float:
        return (t * SPREAD**2 - (1 - t)) / np.sqrt((1 - t) ** 2 + (t * SPREAD) ** 2)

    integral, _ = quad(lambda t: (slope(t) - (SPREAD - 1)) ** 2, 0, 1)
    noise = noise_of(50)
    expected = noise.square().sum(dim=1) * integral
    torch.testing.assert_close(straightness(gaussian_field, noise, 1000), expected, rtol=5e-3, atol=0)
    assert integral > 0.02, "there is something to straighten"


def test_after_reflow_a_gaussian_is_straight_and_one_step_is_exact():
    noise = noise_of(50)
    assert straightness(straight_field, noise, 40).max() < 1e-20
    torch.testing.assert_close(carry(straight_field, noise, 1), MEAN + SPREAD * noise, rtol=0, atol=1e-12)
    assert (carry(gaussian_field, noise, 1) - (MEAN + SPREAD * noise)).norm(dim=1).mean() > 0.1


def test_the_loss_of_pairs_is_zero_for_the_straight_field_and_for_no_other():
    """Lines of the pairs (z, m + s z) meet nowhere, so nothing is averaged; the same points dealt out anew do meet."""
    noise = noise_of(400)

    def network(x: Tensor, t: Tensor) -> Tensor:
        return torch.stack(
            [straight_field(place, time.item()).velocity for place, time in zip(x, t, strict=True)]
        )

    generator = torch.Generator().manual_seed(0)
    together = Pairs(noise, MEAN + SPREAD * noise)
    batch, labels = together.batch(torch.arange(400))
    assert batch.shape == (400, 2, 2) and labels.tolist() == [0] * 400
    assert pair_loss(network, batch, labels, generator) < 1e-20
    apart = Pairs(noise, (MEAN + SPREAD * noise)[torch.randperm(400, generator=generator)])
    assert pair_loss(network, apart.batch(torch.arange(400))[0], labels, generator) > 0.1


def test_the_loss_of_pairs_is_that_of_the_flow_where_the_noise_is_the_one_that_it_draws():
    clean = noise_of(64, seed=1).float()
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(5))

    def network(x: Tensor, t: Tensor) -> Tensor:
        return torch.sin(x) + t[:, None]

    drawn = flow_loss(network, clean, torch.zeros(64), torch.Generator().manual_seed(5))
    # the generator of the pairs stands where that of the flow stood when it drew t
    after = torch.Generator().manual_seed(5)
    torch.randn(clean.shape, generator=after)
    given = pair_loss(network, torch.stack([noise, clean], dim=1), torch.zeros(64), after)
    assert given.item() == drawn.item()


def test_what_reflow_saves_in_transport_is_straightness_and_the_loss_that_remains():
    """E|x1 − x0|² = E|Z1 − Z0|² + S + min loss (Liu et al., proof of theorem 3.7), with the exact field of 40 points."""
    generator = torch.Generator().manual_seed(0)
    field = ExactField(moons(40, generator).double())
    noise = noise_of(4000)
    before = (
        2 + field.points.square().sum(dim=1).mean()
    )  # noise and data are drawn apart, and noise has mean 0
    ends = carry(field, noise, 500)
    clean = field.points[torch.randint(40, (4000,), generator=generator)]
    left = 0.0
    times = (np.arange(50) + 0.5) / 50
    for t in times:  # the variance of the lines about their mean
        velocity = field.velocity((1 - t) * noise + t * clean, float(t))
        left += (clean - noise - velocity).square().sum(dim=1).mean().item() / len(times)
    after = transport_cost(noise, ends).mean().item()
    bent = straightness(field, noise, 500).mean().item()
    assert after < before
    assert after + bent + left == pytest.approx(before.item(), rel=0.03)


def test_straightness_is_the_variance_of_the_velocity_along_the_path():
    noise = noise_of(7)
    steps = torch.stack([step.estimate.velocity for step in integrate(gaussian_field, noise, 30)])
    expected = steps.var(dim=0, correction=0).sum(dim=1)
    torch.testing.assert_close(straightness(gaussian_field, noise, 30), expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("errors", "needed"),
    [
        ((0.5, 0.3, 0.05, 0.01), 4),  # from the third count on, which is 4
        ((0.05, 0.3, 0.05, 0.01), 4),  # a lucky first step does not count
        ((0.01, 0.01, 0.01, 0.01), 1),
        ((0.5, 0.3, 0.2, 0.11), None),
    ],
)
def test_the_steps_needed_are_those_from_which_on_all_is_well(errors, needed):
    assert steps_needed((1, 2, 4, 8), errors, 0.1) == needed


def test_pairs_need_a_partner_each():
    with pytest.raises(ValueError, match="one partner of its shape"):
        Pairs(torch.zeros(3, 2), torch.zeros(4, 2))
