"""Settings of logins: a server that people could not log in to safely does not start, and says in a sentence why."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.runtime.secrets import AttrDict

from core.classroom import provider
from core.classroom.provider import check_auth, read_auth, require_library
from core.classroom.settings import read_class_settings, serving
from core.settings import ROOT, BadSetting
from pages.server.classroom import login
from scripts import serve

AUTH = {
    "redirect_uri": "https://lessons.example.org/course/oauth2callback", "cookie_secret": "0123456789abcdef" * 2,
    "client_id": "lessons", "client_secret": "known-to-both",
    "server_metadata_url": "https://login.example.org/.well-known/openid-configuration",
}  # fmt: skip
SAFE = {
    "IDENTITY": "oidc", "INSTRUCTORS": "Kim@school.example.org, 1234-aBc", "COOKIE_SECRET": "0123456789abcdef",
    "HOSTS": "lessons.example.org", "BASE_PATH": "course",
}  # fmt: skip


def written(folder: Path, **changes: str | None) -> Path:
    """A file of secrets; None leaves a key out."""
    lines = [f'{key} = "{value}"' for key, value in (AUTH | changes).items() if value is not None]
    file = folder / "provider.toml"
    file.write_text("\n".join(["[auth]", *lines]))
    return file


def test_logins_make_a_class_without_a_secret(variables):
    variables(**SAFE, EMAIL_DOMAINS="School.example.org,example.org")
    settings = read_class_settings()
    assert settings.on
    assert settings.by_login
    assert settings.instructors == ("kim@school.example.org", "1234-aBc")
    assert settings.email_domains == ("school.example.org", "example.org")
    assert settings.login_file == ROOT / ".streamlit" / "secrets.toml"
    serving(settings)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"IDENTITY": "saml"}, "'identity' cannot be used"),
        ({"IDENTITY": "code"}, "'instructors' cannot be used: has a meaning only with identity"),
        (
            {"IDENTITY": "code", "INSTRUCTORS": "", "EMAIL_DOMAINS": "example.org"},
            "'email_domains' cannot be used: has",
        ),
        ({"EMAIL_DOMAINS": "@example.org"}, "'email_domains' cannot be used: must be domains"),
        ({"EMAIL_DOMAINS": "example"}, "'email_domains' cannot be used: must be domains"),
        ({"EMAIL_DOMAINS": ".example.org"}, "'email_domains' cannot be used: must be domains"),
    ],
)
def test_what_cannot_be_used_is_named(variables, values, sentence):
    variables(**SAFE | values)
    with pytest.raises(BadSetting) as raised:
        read_class_settings()
    assert sentence in str(raised.value)


def test_somebody_must_be_able_to_lead(variables):
    variables(**SAFE | {"INSTRUCTORS": ""})
    with pytest.raises(BadSetting, match="Nobody could open a room"):
        serving(read_class_settings())
    variables(SECRET="chalk-and-talk-42")
    serving(read_class_settings())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        *(({key: None}, f"{key} is missing in \\[auth\\]") for key in AUTH),
        ({"client_secret": ""}, "client_secret is missing"),
        ({"cookie_secret": "short-one"}, "cookie_secret in \\[auth\\] must have at least 32"),
        ({"redirect_uri": "https://lessons.example.org/course/"}, "must end with /course/oauth2callback"),
        ({"redirect_uri": "https://lessons.example.org/oauth2callback"}, "must end with /course/oauth2callback"),
        ({"redirect_uri": "https://other.example.org/course/oauth2callback"}, "'other.example.org', which is not one of"),
        ({"redirect_uri": "http://lessons.example.org/course/oauth2callback"}, "redirect_uri .* must .* https://"),
        ({"server_metadata_url": "http://login.example.org/"}, "server_metadata_url .* must .* https://"),
        ({"server_metadata_url": "login.example.org"}, "server_metadata_url .* must .* https://"),
        ({"server_metadata_url": "http://127.0.0.1@login.example.org/"}, "server_metadata_url .* must .* https://"),
    ],
)  # fmt: skip
def test_a_provider_that_is_not_whole_stops_the_start(variables, tmp_path, monkeypatch, changes, sentence):
    monkeypatch.setattr(serve, "require_library", lambda: None)
    variables(**SAFE, LOGIN_FILE=str(written(tmp_path, **changes)))
    with pytest.raises(BadSetting, match=sentence) as raised:
        serve.command([])
    assert "known-to-both" not in str(raised.value)
    assert "short-one" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read"),
        ("[auth", "is not TOML"),
        ("x = 1", "has no section"),
        ("auth = 1", "has no section"),
    ],
)
def test_a_file_without_a_provider_is_named(tmp_path, text, sentence):
    file = tmp_path / "secrets.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadSetting, match=sentence) as raised:
        read_auth(file)
    assert str(file) in str(raised.value)


def test_a_whole_provider_starts_the_server_with_its_file(variables, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "require_library", lambda: None)
    monkeypatch.setenv("STREAMLIT_SERVER_TRUSTED_USER_HEADERS", '{"X-User": "email"}')
    file = written(tmp_path)
    variables(**SAFE, LOGIN_FILE=str(file))
    words, environment = serve.command([])
    assert words[-2:] == ["--secrets.files", str(file)]
    assert environment["STREAMLIT_SERVER_TRUSTED_USER_HEADERS"] == "{}"  # no header says who somebody is
    assert not any(AUTH["client_secret"] in word for word in words)
    check_auth(AUTH | {"redirect_uri": "http://localhost/course/oauth2callback"}, read_class_settings().model_copy(
        update={"hosts": ("localhost",)}))  # fmt: skip


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(provider, "find_spec", lambda name: None)
    with pytest.raises(BadSetting, match="Logins need authlib"):
        require_library()


@pytest.mark.parametrize(
    ("auth", "options", "sentence"),
    [
        (AUTH, {}, None),
        ({}, {}, "redirect_uri is missing"),
        (AUTH, {"server.trustedUserHeaders": {"X-User": "email"}}, "Unset server.trustedUserHeaders"),
        (AUTH, {"server.enableXsrfProtection": False}, "Set server.enableXsrfProtection"),
    ],
)
def test_a_server_that_is_started_by_hand_is_as_careful(variables, monkeypatch, auth, options, sentence):
    variables(**SAFE)
    usual = {"server.trustedUserHeaders": {}, "server.enableXsrfProtection": True}
    monkeypatch.setattr(login, "get_secrets_auth_section", lambda: AttrDict(auth))
    monkeypatch.setattr(login.st, "get_option", (usual | options).__getitem__)
    if sentence is None:
        login.require_login_works(read_class_settings())
        return
    with pytest.raises(BadSetting, match=sentence):
        login.require_login_works(read_class_settings())
