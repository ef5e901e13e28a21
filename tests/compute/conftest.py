"""Executors for the tests: the contract must hold for each of them."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from core.compute.store import Store
from tests.compute.helpers import EXECUTORS

# The same examples every time, so that a failure of make test is one that can be repeated.
hypothesis.settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
hypothesis.settings.register_profile("explore", max_examples=2000, stateful_step_count=80, deadline=None)
hypothesis.settings.load_profile("repeatable")

KINDS = ["local", "seats", pytest.param("ray", marks=pytest.mark.cluster)]


@pytest.fixture(scope="module", params=KINDS)
def executor(request, tmp_path_factory):
    """One executor for a module's tests; its worker is started once."""
    if request.param == "ray":
        request.getfixturevalue("cluster")
    store = Store(tmp_path_factory.mktemp("store"))
    executor = EXECUTORS[request.param](store, grace_seconds=1.0)
    executor.store = store
    yield executor
    executor.close()
    store.close()


@pytest.fixture
def new_executor(request, tmp_path):
    """Makes executors of its own settings on the test's store; closes them."""
    made = []

    def make(store=None, kind="local", **options):
        if kind == "ray":
            request.getfixturevalue("cluster")
        made.append(EXECUTORS[kind](store or Store(tmp_path / "store"), **{"grace_seconds": 1.0, **options}))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of a Ray cluster of one machine, which asks for a token; the token is in the environment."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: make cluster-test installs it and runs these tests.")
    with pytest.MonkeyPatch.context() as patch, tempfile.NamedTemporaryFile("w") as token:
        token.write(secrets.token_hex(32))
        token.flush()
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN_PATH", token.name)
        patch.setenv("TEST_RAY_ADDRESS", address := free_address())
        with head(address):
            yield address


def free_address() -> str:
    """Where nothing listens at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def head(address: str) -> Iterator[None]:
    """A cluster of this machine, with the authentication that the environment says. It is told that there are two GPUs."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: it holds sockets, whose names must be
    command = [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2", "--num-gpus=2",
        f"--port={address.split(':')[1]}", f"--temp-dir={folder}", "--object-store-memory=100000000",
        "--disable-usage-stats", "--include-dashboard=false",
    ]  # fmt: skip
    at_once = {
        **os.environ,
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    }  # it ends without waiting for its actors
    with open(folder / "start.log", "wb") as log:
        process = subprocess.Popen(command, env=at_once, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        latest = time.monotonic() + 120
        while not (folder / "session_latest" / "sockets" / "raylet").exists():
            assert process.poll() is None and time.monotonic() < latest, (folder / "start.log").read_text()
            time.sleep(0.1)
        yield
    finally:
        process.terminate()  # it ends the processes that it has started, and no other cluster's
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)
