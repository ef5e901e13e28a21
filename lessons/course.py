"""COURSE: the lessons in teaching order. The one place that lists them."""

from __future__ import annotations

from pathlib import Path

from lessons import (
    block_glossary,
    class_conditioning,
    class_draws,
    classical_denoising,
    classifier_free_guidance,
    denoising_pure_noise,
    forward_process,
    guided_digits,
    hybrid_images,
    image_to_image,
    inpainting,
    integrating,
    is_it_memory,
    iterative_denoising,
    meet_the_model,
    one_step_denoiser,
    one_step_denoising,
    out_of_distribution,
    samplers,
    sampling_from_noise,
    straighter_paths,
    text_image_to_image,
    there_and_back,
    time_conditioned_flow,
    two_conventions,
    unet_taken_apart,
    vector_field,
    visual_anagrams,
)
from lessons.check import check
from lessons.exporting import JOBS as EXPORTS
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
    image_to_image.LESSON,
    inpainting.LESSON,
    text_image_to_image.LESSON,
    visual_anagrams.LESSON,
    hybrid_images.LESSON,
    is_it_memory.LESSON,
    samplers.LESSON,
    there_and_back.LESSON,
    two_conventions.LESSON,
    unet_taken_apart.LESSON,
    one_step_denoiser.LESSON,
    out_of_distribution.LESSON,
    denoising_pure_noise.LESSON,
    vector_field.LESSON,
    time_conditioned_flow.LESSON,
    integrating.LESSON,
    class_conditioning.LESSON,
    guided_digits.LESSON,
    block_glossary.LESSON,
    straighter_paths.LESSON,
    class_draws.LESSON,
)

check(COURSE)

# What an executor may run: the kinds of all lessons and the files to take home, and where each is found.
JOBS: dict[str, str] = {kind: place for lesson in COURSE for kind, place in lesson.jobs.items()} | EXPORTS


# What stands below the last lesson.
THE_END = Path(__file__).with_name("the_end.md").read_text(encoding="utf-8")


def neighbours(lesson: Lesson) -> tuple[Lesson | None, Lesson | None]:
    """The lessons before and after."""
    k = [each.code for each in COURSE].index(
        lesson.code
    )  # the lesson may be fitted to a model (any_model.py)
    return (COURSE[k - 1] if k else None), (COURSE[k + 1] if k + 1 < len(COURSE) else None)
