"""B6: what the network draws at three ages, and its training, live."""

import streamlit as st

from lessons.networks import title_of
from lessons.time_conditioned_flow import COUNT, LESSON, spec
from pages.ui.controls import control
from pages.ui.flow_films import flow, rows_shown
from pages.ui.lesson_page import lesson_page, picture_and_side, variant_toggle
from pages.ui.networks import network_control, nothing_yet
from pages.ui.stage import stage_beside
from pages.ui.takehome import take_home
from pages.ui.training import training_panel

with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        network = network_control(LESSON, "flow")
        ok = all([control(LESSON, name) for name in ("steps", "seed")])
        variant = variant_toggle(LESSON)
    with picture:
        if network is None:
            nothing_yet("B6")
        else:
            ages = [title_of(name) for name in network.names]
            films = flow(values["steps"], COUNT, ages, shown=rows_shown(ages), name="b6")
            wanted = spec(values, network.refs())
            st.caption(network.label)
            wrong = variant and (variant.label, spec(values, network.refs(), variant.name))
            trajectory = stage_beside(LESSON, wanted, wrong, films, allowed=ok)
            if trajectory is not None:
                take_home(LESSON, trajectory, wanted)
    training_panel(LESSON, "b6")
