"""Going on from a frame of a flow: the run itself up to there, and by hand from there on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lessons import branching, class_conditioning, flow_sampling, guided_digits, time_conditioned_flow
from lessons.flow_sampling import kept_steps
from lessons.requests import BadRequest
from tests.part_b import noise_of, values


def forked_flow(spec, at, **fork):
    return {**spec.params, "of": spec.kind, "fork": {"at": at, **fork}}


def test_going_on_with_nothing_changed_is_the_run_itself(bench):
    for objective, lesson in (("flow", time_conditioned_flow), ("class_flow", class_conditioning)):
        refs = [bench.trained(objective, f"epoch-{k}", seed=k) for k in (1, 5)]
        spec = lesson.spec(values(lesson, steps=7, seed=3), refs)
        whole, _ = bench.run(flow_sampling.run, spec.params)
        branch, frames = bench.run(branching.run, forked_flow(spec, 3))
        assert len(frames) == 7 and branch.meta["steps"] == whole.meta["steps"] and branch.meta["fork"] == 3
        for name, array in whole.arrays.items():
            np.testing.assert_array_equal(branch[name], array)


def test_from_the_fork_on_every_picture_becomes_the_other_digit_under_the_other_gamma(bench):
    """By hand: two steps as each column's own class or none, then three as an 8 under γ = 3."""
    ref = bench.trained("class_flow")
    network = bench.networks[ref["source"]]
    spec = class_conditioning.spec(values(class_conditioning, steps=5, gamma=1.5, seed=1), [ref])
    branch, _ = bench.run(branching.run, forked_flow(spec, 2, digit=8, guidance_scale=3.0))
    x = noise_of(1, 1).expand(11, 1, 28, 28)
    own, eights = torch.cat([torch.eye(10), torch.zeros(1, 10)]), torch.eye(10)[[8] * 11]
    for k in range(5):
        t, (classes, gamma) = torch.full((11,), k / 5), (own, 1.5) if k < 2 else (eights, 3.0)
        with torch.no_grad():
            u_u, u_c = network(x, t, torch.zeros(11, 10)), network(x, t, classes)
        x = x + (u_u + gamma * (u_c - u_u)) / 5
    np.testing.assert_allclose(branch["result"], x, atol=1e-3)


def test_another_solver_from_a_frame_that_is_not_every_step(bench):
    """Of 300 steps with 24 pictures 100 are kept; frame 50 is the step that is kept there, and Heun goes on from it."""
    refs = [bench.trained("flow", f"epoch-{k}", seed=k) for k in (1, 5, 10)]
    spec = time_conditioned_flow.spec(values(time_conditioned_flow, steps=120), refs)
    kept = kept_steps(120, 24)
    assert branching.frames_of(spec) == len(kept) < 120
    whole, _ = bench.run(flow_sampling.run, spec.params)
    branch, _ = bench.run(branching.run, forked_flow(spec, 50, solver="heun"))
    np.testing.assert_array_equal(branch["x_t"][:51], whole["x_t"][:51])
    assert not np.array_equal(branch["x_t"][51], whole["x_t"][51])
    network = bench.networks[refs[0]["source"]]
    x, T = torch.from_numpy(branch["x_t"][50, :8]), 120

    def u(x, t):
        with torch.no_grad():
            return network(x, torch.full((len(x),), t))

    for k in range(kept[50], kept[51]):
        here = u(x, k / T)
        x = x + (here + u(x + here / T, (k + 1) / T)) / (2 * T)
    np.testing.assert_allclose(branch["x_t"][51, :8], x, atol=2e-4)


def test_the_judge_looks_for_the_digit_that_a_branch_asks_for(bench):
    ref = bench.trained("class_flow")
    spec = guided_digits.spec(values(guided_digits, steps=2), [ref])
    branch, _ = bench.run(branching.run, forked_flow(spec, 1, digit=4))
    table = np.array(branch.meta["judged"][0]["confusion"])
    assert table.sum() == 40 and table[4].sum() == 40


def test_a_flow_without_classes_has_no_digit_to_change(bench):
    ref = bench.trained("flow")
    spec = time_conditioned_flow.spec(values(time_conditioned_flow, steps=4), [ref])
    with pytest.raises(BadRequest, match="takes no class"):
        bench.run(branching.run, forked_flow(spec, 1, digit=4))
    with pytest.raises(BadRequest, match="none of them is number 4"):
        bench.run(branching.run, forked_flow(spec, 4, solver="heun"))
