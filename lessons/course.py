"""COURSE: the lessons in teaching order. The one place that lists them."""

from __future__ import annotations

from lessons import (
    classical_denoising,
    classifier_free_guidance,
    forward_process,
    iterative_denoising,
    meet_the_model,
    one_step_denoising,
    sampling_from_noise,
)
from lessons.lesson import Lesson

PARTS = {
    "A": "Part A · Steering a pretrained model",
    "B": "Part B · Flow matching from nothing",
}

COURSE: tuple[Lesson, ...] = (
    meet_the_model.LESSON,
    forward_process.LESSON,
    classical_denoising.LESSON,
    one_step_denoising.LESSON,
    iterative_denoising.LESSON,
    sampling_from_noise.LESSON,
    classifier_free_guidance.LESSON,
)

# What an executor may run: the kinds of all lessons, and where each is found.
JOBS: dict[str, str] = {kind: place for lesson in COURSE for kind, place in lesson.jobs.items()}


def neighbours(lesson: Lesson) -> tuple[Lesson | None, Lesson | None]:
    """The lessons before and after."""
    k = COURSE.index(lesson)
    return (COURSE[k - 1] if k else None), (COURSE[k + 1] if k + 1 < len(COURSE) else None)
