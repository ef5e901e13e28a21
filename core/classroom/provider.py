"""The `[auth]` section of Streamlit's secrets, which names the OpenID Connect provider: checked before a server starts."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from core.classroom.settings import ClassSettings
from core.settings import BadSetting

CALLBACK = "oauth2callback"  # below the app's own path; Streamlit serves it
KEYS = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
SHORTEST_COOKIE_SECRET = 32  # whoever guesses it can write anybody's login
THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


def read_auth(file: Path) -> Mapping[str, object]:
    """The section `[auth]` of a TOML file. Raises BadSetting, which names the file, when there is none."""
    try:
        section = tomllib.loads(file.read_text(encoding="utf-8")).get("auth")
    except OSError as error:
        raise BadSetting(
            f"Logins need a provider: {file} cannot be read ({error.strerror}). "
            "Write it, or name another file as login_file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{file} is not TOML: {error}.") from error
    if not isinstance(section, dict):
        raise BadSetting(f"{file} has no section [auth]: it names the provider of the logins.")
    return section


def check_auth(auth: Mapping[str, object], settings: ClassSettings) -> None:
    """Raises BadSetting, with a sentence that shows no secret, for a section with which nobody could log in safely."""
    said: dict[str, str] = {}
    for key in KEYS:
        value = auth.get(key)
        if not (isinstance(value, str) and value):
            raise BadSetting(f"{key} is missing in [auth] of {settings.login_file}: logins need it.")
        said[key] = value
    if len(said["cookie_secret"]) < SHORTEST_COOKIE_SECRET:
        raise BadSetting(
            f"cookie_secret in [auth] must have at least {SHORTEST_COOKIE_SECRET} characters: it signs the logins."
        )
    for key in ("redirect_uri", "server_metadata_url"):
        _check_address(key, said[key])
    redirect = urlsplit(said["redirect_uri"])
    path = f"/{settings.base_path}/{CALLBACK}" if settings.base_path else f"/{CALLBACK}"
    if redirect.path != path:
        raise BadSetting(
            f"redirect_uri in [auth] must end with {path}: there the provider sends people back to."
        )
    if settings.hosts and redirect.hostname not in settings.hosts:
        raise BadSetting(
            f"redirect_uri in [auth] names {redirect.hostname!r}, which is not one of the setting hosts: add it there."
        )


def require_library() -> None:
    """Raises BadSetting where what `st.login` needs is not installed."""
    missing = [name for name in ("authlib", "httpx2") if find_spec(name) is None]
    if missing:
        raise BadSetting(
            f"Logins need {' and '.join(missing)}: install requirements.txt into .venv (make serve does)."
        )


def _check_address(key: str, address: str) -> None:
    parts = urlsplit(address)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in THIS_MACHINE)
    if not (safe and parts.hostname):
        raise BadSetting(f"{key} in [auth] must be an address that begins with https://.")
