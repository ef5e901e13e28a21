"""The two faces of a figure on whose page one trains: what the network draws, and its training."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.training_settings import InvalidSettings
from lessons.address import FRAME
from lessons.lesson import Lesson
from lessons.training_fields import settings_of, training_fields
from pages.server.session import LessonState
from pages.ui.controls import face_control
from pages.ui.lesson_page import picture_and_side
from pages.ui.training import training_panel
from pages.ui.training_state import training_of

DRAWS, TRAINS = "What it draws", "Its training"


def training_shown(
    lesson: Lesson, reference: str, floor: Callable[[], tuple[str, float] | None] = lambda: None
) -> bool:
    """Draws the choice between the faces and, where it is the training's, the training. False: what it draws is to be drawn.

    `floor` finds a loss that cannot be undercut: its name and its value; None where it is not known yet.
    """
    key = LessonState(lesson).training().key("face")
    if wanted := _asked_for(lesson, reference):
        st.session_state[key] = wanted
    st.session_state.setdefault(key, DRAWS)
    with picture_and_side()[0]:
        shown = face_control(key, (DRAWS, TRAINS))
    if shown == DRAWS:
        return False
    training_panel(lesson, reference, floor())
    return True


def _asked_for(lesson: Lesson, reference: str) -> str | None:
    """The face to which a preset, a phrase or an address turns, by what it has set; None: what is shown stays."""
    state = LessonState(lesson)
    panel, values = state.training(), state.values
    names = {field.name for field in training_fields(reference)}
    numbers = {name: value for name, value in values.items() if name in names}
    others = {name: value for name, value in values.items() if name not in names}
    before, panel.stood = panel.stood, (numbers, others)
    own = any(lesson.field(name).default != value for name, value in numbers.items())
    if state.stage().frame is not None:
        return DRAWS
    if before is None:
        return TRAINS if FRAME not in st.query_params and (own or _lives(values, reference)) else None
    if own and numbers != before[0]:
        return TRAINS
    return DRAWS if others != before[1] else None


def _lives(values: dict, reference: str) -> bool:
    """Whether the training that the numbers describe waits or runs: whoever comes back to it comes to see it."""
    try:
        return training_of(settings_of(values, reference)).live
    except InvalidSettings:
        return False
