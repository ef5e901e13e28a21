"""The tour's panel: what to see at this stop, the way to the next, and a hand that shows what to press."""

from __future__ import annotations

import streamlit as st

from lessons.address import TOUR as ADDRESS
from lessons.tour import TOUR, stop_of
from pages.components.hand import hand
from pages.ui.ways import go


def begin_tour() -> None:
    """For callbacks: asks for the first stop."""
    _ask(1)


def tour_panel(url_path: str) -> None:
    """Drawn below every lesson; shows nothing unless the address names a stop at this lesson."""
    number = stop_of(st.query_params.get(ADDRESS, ""))
    if number is None or TOUR[number - 1].slug.replace("_", "-") != url_path:
        return
    stop = TOUR[number - 1]
    with st.container(key="tour"):
        st.markdown(f"**{number} of {len(TOUR)} · {stop.title}**")
        st.markdown(stop.words)
        with st.container(horizontal=True, gap="small"):
            if number > 1:
                st.button("Back", key="tour/back", on_click=_ask, args=(number - 1,))
            if number < len(TOUR):
                st.button("Next stop", key="tour/next", type="primary", on_click=_ask, args=(number + 1,))
                st.button("Leave the tour", key="tour/leave", type="tertiary", on_click=_leave)
            else:
                st.button("Finish", key="tour/finish", type="primary", on_click=_ask, args=(0,))
    # Outside of it: the panel is a place of its own for what is fixed.
    hand(stop.point, stop.text, key=f"tour/hand/{number}")


def _ask(number: int) -> None:
    """0 is the start page, behind the last stop."""
    if number == 0:
        return go("home.py")
    stop = TOUR[number - 1]
    go(f"{stop.slug}.py", {**stop.address, ADDRESS: str(number)})


def _leave() -> None:
    st.query_params.pop(ADDRESS, None)
