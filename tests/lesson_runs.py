"""Runs the jobs of lessons in the test's own process, with few steps; each run once, however many tests look at it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from core.compute.context import JobContext
from core.jobs import Event, Frame, JobSpec
from core.trajectory import Trajectory
from lessons.course import COURSE
from lessons.lesson import Lesson


def module_of(lesson: Lesson) -> ModuleType:
    return import_module(f"lessons.{lesson.slug}")


BY_CODE = {lesson.code: lesson for lesson in COURSE}
# Networks that were trained here are named by checkpoints, where others name the model; their jobs have tests of their own.
WITH_SPEC = [
    lesson
    for lesson in COURSE
    if (lesson.part == "A" or lesson.pretrained) and hasattr(module_of(lesson), "spec")
]


def spec_of(
    lesson: Lesson, values: Mapping[str, Any], model: str = "0" * 64, variant: str | None = None
) -> JobSpec:
    spec = module_of(lesson).spec
    return spec(values, model) if variant is None else spec(values, model, variant)


def shortened(spec: JobSpec) -> JobSpec:
    """The same run with two pictures at most and four steps or five evaluations at most."""
    params = dict(spec.params)
    if "columns" in params:
        params["columns"] = params["columns"][:2]
    if "num_steps" in params:
        share = params.get("i_start", 0) / params["num_steps"]
        params["num_steps"] = 4
        if "i_start" in params:
            params["i_start"] = min(2, round(4 * share))
        if "i_starts" in params:
            params["i_starts"] = [1, 2]
    if "evaluations" in params:
        params |= {"evaluations": [4, 5][: len(params["evaluations"])], "limit_evaluations": 6}
    return JobSpec(spec.kind, params)


def first_frame(lesson: Lesson, spec: JobSpec, context: JobContext) -> Frame:
    """Of a job that tells of its work besides, the first with pictures."""
    events = _function(lesson, spec)(dict(spec.params), context)
    return next(event for event in events if isinstance(event, Frame))


def first_event(lesson: Lesson, spec: JobSpec, context: JobContext) -> Event:
    """What a job tells first, of pictures or of its work: its parameters were taken, and it has begun."""
    return next(_function(lesson, spec)(dict(spec.params), context))


def result_of(lesson: Lesson, spec: JobSpec, context: JobContext) -> tuple[Trajectory, list[Frame]]:
    """The trajectory, and the frames that came before it."""
    known = context.cache.setdefault("results", {})
    key = (lesson.jobs[spec.kind], spec.canonical)
    if key not in known:
        job, frames = _function(lesson, spec)(dict(spec.params), context), []
        while True:
            try:
                if isinstance(event := next(job), Frame):
                    frames.append(event)
            except StopIteration as end:
                known[key] = end.value, frames
                break
    return known[key]


def _function(lesson: Lesson, spec: JobSpec):
    module, name = lesson.jobs[spec.kind].split(":")
    return getattr(import_module(module), name)
