"""B9: guidance of a velocity, judged by a classifier."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.jobs import JobSpec
from core.mnist_models import MODEL_FOLDER, SHIPPED_EPOCHS
from lessons.branching import BRANCHES
from lessons.fields import Choice, Number, Numbers, seed_field
from lessons.integrating import CHECKPOINTS
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.networks import AUTO, NetworkChoice, shipped

EACH = 4  # samples of each digit
CLASSES = tuple(range(10)) * EACH
SWEEP_EACH, SWEEP_STEPS = 10, 30

LESSON = Lesson(
    code="B9",
    slug="guided_digits",
    title="Guided digits",
    card=88,
    branches=("digit", "gamma", "solver"),
    fields=(
        NetworkChoice("network", "Network", AUTO, presets=("b8", "b8-constant")),
        Choice("checkpoint", "Checkpoint", "last", "The same network, earlier and later in its training.",
               options=CHECKPOINTS, labels=("first", "middle", "last")),
        Number("gamma", "Guidance γ", 5.0, "0: no class. 1: the class as it stands. More: its effect exaggerated.",
               maximum=20, step=0.5, integer=False),
        Number("steps", "Steps T", 50, "The course uses 300; 50 show the same digits, a little rougher.",
               minimum=1, maximum=1000),
        seed_field(),
        Numbers("gammas", "γ to compare", (0.0, 1.0, 2.0, 3.0, 5.0, 8.0), "For the sweep: at most twelve, as in 0; 1; 7.5.",
                maximum=20, max_count=12),
    ),
    presets=(
        Preset("fifty", "γ = 5, T = 50"),
        Preset("reference", "γ = 5, T = 300", {"steps": 300}),
        Preset("plain", "γ = 1", {"gamma": 1.0}),
        Preset("much", "γ = 15", {"gamma": 15.0}),
        Preset("young", "After the first epoch", {"checkpoint": "first"}),
    ),
    question=Question(
        "From γ = 1 to γ = 8: what happens to the four samples of one digit?",
        ("They become more alike", "They become more different", "Only their contrast changes"),
        answer=0,
        because="Guidance follows what makes a picture typical of its class, and typical pictures resemble each other. "
        "The judge reads more of them correctly, and their diversity falls.",
        reveal={"gamma": 8.0},
    ),
    variants=(
        Variant("wrong_sign", "Away from the class", "The velocity is u_u − γ(u_c − u_u).",
                "Each sample is pushed away from its class; the judge reads it as something else."),
    ),
    shows=(
        "core.flow:ClassGuided", "core.flow:integrate", "core.judge:Judge", "core.judge:diversity", "lessons.judging:guided",
        "lessons.judging:sweep",
    ),
    jobs={"guided": "lessons.judging:guided", "gamma_sweep": "lessons.judging:sweep", **BRANCHES},
    spec="lessons.guided_digits:spec",
    studies="lessons.guided_digits:study_specs",
    black=0.0,
    minutes=10,
)  # fmt: skip


def spec(
    values: Mapping[str, Any], networks: Sequence[Mapping[str, str]], variant: str | None = None
) -> JobSpec:
    """Four of each digit, each from its own noise, through the network at its checkpoints."""
    return JobSpec("guided", {
        "networks": [dict(network) for network in networks], "seed": values["seed"], "count": len(CLASSES),
        "classes": list(CLASSES), "guidance_scale": values["gamma"], "num_steps": values["steps"], "solver": "euler",
        "variant": variant,
    })  # fmt: skip


def sweep_spec(values: Mapping[str, Any], network: Mapping[str, str]) -> JobSpec:
    """Ten of each digit for each γ."""
    return JobSpec("gamma_sweep", {
        "network": dict(network), "gammas": list(values["gammas"]), "seed": values["seed"], "a_class": SWEEP_EACH,
        "num_steps": SWEEP_STEPS,
    })  # fmt: skip


def study_specs(values: Mapping[str, Any], network: Mapping[str, str]) -> list[JobSpec]:
    """The sweep over γ; and of a network that ships what stands beside its digits, the same noises at γ = 1."""
    found = shipped(network["source"]) if network["source"] in SHIPPED_EPOCHS else None
    beside = [] if found is None else [spec({**values, "gamma": 1.0}, found.refs())]
    return [sweep_spec(values, network), *beside]


def measured(preset: str, folder: Path = MODEL_FOLDER) -> list[dict[str, Any]]:
    """What was measured of a shipped network, beforehand and with many digits; nothing if it does not ship.

    One entry for each epoch, γ (guidance_scale), T (num_steps) and number of samples: accuracy, diversity,
    frechet_distance, confusion (10 × 10), precision, ...; see `scripts/mnist/sweep.py`.
    """
    path = folder / f"{preset}.json"
    if not path.exists():
        return []
    return json.loads(path.read_text(encoding="utf-8")).get("sweep", [])


AXES = {"guidance_scale": "γ", "num_steps": "T", "epoch": "epoch"}


@dataclass(frozen=True)
class Line:
    """One curve through measured points: what is held fixed, in words; where the points lie; what was measured there."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


def lines(points: Sequence[Mapping[str, Any]], axis: str, quantity: str) -> list[Line]:
    """The curves of a quantity against one of AXES: points that differ in that one alone, at least three of them.

    Where two points differ only in their number of digits, the one with more counts.
    """
    held = [name for name in AXES if name != axis]
    groups: dict[tuple[float, ...], dict[float, Mapping[str, Any]]] = {}
    for point in sorted(points, key=lambda one: one["samples"]):
        groups.setdefault(tuple(point[name] for name in held), {})[point[axis]] = point
    found = []
    for values, group in sorted(groups.items()):
        if len(group) > 2:
            said = ", ".join(
                f"epoch {value}" if name == "epoch" else f"{AXES[name]} = {value:g}"
                for name, value in zip(held, values, strict=True)
            )
            ordered = sorted(group)
            found.append(Line(said, tuple(ordered), tuple(group[x][quantity] for x in ordered)))
    return found
