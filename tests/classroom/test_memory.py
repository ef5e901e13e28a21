"""What closed tabs leave behind in the server: nothing that grows."""

from __future__ import annotations

import time

import pytest

from lessons.course import COURSE
from scripts.measure.load_class import memory, start
from tests.classroom.serving import free_port
from tests.classroom.test_load import visit

TABS = 10
KEPT = 150  # seconds: Streamlit keeps the session of a closed tab for 120, in case that it comes back
CODES = (
    "A1",
    "A2",
    "A6",
    "A11",
    "B2",
    "B6",
)  # large films, drawn by the page and by the worker; trained networks


@pytest.mark.journey
def test_memory_does_not_grow_with_the_tabs_that_were_closed(tmp_path):
    """The first round fills the caches, which are bounded; from then on each round ends where the one before did."""
    port = free_port()
    server = start(port, tmp_path / "data", tmp_path / "log")
    paths = [lesson.url_path for lesson in COURSE if lesson.code in CODES]
    ends = []
    try:
        for _ in range(3):
            for _ in range(TABS):
                visit(f"http://127.0.0.1:{port}", *paths)
            time.sleep(KEPT)
            visit(f"http://127.0.0.1:{port}", "class")  # a visit lets the server look after what has expired
            ends.append(memory(server.pid))
    finally:
        server.terminate()
        server.wait(60)
    assert ends[2] - ends[1] < 40, ends  # megabytes; one film in each of ten tabs would be 100
