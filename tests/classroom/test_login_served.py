"""Logins as a whole: a real server, a provider on this machine, and browsers that log in, and lie."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from tests.classroom.oidc_provider import CLIENT, CLIENT_SECRET, Provider, provider
from tests.classroom.raw_browser import RawBrowser
from tests.classroom.serving import free_port, serving

COOKIE, OTHER_COOKIE = "_streamlit_user", "diffusion_class"
COOKIE_SECRET = "a-secret-of-the-server-that-signs-logins"
ADA = ("ada-1", "Ada Lovelace", "ada@school.example.org")
KIM = ("kim-1", "Dr. Kim", "kim@school.example.org")
OURS = {"X-Classroom": "1", "Content-Type": "application/json"}
HERE = json.dumps({"page": "forward-process", "query": "t=500", "frame": 3, "total": 40}).encode()


@pytest.fixture(scope="module")
def names() -> Iterator[Provider]:
    with provider() as made:
        yield made


@contextmanager
def login_server(names: Provider, folder: Path, port: int) -> Iterator[str]:
    """Its origin; people log in, whose address is of the school may come in, and Dr. Kim leads."""
    origin, file = f"http://127.0.0.1:{port}", folder / "secrets.toml"
    file.write_text(
        f'[auth]\nredirect_uri = "{origin}/course/oauth2callback"\n'
        f'cookie_secret = "{COOKIE_SECRET}"\nclient_id = "{CLIENT}"\nclient_secret = "{CLIENT_SECRET}"\n'
        f'server_metadata_url = "{names.issuer}/.well-known/openid-configuration"\n'
    )
    settings = {
        "IDENTITY": "oidc", "INSTRUCTORS": "Kim@school.example.org", "EMAIL_DOMAINS": "school.example.org",
        "LOGIN_FILE": str(file),
    }  # fmt: skip
    with serving(folder, port, **settings):
        yield origin


@pytest.fixture(scope="module")
def origin(names: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with login_server(names, tmp_path_factory.mktemp("logins"), free_port()) as made:
        yield made


@pytest.fixture
def browser(origin: str) -> Callable[[], RawBrowser]:
    return lambda: RawBrowser(origin, "/course")


def is_outside(somebody: RawBrowser, code: str = "BCDFGH") -> bool:
    """Sees the door alone, on whatever page, and no room's state."""
    for page in ("class", "block-glossary"):
        text = somebody.visit(page)
        inside = any(words in text for words in ("You are here as", "[Open the room]", "Block glossary"))
        if inside or not ("[Log in]" in text or "[Log out]" in text):
            return False
    return somebody.get(f"/classroom/{code}/state")[0] == 403


@pytest.fixture
def room(names: Provider, browser: Callable[[], RawBrowser]) -> Iterator[tuple[str, RawBrowser]]:
    """The code of a room that Dr. Kim has opened, and her browser; closed afterwards."""
    names.is_(*KIM)
    kim = browser()
    kim.log_in()
    shown = kim.visit("class", "Open the room")
    assert "Your class" in shown
    code = re.search(r"Room ([A-Z]{3}) ([A-Z]{3})", shown)
    yield "".join(code.groups()), kim
    kim.visit("class", "Close it for all")


def test_who_logs_in_is_inside_under_that_name_and_can_log_out(names, browser):
    names.is_(*ADA)
    ada = browser()
    assert is_outside(ada)
    shown = ada.log_in()
    assert "You are here as Ada Lovelace (ada@school.example.org)" in shown
    assert "[Open the room]" not in shown  # a student
    assert "[Log in]" not in ada.visit("block-glossary")
    kept = ada.cookie(COOKIE)
    assert (kept.path, kept.has_nonstandard_attr("HttpOnly")) == ("/course", True)
    ada.log_out()
    assert ada.cookie(COOKIE) is None
    assert is_outside(ada)


