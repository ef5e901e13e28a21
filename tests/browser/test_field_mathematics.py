"""The vector field's arithmetic in a real browser, alone on an empty page, against core."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from field_app import HIDDEN, harness_network, weights
from field_numbers import agree, doubles, flat, places, points_of

from core.flow import Conditional, integrate
from core.networks.toy_mlp import ToyVelocity
from core.toy import ExactField
from pages.components.field import MATHEMATICS, script

pytestmark = pytest.mark.browser
TIMES = (0.0, 0.3, 0.77, 0.99, 0.9999, 1.0)


@pytest.fixture(scope="module")
def compute(browser) -> Callable[..., object]:
    """`compute(expression, argument)` in a page that holds the mathematics and nothing else."""
    page = browser.new_page()
    for name in MATHEMATICS:
        page.add_script_tag(content=script(name))
    page.add_script_tag(content="const list = (array) => Array.from(array);")
    yield page.evaluate
    page.close()


VELOCITY = """([field, x, times]) => times.map((t) => {
  const u = new Float64Array(x.length);
  field.velocity(x, t, u);
  return list(u);
})"""


@pytest.mark.parametrize(("name", "count"), [("moons", 300), ("rings", 1), ("checkerboard", 600)])
def test_the_exact_velocity_is_that_of_core(compute, name, count):
    points, x = points_of(name, count), places(50)
    found = compute(
        f"([points, x, times]) => ({VELOCITY})([new ExactField(points), x, times])",
        [flat(points), flat(x), TIMES],
    )
    for t, velocity in zip(TIMES, found, strict=True):
        agree(velocity, ExactField(points).velocity(x, t))


def test_weights_and_density_are_those_of_core(compute):
    points, extent, size = points_of("rings", 120), 4.0, 24
    exact = ExactField(points)
    for t in (0.0, 0.5, 0.95):
        found = compute(
            "([points, x, y, t]) => list(new ExactField(points).weights(x, y, t))",
            [flat(points), 0.4, -1.1, t],
        )
        agree([found], exact.weights(doubles([[0.4, -1.1]]), t), (1, -1))
        density = compute(
            "([points, t, size, extent]) => list(new ExactField(points).density(t, size, extent))",
            [flat(points), t, size, extent],
        )
        across = -extent + (torch.arange(size, dtype=torch.float64) + 0.5) * 2 * extent / size
        grid = torch.stack(torch.meshgrid(across, across.flip(0), indexing="xy"), dim=-1).reshape(-1, 2)
        # The sum is kept in single precision, and each Gaussian ends six standard deviations away.
        torch.testing.assert_close(
            doubles(density), exact.log_density(grid, t).exp(), rtol=1e-5, atol=1e-8 * density_peak(t)
        )


def density_peak(t: float) -> float:
    """Of one Gaussian of standard deviation 1 − t in the plane."""
    return 1 / (2 * torch.pi * (1 - t) ** 2)


@pytest.mark.parametrize("hidden", [16, 64])
@pytest.mark.parametrize("count", [1, 4, 7])
def test_the_network_is_that_of_core(compute, hidden, count):
    torch.manual_seed(hidden)
    network, x = ToyVelocity(hidden), places(count)
    found = compute(
        f"""([weights, hidden, x, times]) =>
          ({VELOCITY})([new Network(Float32Array.from(weights), hidden), x, times])""",
        [weights(network).tolist(), hidden, flat(x), TIMES],
    )
    network = network.double()
    for t, velocity in zip(TIMES, found, strict=True):
        with torch.no_grad():
            agree(velocity, network(x, torch.full((count,), t, dtype=torch.float64)))


def test_weights_of_another_width_are_refused(compute):
    message = compute(
        "() => { try { new Network(new Float32Array(100), 16); return null; } catch (error) { return error.message; } }"
    )
    assert message == "100 weights do not make a network of width 16"


def test_the_difference_is_the_difference(compute):
    points, x, network = points_of("moons", 30), places(9), harness_network(1)
    [found] = compute(
        f"""([weights, hidden, points, x]) => ({VELOCITY})([
          new Difference(new Network(Float32Array.from(weights), hidden), new ExactField(points)), x, [0.4]])""",
        [weights(network).tolist(), HIDDEN, flat(points), flat(x)],
    )
    with torch.no_grad():
        learned = network.double()(x, torch.full((9,), 0.4, dtype=torch.float64))
    agree(found, learned - ExactField(points).velocity(x, 0.4))


FLOW = """([field, starts, options]) => {
  const flow = new Flow(field, starts, options).work();
  return { nodes: flow.nodes.map(list), times: flow.times, evaluations: flow.evaluations };
}"""


@pytest.mark.parametrize("solver", ["euler", "heun", "rk4"])
@pytest.mark.parametrize("steps", [1, 7, 30])
def test_every_solver_walks_as_core_does(compute, solver, steps):
    """On a network, step by step to the end; more particles than are computed between two looks at the clock."""
    network, starts = harness_network(5).double(), places(300)
    found = compute(
        f"([weights, hidden, x, o]) => ({FLOW})([new Network(Float32Array.from(weights), hidden), x, o])",
        [weights(harness_network(5)).tolist(), HIDDEN, flat(starts), {"solver": solver, "steps": steps}],
    )
    walked = [starts] + [step.x_next for step in integrate(Conditional(network), starts, steps, solver)]
    assert len(found["nodes"]) == steps + 1
    for node, expected in zip(found["nodes"], walked, strict=True):
        agree(node, expected)
    assert found["evaluations"] == steps * {"euler": 1, "heun": 2, "rk4": 4}[solver]


@pytest.mark.parametrize("solver", ["euler", "heun", "rk4"])
def test_on_the_exact_field_the_last_step_is_eulers(compute, solver):
    """Euler's last step from t = 1 − 1/T ends on the estimate of the clean point, whichever solver came before."""
    points, starts = points_of("moons", 80), places(40)
    options = {"solver": solver, "steps": 12}
    found = compute(
        f"([points, x, o]) => ({FLOW})([new ExactField(points), x, o])", [flat(points), flat(starts), options]
    )
    steps = list(integrate(ExactField(points), starts, 12, solver))
    for node, step in zip(found["nodes"], steps, strict=False):
        agree(node, step.x_t)
    agree(found["nodes"][-1], steps[-1].clean_hat)
    assert found["evaluations"] == 11 * {"euler": 1, "heun": 2, "rk4": 4}[solver] + 1
    thrown = compute(
        f"([points, x, o]) => ({FLOW})([new ExactField(points), x, o])",
        [flat(points), flat(starts), options | {"lastByEuler": False}],
    )
    agree(thrown["nodes"][-1], steps[-1].x_next)


