"""Going on from a step: the same run up to there, and only what was asked for is otherwise."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from core.jobs import JobSpec
from lessons.branching import KIND, Branch, branch_spec, read_branch, words, write_branch
from lessons.course import COURSE
from lessons.fields import BadValue
from lessons.requests import BadRequest
from tests.lesson_runs import BY_CODE, result_of, spec_of

STEPS, AT = 6, 2
A4, A5, A6, A8, A9 = (BY_CODE[code] for code in ("A4", "A5", "A6", "A8", "A9"))
FORKING = [lesson for lesson in COURSE if lesson.branches and lesson.part == "A"]


def parent(lesson, model: str, **values: object) -> JobSpec:
    spec = spec_of(lesson, lesson.defaults() | values, model)
    params = dict(spec.params) | {"num_steps": STEPS, "columns": spec.params["columns"][:2]}
    if "i_start" in params:
        params["i_start"] = 1
    if "i_starts" in params:
        params["i_starts"] = [1, 3]
    return JobSpec(spec.kind, params)


def forked(spec: JobSpec, at: int = AT, **fork: object) -> JobSpec:
    return JobSpec(KIND, {**spec.params, "of": spec.kind, "fork": {"at": at, **fork}})


@pytest.fixture
def of(job_context, untrained, emoji64_fingerprint, monkeypatch):
    """`of(lesson, spec)`: the arrays of a job, and its meta."""
    monkeypatch.setattr("core.pretrained.load_pretrained", lambda *_, **__: untrained)

    def compute(lesson, spec):
        found, _ = result_of(lesson, spec, job_context)
        return found

    return compute


@pytest.mark.parametrize("lesson", FORKING, ids=lambda lesson: lesson.code)
def test_going_on_with_nothing_changed_is_the_rest_of_the_run_bit_for_bit(lesson, of, emoji64_fingerprint):
    spec = parent(lesson, emoji64_fingerprint)
    at = AT if lesson.code != "A14" else STEPS + AT  # on its way back
    whole, branch = of(lesson, spec), of(lesson, forked(spec, at))
    assert branch.arrays.keys() == whole.arrays.keys()
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(branch[name], array)
    assert branch.meta["steps"] == whole.meta["steps"] and branch.meta["fork"] == at


@pytest.mark.parametrize("code", ["A4", "A5", "A8", "A10", "A11"])
def test_with_another_seed_the_first_step_that_differs_is_the_one_after_the_fork(
    code, of, emoji64_fingerprint
):
    lesson = BY_CODE[code]
    spec = parent(lesson, emoji64_fingerprint)
    whole, branch = of(lesson, spec), of(lesson, forked(spec, seed=5))
    np.testing.assert_array_equal(branch["x_t"][: AT + 1], whole["x_t"][: AT + 1])
    np.testing.assert_array_equal(branch["eps"][: AT + 1], whole["eps"][: AT + 1])
    for column in range(branch["x_t"].shape[1]):
        assert not np.array_equal(branch["x_t"][AT + 1, column], whole["x_t"][AT + 1, column])
    again = of(lesson, forked(spec, seed=6))
    assert not np.array_equal(branch["x_t"][AT + 1], again["x_t"][AT + 1])


def test_another_prompt_from_the_first_step_on_is_the_run_of_that_prompt(of, emoji64_fingerprint):
    wanted = parent(A5, emoji64_fingerprint, prompt="a photo of a dog")
    branch = forked(parent(A5, emoji64_fingerprint), at=0, prompt="a photo of a dog")
    for name, array in of(A5, wanted).arrays.items():
        np.testing.assert_array_equal(of(A5, branch)[name], array)


def test_edits_from_several_starts_fork_at_one_t_and_those_that_begin_later_are_all_of_the_new_prompt(
    of, emoji64_fingerprint
):
    """Of the starts 1 and 3 in six steps, the fork at frame 1 (index 2) lies behind the first and before the second."""
    wanted = of(A9, parent(A9, emoji64_fingerprint, prompt="a photo of a dog"))
    spec = parent(A9, emoji64_fingerprint)
    whole, branch = of(A9, spec), of(A9, forked(spec, at=1, prompt="a photo of a dog"))
    np.testing.assert_array_equal(branch["x_t"][:, 1], wanted["x_t"][:, 1])
    np.testing.assert_array_equal(branch["x_t"][:2, 0], whole["x_t"][:2, 0])
    assert not np.array_equal(branch["eps"][1, 0], whole["eps"][1, 0])


def test_what_inpainting_keeps_is_kept_under_the_same_noise_in_a_branch(of, emoji64_fingerprint):
    """The constraint's noise is a stream of its own: another seed for the steps does not touch it."""
    spec = parent(A8, emoji64_fingerprint)
    whole, branch = of(A8, spec), of(A8, forked(spec, seed=5))
    kept = np.broadcast_to(whole["mask"][0] == 0, whole["x_t"].shape[2:])
    np.testing.assert_array_equal(branch["x_t"][AT + 1 :, :, kept], whole["x_t"][AT + 1 :, :, kept])
    assert not np.array_equal(branch["x_t"][AT + 1 :, :, ~kept], whole["x_t"][AT + 1 :, :, ~kept])


