"""The exact field against what it must do: carry noise to the data, and be the gradient of its own density."""

from __future__ import annotations

import pytest
import torch

from core.flow import integrate
from core.networks.toy_mlp import ToyVelocity
from core.toy import DATA_SETS, ExactField, Points
from core.training import Metric, flow_loss, train
from core.training_settings import LoopSettings


@pytest.mark.parametrize("name", DATA_SETS)
def test_particles_reach_the_mean_and_covariance_of_the_data(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    data = DATA_SETS[name](400, generator)
    noise = torch.randn(2000, 2, generator=generator)
    # Euler: its last step ends on E[x1 | x]; Heun and RK4 would ask for the field at t = 1, where it is singular.
    for step in integrate(ExactField(data), noise, 80):
        pass
    # 2000 particles: the standard error of a mean is 0.02, of a covariance about 0.03.
    torch.testing.assert_close(step.x_next.mean(0), data.mean(0), rtol=0, atol=0.08)
    torch.testing.assert_close(torch.cov(step.x_next.T), torch.cov(data.T), rtol=0, atol=0.12)
    assert torch.cdist(step.x_next, data).min(dim=1).values.quantile(0.95) < 0.05


def test_one_point_is_reached_in_a_straight_line() -> None:
    target = torch.tensor([[1.5, -0.5]], dtype=torch.float64)
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    # With one data point the velocity along the path is the constant x1 - x0: one Euler step is exact.
    for steps in (1, 7):
        for step in integrate(ExactField(target), x, steps):
            pass
        torch.testing.assert_close(step.x_next, target.expand(5, 2))


@pytest.mark.parametrize("t", [0.0, 0.3, 0.9])
def test_the_score_is_the_gradient_of_the_log_density(t: float) -> None:
    generator = torch.Generator().manual_seed(2)
    field = ExactField(DATA_SETS["moons"](50, generator).double())
    x = torch.randn(20, 2, generator=generator, dtype=torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(field.log_density(x, t).sum(), x)
    torch.testing.assert_close(field.score(x.detach(), t), gradient)


def test_the_density_integrates_to_one() -> None:
    field = ExactField(DATA_SETS["rings"](30, torch.Generator().manual_seed(3)).double())
    axis = torch.linspace(-6, 6, 241, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    mass = field.log_density(grid, 0.6).exp().sum() * (axis[1] - axis[0]) ** 2
    assert mass.item() == pytest.approx(1, abs=1e-4)


def test_velocity_transports_the_density() -> None:
    """The continuity equation, dp/dt + div(p u) = 0, at random places by central differences."""
    generator = torch.Generator().manual_seed(4)
    field = ExactField(DATA_SETS["checkerboard"](20, generator).double())
    x, t, h = torch.randn(30, 2, generator=generator, dtype=torch.float64), 0.5, 1e-4

    def flux(x: torch.Tensor) -> torch.Tensor:
        return field.log_density(x, t).exp()[:, None] * field.velocity(x, t)

    change = (field.log_density(x, t + h).exp() - field.log_density(x, t - h).exp()) / (2 * h)
    steps = h * torch.eye(2, dtype=torch.float64)
    divergence = sum((flux(x + steps[i]) - flux(x - steps[i]))[:, i] / (2 * h) for i in range(2))
    torch.testing.assert_close(change, -divergence, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("t", [0.999, 0.999999, 1.0])
def test_the_field_is_finite_to_the_end(t: float) -> None:
    data = DATA_SETS["moons"](200, torch.Generator().manual_seed(5))
    field = ExactField(data)
    x = torch.tensor([[3.0, 3.0], [0.0, 0.0], data[7].tolist()])
    weights = field.weights(x, t)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert field.velocity(x, t).isfinite().all() and field.score(x, t).isfinite().all()
    assert weights[2].argmax() == 7


@pytest.mark.parametrize("name", DATA_SETS)
def test_data_sets_are_repeatable_and_of_a_size_with_the_noise(name: str) -> None:
    first, again = (DATA_SETS[name](500, torch.Generator().manual_seed(6)) for _ in range(2))
    assert torch.equal(first, again) and first.shape == (500, 2)
    assert 0.5 < first.std(dim=0).mean() < 1.5


def test_a_small_network_learns_the_field() -> None:
    generator = torch.Generator().manual_seed(7)
    data = DATA_SETS["moons"](1000, generator)
    torch.manual_seed(7)
    network = ToyVelocity(64)
    settings = LoopSettings(learning_rate=3e-3, batch_size=250, epochs=100)
    events = list(train(network, Points(data), flow_loss, settings))
    losses = [event.values["loss"] for event in events if isinstance(event, Metric)]
    x = torch.randn(200, 2, generator=generator)
    exact = ExactField(data).velocity(x, 0.5)
    with torch.no_grad():
        error = (network(x, torch.full((200,), 0.5)) - exact).square().mean()
    assert sum(losses[-20:]) < 0.8 * sum(losses[:20])
    assert error < 0.15 * exact.square().mean()