GAUSSIAN = """{ velocity(x, t, u, first, last) {
  const c = (t * 6.25 - (1 - t)) / ((1 - t) ** 2 + t * t * 6.25);
  for (let i = 2 * first; i < 2 * last; i++) u[i] = c * x[i];
} }"""


@pytest.mark.parametrize(
    ("solver", "least", "most"), [("euler", 1.8, 2.2), ("heun", 3.4, 4.4), ("rk4", 12, 24)]
)
def test_the_error_falls_with_the_order(compute, solver, least, most):
    """N(0, 1) to N(0, 2.5²): the flow carries x at t = 0 to 2.5 x at t = 1."""
    errors = []
    for steps in (20, 40, 80):
        found = compute(
            f"([x, o]) => ({FLOW})([{GAUSSIAN}, x, o])", [[1, -0.5], {"solver": solver, "steps": steps}]
        )
        errors.append((doubles(found["nodes"][-1]) - doubles([2.5, -1.25])).abs().max().item())
    for coarse, fine in itertools.pairwise(errors):
        assert least <= coarse / fine <= most


@pytest.mark.parametrize("start", [0, 0.33, 0.5, 0.999])
def test_one_data_point_is_reached_in_a_straight_line_from_any_time(compute, start):
    found = compute(
        f"([o]) => ({FLOW})([new ExactField([1.5, -0.5]), [0.2, 0.9, -1, 2], o])",
        [{"steps": 8, "solver": "rk4", "from": start}],
    )
    agree(found["nodes"][-1], doubles([[1.5, -0.5]]).expand(2, 2))
    later = [k / 8 for k in range(9) if k / 8 > start]
    assert found["times"] == [start, *later]


def test_between_two_nodes_particles_are_on_the_straight_line(compute):
    found = compute(
        """([points, x]) => {
          const flow = new Flow(new ExactField(points), x, { steps: 4 }).work();
          return { nodes: flow.nodes.map(list), at: [0, 0.25, 0.3, 1].map((t) => list(flow.at(t))) };
        }""",
        [flat(points_of("moons", 20)), [0.5, -0.5]],
    )
    nodes = doubles(found["nodes"])
    expected = torch.stack([nodes[0], nodes[1], 0.8 * nodes[1] + 0.2 * nodes[2], nodes[4]])
    agree(found["at"], expected)
