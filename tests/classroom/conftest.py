"""What tests of a class share: its settings in the environment, and browsers that have kept a token, of one server.

`browser` and `ada` need a fixture `rooms`, which each module makes in its own way.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.classroom.rooms import Rooms
from core.classroom.settings import PREFIX
from pages.server.classroom.identity import COOKIE
from pages.server.served.collection import collection_routes
from pages.server.served.routes import served_routes


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets variables of the class, after the machine's own are gone."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)

    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"{PREFIX}{name}", value)

    return put


class Clock:
    """A time that tests set, in seconds."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def browser(rooms: Rooms) -> Callable[..., TestClient]:
    """`browser(token)`: one that has kept a token; all ask the same server."""
    app = Starlette(routes=served_routes("/course") + collection_routes("/course"))

    def make(token: str | None = None) -> TestClient:
        cookies = {COOKIE: token} if token is not None else None
        return TestClient(app, base_url="http://lessons.example.org", cookies=cookies)

    return make


@pytest.fixture
def ada(rooms: Rooms, browser) -> TestClient:
    code, _ = rooms.open("Dr. Kim")
    return browser(rooms.join(code, "Ada"))
