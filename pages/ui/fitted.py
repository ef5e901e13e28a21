"""The lessons as they are under the model of the settings."""

from __future__ import annotations

import streamlit as st

from core.model_card import ModelCard, read_card
from core.prompt_file import BadEmbeddings
from lessons.any_model import fitted
from lessons.lesson import Lesson
from pages.server.runtime import model_fingerprint, settings


@st.cache_resource(show_spinner=False, max_entries=4)
def _card(fingerprint: str) -> ModelCard:
    return read_card(settings())


def card() -> ModelCard:
    """What the model can be asked; if it cannot be asked anything, the page says so and stops."""
    try:
        return _card(model_fingerprint())
    except BadEmbeddings as error:
        st.error(str(error), icon=":material/folder_off:")
        st.stop()


def here(lesson: Lesson) -> Lesson:
    """The lesson with prompts, presets and texts that hold for this model; those of trained networks need none."""
    return fitted(lesson, card()) if lesson.part == "A" or lesson.pretrained else lesson
