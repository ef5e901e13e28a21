"""A5: several samples, each from its own noise."""

from lessons.sampling_from_noise import LESSON, spec
from pages.server.runtime import model_fingerprint, schedule
from pages.ui.controls import control
from pages.ui.films import denoising
from pages.ui.lesson_page import lesson_page, picture_and_side, variant_toggle
from pages.ui.pins import pin_row, pinned
from pages.ui.stage import stage_beside
from pages.ui.takehome import take_home


def run(values: dict) -> tuple:
    """The job of these values, and its films."""
    columns = [f"seed {values['seed'] + k}" for k in range(values["count"])]
    return spec(values, model_fingerprint()), denoising(schedule().strided_timesteps(), columns, name="a5")


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        ok = all([control(LESSON, field.name) for field in LESSON.fields])
        variant = variant_toggle(LESSON)
    wanted, films = run(values)
    wrong = variant and (variant.label, spec(values, model_fingerprint(), variant.name))
    with picture:
        trajectory = stage_beside(LESSON, wanted, wrong, films, allowed=ok, pins=pinned(LESSON, values, run))
        pin_row(LESSON, values, trajectory is not None)
        if trajectory is not None:
            take_home(LESSON, trajectory, wanted)
