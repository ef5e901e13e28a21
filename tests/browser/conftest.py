"""What every browser test needs: a Streamlit server for a script, a Chromium page, and its WebSocket traffic.

Tests are skipped with a sentence where Chromium or Playwright is not installed.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.settings import ASSETS

playwright_api = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is not installed.")
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None
)
START_SECONDS = 60
AT_ONCE = {"DIFFUSION_AT_ONCE": "3600"}  # runs begin by themselves however busy the machine is that tests
SCREEN = (1400, 900)  # pixels, unless a test asks for others
# Pages share a process, which has Streamlit's scripts compiled already, and none is started in advance: a third of what
# opening a page costs.
ONE_AFTER_THE_OTHER = ("--renderer-process-limit=1", "--disable-features=SpareRendererForSitePerProcess")
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


@contextmanager
def servers(folders: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """A function that starts a Streamlit server for a script and returns its address; all end with the block.

    Every server has its own, empty data directory. `below` is the path below which the app lies.
    """
    running: list[tuple[subprocess.Popen, object]] = []

    def start(script: str | Path, below: str = "", **environment: str) -> str:
        port = free_port()
        log_path = folders.mktemp("server") / "log.txt"
        log = log_path.open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port),
             "--server.address", "127.0.0.1", "--server.headless", "true", "--server.fileWatcherType", "none",
             "--browser.gatherUsageStats", "false", "--server.baseUrlPath", below],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "DIFFUSION_DATA_DIR": str(folders.mktemp("data")),
                 **AT_ONCE, **environment},
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

    try:
        yield start
    finally:
        for process, log in running:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            log.close()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """`serve(script, **environment)`: a server of the module's own, for what asks for other settings or an empty store."""
    with servers(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as it is on a fresh machine: the openings that ship, and nothing that was computed before the tests."""
    with servers(tmp_path_factory) as start:
        yield start("streamlit_app.py", DIFFUSION_OPENINGS=str(ASSETS / "openings"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """`shared(script)`: the address of the one server of this script that all modules visit, each with new cookies.

    A server and the worker behind it take some ten seconds of computing to start: as much as several tests.
    """
    with servers(tmp_path_factory) as start:
        yield functools.cache(start)


@pytest.fixture(scope="session")
def app(shared: Callable[[str], str]) -> str:
    """The address of the app as one runs it alone. What one test had computed is there for the next ones."""
    return shared("streamlit_app.py")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium.")
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            headless=True,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", *ONE_AFTER_THE_OTHER],
        )
        yield chromium
        chromium.close()


class Profile:
    """A browser's profile that many tests use one after the other: its cache stays, as on a machine that knows the app.

    To load and compile Streamlit's scripts anew costs a third of what opening a page costs.
    """

    def __init__(self, browser: Browser) -> None:
        self.context = browser.new_context()
        self._empty = self.context.new_page()  # to speak through, when the others are closed
        self._inner = self.context.new_cdp_session(self._empty)

    def forget(self, origins: Iterable[str]) -> None:
        """Closes the pages; the next ones are another person's, without cookies and with nothing kept."""
        for page in self.context.pages:
            if page is not self._empty:
                page.goto("about:blank")  # so that what it keeps as it goes is kept now
                page.close()
        self.context.clear_cookies()
        for origin in origins:
            self._inner.send(
                "Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "local_storage,indexeddb"}
            )


@pytest.fixture(scope="session")
def profile(browser: Browser) -> Iterator[Profile]:
    made = Profile(browser)
    yield made
    made.context.close()


@pytest.fixture
def new_page(browser: Browser, profile: Profile) -> Iterator[Callable[..., Page]]:
    """`new_page(width=…, **context options)` opens a page of a person who has not been here before.

    A test's first person uses the profile that all tests use one after the other, on a screen as wide, as light and as calm
    as is asked for; who comes beside them, or has another kind of screen, brings a profile of their own.

    Afterwards the test fails if there was an error in the console, an exception on the page, or a request to anything but
    this machine: the app works without a network.

    `errors_allowed` are parts of the console errors that the test provokes. The page carries `page.traffic`, its `Traffic`.
    """
    opened: list[tuple[Page, list[str], set[str], Profile | None]] = []

    def open_page(
        width: int = SCREEN[0],
        height: int = SCREEN[1],
        errors_allowed: tuple[str, ...] = (),
        color_scheme: str = "light",
        reduced_motion: str = "reduce",  # films then stand where they open
        **options: object,
    ) -> Page:
        shared = None if opened or options else profile
        context = shared.context if shared else browser.new_context(**options)
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        problems: list[str] = []
        origins: set[str] = set()

        def note(message: ConsoleMessage) -> None:
            if message.type == "error" and not any(part in message.text for part in errors_allowed):
                problems.append(f"{message.text} {message.location.get('url', '')}")

        def note_request(request: Request) -> None:
            address = urlsplit(request.url)
            if address.scheme not in ("http", "https", "ws", "wss"):
                return
            origins.add(f"{address.scheme}://{address.netloc}")
            if address.hostname != "127.0.0.1":
                problems.append(f"The page asked for {request.url}")

        page.on("console", note)
        page.on("request", note_request)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.traffic = Traffic()
        page.on("websocket", page.traffic.watch)
        opened.append((page, problems, origins, shared))
        return page

    yield open_page
    failures = []
    for page, problems, origins, shared in opened:
        if not page.is_closed():
            for box in page.get_by_test_id("stException").all():
                problems.append(box.inner_text())
        failures += problems
        if shared is None:
            page.context.close()
        else:
            shared.forget(origins)
    assert not failures, "Errors in the browser:\n" + "\n".join(failures)


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page 1400 pixels wide."""
    return new_page()


@pytest.fixture
def traffic(page: Page) -> Traffic:
    """The WebSocket frames of `page`."""
    return page.traffic
