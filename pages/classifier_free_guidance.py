"""A6: several guidance scales under the same noise."""

from lessons.classifier_free_guidance import LESSON, spec
from lessons.fields import BadValue
from pages.server.runtime import model_fingerprint, schedule
from pages.ui.controls import control
from pages.ui.films import denoising
from pages.ui.lesson_page import lesson_page, picture_and_side, variant_toggle
from pages.ui.pins import pin_row, pinned
from pages.ui.stage import stage_beside
from pages.ui.takehome import take_home


def run(values: dict) -> tuple:
    """The job of these values, and its films. Raises BadValue where they are too many pictures for one run."""
    several = values["count"] > 1
    columns = [
        f"γ = {gamma:g}" + (f", seed {values['seed'] + k}" if several else "")
        for k in range(values["count"])
        for gamma in values["gammas"]
    ]
    return spec(values, model_fingerprint()), denoising(schedule().strided_timesteps(), columns, name="a6")


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        ok = all([control(LESSON, field.name) for field in LESSON.fields])
        variant = variant_toggle(LESSON)
    try:
        wanted, films = run(values)
        wrong = variant and (variant.label, spec(values, model_fingerprint(), variant.name))
    except BadValue as error:
        picture.warning(str(error), icon=":material/grid_off:")
        wanted = wrong = None
    if wanted is not None:
        with picture:
            trajectory = stage_beside(
                LESSON, wanted, wrong, films, allowed=ok, pins=pinned(LESSON, values, run)
            )
            pin_row(LESSON, values, trajectory is not None)
            if trajectory is not None:
                take_home(LESSON, trajectory, wanted)
