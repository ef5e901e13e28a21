"""Who has logged in, where people do (`identity = "oidc"`): what the login cookie says, which Streamlit's server has signed.

Nothing else counts: no parameter of an address, no header, no other cookie.
"""

from __future__ import annotations

import json

import streamlit as st
from starlette.requests import Request
from streamlit.auth_util import get_cookie_with_chunks, get_origin_from_redirect_uri, get_secrets_auth_section
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from core.classroom.accounts import Account, read_account, require_admission
from core.classroom.provider import check_auth, require_library
from core.classroom.settings import ClassSettings
from core.settings import BadSetting


def require_login_works(settings: ClassSettings) -> None:
    """At the server's start. Raises BadSetting, with a sentence, when nobody could log in, or anybody as somebody else."""
    require_library()
    check_auth(get_secrets_auth_section().to_dict(), settings)
    if st.get_option("server.trustedUserHeaders"):
        raise BadSetting("Unset server.trustedUserHeaders: with it, a header says who somebody is.")
    if not st.get_option("server.enableXsrfProtection"):
        raise BadSetting("Set server.enableXsrfProtection to true: logins need it.")


def session_account(settings: ClassSettings) -> Account | None:
    """Who has logged in in the browser of this session; None for nobody. Raises BadLogin, NotAdmitted."""
    return _admitted(st.user.to_dict(), settings) if settings.by_login else None


def request_account(request: Request, settings: ClassSettings) -> Account | None:
    """Who sends this request, by the same cookie and the same rules. Raises BadLogin, NotAdmitted.

    Streamlit reads the cookie for sessions alone, so this reads it once more, with Streamlit's own functions.
    """

    def signed(name: str) -> bytes | None:
        return decode_signed_value(get_cookie_secret(), name, request.cookies.get(name, ""))

    text = get_cookie_with_chunks(signed, USER_COOKIE_NAME)
    claims = json.loads(text) if text else {}
    # A server at another address may have the same secret.
    if claims.get("origin") != get_origin_from_redirect_uri():
        return None
    return _admitted(claims, settings)


def room_token(account: Account) -> str:
    """By what rooms know this person. Whoever knows the key could as well write a login: it is the same one."""
    return account.room_token(get_cookie_secret())


def _admitted(claims: dict[str, object], settings: ClassSettings) -> Account | None:
    if claims.get("is_logged_in") is not True:
        return None
    account = read_account(claims, str(get_secrets_auth_section().get("client_id", "")))
    require_admission(account, settings.email_domains, settings.instructors)
    return account
