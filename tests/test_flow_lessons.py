"""Lessons B6 to B9: every job against a plain loop, a closed form, or digits whose class is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.flow import SOLVERS
from lessons import (
    class_conditioning,
    flow_sampling,
    guided_digits,
    integrating,
    judging,
    time_conditioned_flow,
)
from lessons.flow_sampling import kept_steps
from lessons.flow_studies import PLANE_POINTS, STEP_COUNTS, exact_flow, plane, plane_through, solver_errors
from lessons.networks import NetworkGone
from lessons.requests import BadRequest
from tests.part_b import Bench, noise_of, values

# ---- sampling ---------------------------------------------------------------------------------------


@torch.no_grad()
def by_hand(network: nn.Module, x: Tensor, num_steps: int, clock=lambda t: t) -> tuple[list[Tensor], Tensor]:
    """x <- x + u/T, written out; every x on the way, and the end."""
    way = []
    for k in range(num_steps):
        way.append(x)
        x = x + network(x, torch.full((len(x),), clock(k / num_steps))) / num_steps
    return way, x


def test_networks_of_three_ages_go_side_by_side_from_one_noise(bench):
    refs = [bench.trained("flow", f"epoch-{k}", seed=k) for k in (1, 5)]
    spec = time_conditioned_flow.spec(values(time_conditioned_flow, steps=7, seed=3), refs)
    result, frames = bench.run(flow_sampling.run, spec.params)
    assert len(frames) == 7 and result["x_t"].shape == (7, 16, 1, 28, 28)
    for k, ref in enumerate(refs):
        way, end = by_hand(bench.networks[ref["source"]], noise_of(8, 3), 7)
        own = slice(8 * k, 8 * k + 8)
        np.testing.assert_allclose(result["x_t"][:, own], torch.stack(way), atol=2e-4)
        np.testing.assert_allclose(result["result"][own], end, atol=2e-4)
    # the estimate at the last step is where Euler's last step goes
    np.testing.assert_allclose(result["clean_hat"][-1], result["result"], atol=5e-3)
    speeds = np.sqrt(
        (result["velocity"].astype(np.float64) ** 2).mean(axis=(2, 3, 4)).reshape(7, 2, 8).mean(axis=2)
    )
    assert np.isfinite(speeds).all() and [step["index"] for step in result.meta["steps"]] == list(range(7))


def test_the_clock_turned_round_is_the_clock_turned_round(bench):
    ref = bench.trained("flow")
    spec = time_conditioned_flow.spec(values(time_conditioned_flow, steps=5, seed=0), [ref], "other_clock")
    result, _ = bench.run(flow_sampling.run, spec.params)
    _, end = by_hand(bench.networks[ref["source"]], noise_of(8, 0), 5, clock=lambda t: 1 - t)
    np.testing.assert_allclose(result["result"], end, atol=2e-4)
    frozen = time_conditioned_flow.spec(values(time_conditioned_flow, steps=5, seed=0), [ref], "frozen_clock")
    result, _ = bench.run(flow_sampling.run, frozen.params)
    _, end = by_hand(bench.networks[ref["source"]], noise_of(8, 0), 5, clock=lambda t: 0.0)
    np.testing.assert_allclose(result["result"], end, atol=2e-4)


@pytest.mark.parametrize(("variant", "factor"), [(None, 1.0), ("wrong_sign", -1.0)])
def test_ten_classes_and_none_from_one_noise_under_guidance(bench, variant, factor):
    ref = bench.trained("class_flow")
    network = bench.networks[ref["source"]]
    wanted = class_conditioning.spec(values(class_conditioning, steps=3, gamma=2.5, seed=1), [ref], variant)
    result, _ = bench.run(flow_sampling.run, wanted.params)
    x = noise_of(1, 1).expand(11, 1, 28, 28)
    asked = torch.cat([torch.eye(10), torch.zeros(1, 10)])
    for k in range(3):
        t = torch.full((11,), k / 3)
        with torch.no_grad():
            u_u, u_c = network(x, t, torch.zeros(11, 10)), network(x, t, asked)
        x = x + (u_u + factor * 2.5 * (u_c - u_u)) / 3
    np.testing.assert_allclose(result["result"], x, atol=1e-3)


def test_without_a_class_all_columns_are_equal(bench):
    ref = bench.trained("class_flow")
    spec = class_conditioning.spec(values(class_conditioning, steps=2, gamma=0.0), [ref])
    result, _ = bench.run(flow_sampling.run, spec.params)
    np.testing.assert_allclose(result["result"], np.repeat(result["result"][:1], 11, axis=0), atol=1e-4)


@pytest.mark.parametrize(
    ("steps", "pictures", "count"), [(300, 6, 100), (300, 120, 20), (7, 6, 7), (1, 6, 1), (1000, 2400, 12)]
)
def test_kept_steps_reach_from_the_first_to_the_last(steps, pictures, count):
    kept = kept_steps(steps, pictures)
    assert len(kept) == count and kept[0] == 0 and kept[-1] == steps - 1
    gaps = np.diff(kept)
    assert not len(gaps) or gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_steps": 0}, "number of steps"), ({"num_steps": 10**6}, "number of steps"), ({"count": 0}, "1 to 40"),
        ({"count": 41}, "1 to 40"), ({"networks": []}, "networks"), ({"solver": "magic"}, "solvers"),
        ({"guidance_scale": 1e6}, "guidance scale"), ({"classes": [10] * 11}, "0 to 9"),
        ({"classes": [1]}, "each of the 11"),
    ],
)  # fmt: skip
def test_what_cannot_be_sampled_is_refused_in_words(bench, change, message):
    params = dict(
        class_conditioning.spec(values(class_conditioning, steps=2), [bench.trained("class_flow")]).params
    )
    with pytest.raises(ValueError, match=message):
        next(flow_sampling.run({**params, **change}, bench.context))


def test_a_network_that_is_gone_says_so(bench):
    spec = integrating.spec(values(integrating, steps=2), [{"source": "0" * 64, "name": "epoch-1"}])
    with pytest.raises(NetworkGone, match="train it again"):
        next(flow_sampling.run(spec.params, bench.context))
    with pytest.raises(NetworkGone):
        next(flow_sampling.run(integrating.spec(values(integrating, steps=2), [
            {**bench.trained("flow"), "name": "epoch-99"}]).params, bench.context))  # fmt: skip


@pytest.mark.parametrize(("names", "found"), [(1, [0, 0, 0]), (2, [0, 0, 1]), (3, [0, 1, 2])])
def test_the_checkpoint_control_finds_its_network(names, found):
    labels = [f"epoch-{k}" for k in range(names)]
    assert [integrating.picked(choice, labels) for choice in integrating.CHECKPOINTS] == found


# ---- studies ----------------------------------------------------------------------------------------


class Decay(nn.Module):
    """u = -3 x, whose flow and whose solvers' errors are known: after T steps x is multiplied by R(-3 / T)^T."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return -3 * x


