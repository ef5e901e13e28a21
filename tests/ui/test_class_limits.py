"""What a class's settings become for the executor."""

from core.classroom.settings import ClassSettings
from pages.ui.runtime import limits_of


def test_the_limits_of_a_person_are_those_of_the_settings():
    limits = limits_of(ClassSettings(jobs_per_person=3, minutes_per_person=2.5, trainings_per_person=4))
    assert (limits.waiting, limits.device_seconds, limits.window_seconds) == (3, 150.0, 3600.0)
    assert dict(limits.kept) == {"train": 4}