def test_a_sampler_that_cannot_keep_a_constraint_is_refused(
    job_context, untrained, emoji64_fingerprint, monkeypatch
):
    monkeypatch.setattr("core.pretrained.load_pretrained", lambda *_, **__: untrained)
    with pytest.raises(BadRequest, match="goes on with ddpm, not with 'ddim'"):
        result_of(A8, forked(parent(A8, emoji64_fingerprint), sampler="ddim"), job_context)
    with pytest.raises(BadRequest, match="not 'embed'"):
        result_of(A8, JobSpec(KIND, {"of": "embed", "fork": {"at": 0}}), job_context)


def test_another_prompt_is_asked_for_at_the_fork_and_not_before(of, emoji64_fingerprint):
    spec = parent(A5, emoji64_fingerprint)
    whole, branch = of(A5, spec), of(A5, forked(spec, prompt="a photo of a dog"))
    np.testing.assert_array_equal(branch["eps"][:AT], whole["eps"][:AT])
    np.testing.assert_array_equal(branch["x_t"][AT], whole["x_t"][AT])
    assert not np.array_equal(branch["eps"][AT], whole["eps"][AT])


def test_gamma_holds_from_the_fork_on(of, emoji64_fingerprint):
    """ε = ε_u + γ (ε_c − ε_u), of the parts that the run itself keeps (float16)."""
    spec = parent(A6, emoji64_fingerprint, gammas=(1.0, 3.0))
    found = of(A6, forked(spec, guidance_scale=9.0))
    for step in range(STEPS):
        gammas = np.array([1.0, 3.0] if step < AT else [9.0, 9.0])[:, None, None, None]
        eps_u, eps_c = (found[name][step].astype(np.float64) for name in ("eps_u", "eps_c"))
        np.testing.assert_allclose(found["eps"][step], eps_u + gammas * (eps_c - eps_u), atol=0.05)


def test_ddim_goes_on_by_its_own_formula_and_adds_nothing(of, emoji64_fingerprint):
    """Song et al., eq. 12 with σ = 0: x_t′ = √ᾱ_t′ x̂₀ + √(1−ᾱ_t′) ε, where ε is what x̂₀ leaves of x_t."""
    spec = parent(A5, emoji64_fingerprint)
    found = of(A5, forked(spec, sampler="ddim"))
    steps = found.meta["steps"]
    for k in range(AT, STEPS - 1):
        clean_hat, x_t = found["clean_hat"][k].astype(np.float64), found["x_t"][k].astype(np.float64)
        eps = (x_t - steps[k]["signal"] * clean_hat) / steps[k]["sigma"]
        there = steps[k + 1]["signal"] * clean_hat + steps[k + 1]["sigma"] * eps
        np.testing.assert_allclose(found["x_t"][k + 1], there, atol=4e-3)  # x̂₀ is kept in float16
        assert not found["noise_added"][k].any() and steps[k]["noise"] == 0
        assert steps[k]["clean"] is None  # the weights of DDPM's step are not those of this one
    assert found["noise_added"][AT - 1].any() and steps[AT - 1]["clean"] is not None
    np.testing.assert_array_equal(found["x_t"], of(A5, forked(spec, sampler="ddim", seed=9))["x_t"])


def test_dpm_solver_begins_with_a_step_of_ddim(of, emoji64_fingerprint):
    """Of second order it is from its second step on: the first has no estimate before it (Lu et al., algorithm 2)."""
    spec = parent(A5, emoji64_fingerprint)
    ddim, dpm = of(A5, forked(spec, sampler="ddim")), of(A5, forked(spec, sampler="dpm"))
    np.testing.assert_allclose(dpm["x_t"][AT + 1], ddim["x_t"][AT + 1], atol=1e-4)
    assert np.abs(dpm["x_t"][AT + 2] - ddim["x_t"][AT + 2]).max() > 1e-3


@pytest.mark.parametrize("fork", [{"at": STEPS}, {"at": -1}, {"sampler": "euler"}], ids=str)
def test_what_cannot_be_forked_is_refused_in_a_sentence(
    fork, job_context, untrained, emoji64_fingerprint, monkeypatch
):
    monkeypatch.setattr("core.pretrained.load_pretrained", lambda *_, **__: untrained)
    with pytest.raises(BadRequest, match=r"\.$"):
        result_of(A5, forked(parent(A5, emoji64_fingerprint), **fork), job_context)