def test_solvers_err_as_their_formulas_say(bench):
    ref = {"source": "d" * 64, "name": "decay"}
    bench.context.cache.setdefault("networks", {})[(ref["source"], "decay", None, "cpu")] = Decay().eval()
    result, _ = bench.run(solver_errors, integrating.errors_spec(values(integrating, seed=2), ref).params)
    assert result["x"].shape == (len(STEP_COUNTS), 3 * integrating.STUDY_COUNT, 1, 28, 28)
    assert result["evaluations"].tolist() == [[t, 2 * t, 4 * t] for t in STEP_COUNTS]
    growth = {  # one step of z = -3 / T, from the Taylor series of exp
        "euler": lambda z: 1 + z, "heun": lambda z: 1 + z + z**2 / 2,
        "rk4": lambda z: 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24,
    }  # fmt: skip
    scale = noise_of(integrating.STUDY_COUNT, 2).square().mean().sqrt().item()
    for k, solver in enumerate(SOLVERS):
        expected = [abs(growth[solver](-3 / t) ** t - np.exp(-3)) * scale for t in STEP_COUNTS]
        np.testing.assert_allclose(result["error"][:, k], expected, rtol=1e-2, atol=1e-6)
    np.testing.assert_allclose(
        result["reference"], noise_of(integrating.STUDY_COUNT, 2) * np.exp(-3), rtol=1e-4, atol=1e-6
    )


def test_the_reference_of_the_errors_is_that_of_another_solver(bench):
    torchdiffeq = pytest.importorskip("torchdiffeq")
    ref = bench.trained("flow")
    result, _ = bench.run(solver_errors, integrating.errors_spec(values(integrating, seed=0), ref).params)
    network, noise = bench.networks[ref["source"]], noise_of(integrating.STUDY_COUNT, 0)
    with torch.no_grad():
        end = torchdiffeq.odeint(
            lambda t, x: network(x, t.expand(len(x))),
            noise,
            torch.tensor([0.0, 1.0]),
            method="dopri5",
            rtol=1e-6,
            atol=1e-6,
        )[-1]
    np.testing.assert_allclose(result["reference"], end, atol=2e-3)