def test_a_class_of_people_who_have_logged_in(names, browser, room):
    code, kim = room
    names.is_(*ADA)
    ada = browser()
    ada.log_in()
    assert ada.get(f"/classroom/{code}/state")[0] == 403  # has not joined
    shown = ada.visit("class", r"Join the class of Dr\. Kim")
    assert "You are here as **Ada Lovelace**. When your instructor leads" in shown
    assert kim.get(f"/classroom/{code}/lead", body=HERE, **OURS)[0] == 204
    status, told = ada.get(f"/classroom/{code}/state")
    assert (status, json.loads(told)["page"]) == (200, "forward-process")
    status, refused = ada.get(f"/classroom/{code}/lead", body=HERE, **OURS)
    assert (status, "Only the instructor" in refused) == (403, True)
    assert "present" in kim.get(f"/classroom/{code}/state")[1]
    second = browser()
    assert "When your instructor leads" in second.log_in()  # the same person in a new browser
    assert "1 of 80 places are taken" in kim.visit("class")
    names.is_("ada-2", "Ada Lovelace", "ada.two@school.example.org")
    other = browser()
    other.log_in()
    assert "Ada Lovelace 2" in other.visit("class", r"Join the class of Dr\. Kim")
    assert ada.get("/classroom/session", body=b'{"token": "x"}', **OURS)[0] in (404, 405)


@pytest.mark.parametrize(
    "lie", ["altered", "cut", "plain", "another secret", "another cookie", "parameters", "headers"]
)
def test_what_a_visitor_writes_makes_nobody(names, browser, room, lie):
    code, kim = room
    honest = kim.cookie(COOKIE).value
    claims = {
        "iss": names.issuer, "aud": CLIENT, "sub": KIM[0], "name": KIM[1], "email": KIM[2], "email_verified": True,
        "is_logged_in": True, "origin": kim.origin, "provider": "default",
    }  # fmt: skip
    mallory = browser()
    query, headers = "", {}
    if lie == "altered":
        mallory.put(COOKIE, honest[:5] + ("A" if honest[5] != "A" else "B") + honest[6:])
    elif lie == "cut":
        mallory.put(COOKIE, honest.rpartition(".")[0])
    elif lie == "plain":
        mallory.put(COOKIE, json.dumps(claims).replace('"', "'").replace(" ", ""))
    elif lie == "another secret":
        mallory.put(COOKIE, create_signed_value("x" * 40, COOKIE, json.dumps(claims)).decode())
    elif lie == "another cookie":
        mallory.put(OTHER_COOKIE, honest)
        mallory.put(f"{COOKIE}_1", honest)
    elif lie == "parameters":
        query = "sub=kim-1&email=kim@school.example.org&is_logged_in=true&token=" + honest
    else:
        headers = {"X-Forwarded-User": KIM[2], "X-Forwarded-Email": KIM[2], "X-Streamlit-User": KIM[2]}
    shown = mallory.visit("class", query=query, **headers)
    assert "[Log in]" in shown
    assert "[Log out]" not in shown
    for path in (f"/classroom/{code}/state", f"/classroom/{code}/state?{query}"):
        assert mallory.get(path, **headers)[0] == 403
    assert mallory.get(f"/classroom/{code}/lead", body=HERE, **OURS, **headers)[0] == 403
    assert kim.get(f"/classroom/{code}/state")[0] == 200  # the honest one still counts


WRONG: dict[str, Callable[[dict], dict]] = {
    "audience": lambda claims: claims | {"aud": "another-app"},
    "audience, handed to us": lambda claims: claims | {"aud": "another-app", "azp": CLIENT},
    "issuer": lambda claims: claims | {"iss": "https://accounts.example.org"},
    "nonce": lambda claims: claims | {"nonce": "of another login"},
    "time": lambda claims: claims | {"exp": int(time.time()) - 3600},
    "nobody": lambda claims: claims | {"sub": ""},
}


@pytest.mark.parametrize("wrong", ["signature", *WRONG])
def test_a_wrong_identity_token_makes_nobody(names, browser, wrong):
    names.is_(*KIM)
    if wrong == "signature":
        names.signs_with = RSAKey.generate_key(2048, {"kid": "1"})
    else:
        names.spoil = WRONG[wrong]
    mallory = browser()
    mallory.log_in()
    assert is_outside(mallory)


@pytest.mark.parametrize(
    ("email", "verified"),
    [
        ("eve@elsewhere.example.org", True),
        ("kim@school.example.org", False),
        ("eve@evil-school.example.org", True),
    ],
)
def test_whose_address_is_not_of_the_school_gets_a_sentence(names, browser, email, verified):
    names.is_("eve-1", "Eve", email, verified=verified)
    eve = browser()
    shown = eve.log_in()
    assert "not one that this server lets in: log out" in shown
    assert is_outside(eve)
    eve.log_out()
    assert "[Log in]" in eve.visit("class")
