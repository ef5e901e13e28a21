"""A server started with the command of `make serve`, for tests that ask it from outside."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.settings import ROOT
from scripts.serve import command

HOST = "lessons.example.org"
START_SECONDS = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(folder: Path, port: int, **settings: str) -> Iterator[None]:
    """The app below /course with these class settings, its data and its log in `folder`, until the block ends."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "COOKIE_SECRET": "0123456789abcdef", "HOSTS": f"{HOST},127.0.0.1", "BASE_PATH": "course",
            "PORT": str(port), **settings,
        }.items():  # fmt: skip
            patch.setenv(f"DIFFUSION_CLASS_{name}", value)
        words, environment = command([])
    environment = {**environment, "DIFFUSION_DATA_DIR": str(folder / "data"), "PATH": os.environ["PATH"]}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        for _ in range(START_SECONDS * 2):
            try:
                if ask(port, "/course/healthz")[0] == 200:
                    break
            except OSError:
                pass  # it does not listen yet
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                continue
            raise RuntimeError((folder / "log").read_text()[-2000:])
        yield
    finally:
        process.terminate()
        process.wait(30)


def ask(port: int, path: str, **headers: str) -> tuple[int, str]:
    """Status and text of a GET; `Host` is the right one unless given."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": HOST, **headers})
        answer = connection.getresponse()
        return answer.status, "" if answer.status == 101 else answer.read().decode(errors="replace")
    finally:
        connection.close()
