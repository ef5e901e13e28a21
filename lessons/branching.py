"""Go on from a step of a run with something else: another prompt, γ, seed or sampler; in Part B another digit, γ or solver.

    {all that the run itself was given, "of": its kind, "fork": {"at": 12, "prompt": "...", "guidance_scale": 7.0, "seed": 3,
     "sampler": "ddim"}}

Up to `at` it is the same run, bit for bit; the step from frame `at` to the next is the first that is made otherwise. What
`fork` does not name goes on as it was. The runs of FORKING do this by `lessons.forking.loop`, those of Part B by
`lessons.flow_sampling.forked`, where `at` counts the frames that are kept. A lesson switches it on by
naming in `branches` what can be changed, and the job in `jobs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from core.compute.context import JobContext, JobEvents
from core.jobs import JobSpec
from lessons.address import pairs_in
from lessons.characters import quoted
from lessons.editing import GAMMA_HELP
from lessons.fields import BadValue, Choice, Field, Number, Text, seed_field
from lessons.flow_sampling import SOLVER_TITLES, kept_steps
from lessons.forking import AS_IT_WAS, SAMPLERS
from lessons.lesson import Lesson, named
from lessons.requests import BadRequest

KIND, PLACE = "branch", "lessons.branching:run"
BRANCHES = {KIND: PLACE}  # into a lesson's jobs
FORKING = {  # kind -> whose loop forks where its parameters say so
    "denoise": "lessons.denoising:run",
    "edit": "lessons.image_to_image:run",
    "inpaint": "lessons.inpainting:run",
    "anagram": "lessons.visual_anagrams:run",
    "hybrid": "lessons.hybrid_images:run",
    "memory": "lessons.is_it_memory:run",
    "two_clocks": "lessons.two_conventions:run",
    "there_and_back": "lessons.there_and_back:run",
    "flow": "lessons.flow_sampling:run",
    "guided": "lessons.judging:guided",
}
FLOWS = ("flow", "guided")

# What can be changed at a fork, and how it is written in an address.
CHANGES: Mapping[str, Field] = {
    "prompt": Text("prompt", "Prompt", ""),
    "gamma": Number("gamma", "Guidance γ", 7.0, GAMMA_HELP, maximum=30, step=0.5, integer=False, slider=False),
    "seed": seed_field(),
    "sampler": Choice("sampler", "Sampler", "ddpm", "How the steps from here on are taken.", options=tuple(SAMPLERS),
                      labels=tuple(label for label, _ in SAMPLERS.values())),
    "digit": Number("digit", "Digit", 0, "Every picture goes on as this digit.", maximum=9),
    "solver": Choice("solver", "Solver", "euler", "How the steps from here on are taken.", options=tuple(SOLVER_TITLES),
                     labels=tuple(SOLVER_TITLES.values())),
}  # fmt: skip
PART_A = ("prompt", "gamma", "seed", "sampler")
AT = Number("at", "Frame", 0, "The first step that is made otherwise; 0 is the first.", maximum=999)
IN_JOB = {"gamma": "guidance_scale"}  # where a change is called something else in a job


@dataclass(frozen=True)
class Branch:
    """Where a run forks, and what is otherwise from there on: a value for each of CHANGES that changes."""

    at: int
    changes: Mapping[str, Any]


# ---- in the address ----------------------------------------------------------------------------------------


def read_branch(lesson: Lesson, text: str) -> Branch:
    """The branch that an address holds: "at=12&prompt=a+dog&seed=3". Raises BadValue."""
    if not lesson.branches:
        raise BadValue("This lesson has no run to go on from.")
    try:
        pairs = pairs_in(text, 20)
    except ValueError as error:
        raise BadValue(f"A branch is written like “at=12&seed=3”, not {quoted(text)}.") from error
    found = dict(pairs)
    at = int(AT.parse(found.pop("at", "")))
    for name in found:
        if name not in lesson.branches:
            raise BadValue(
                f"A branch of this lesson changes {', '.join(lesson.branches)}, not {quoted(name)}."
            )
    if not found:
        raise BadValue(
            f"A branch changes something: {', '.join(CHANGES[name].label for name in lesson.branches)}."
        )
    return Branch(at, {name: CHANGES[name].parse(value) for name, value in found.items()})


def write_branch(branch: Branch) -> str:
    """The inverse of `read_branch`."""
    changes = {name: CHANGES[name].encode(value) for name, value in branch.changes.items()}
    return urlencode({"at": branch.at, **changes})


def words(branch: Branch) -> str:
    """“a dog”, seed 3: what is otherwise, in short."""
    said = {
        "prompt": lambda value: f"“{value}”" if value else "no prompt",
        "gamma": lambda value: f"γ = {value:g}",
        "seed": lambda value: f"seed {value}",
        "sampler": lambda value: SAMPLERS[value][0],
        "digit": lambda value: f"digit {value}",
        "solver": lambda value: SOLVER_TITLES[value],
    }
    return ", ".join(said[name](value) for name, value in branch.changes.items())


# ---- the job -----------------------------------------------------------------------------------------------


def branch_spec(spec: JobSpec, branch: Branch) -> JobSpec:
    """The run of `spec` that goes on otherwise from a step. Raises BadValue where it has no such step."""
    frames = frames_of(spec)
    if branch.at >= frames:
        raise BadValue(
            f"The run has the frames 0 to {frames - 1}, so it cannot go on from frame {branch.at}."
        )
    fork = {IN_JOB.get(name, name): value for name, value in branch.changes.items()}
    return JobSpec(KIND, {**spec.params, "of": spec.kind, "fork": {"at": branch.at, **fork}})


def frames_of(spec: JobSpec) -> int:
    """How many frames a run of FORKING has."""
    params = cast(Mapping[str, Any], spec.params)
    if spec.kind in FLOWS:
        return len(kept_steps(params["num_steps"], params["count"] * len(params["networks"])))
    steps: int = params["num_steps"] - min(params.get("i_starts", [params.get("i_start", 0)]))
    return (
        2 * steps if spec.kind == "there_and_back" else steps
    )  # at most: how many there are, the run itself knows


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """The run that forks: its `Trajectory` has all frames, those before the fork as well; meta["fork"] is `at`.

    Raises:
        BadRequest: what cannot be forked, or not there; what the run itself may raise.
    """
    if params.get("of") not in FORKING:
        raise BadRequest(
            f"The runs that one can go on from are {', '.join(FORKING)}, not {params.get('of')!r}."
        )
    fork = params["fork"]
    trajectory = yield from named(FORKING[params["of"]])(params, context)
    trajectory.meta["fork"] = fork["at"]
    if (
        fork.get("sampler", AS_IT_WAS) != AS_IT_WAS
    ):  # the weights of x̂₀ and x_t that are noted are those of DDPM's step
        forks = trajectory.meta["steps"][fork["at"]]["t"]
        for steps in (trajectory.meta["steps"], *trajectory.meta.get("runs", ())):
            for step in steps:
                if step["t"] <= forks:
                    step |= {"clean": None, "x_t": None}
    return trajectory
