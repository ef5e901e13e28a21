"""A5: several samples, each from its own noise."""

from lessons.sampling_from_noise import LESSON as WRITTEN
from pages.server.runtime import schedule
from pages.ui.films import Films, denoising
from pages.ui.fitted import here
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import Values, sampling_stage, seeds

LESSON = here(WRITTEN)


def films(values: Values) -> Films:
    return denoising(schedule().strided_timesteps(), seeds(values), name="a5", from_noise=True)


with lesson_page(LESSON) as values:
    sampling_stage(LESSON, values, films)
