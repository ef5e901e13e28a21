"""What the server has once for its classes, and who a session is in them."""

from __future__ import annotations

import streamlit as st
from starlette.requests import Request

from core.classroom.accounts import Account
from core.classroom.rooms import Person, Rooms
from core.classroom.settings import ClassSettings, read_class_settings
from core.classroom.words import ClassroomError, Tries
from core.settings import Settings
from pages.ui.classroom.login import request_account, room_token, session_account

COOKIE = "diffusion_class"  # holds the token; set and deleted by routes.py, out of reach of scripts
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


def base() -> str:
    """The path below which the app lies, with a slash before it; empty for none."""
    path = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def account() -> Account | None:
    """Who has logged in in this session, where people do; None also for an account that is not let in."""
    try:
        return session_account(class_settings())
    except ClassroomError:  # whose sentence is at the door
        return None


def token() -> str:
    """What rooms know this session by: the login, or what the browser showed when it opened the session; "" for none."""
    if class_settings().by_login:
        who = account()
        return room_token(who) if who else ""
    return st.context.cookies.get(COOKIE, "")


def token_of(request: Request) -> str:
    """The same for a request to one of our routes. Raises ClassroomError for an account that is not let in."""
    if class_settings().by_login:
        who = request_account(request, class_settings())
        return room_token(who) if who else ""
    return request.cookies.get(COOKIE, "")


def person() -> Person | None:
    """Who this session is in a class; None without a class, and for whoever has not joined."""
    shown = token() if class_settings().on else ""
    return rooms().whois(shown) if shown else None


def may_enter(shown: str) -> bool:
    """Whether whoever shows this token, empty for none, may see the lessons: a member, or who has logged in."""
    settings = class_settings()
    if not settings.on or not settings.members_only:
        return True
    return bool(shown) and (settings.by_login or rooms().whois(shown) is not None)


def address() -> str:
    """Where a request comes from, for counting wrong tries."""
    return st.context.ip_address or "this machine"
