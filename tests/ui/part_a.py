"""The pages of A0 to A6 and A12, and what a page's values ask of the executor."""

from __future__ import annotations

import pytest

from lessons import (
    classical_denoising,
    classifier_free_guidance,
    forward_process,
    is_it_memory,
    iterative_denoising,
    meet_the_model,
    one_step_denoising,
    sampling_from_noise,
)
from pages.server import runtime

RUN = (
    meet_the_model,
    one_step_denoising,
    iterative_denoising,
    sampling_from_noise,
    classifier_free_guidance,
    is_it_memory,
)
MODULES = (*RUN, forward_process, classical_denoising)  # the last two compute in closed form, without a job
each_page = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.LESSON.code)
# What runs the page for each control or preset: these differ in their furniture, and make journeys has the others.
SOME = (meet_the_model, forward_process, classifier_free_guidance)
most_of_a_page = pytest.mark.parametrize(
    "module",
    [
        pytest.param(module, marks=() if module in SOME else pytest.mark.journey, id=module.LESSON.code)
        for module in MODULES
    ],
)
each_run = pytest.mark.parametrize("module", RUN, ids=lambda module: module.LESSON.code)


def reference(lesson) -> dict[str, str]:
    """A link to what the lesson's defaults ask for, where a bare address opens on something else."""
    return {name: lesson.field(name).encode(lesson.field(name).default) for name in lesson.opens}


def wanted(module, values):
    return module.spec(values, runtime.model_of(values))
