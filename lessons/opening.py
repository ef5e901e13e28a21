"""What the lessons open with: the jobs that `make warm` computes before a class comes, and that ship (`make openings`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.jobs import JobSpec
from lessons.lesson import Lesson, named
from lessons.networks import AUTO, Network, NetworkChoice, shipped


def opening_jobs(lesson: Lesson, model: str, *, presets: bool = True) -> list[tuple[str, JobSpec]]:
    """(title, job) for what a lesson opens with and for its presets, or those of them that ship; `model`: its fingerprint.

    A lesson with a `spec` is opened on what a bare address shows, with its `studies`, and on every preset; one that opens on
    something else says so itself, in `opening`; one that opens on a closed form, or whose networks don't ship, has none.
    """
    title = f"{lesson.code} {lesson.title}"
    if not lesson.jobs:  # one that this model cannot do (any_model.py)
        return []
    if lesson.opening:
        return [(title, spec) for spec in named(lesson.opening)(model)]
    if not lesson.spec:
        return []
    jobs: dict[str, tuple[str, JobSpec]] = {}
    offered = [preset for preset in lesson.presets if presets or preset.ships]
    for label, values in [
        ("as it opens", lesson.opens),
        *((preset.label, preset.values) for preset in offered),
    ]:
        for spec in _specs(lesson, {**lesson.defaults(), **values}, model, studies=values is lesson.opens):
            jobs.setdefault(spec.key({}), (f"{title}, {label}", spec))
    return list(jobs.values())


def _specs(lesson: Lesson, values: Mapping[str, Any], model: str, *, studies: bool) -> list[JobSpec]:
    """What the page shows on these values; with its studies, if it has some."""
    field = next((field for field in lesson.fields if isinstance(field, NetworkChoice)), None)
    if field is None:
        below = named(lesson.studies)(values, model) if studies and lesson.studies else []
        return [lesson.job(values, model), *below]
    network = _network(field, values)
    if network is None:
        return []
    specs = [lesson.job(values, network.refs())]
    if studies and lesson.studies:
        specs += named(lesson.studies)(values, network.ref(network.names[-1]))
    return specs


def _network(field: NetworkChoice, values: Mapping[str, Any]) -> Network | None:
    """The shipped network that the page chooses where nobody has trained one."""
    asked = values[field.name]
    offered = [network for preset in field.presets if (network := shipped(preset))]
    return next((network for network in offered if asked in (AUTO, network.source)), None)
