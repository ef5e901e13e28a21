"""`make serve` as a whole: a server started with its command, asked from outside over HTTP and WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from core.settings import ROOT
from tests.classroom.serving import HOST, ask, free_port, serving

TOKEN = "for-prometheus-only"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a server below /course."""
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    with serving(folder, port, SECRET="chalk-and-talk-42", METRICS_TOKEN=TOKEN):
        yield port
    assert "Traceback" not in (folder / "log").read_text()


def open_socket(port: int, **headers: str) -> int:
    """The status with which the server answers somebody who wants a session; 101 opens it."""
    handshake = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "streamlit",
    }  # fmt: skip
    return ask(port, "/course/_stcore/stream", **handshake, **headers)[0]


def test_the_app_and_its_health_are_below_the_base_path(port):
    assert ask(port, "/course/")[0] == 200
    status, text = ask(port, "/course/healthz")
    assert (status, json.loads(text)["status"]) == (200, "ok")
    assert ask(port, "/course/classroom/BCDFGH/state")[0] == 403
    assert ask(port, "/course/forward-process/_stcore/health")[0] == 300


def test_another_host_or_origin_is_refused(port):
    assert open_socket(port, Origin=f"http://{HOST}") == 101
    for headers in ({"Host": "evil.example.com"}, {"Origin": "https://evil.example.com"}):
        assert open_socket(port, **headers) in (400, 403)
    for path in ("/course/", "/course/healthz", "/course/classroom/BCDFGH/state"):
        status, text = ask(port, path, Host="evil.example.com")
        assert status == 400
        assert str(ROOT) not in text


def test_the_counters_are_for_whoever_has_the_token(port):
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        status, text = ask(port, "/course/metrics", **given)
        assert (status, text) == (401, "")
    status, text = ask(port, "/course/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values["diffusion_rooms"]) == 0
    assert float(values["diffusion_jobs_waiting_max"]) == 64
    assert float(values["process_resident_memory_bytes"]) > 10e6