def test_the_exact_field_ends_on_a_training_digit(bench):
    params = integrating.exact_spec(values(integrating, seed=0), bench.trained("flow")).params
    result, _ = bench.run(exact_flow, {**params, "num_steps": 20})
    count = params["count"]
    assert (result["distance"][count:] < 1e-3).all() and (result["distance"][:count] > 0.05).all()
    ends = result["result"][count:]
    assert np.abs(ends[:, 0] * 255 - result["nearest"][count:, ..., 0]).max() < 1
    assert result["mixed"][0] == pytest.approx(300) and result["mixed"][-1] == pytest.approx(1, abs=1e-3)
    # the network's half is plain Euler
    _, end = by_hand(bench.networks[params["network"]["source"]], noise_of(count, 0), 20)
    np.testing.assert_allclose(result["result"][:count], end, atol=2e-4)


def test_a_plane_goes_through_its_three_points():
    three = torch.randn(3, 784, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    axes, corners = plane_through(three)
    assert torch.allclose(axes @ axes.T, torch.eye(2, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(three[0] + corners @ axes, three, atol=1e-10)  # nothing of them lies outside
    assert torch.allclose(torch.cdist(corners, corners), torch.cdist(three, three))


def test_the_field_on_the_plane_is_the_network_s(bench):
    ref = bench.trained("flow")
    params = {**integrating.plane_spec(values(integrating, seed=0), ref).params, "num_steps": 10}
    result, _ = bench.run(plane, params)
    network = bench.networks[ref["source"]]
    way, _ = by_hand(network, noise_of(3, 0), 10)
    k = 5  # t = 0.5, the sixth of the times
    three = way[5].flatten(1).double()
    np.testing.assert_allclose(
        np.linalg.norm(result["corners"][k][0] - result["corners"][k][1]),
        (three[0] - three[1]).norm(),
        rtol=1e-4,
    )
    left, right, bottom, top = result["side"][k]
    assert right - left == pytest.approx(top - bottom)
    # a point of the grid, placed by hand: column 2, row 9 from below
    axes, _ = plane_through(three)
    across = left + (right - left) * 2 / (PLANE_POINTS - 1)
    up = bottom + (top - bottom) * 9 / (PLANE_POINTS - 1)
    x = (three[0] + across * axes[0] + up * axes[1]).float().reshape(1, 1, 28, 28)
    with torch.no_grad():
        u = network(x, torch.tensor([0.5]))
    at, whole = 9 * PLANE_POINTS + 2, u.flatten().double()
    np.testing.assert_allclose(result["arrows"][k][at], axes @ whole, rtol=2e-3, atol=2e-3)
    assert result["inside"][k][at] == pytest.approx(((axes @ whole).norm() / whole.norm()).item(), rel=1e-2)
    np.testing.assert_allclose(result["clean_hat"][k][at], (x + 0.5 * u)[0], atol=5e-3)


# ---- the judge's lesson -----------------------------------------------------------------------------


class Known(nn.Module):
    """A flow whose end is known: a test digit of the class; with no class, the first 0."""

    def __init__(self, bench: Bench, honest: bool = True) -> None:
        super().__init__()
        labels = bench.test.labels.tolist()
        order = range(10) if honest else range(9, -1, -1)
        self.ends = torch.stack([bench.test.pictures[labels.index(c)] / 255 for c in order])

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        end = self.ends[c.argmax(dim=1)]
        return (end - x) / (1 - t)[:, None, None, None]


def known(bench: Bench, name: str, honest: bool = True) -> dict[str, str]:
    ref = {"source": "f" * 64, "name": name}
    bench.context.cache.setdefault("networks", {})[(ref["source"], name, None, "cpu")] = Known(
        bench, honest
    ).eval()
    return ref


def test_the_judge_reads_what_was_drawn(bench):
    refs = [known(bench, "liar", honest=False), known(bench, "honest")]
    spec = guided_digits.spec(values(guided_digits, steps=4, gamma=1.0), refs)
    result, frames = bench.run(judging.guided, spec.params)
    liar, honest = result.meta["judged"]
    assert honest["accuracy"] == 1.0 and liar["accuracy"] == 0.0
    assert np.array_equal(np.array(honest["confusion"]), 4 * np.eye(10))
    assert np.array_equal(np.array(liar["confusion"]), 4 * np.eye(10)[::-1])
    assert honest["diversity"] == pytest.approx(0, abs=1e-3) and result.meta["test_diversity"] > 1
    assert result["read"].tolist() == [9 - c for c in guided_digits.CLASSES] + list(guided_digits.CLASSES)
    assert len(frames) == 4
    # the nearest training digit, by the definition
    end = result["result"][-40:].reshape(40, 784)
    train = bench.train.pictures.numpy().reshape(300, 784) / 255
    distances = np.sqrt(((end[:, None] - train[None]) ** 2).mean(axis=2))
    np.testing.assert_allclose(result["distance"], distances.min(axis=1), rtol=1e-3)
    nearest = bench.train.pictures.numpy()[distances.argmin(axis=1), 0]
    assert np.array_equal(result["nearest"][..., 0], nearest)


def test_the_sweep_measures_every_gamma(bench):
    params = guided_digits.sweep_spec(values(guided_digits, gammas=(0.0, 1.0)), known(bench, "honest")).params
    result, frames = bench.run(judging.sweep, {**params, "a_class": 2, "num_steps": 3})
    # without a class the known flow always draws its 0: one class of ten is right
    assert result["accuracy"].tolist() == [0.1, 1.0]
    assert result["samples"].shape == (2, 10, 28, 28, 1) and len(frames) == 2
    with pytest.raises(BadRequest):
        next(judging.sweep({**params, "gammas": [0.0] * 13}, bench.context))
    with pytest.raises(ValueError, match="guidance scale"):
        next(judging.sweep({**params, "gammas": [1e6]}, bench.context))


def test_what_was_measured_beforehand_is_read_from_its_file(tmp_path):
    assert guided_digits.measured("b8", tmp_path) == []
    (tmp_path / "b8.json").write_text('{"sweep": [{"epoch": 1, "accuracy": 0.5}]}', encoding="utf-8")
    assert guided_digits.measured("b8", tmp_path) == [{"epoch": 1, "accuracy": 0.5}]


def test_curves_join_the_points_that_differ_in_one_number():
    def point(epoch: int, gamma: float, steps: int, samples: int, accuracy: float) -> dict:
        return {
            "epoch": epoch, "guidance_scale": gamma, "num_steps": steps, "samples": samples, "accuracy": accuracy,
        }  # fmt: skip

    found = [
        point(10, 5.0, 30, 100, 0.9), point(10, 0.0, 30, 100, 0.1), point(10, 1.0, 30, 100, 0.6),
        point(10, 5.0, 10, 100, 0.8), point(10, 5.0, 300, 1000, 0.97), point(10, 5.0, 300, 100, 0.5),
        point(1, 5.0, 30, 100, 0.7),
    ]  # fmt: skip
    assert guided_digits.lines(found, "guidance_scale", "accuracy") == [
        guided_digits.Line("T = 30, epoch 10", (0.0, 1.0, 5.0), (0.1, 0.6, 0.9))
    ]
    assert guided_digits.lines(found, "num_steps", "accuracy") == [
        guided_digits.Line("γ = 5, epoch 10", (10, 30, 300), (0.8, 0.9, 0.97))
    ]
    assert guided_digits.lines(found, "epoch", "accuracy") == []


# ---- the notebook -----------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_the_notebook_computes_the_same(bench, monkeypatch, solver):
    """Its cells find the trained network in the app's store, and draw black as 0."""
    import builtins
    import json
    import sys
    from types import ModuleType

    from lessons.notebook import notebook

    monkeypatch.setenv("DIFFUSION_DATA_DIR", str(bench.store.path))
    spec = integrating.spec(values(integrating, steps=2, solver=solver), [bench.trained("flow")])
    expected, _ = bench.run(flow_sampling.run, spec.params)
    displayed: list[bytes] = []
    jupyter = ModuleType("IPython.display")
    jupyter.Image, jupyter.display = (lambda data: data), displayed.append
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", jupyter)
    monkeypatch.setattr(builtins, "print", lambda *_, **__: None)
    scope: dict = {"__name__": "__main__"}
    for cell in json.loads(notebook(integrating.LESSON, spec))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), scope)
    np.testing.assert_array_equal(scope["trajectory"]["result"], expected["result"])
    assert scope["LOW"] == 0.0 and len(displayed) == 2 and displayed[0].startswith(b"\x89PNG")
