"""The way in where people log in: one button; then the classes that are open, and for an instructor a room to open."""

from __future__ import annotations

import streamlit as st

from core.classroom.accounts import Account, leads
from core.classroom.words import BadSecret, ClassroomError, require_secret
from pages.components.plain import plain
from pages.server import erasing
from pages.server.classroom.identity import SECRETS_PER_MINUTE, class_settings, rooms, tries
from pages.server.classroom.login import room_token, session_account


def login_entry() -> None:
    """For whoever has not logged in, may not come in, or is in no room yet."""
    with st.container(width=460):
        st.title("Join your class", anchor=False)
        try:
            who = session_account(class_settings())
        except ClassroomError as error:
            st.error(str(error), icon=":material/no_accounts:")
            log_out()
            return
        if who is None:
            if st.button("Log in", type="primary", width="stretch"):
                st.login()
            return
        choose_room(who)
        if leads(who, class_settings().instructors):
            _open_room(who, ask_secret=False)
        elif class_settings().secret.get_secret_value():
            with st.expander("I am the instructor"):
                _open_room(who, ask_secret=True)


def choose_room(who: Account) -> None:
    """Says as whom one is here, and offers the classes that are open: a login is enough to join one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        address = f" ({who.email})" if who.email else ""
        st.text(
            f"You are here as {who.name}{address}.", width="content"
        )  # Markdown would make a link of the address
        for room in rooms().instructors():
            label = f"Join the class of {plain(room.name)}"
            if st.button(label, type="primary", key=f"classroom/join/{room.code}"):
                _join(room.code, who)
        log_out()


def log_out() -> None:
    """A button that has the browser forget the login."""
    if st.button("Log out", icon=":material/logout:", key="classroom/log-out"):
        st.logout()


def _join(code: str, who: Account) -> None:
    try:
        rooms().enter(code, who.name, room_token(who))
    except ClassroomError as error:
        st.error(str(error), icon=":material/door_front:")
        return
    st.rerun()


def _open_room(who: Account, *, ask_secret: bool) -> None:
    """Opens a room under the account's own name, or takes up another instructor's."""
    with st.form("classroom/open", border=False):
        secret = st.text_input("Instructor’s secret", type="password") if ask_secret else ""
        again = st.text_input(
            "Code of a room to take up again", help="Leave it empty to open a new room.", max_chars=20
        )
        if not st.form_submit_button("Open the room", width="stretch"):
            return
    counter = tries("secret", SECRETS_PER_MINUTE)
    try:
        if ask_secret:
            counter.check(who.owner)
            require_secret(secret, class_settings().secret.get_secret_value())
        if again.strip():
            rooms().take_over(again, room_token(who))
        else:
            rooms().open(who.name, class_settings().places, room_token(who))
            erasing.erase_left_behind()  # of rooms that nobody closed, and that are gone now
    except ClassroomError as error:
        if isinstance(error, BadSecret):
            counter.wrong(who.owner)
        st.error(str(error), icon=":material/key_off:")
        return
    st.rerun()
