"""What the server has once for its classes, and who a session is in them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import streamlit as st
from starlette.requests import Request

from core.classroom.accounts import Account
from core.classroom.rooms import Person, Rooms
from core.classroom.settings import ClassSettings, read_class_settings
from core.classroom.words import ClassroomError, Tries
from core.settings import Settings

COOKIE = "diffusion_class"  # holds the token; set and deleted by `pages/server/classroom/routes.py`, out of reach of scripts
CODES_PER_MINUTE = 30  # wrong ones from one address: a class may share it
SECRETS_PER_MINUTE = 5


@st.cache_resource(show_spinner=False)
def class_settings() -> ClassSettings:
    return read_class_settings()


@st.cache_resource(show_spinner=False)
def rooms() -> Rooms:
    return Rooms(Settings.from_environment().data_dir / "rooms.sqlite3")


@st.cache_resource(show_spinner=False)
def tries(what: str, most: int) -> Tries:
    """One counter for each thing that can be guessed."""
    return Tries(most)


def account() -> Account | None:
    """Who has logged in in this session, where people do; None also for an account that is not let in."""
    settings = class_settings()
    if not settings.by_login:
        return None
    login = _login()
    try:
        return login.session_account(settings)
    except ClassroomError:  # whose sentence is at the door
        return None


def token() -> str:
    """What rooms know this session by: the login, or what the browser showed when it opened the session; "" for none."""
    if class_settings().by_login:
        who = account()
        return _login().room_token(who) if who else ""
    return st.context.cookies.get(COOKIE, "")


def token_of(request: Request) -> str:
    """The same for a request to one of our routes. Raises ClassroomError for an account that is not let in."""
    if class_settings().by_login:
        login = _login()
        who = login.request_account(request, class_settings())
        return login.room_token(who) if who else ""
    return request.cookies.get(COOKIE, "")


def _login() -> ModuleType:
    """The one module that needs Streamlit's inner parts: an update that moves them stops a server where people log in,
    and no other."""
    from pages.server.classroom import login

    return login


def person() -> Person | None:
    """Who this session is in a class; None without a class, and for whoever has not joined."""
    shown = token() if class_settings().on else ""
    return rooms().whois(shown) if shown else None


def or_say(act: Callable[..., object], *args: object) -> None:
    """For callbacks: acts in a room, or says why that was refused, as where the room was closed in another tab."""
    try:
        act(*args)
    except ClassroomError as error:
        st.toast(str(error), icon=":material/group_off:")


def may_enter(shown: str) -> bool:
    """Whether whoever shows this token, empty for none, may see the lessons: a member, or who has logged in."""
    settings = class_settings()
    if not settings.on or not settings.members_only:
        return True
    return bool(shown) and (settings.by_login or rooms().whois(shown) is not None)


def address() -> str:
    """Where a request comes from, for counting wrong tries."""
    return st.context.ip_address or "this machine"
