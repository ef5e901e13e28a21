"""What the lessons open with: the jobs that `make warm` computes before a class comes."""

from __future__ import annotations

from importlib import import_module

from core.compute.jobs import JobSpec
from lessons.lesson import Lesson


def opening_jobs(lesson: Lesson, model: str) -> list[tuple[str, JobSpec]]:
    """(title, job) for what a lesson opens with and for each of its presets; `model` is the model's fingerprint.

    A lesson whose module has `spec(values, model)` is opened on the defaults and on every preset. One that opens on
    something else says so itself, in `opening_specs(model)`; one that opens on a closed form has neither.
    """
    module = import_module(f"lessons.{lesson.slug}")
    if hasattr(module, "opening_specs"):
        return [(f"{lesson.code} {lesson.title}", spec) for spec in module.opening_specs(model)]
    if lesson.part != "A" or not hasattr(module, "spec"):
        return []
    jobs = {}
    for label, values in [("as it opens", {}), *((preset.label, preset.values) for preset in lesson.presets)]:
        spec = module.spec({**lesson.defaults(), **values}, model)
        jobs.setdefault(spec.key({}), (f"{lesson.code} {lesson.title}, {label}", spec))
    return list(jobs.values())
