"""The ids of jobs, as they were at 265c774: stored results are found by them, so moving code must not change one."""

from __future__ import annotations

from datetime import date

import pytest

from lessons import training_pace
from lessons.course import COURSE, JOBS
from lessons.opening import opening_jobs
from lessons.training_pace import pace_spec

ENVIRONMENT = {"torch": "2.9.1", "device": "cpu"}
BY_CODE = {lesson.code: lesson for lesson in COURSE}

# What each lesson opens with. Changing what a lesson computes changes its line, and only that may.
OPENED = {
    "A0": "44d6802cb03ae4c8c9d9c50d4d276ab5791f74649403524acfee11020649d256",
    "A1": "51520de274c9a9d5de2565708336562819253f83418e8f0a0fcdacfde009988b",
    "A2": "08a1331f7d2e707417f11ffacff7dbfd0def889fe4fb99c3bd12cea48c807bcc",
    "A3": "09a393e6528f6c444f8f0bcb47a24a4bd76f6d0e970701b9421bf75c7390a522",
    "A4": "86b2c49072dfdd27a12c97cca639452200322dded6067ac17d502878ef985062",
    "A5": "2cdf8439622345356b8528c3d2a6bf327de45675dc7db747adc828c71f8e1691",
    "A6": "755b6fcbc105e8e453ea1aa5aa07898c9d211c3be3cef9aee731404d37e725f0",
    "A7": "2fcf14c0e1b7e4be787e202528165d6ad57cfd2bcd97e297dd96b4b4f2fbda49",
    "A8": "072f1ba44aad66c4a2dd27f030c0db09e5edbd34b5dd199c7063c76e6e69ba6f",
    "A9": "47e03eed59357970d36f6dfe7078f5b1f02e2e5cc09cd299b4a621abfe3c6119",
    "A10": "4fb5ed081399e926e964900ec5fd04c8204d2adfaecaeafe9a34d7633a356834",
    "A11": "503c025f170e643cdab45410ba6921654e222c63bc80d4df34fc975264a1b73e",
    "A12": "8118c7df812358adaecf92a5f4a202a13019044cdf8303bc54283ed2d1791170",
    "A13": "3e88117563033e1f83a11422cbe5e2f8d0a37012d905c19b9189940b4e7f0b05",
    "A14": "a5f8b5449b5e3e97fe13851a74179f89967ae756e996f8876da9f25b2e030b43",
    "B0": "0b3827538d2970bf05b15b0adb1992931cd5038c4525244819981bf0363af0cf",
    "B1": "542eb7de90709d392ce31a6f490d41683458a00a52546ae4c5ad5142a68da165",
    "B2": "850e45841d12371056bae603f95802be6eb517a711a48704563a36c066943fce",
    "B3": "41b987de349f7367d1f97fd137f7b855a03f48c958c56e652042a153df35e138",
    "B4": "a192622b65e86a3185d3d5712704a4f3c77ae6b028897aa83dcad1b0d1fbc2e8",
    "B6": "345f17a7a2722e4b278c851e3b3bcaaa038c6435026d0b2c4f9ec0617448c56f",
    "B7": "174819478421216deaf7367372bfa4e9e13d2662fb57e1db6a7d97456eb9393c",
    "B8": "507c92f47249b075ae02ea8301a0b9dea2303b6e99c10e44a99aae995479913f",
    "B9": "a915e50b375bcb628cf1eb03385e167fa837ee5e03b937285bd4a64b1a1a156e",
    "B10": "210ede95aa1070e743e32a983b1ade7925e8a4b4ac810e450e7dcc50cc9022a7",
    "B11": "e45d4b79f1e43c0bd4b9acc678ff6c69a4aea58dce4ad2621124e6b9935338e2",
}
PACE = "83dd9674163783600bbf3883af9c9e1e021828e0f11bd4e0251561495e59de94"
# Runs in the table name a kind; a restart looks up here where its function is.
FUNCTIONS = {
    "denoise": "lessons.denoising:run",
    "embed": "lessons.meet_the_model:embed",
    "forward": "lessons.forward_process:run",
    "blur": "lessons.classical_denoising:run",
    "one-step": "lessons.one_step_denoising:run",
    "edit": "lessons.image_to_image:run",
    "inpaint": "lessons.inpainting:run",
    "anagram": "lessons.visual_anagrams:run",
    "hybrid": "lessons.hybrid_images:run",
    "memory": "lessons.is_it_memory:run",
    "samplers": "lessons.samplers:run",
    "sampler_paths": "lessons.samplers:paths",
    "there_and_back": "lessons.there_and_back:run",
    "inversion_errors": "lessons.there_and_back:errors",
    "between_noises": "lessons.there_and_back:between",
    "two_clocks": "lessons.two_conventions:run",
    "walk": "lessons.unet_blocks:walk",
    "train": "lessons.training:run",
    "training_pace": "lessons.training_pace:measure",
    "denoise_digits": "lessons.denoising_digits:denoise",
    "pure_noise": "lessons.denoising_digits:pure_noise",
    "toy_flow": "lessons.vector_field:run",
    "flow": "lessons.flow_sampling:run",
    "solver_errors": "lessons.flow_studies:solver_errors",
    "exact_flow": "lessons.flow_studies:exact_flow",
    "flow_plane": "lessons.flow_studies:plane",
    "guided": "lessons.judging:guided",
    "gamma_sweep": "lessons.judging:sweep",
    "blocks": "lessons.unet_blocks:glossary",
    "reflow": "lessons.straighter_paths:run",
    "reflow_digits": "lessons.straighter_paths:digits",
    "handwriting": "lessons.class_draws:run",
}


@pytest.mark.parametrize(("code", "key"), OPENED.items())
def test_what_a_lesson_opens_with_keeps_its_id(code, key):
    _, spec = opening_jobs(BY_CODE[code], "f" * 16)[0]
    assert spec.key(ENVIRONMENT) == key


def test_the_measured_pace_keeps_its_id(monkeypatch):
    """Where bfloat16 is multiplied in hardware; elsewhere float32 alone is measured, which is another job."""
    monkeypatch.setattr(training_pace, "native_precision", lambda device: "bfloat16")
    assert pace_spec(date(2026, 1, 2), "cpu").key(ENVIRONMENT) == PACE


def test_kinds_are_found_where_they_were():
    assert JOBS | FUNCTIONS == JOBS
