"""B7: following the velocity from noise to digit, and what the step size costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.jobs import JobSpec
from lessons.branching import BRANCHES
from lessons.fields import Choice, Number, seed_field
from lessons.flow_sampling import SOLVER_TITLES, flow_spec
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.networks import AUTO, NetworkChoice
from lessons.wrong_flows import OTHER_CLOCK

COUNT = 6
STUDY_COUNT = 6
EXACT_STEPS = 40
PLANE_STEPS = 100
CHECKPOINTS = ("first", "middle", "last")

LESSON = Lesson(
    code="B7",
    slug="integrating",
    title="Watching it integrate",
    card=14,
    branches=("solver",),
    fields=(
        NetworkChoice("network", "Network", AUTO, presets=("b6", "b6-slow")),
        Choice("checkpoint", "Checkpoint", "last", "The same network, earlier and later in its training.",
               options=CHECKPOINTS, labels=("first", "middle", "last")),
        Choice("solver", "Solver", "euler", options=tuple(SOLVER_TITLES), labels=tuple(SOLVER_TITLES.values())),
        Number("steps", "Steps T", 300, "Steps from t = 0 to t = 1.", minimum=1, maximum=1000),
        seed_field(44),
    ),
    presets=(
        Preset("reference", "T = 300"),
        Preset("ten", "T = 10", {"steps": 10}),
        Preset("ten_rk4", "T = 10, RK4", {"steps": 10, "solver": "rk4"}),
        Preset("young", "After the first epoch", {"checkpoint": "first"}),
    ),
    question=Question(
        "Both have 40 evaluations to spend: Euler takes 40 steps, RK4 takes 10. Which ends nearer to the exact path?",
        ("Euler: smaller steps", "RK4: better steps", "Neither: only evaluations count"),
        answer=1,
        because="Euler’s error halves when its steps do, RK4’s falls to a sixteenth. With very few evaluations Euler is "
        "ahead, since RK4’s steps are then too long for its order to count; the curves in “Solvers” show where they cross.",
        reveal={"steps": 10, "solver": "rk4"},
    ),
    variants=(
        Variant("frozen_clock", "t stays 0", "The network is told t = 0 at every step.",
                "It answers as if all were still noise, so it heads for the mean digit all the way."),
        OTHER_CLOCK,
    ),
    shows=(
        "core.flow:integrate", "core.flow:euler", "core.flow:heun", "core.flow:rk4",
        "lessons.flow_sampling:run", "lessons.flow_studies:exact_velocity", "lessons.flow_studies:plane_through",
    ),
    jobs={
        "flow": "lessons.flow_sampling:run", **BRANCHES,
        "solver_errors": "lessons.flow_studies:solver_errors",
        "exact_flow": "lessons.flow_studies:exact_flow",
        "flow_plane": "lessons.flow_studies:plane",
    },
    spec="lessons.integrating:spec",
    studies="lessons.integrating:study_specs",
    black=0.0,
    minutes=10,
)  # fmt: skip


def spec(
    values: Mapping[str, Any], networks: Sequence[Mapping[str, str]], variant: str | None = None
) -> JobSpec:
    """The same noises through the network at its checkpoints."""
    return flow_spec(values, networks, variant, count=COUNT, solver=values["solver"])


def picked(checkpoint: str, names: Sequence[str]) -> int:
    """Which of a network's checkpoints the control means: the first, the middle or the last."""
    return {"first": 0, "middle": (len(names) - 1) // 2, "last": len(names) - 1}[checkpoint]


def errors_spec(values: Mapping[str, Any], network: Mapping[str, str]) -> JobSpec:
    """All solvers with all numbers of steps."""
    return JobSpec("solver_errors", {"network": dict(network), "seed": values["seed"], "count": STUDY_COUNT})


def exact_spec(values: Mapping[str, Any], network: Mapping[str, str]) -> JobSpec:
    """The learned field beside the exact one."""
    return JobSpec("exact_flow", {
        "network": dict(network), "seed": values["seed"], "count": STUDY_COUNT, "num_steps": EXACT_STEPS,
    })  # fmt: skip


def plane_spec(values: Mapping[str, Any], network: Mapping[str, str]) -> JobSpec:
    """The field on the plane through three trajectories."""
    return JobSpec("flow_plane", {"network": dict(network), "seed": values["seed"], "num_steps": PLANE_STEPS})


def study_specs(values: Mapping[str, Any], network: Mapping[str, str]) -> list[JobSpec]:
    """The three studies of a network."""
    return [errors_spec(values, network), exact_spec(values, network), plane_spec(values, network)]