# ---- the address -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at=12&prompt=a+dog", "“a dog”"),
        ("at=0&prompt=", "no prompt"),
        ("at=3&gamma=7.5&seed=3&sampler=ddim", "γ = 7.5, seed 3, DDIM, η = 0"),
        ("at=3&prompt=%26at%3D1%7C&seed=0", "“&at=1|”, seed 0"),
    ],
)
def test_an_address_holds_a_branch(text, said):
    branch = read_branch(A5, text)
    assert write_branch(branch) == text and words(branch) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Frame must be a number"),
        ("12", "is written like"),
        ("seed=3", "Frame must be a number"),
        ("at=12", "changes something"),
        ("at=12&count=3", "not “count”"),
        ("at=1000&seed=3", "between 0 and 999"),
        ("at=1&seed=x", "Seed must be a number"),
        ("at=1&gamma=31", "between 0 and 30"),
        ("at=1&sampler=euler", "must be one of ddpm, ddim, dpm"),
        (f"at=1&prompt={'x' * 301}", "limited to 300 characters"),
    ],
)
def test_what_is_no_branch_gets_a_sentence(text, said):
    with pytest.raises(BadValue) as caught:
        read_branch(A5, text)
    assert said in str(caught.value)


def test_a_lesson_that_does_not_declare_it_has_none():
    with pytest.raises(BadValue, match="no run to go on from"):
        read_branch(replace(A5, branches=()), "at=1&seed=3")
    with pytest.raises(BadValue, match="changes seed, not “prompt”"):
        read_branch(replace(A5, branches=("seed",)), "at=1&prompt=x")


def test_a_frame_that_the_run_lacks_is_named():
    spec = spec_of(A4, A4.defaults())  # 34 steps from the tenth on
    assert branch_spec(spec, Branch(23, {"seed": 1})).params["fork"] == {"at": 23, "seed": 1}
    with pytest.raises(BadValue, match="frames 0 to 23, so it cannot go on from frame 24"):
        branch_spec(spec, Branch(24, {"seed": 1}))


def test_a_branch_has_a_key_of_its_own_and_a_run_keeps_its():
    spec = spec_of(A5, A5.defaults())
    branches = [
        branch_spec(spec, Branch(at, changes)) for at in (1, 2) for changes in ({"seed": 1}, {"gamma": 2.0})
    ]
    assert len({job.key({}) for job in [spec, *branches]}) == 5
    assert math.isclose(branches[1].params["fork"]["guidance_scale"], 2.0)


def test_b0_goes_on_in_both_clocks_with_another_prompt_under_guidance(of, untrained, emoji64_fingerprint):
    """DDIM's formula with ᾱ of diffusers, from where the run forks on, ε of the new prompt under γ = 3; flow agrees."""
    B0 = BY_CODE["B0"]
    spec = spec_of(B0, B0.defaults() | {"steps": STEPS}, emoji64_fingerprint)
    whole = of(B0, spec)
    branch = of(B0, forked(spec, prompt="a castle", guidance_scale=3.0))
    for name in ("x_t", "x_flow"):
        np.testing.assert_array_equal(branch[name][: AT + 1], whole[name][: AT + 1])
    assert not np.array_equal(branch["clean_hat"][AT], whole["clean_hat"][AT])
    x = torch.from_numpy(branch["x_t"][AT])
    timesteps = untrained.schedule.strided_timesteps(STEPS)
    abar = DDIMScheduler.from_pretrained("assets/models/emoji64/scheduler").alphas_cumprod.double()
    asked, empty = untrained.embed(["a castle"] * len(x)), untrained.embed([""] * len(x))
    for t, t_next in zip(timesteps[AT:], [*timesteps[AT + 1 :], None], strict=True):
        with torch.no_grad():
            u, c = untrained(x, t, empty)[:, :3], untrained(x, t, asked)[:, :3]
        eps = u + 3.0 * (c - u)
        clean = ((x - (1 - abar[t]).sqrt().float() * eps) / abar[t].sqrt().float()).clamp(-1, 1)
        eps = (x - abar[t].sqrt().float() * clean) / (1 - abar[t]).sqrt().float()
        before = abar[t_next] if t_next is not None else torch.tensor(1.0).double()
        x = before.sqrt().float() * clean + (1 - before).sqrt().float() * eps
    np.testing.assert_allclose(branch["result_ddim"], x, atol=2e-3)
    np.testing.assert_allclose(branch["result"], branch["result_ddim"], atol=2e-3)


def test_a14_changes_its_prompt_on_the_way_back_and_there_alone(of, emoji64_fingerprint, job_context):
    """Its first column, which came from the picture, goes on as the second would: DDIM with ε of the new prompt under γ."""
    A14 = BY_CODE["A14"]
    spec = parent(A14, emoji64_fingerprint)
    at = STEPS + AT
    whole, branch = of(A14, spec), of(A14, forked(spec, at, prompt="a castle", guidance_scale=3.0))
    np.testing.assert_array_equal(branch["x_t"][: at + 1], whole["x_t"][: at + 1])
    assert not np.array_equal(branch["clean_hat"][at, 0], whole["clean_hat"][at, 0])
    castle = of(A14, parent(A14, emoji64_fingerprint, other="a castle", gamma=3.0))
    from_there = of(A14, forked(spec, STEPS, prompt="a castle", guidance_scale=3.0))
    np.testing.assert_allclose(from_there["result"][0], castle["result"][1], atol=1e-4)
    with pytest.raises(
        BadRequest, match="The way back has the frames 7 to 12: go on from one of them, not from 3"
    ):
        result_of(A14, forked(spec, 2, prompt="a castle"), job_context)
