"""A lesson's card, as the start page and the plans of the class show it."""

from __future__ import annotations

from lessons.lesson import Lesson
from pages.components.cards import Card
from pages.server.runtime import openings


def card(lesson: Lesson, model: str | None) -> Card:
    """With its film, where what it opens with ships for the model of this fingerprint; None: there is no model here."""
    strip = openings().card(lesson.code, model or "")
    return Card(
        lesson.code, lesson.title, lesson.prose["Claim"], lesson.minutes, lesson.url_path,
        *(strip if strip else (None, 0)),
    )  # fmt: skip
