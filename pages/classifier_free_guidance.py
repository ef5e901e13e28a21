"""A6: several guidance scales under the same noise."""

from lessons.classifier_free_guidance import LESSON as WRITTEN
from pages.server.runtime import schedule
from pages.ui.films import Films, denoising
from pages.ui.fitted import here
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import Values, sampling_stage, seeds

LESSON = here(WRITTEN)


def films(values: Values) -> Films:
    """A column for each γ of each seed."""
    columns = [
        f"γ = {gamma:g}" + (f", {seed}" if values["count"] > 1 else "")
        for seed in seeds(values)
        for gamma in values["gammas"]
    ]
    return denoising(schedule().strided_timesteps(), columns, name="a6")


with lesson_page(LESSON) as values:
    sampling_stage(LESSON, values, films)
