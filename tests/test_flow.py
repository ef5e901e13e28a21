"""The flow's loop against the course's formula, an exact Gaussian flow, and torchdiffeq."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from core.flow import ClassGuided, Conditional, Velocity, estimate_clean, integrate, interpolate
from core.networks.mnist_unet import ClassConditionedUNet, TimeConditionedUNet, one_hot


def last(steps: object) -> Tensor:
    for step in steps:
        pass
    return step.x_next


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return TimeConditionedUNet(8).eval()


@torch.no_grad()
def test_euler_is_the_course_formula_to_the_bit() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(1, 1, 3, padding=1)

    def network(x: Tensor, t: Tensor) -> Tensor:
        return torch.cos(5 * t)[:, None, None, None] * convolution(x)

    noise = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    x, T = noise, 300
    for i in range(T):
        x = x + network(x, torch.full((2,), i / T)) / T
    assert torch.equal(last(integrate(Conditional(network), noise, T)), x)


class GaussianFlow:
    """x0 ~ N(0, 1), x1 ~ N(0, s^2), in closed form: x_t has variance (1-t)^2 + t^2 s^2, and the marginal
    velocity E[x1 - x0 | x_t] = (t s^2 - (1-t)) / ((1-t)^2 + t^2 s^2) x_t carries x at 0 to s x at 1."""

    s = 2.5

    def __call__(self, x: Tensor, t: float) -> Velocity:
        return Velocity((t * self.s**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * self.s**2) * x)


@pytest.mark.parametrize(
    ("solver", "least", "most"), [("euler", 1.8, 2.2), ("heun", 3.4, 4.4), ("rk4", 12, 24)]
)
def test_the_error_falls_with_the_order(solver: str, least: float, most: float) -> None:
    x = torch.tensor([[1.0], [-0.5]], dtype=torch.float64)
    errors = [
        (last(integrate(GaussianFlow(), x, T, solver)) - GaussianFlow.s * x).abs().max() for T in (20, 40, 80)
    ]
    for coarse, fine in itertools.pairwise(errors):
        assert least <= coarse / fine <= most


@pytest.mark.parametrize("solver", ["euler", "rk4"])
def test_torchdiffeq_agrees_on_a_network(network: nn.Module, solver: str) -> None:
    double = TimeConditionedUNet(8).double().eval()
    double.load_state_dict(network.state_dict())
    noise = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    times = torch.linspace(0, 1, 11, dtype=torch.float64)
    # torchdiffeq's own "rk4" is the 3/8 rule; ours is the classical one, so they agree to the order only.
    with torch.no_grad():
        theirs = odeint(lambda t, x: double(x, t.repeat(2)), noise, times, method=solver)[-1]
    ours = last(integrate(Conditional(double), noise, 10, solver))
    torch.testing.assert_close(ours, theirs, rtol=0, atol={"euler": 1e-12, "rk4": 1e-5}[solver])


def test_torchdiffeq_adaptive_is_the_limit() -> None:
    x = torch.tensor([[1.0], [-0.5]], dtype=torch.float64)
    theirs = odeint(
        lambda t, y: GaussianFlow()(y, t.item()).velocity,
        x,
        torch.tensor([0.0, 1.0]).double(),
        rtol=1e-9,
        atol=1e-9,
    )
    torch.testing.assert_close(
        last(integrate(GaussianFlow(), x, 200, "rk4")), theirs[-1], rtol=1e-7, atol=1e-7
    )


def test_the_straight_path_and_its_end() -> None:
    noise, clean = torch.randn(2, 3, 1, 2, 2, generator=torch.Generator().manual_seed(3))
    t = torch.tensor([0.0, 0.25, 1.0])
    x_t = interpolate(noise, clean, t)
    assert torch.equal(x_t[0], noise[0]) and torch.equal(x_t[2], clean[2])
    torch.testing.assert_close(x_t[1], 0.75 * noise[1] + 0.25 * clean[1])
    # On the straight path the velocity is clean - noise, and the estimate is exact from everywhere.
    torch.testing.assert_close(estimate_clean(x_t, clean - noise, t), clean)


@torch.no_grad()
def test_guidance_mixes_two_single_calls() -> None:
    torch.manual_seed(4)
    network = ClassConditionedUNet(8).eval()
    x, c = torch.randn(3, 1, 28, 28), one_hot(torch.tensor([7, 0, 2]))
    guided = ClassGuided(network, c, 5.0)(x, 0.3)
    t = torch.full((3,), 0.3)
    u_u, u_c = network(x, t, torch.zeros(3, 10)), network(x, t, c)
    torch.testing.assert_close(guided.velocity, 5 * u_c - 4 * u_u, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ClassGuided(network, c, 0.0)(x, 0.3).velocity, u_u, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ClassGuided(network, c, 1.0)(x, 0.3).velocity, u_c, rtol=1e-4, atol=1e-5)


def test_every_step_says_where_it_is() -> None:
    steps = list(integrate(GaussianFlow(), torch.ones(1, 1), 4, "heun", first_step=1))
    assert [(s.index, s.t, s.t_next) for s in steps] == [(1, 0.25, 0.5), (2, 0.5, 0.75), (3, 0.75, 1.0)]
    assert all(torch.equal(a.x_next, b.x_t) for a, b in itertools.pairwise(steps))


@pytest.mark.parametrize("num_steps", [0, -1, 1001, 2.5])
def test_steps_that_cannot_be_are_refused(num_steps: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 1000"):
        next(integrate(GaussianFlow(), torch.ones(1, 1), num_steps))


@pytest.mark.parametrize("gamma", [1e6, -1.0, math.nan])
def test_guidance_that_cannot_be_is_refused(gamma: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 50"):
        ClassGuided(nn.Identity(), one_hot(torch.tensor([1])), gamma)


def test_an_unknown_solver_is_refused() -> None:
    with pytest.raises(ValueError, match="euler, heun, rk4"):
        next(integrate(GaussianFlow(), torch.ones(1, 1), 10, "midpoint"))
