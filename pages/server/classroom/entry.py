"""The way in: a code and a name for students, the secret for the instructor; and the cookie that remembers them.

Where people log in, it is login_entry.py.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.classroom.words import BadSecret, ClassroomError, NoSuchRoom, require_secret, spaced
from lessons.address import CODE
from pages.components.address import base
from pages.components.style import page_style
from pages.server import erasing
from pages.server.classroom.identity import (
    CODES_PER_MINUTE,
    SECRETS_PER_MINUTE,
    address,
    class_settings,
    may_enter,
    rooms,
    token,
    tries,
)

TOKEN = "classroom/token"  # of somebody who has just joined, until the cookie holds it

_keep = st.components.v2.component(
    "classroom_keep",
    html="<span></span>",
    js=(Path(__file__).parent / "js" / "keep.js").read_text(encoding="utf-8"),
)


def admitted() -> bool:
    """Whether this visitor may see the lessons."""
    return may_enter(token())


def entry() -> None:
    """The form for whoever has not joined, in place of the page that was asked for."""
    page_style()
    if class_settings().by_login:
        # with Streamlit's inner parts: see identity.py
        from pages.server.classroom.login_entry import login_entry

        login_entry()
        return
    if TOKEN in st.session_state:
        _enter(st.session_state[TOKEN])
        return
    with st.container(width=460):
        st.title("Join your class", anchor=False)
        with st.form("classroom/join", border=False):
            code = st.text_input(
                "Code of the room", st.query_params.get(CODE, "")[:20], placeholder="BCD FGH", max_chars=20
            )
            name = st.text_input("Your name", help="The instructor sees it; other students do not.")
            if st.form_submit_button("Join", type="primary", width="stretch"):
                _join(code, name)
        with st.expander("I am the instructor"):
            _instructor()


def _join(code: str, name: str) -> None:
    counter = tries("code", CODES_PER_MINUTE)
    try:
        counter.check(address())
        st.session_state[TOKEN] = rooms().join(code, name)
    except ClassroomError as error:
        if isinstance(error, NoSuchRoom):
            counter.wrong(address())
        st.error(str(error), icon=":material/door_front:")
        return
    st.rerun()


def _instructor() -> None:
    """Opens a room, or takes up one again whose cookie was lost."""
    with st.form("classroom/open", border=False):
        name = st.text_input("Name that students see", placeholder="Dr. Kim")
        secret = st.text_input("Instructor’s secret", type="password", autocomplete="current-password")
        again = st.text_input(
            "Code of a room to take up again", help="Leave it empty to open a new room.", max_chars=20
        )
        if not st.form_submit_button("Open the room", width="stretch"):
            return
    counter = tries("secret", SECRETS_PER_MINUTE)
    try:
        counter.check(address())
        require_secret(secret, class_settings().secret.get_secret_value())
        if again.strip():
            st.session_state[TOKEN] = rooms().take_over(again)
        else:
            _, st.session_state[TOKEN] = rooms().open(name, class_settings().places)
            erasing.erase_left_behind()  # of rooms that nobody closed, and that are gone now
    except ClassroomError as error:
        if isinstance(error, BadSecret):
            counter.wrong(address())
        st.error(str(error), icon=":material/key_off:")
        return
    st.rerun()


def _enter(token: str) -> None:
    """Has the browser keep the token and open the page anew, as the person that it names."""
    who = rooms().whois(token)
    if who is None:  # removed in the same moment
        del st.session_state[TOKEN]
        st.rerun()
    st.title(f"Room {spaced(who.code)}", anchor=False)
    st.caption("Opening …")
    to = f"{base()}/class" if who.leads else None  # a student goes to the page that was asked for
    _keep(key="classroom/keep", data={"token": token, "base": base(), "to": to, "code": CODE}, height=1)


def leave(key: str) -> None:
    """Has the browser forget who it was, and open the class page anew. A login stays: it is of the person."""
    if class_settings().by_login:
        st.rerun()
    _keep(key=key, data={"token": None, "base": base(), "to": f"{base()}/class", "code": CODE}, height=1)
