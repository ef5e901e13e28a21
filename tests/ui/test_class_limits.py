"""What a class's settings become for the executor."""

from core.classroom.settings import ClassSettings
from pages.server.runtime import bounds_of, limits_of


def test_the_limits_of_a_person_are_those_of_the_settings():
    limits = limits_of(ClassSettings(jobs_per_person=3, minutes_per_person=2.5, trainings_per_person=4))
    assert (limits.waiting, limits.device_seconds, limits.window_seconds) == (3, 150.0, 3600.0)
    assert dict(limits.kept) == {"train": 4}


def test_a_shared_server_has_bounds_and_a_laptop_has_none():
    settings = {"job_memory_gb": 2, "job_minutes": 1.5, "drain_seconds": 7}
    assert bounds_of(ClassSettings(**settings)) == {}
    shared = ClassSettings(secret="chalk-and-talk-42", **settings)
    assert bounds_of(shared) == {
        "limits": limits_of(shared), "max_memory_bytes": 2_000_000_000, "deadline_seconds": 90, "drain_seconds": 7,
    }  # fmt: skip


def test_a_class_is_not_held_up_for_ever_by_default():
    bounds = bounds_of(ClassSettings(secret="chalk-and-talk-42"))
    assert 0 < bounds["deadline_seconds"] <= 3600 and bounds["drain_seconds"] > 0
