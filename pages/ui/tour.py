"""The tour's panel: what to see at this stop, the way to the next, and a hand that shows what to press."""

from __future__ import annotations

import streamlit as st

from lessons.address import TOUR as ADDRESS
from lessons.tour import TOUR, stop_of
from pages.components.hand import hand


def begin_tour() -> None:
    """Leads to the first stop."""
    _go(1)


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
            if number > 1 and st.button("Back", key="tour/back"):
                _go(number - 1)
            if number < len(TOUR):
                if st.button("Next stop", key="tour/next", type="primary"):
                    _go(number + 1)
                if st.button("Leave the tour", key="tour/leave", type="tertiary"):
                    _leave()
            elif st.button("Finish", key="tour/finish", type="primary"):
                st.switch_page("home.py")
    hand(
        stop.point, stop.text, key=f"tour/hand/{number}"
    )  # outside: the panel is a place of its own for what is fixed


def _go(number: int) -> None:
    stop = TOUR[number - 1]
    st.switch_page(f"{stop.slug}.py", query_params={**stop.address, ADDRESS: str(number)})


def _leave() -> None:
    st.query_params.pop(ADDRESS, None)
    st.rerun()
