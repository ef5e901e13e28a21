"""A Firefox of its own for a test, driven over WebDriver BiDi: what its protections of privacy do to a page, no emulation.

Playwright drives a Firefox of its own make only; Debian's speaks the standard by itself, over a WebSocket.
https://www.w3.org/TR/webdriver-bidi/
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
START_SECONDS, ANSWER_SECONDS = 90, 120
ALWAYS: Mapping[str, bool | int | str] = {  # ask nothing, fetch nothing
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.active-protocols": 1,
    "toolkit.telemetry.enabled": False,
}


class FirefoxError(RuntimeError):
    """What Firefox answered in place of a result."""


class Firefox:
    """One window of a headless Firefox with an empty profile and these preferences. To be closed."""

    def __init__(self, profile: Path, preferences: Mapping[str, bool | int | str]) -> None:
        profile.mkdir(parents=True)
        lines = [
            f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in {**ALWAYS, **preferences}.items()
        ]
        (profile / "user.js").write_text("\n".join(lines))
        self._log = profile / "log.txt"
        self._process = subprocess.Popen(
            [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0",
             "about:blank"],
            stdout=self._log.open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._numbers = itertools.count(1)
        self._held = ExitStack()
        self._socket = self._held.enter_context(
            connect(f"{self._address()}/session", max_size=None, open_timeout=30)
        )
        self._ask("session.new", {"capabilities": {}})
        self._window = self._ask("browsingContext.getTree", {})["contexts"][0]["context"]

    def _address(self) -> str:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            if found := LISTENS.search(self._log.read_text(errors="replace")):
                return found[1]
            time.sleep(0.2)
        self._process.kill()
        raise FirefoxError(f"Firefox did not start: {self._log.read_text(errors='replace')[-1500:]}")

    def _ask(self, method: str, params: Mapping[str, Any]) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            told = json.loads(self._socket.recv(timeout=ANSWER_SECONDS))
            if told.get("id") == number:
                if told["type"] == "error":
                    raise FirefoxError(f"{method}: {told['message']}")
                return told["result"]

    def size(self, width: int, height: int) -> None:
        """The room for the page, in CSS pixels."""
        viewport = {"width": width, "height": height}
        self._ask("browsingContext.setViewport", {"context": self._window, "viewport": viewport})

    def open(self, address: str) -> None:
        """Goes to an address and waits until it is loaded."""
        self._ask("browsingContext.navigate", {"context": self._window, "url": address, "wait": "complete"})

    def run(self, function: str, *arguments: Any) -> Any:
        """What a function, as text in JavaScript, returns for JSON arguments; it may be a promise of JSON."""
        call = f"async () => JSON.stringify(await ({function})(...{json.dumps(arguments)}) ?? null)"
        told = self._ask(
            "script.callFunction",
            {"functionDeclaration": call, "awaitPromise": True, "target": {"context": self._window},
             "userActivation": True},
        )  # fmt: skip
        if told["type"] == "exception":
            raise FirefoxError(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])

    def wait(self, function: str, *arguments: Any, seconds: float = 120) -> Any:
        """Until a function returns something that counts as true. Raises FirefoxError if it never does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := self.run(function, *arguments):
                return found
            time.sleep(0.25)
        raise FirefoxError(f"In {seconds} seconds this did not become true: {function} {arguments}")

    def screenshot(self, left: float, top: float, width: float, height: float) -> bytes:
        """A PNG of what the window shows there: pixels of the screen, which no page can read."""
        clip = {"type": "box", "x": left, "y": top, "width": width, "height": height}
        told = self._ask("browsingContext.captureScreenshot", {"context": self._window, "clip": clip})
        return base64.b64decode(told["data"])

    def close(self) -> None:
        try:
            self._ask("browser.close", {})
            self._held.close()
            self._process.wait(15)
        except Exception:
            self._process.kill()
            raise
