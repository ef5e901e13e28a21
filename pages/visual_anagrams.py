"""A10: two prompts, one picture, and a button that turns it."""

import numpy as np
import streamlit as st

from core.views import VIEWS
from lessons.exporting import slides
from lessons.visual_anagrams import LESSON, VIEW_LABELS, order, seen, spec
from pages.components.turner import turner
from pages.server.runtime import model_fingerprint, schedule
from pages.ui.controls import control
from pages.ui.edit_films import anagram
from pages.ui.lesson_page import lesson_page, picture_and_side, variant_toggle
from pages.ui.pins import pin_row, pinned
from pages.ui.stage import stage_beside
from pages.ui.takehome import take_home


def remarks(values: dict) -> None:
    """What holds for these controls in particular."""
    same, plain = values["p1"] == values["p2"], values["view"] == "identity"
    if same and plain and values["gamma1"] == values["gamma2"]:
        st.info(
            "Equal prompts and the identity: this is plain guided sampling, bit for bit.",
            icon=":material/equal:",
        )
    elif same:
        st.info(
            "Both prompts are equal, so both readings should show the same thing: write another one to get an anagram.",
            icon=":material/equal:",
        )  # fmt: skip
    elif plain:
        st.info(
            "The identity turns nothing: the picture is halfway between both prompts.",
            icon=":material/equal:",
        )
    if not VIEWS[values["view"]].preserves_noise:
        st.warning(
            f"{VIEW_LABELS[values['view']].split(':')[0]} does not preserve Gaussian noise: it is here to be seen failing.",
            icon=":material/science:",
        )  # fmt: skip


def columns(values: dict) -> list[str]:
    return [f"seed {values['seed'] + k}" for k in range(values["count"])]


def run(values: dict) -> tuple:
    """The job of these values, and its films."""
    films = anagram(schedule().strided_timesteps(), columns(values), values["view"], "a10")
    return spec(values, model_fingerprint()), films


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        ok = all([control(LESSON, field.name) for field in LESSON.fields])
        remarks(values)
        variant = variant_toggle(LESSON)
    wanted, films = run(values)
    readings = (values["p1"], values["p2"])
    with picture:
        top = st.container()
        wrong = variant and (variant.label, spec(values, model_fingerprint(), variant.name))
        trajectory = stage_beside(LESSON, wanted, wrong, films, allowed=ok, pins=pinned(LESSON, values, run))
        pin_row(LESSON, values, trajectory is not None)
        if trajectory is not None:
            view, result = VIEWS[values["view"]], trajectory["result"]
            turned = seen(result, view)
            with top:
                turner(
                    result,
                    turned,
                    values["view"],
                    readings,
                    columns(values),
                    order=order(view),
                    key="a10/turner",
                )
            both = lambda: slides(np.stack([result, turned]), 1200)  # noqa: E731
            take_home(
                LESSON, trajectory, wanted, [("Both readings (GIF)", "readings.gif", "image/gif", both)]
            )
