"""What the lessons open with: the jobs that `make warm` computes before a class comes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from core.jobs import JobSpec
from lessons.lesson import Lesson
from lessons.networks import AUTO, Network, NetworkChoice, shipped


def opening_jobs(lesson: Lesson, model: str) -> list[tuple[str, JobSpec]]:
    """(title, job) for what a lesson opens with and for each of its presets; `model` is the model's fingerprint.

    A lesson whose module has `spec(values, model)`, or in Part B `spec(values, networks)`, is opened on the defaults and
    on every preset; `study_specs(values, network)` adds the studies below the main picture of the defaults. One that opens
    on something else says so itself, in `opening_specs(model)`; one that opens on a closed form, or whose networks don't
    ship, has none.
    """
    module = import_module(f"lessons.{lesson.slug}")
    if hasattr(module, "opening_specs"):
        return [(f"{lesson.code} {lesson.title}", spec) for spec in module.opening_specs(model)]
    if not hasattr(module, "spec"):
        return []
    jobs: dict[str, tuple[str, JobSpec]] = {}
    for label, values in [("as it opens", {}), *((preset.label, preset.values) for preset in lesson.presets)]:
        for spec in _specs(lesson, module, {**lesson.defaults(), **values}, model, studies=not values):
            jobs.setdefault(spec.key({}), (f"{lesson.code} {lesson.title}, {label}", spec))
    return list(jobs.values())


def _specs(
    lesson: Lesson, module: ModuleType, values: Mapping[str, Any], model: str, *, studies: bool
) -> list[JobSpec]:
    """What the page shows on these values; with its studies, if it has some."""
    if lesson.part == "A":
        return [module.spec(values, model)]
    network = _network(lesson, values)
    if network is None:
        return []
    specs = [module.spec(values, network.refs())]
    if studies and hasattr(module, "study_specs"):
        specs += module.study_specs(values, network.ref(network.names[-1]))
    return specs


def _network(lesson: Lesson, values: Mapping[str, Any]) -> Network | None:
    """The shipped network that the page chooses where nobody has trained one."""
    field = next(field for field in lesson.fields if isinstance(field, NetworkChoice))
    asked = values[field.name]
    offered = [network for preset in field.presets if (network := shipped(preset))]
    return next((network for network in offered if asked in (AUTO, network.source)), None)
