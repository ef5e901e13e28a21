"""The tour's panel: what to see at this stop, the way to the next, and a hand that shows what to press.

Its ways are links, which the browser takes by itself, like those of the menu: a way that the server takes would be
undone by a player that tells its frame in the same moment.
"""

from __future__ import annotations

import streamlit as st

from lessons.address import TOUR as ADDRESS
from lessons.tour import TOUR, stop_of
from pages.components.hand import hand


def begin_tour() -> None:
    """The way to the first stop."""
    _way(1, "The ten-minute tour", icon=":material/arrow_forward:", icon_position="right")


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
                _way(number - 1, "Back")
            with st.container(key="onward", width="content"):
                if number < len(TOUR):
                    _way(number + 1, "Next stop")
                else:
                    st.page_link("home.py", label="Finish")
            if number < len(TOUR):
                st.button("Leave the tour", key="tour/leave", type="tertiary", on_click=_leave)
    # Outside of it: the panel is a place of its own for what is fixed.
    hand(stop.point, stop.text, key=f"tour/hand/{number}")


def _way(number: int, label: str, **looks) -> None:
    stop = TOUR[number - 1]
    address = {**stop.address, ADDRESS: str(number)}
    st.page_link(f"{stop.slug}.py", label=label, query_params=address, **looks)


def _leave() -> None:
    st.query_params.pop(ADDRESS, None)
