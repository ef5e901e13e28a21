"""People of a class in browsers: their server, and what they do to come in and to get about."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from lessons.lesson import Lesson
from tests.browser.conftest import AT_ONCE, ROOT, START_SECONDS, free_port

SECRET = "chalk-and-talk-42"
SLOW = 120_000  # milliseconds


class ClassServer:
    """The app in class mode, which can be killed and started again at the same address with the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "DIFFUSION_DATA_DIR": str(self.folder / "data"),
            "DIFFUSION_CLASS_SECRET": SECRET, "DIFFUSION_CLASS_PLACES": "3", **AT_ONCE,
        }  # fmt: skip
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(self.port),
                 "--server.address", "127.0.0.1", "--server.headless", "true"],
                cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        for _ in range(START_SECONDS * 5):
            try:
                with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                try:
                    self.process.wait(0.2)
                    break  # it has ended
                except subprocess.TimeoutExpired:
                    continue
        raise RuntimeError((self.folder / "log.txt").read_text()[-2000:])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)


@contextmanager
def class_server(folder: Path) -> Iterator[ClassServer]:
    """One that is there for as long as the block."""
    made = ClassServer(folder)
    made.start()
    yield made
    made.kill()


def patient(new_page: Callable[..., Page], **always: object) -> Callable[..., Page]:
    """`new_page` for pages that share the machine with other browsers and a server; `always` goes to each."""

    def open_page(**options: object) -> Page:
        page = new_page(**always, **options)
        page.set_default_timeout(SLOW)
        return page

    return open_page


def fill(page: Page, label: str, text: str) -> None:
    page.get_by_role("textbox", name=label, exact=True).fill(text)


def press(button: Locator, until: Locator) -> None:
    """Clicks, once more if the click was lost to a page that was being drawn anew."""
    for _ in range(5):
        button.click(timeout=SLOW)
        try:
            expect(until.first).to_be_visible(timeout=SLOW / 5)
            return
        except AssertionError:
            if not button.is_visible():
                break
    expect(until.first).to_be_visible(timeout=SLOW)


def open_room(page: Page, server: ClassServer) -> str:
    """As the instructor; returns the code."""
    page.goto(f"{server.address}/class", wait_until="commit")
    page.get_by_text("I am the instructor").click(timeout=SLOW)
    fill(page, "Name that students see", "Dr. Kim")
    page.get_by_label("Instructor’s secret").fill(SECRET)
    page.wait_for_timeout(500)
    press(page.get_by_role("button", name="Open the room"), page.locator(".room-code"))
    return page.locator(".room-code").inner_text()


def join(page: Page, server: ClassServer, code: str, name: str, path: str = "class") -> None:
    page.goto(f"{server.address}/{path}?code={code.replace(' ', '')}", wait_until="commit")
    expect(page.get_by_role("button", name="Join", exact=True)).to_be_visible(timeout=SLOW)
    fill(page, "Your name", name)
    page.wait_for_timeout(500)
    page.get_by_role("textbox", name="Your name").press("Enter")


def visit(page: Page, lesson: Lesson) -> None:
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=f"{lesson.code} · {lesson.title}")
    link.click(timeout=SLOW)
    at(page, lesson)


def at(page: Page, lesson: Lesson) -> None:
    """The page shows the lesson, and its address says so."""
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{lesson.code} · {lesson.title}", timeout=SLOW)
    expect(page).to_have_url(re.compile(f"/{lesson.url_path}([?].*)?$"), timeout=SLOW)
