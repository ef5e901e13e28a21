"""The visitor of the load test: a page that opens is told from one that does not."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from lessons.course import COURSE
from scripts.measure.load_class import Seen, memory, start
from scripts.measure.load_sockets import PageFailed, Visitor

PATIENCE = 120.0  # seconds; a machine that runs tests is slow


pytestmark = pytest.mark.journey  # what a load run does, which make load is; half a minute


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("load")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = start(port, folder / "data", folder / "log")
    assert 50 < memory(server.pid) < 2000  # megabytes of a Python process with Streamlit in it
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(60)


def visit(origin: str, *paths: str) -> list[float]:
    """The seconds for each page: the first by a new connection, the others inside the session."""

    async def go() -> list[float]:
        visitor = Visitor(origin)
        try:
            return [await visitor.open(path, anew=k == 0, patience=PATIENCE) for k, path in enumerate(paths)]
        finally:
            await visitor.close()

    # In a thread of its own: Playwright, where a test of this process used it, keeps a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, go()).result()


def test_pages_open_by_a_new_connection_and_inside_the_session(origin):
    waits = visit(origin, COURSE[1].url_path, COURSE[-1].url_path, COURSE[1].url_path)
    assert len(waits) == 3 and min(waits) > 0


def test_a_page_that_is_none_has_failed(origin):
    with pytest.raises(PageFailed, match="no-such-lesson: page not found"):
        visit(origin, "no-such-lesson")


def test_a_server_that_is_none_has_failed():
    with pytest.raises(PageFailed, match="ConnectionRefusedError"):
        visit("http://127.0.0.1:1", COURSE[0].url_path)


def test_what_was_seen_is_said_with_its_percentile():
    seen = Seen(seconds=[k / 100 for k in range(101)], failures=["lost"])
    assert str(seen) == "101 of 102 pages complete; median 0.50 s, p95 0.95 s, slowest 1.0 s"
    assert str(Seen()) == "0 of 0 pages complete"
    assert str(Seen(seconds=[0.2])) == "1 of 1 pages complete"  # one is no distribution
