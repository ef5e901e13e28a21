"""A network that can be cut between a browser and a server, and a server that can be killed: for tests alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from tests.browser.conftest import AT_ONCE

ROOT = Path(__file__).resolve().parents[2]


class Wire:
    """Passes connections on to a server, at an address of its own, until it is cut; then it refuses, until it is mended."""

    def __init__(self, to_port: int) -> None:
        self._to, self._open, self._lock = to_port, set(), threading.Lock()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._listener: socket.socket | None = None
        self.mend()

    def mend(self) -> None:
        """From now on connections are passed on."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Ends every connection, and refuses new ones."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            _end(end)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                here, _ = listener.accept()
            except OSError:  # cut
                return
            try:
                there = socket.create_connection(("127.0.0.1", self._to))
            except OSError:  # the server is down
                _end(here)
                continue
            with self._lock:
                self._open |= {here, there}
            for one, other in ((here, there), (there, here)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        for end in (one, other):
            _end(end)
        with self._lock:
            self._open -= {one, other}


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class Server:
    """The app on a port and a data folder that stay the same when it is killed and started again."""

    def __init__(self, port: int, data: Path, **environment: str) -> None:
        self.address, self._port, self._data, self._environment = (
            f"http://127.0.0.1:{port}",
            port,
            data,
            environment,
        )
        self._log = (data.parent / f"{data.name}-log.txt").open("ab")
        self._process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        """Starts it, and waits until it answers. Raises RuntimeError after two minutes."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(self._port),
             "--server.address", "127.0.0.1", "--server.headless", "true"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "DIFFUSION_DATA_DIR": str(self._data), **AT_ONCE,
                 **self._environment},
            stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        for _ in range(600):
            with (
                suppress(urllib.error.URLError, OSError),
                urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1),
            ):
                return
            time.sleep(0.2)
        raise RuntimeError(f"The server did not start: {Path(self._log.name).read_text()[-2000:]}")

    def kill(self) -> None:
        """As a machine does that loses its power: the server and its worker, at once."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self._log.close()
