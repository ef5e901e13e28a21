"""What every browser test needs: a Streamlit server for a script, a Chromium page, and its WebSocket traffic.

Tests are skipped with a sentence where Chromium or Playwright is not installed.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

playwright_api = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is not installed.")
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None
)
START_SECONDS = 60
expect.set_options(timeout=30_000)  # machines that run tests are slow


@dataclass
class Traffic:
    """WebSocket frames of a page since the last `reset`: how many each way, and how many bytes arrived."""

    sent: int = 0
    received: int = 0
    received_bytes: int = 0
    sockets: list = field(default_factory=list)

    def reset(self) -> None:
        self.sent = self.received = self.received_bytes = 0

    def watch(self, socket_) -> None:
        self.sockets.append(socket_)
        socket_.on("framesent", lambda payload: self._count_sent())
        socket_.on("framereceived", self._count_received)

    def _count_sent(self) -> None:
        self.sent += 1

    def _count_received(self, payload: str | bytes) -> None:
        self.received += 1
        self.received_bytes += len(payload)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """`serve(script, **environment)` starts a Streamlit server and returns its address; all end with the module.

    Every server has its own, empty data directory. `below` is the path below which the app lies.
    """
    running: list[tuple[subprocess.Popen, object]] = []

    def start(script: str | Path, below: str = "", **environment: str) -> str:
        port = free_port()
        log_path = tmp_path_factory.mktemp("server") / "log.txt"
        log = log_path.open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port),
             "--server.address", "127.0.0.1", "--server.headless", "true", "--server.fileWatcherType", "none",
             "--browser.gatherUsageStats", "false", "--server.baseUrlPath", below],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "DIFFUSION_DATA_DIR": str(tmp_path_factory.mktemp("data")),
                 **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        running.append((process, log))
        address = f"http://127.0.0.1:{port}/{below}".rstrip("/")
        for _ in range(START_SECONDS * 5):
            if process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                    return address
            except (urllib.error.URLError, OSError):
                try:
                    process.wait(0.2)
                except subprocess.TimeoutExpired:
                    continue
        raise RuntimeError(f"The server of {script} did not start:\n{log_path.read_text()[-2000:]}")

    yield start
    for process, log in running:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium.")
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            headless=True,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`new_page(width=…, **context options)` opens a page of its own. Afterwards the test fails if there was an error in
    the console, an exception on the page, or a request to anything but this machine: the app works without a network.

    `errors_allowed` are parts of the console errors that the test provokes. The page carries `page.traffic`, its `Traffic`.
    """
    opened: list[tuple[Page, list[str]]] = []

    def open_page(
        width: int = 1400, height: int = 900, errors_allowed: tuple[str, ...] = (), **options: object
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        problems: list[str] = []

        def note(message: ConsoleMessage) -> None:
            if message.type == "error" and not any(part in message.text for part in errors_allowed):
                problems.append(f"{message.text} {message.location.get('url', '')}")

        def note_request(request: Request) -> None:
            address = urlsplit(request.url)
            if address.scheme in ("http", "https", "ws", "wss") and address.hostname != "127.0.0.1":
                problems.append(f"The page asked for {request.url}")

        page.on("console", note)
        page.on("request", note_request)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.traffic = Traffic()
        page.on("websocket", page.traffic.watch)
        opened.append((page, problems))
        return page

    yield open_page
    failures = []
    for page, problems in opened:
        if not page.is_closed():
            for box in page.get_by_test_id("stException").all():
                problems.append(box.inner_text())
        failures += problems
        page.context.close()
    assert not failures, "Errors in the browser:\n" + "\n".join(failures)


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page 1400 pixels wide."""
    return new_page()


@pytest.fixture
def traffic(page: Page) -> Traffic:
    """The WebSocket frames of `page`."""
    return page.traffic
