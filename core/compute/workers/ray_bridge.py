"""The process between the app and one actor of a Ray cluster: orders go in, events come out, as with worker.py.

    python -m core.compute.workers.ray_bridge

Ray's client ends its process when it loses the head, and its processes do not outlive the thread that called it. In a
process of its own that costs one job a retry, and the app, which never imports Ray, nothing. When this process ends,
however it does, Ray ends the actor; when the actor dies, this process ends, and the executor starts another one.

App -> bridge   hello {store, device, address, settings}   run {…}   stop {…}
Bridge -> app   ready {pid, host}   refused {error, message}   memory {bytes}   event {…} + arrays
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import ray
from ray.exceptions import AuthenticationError, RayError

from core.compute.workers.ray_actor import THREADS, ComputeActor
from core.compute.workers.wire import read_message, write_message

_PATIENCE = 0.25  # seconds until an actor that has nothing to tell says so; as often, its memory is known
_PROBE_SECONDS = 60
_LISTENER_SECONDS = 5
_UNREACHABLE = "Nothing answers at {address}. Is the head running, and is this machine a node of its cluster?"


class ClusterRefused(Exception):
    """This cluster is not computed with; the message says why, and what to do."""


class TokenRefused(ClusterRefused):
    """The cluster expects another token."""


class ClusterOpen(ClusterRefused):
    """The cluster answers without a token, so whoever reaches its address can run code in it."""


class ClusterUnreachable(ClusterRefused):
    """There is no cluster at this address."""


def start_probe(address: str) -> subprocess.Popen[bytes]:
    """Ask the cluster, without a token, whether it lives: what Ray's own health check does. Status 0: it answered."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH_")}
    return subprocess.Popen(
        [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address],
        env={**environment, "RAY_AUTH_MODE": "disabled"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def connect(address: str) -> None:
    """Make this process a client of the cluster. Raises ClusterRefused."""
    _require_listener(address)
    probe = start_probe(address)
    try:
        _require_token_accepted(address)
        try:
            ray.init(address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ClusterUnreachable(f"{_UNREACHABLE.format(address=address)} Ray says: {error}") from error
        if _status(probe) == 0:
            raise ClusterOpen(
                f"The cluster at {address} asks nobody for a token. Start its nodes with RAY_AUTH_MODE=token."
            )
    finally:
        probe.kill()
        probe.wait()


def _require_listener(address: str) -> None:
    """Ray asks an address where nothing listens for most of a minute."""
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), _LISTENER_SECONDS).close()
    except OSError as error:
        raise ClusterUnreachable(_UNREACHABLE.format(address=address)) from error


def _status(probe: subprocess.Popen[bytes]) -> int | None:
    try:
        return probe.wait(_PROBE_SECONDS)
    except subprocess.TimeoutExpired:  # then nobody answered
        return None


def _require_token_accepted(address: str) -> None:
    """Before `ray.init`, which asks for twenty seconds before it gives up, and then does not say why.

    The class is an inner part of Ray, the one with which its health check begins; the version is pinned.
    """
    try:
        ray._raylet.GcsClient(address)
    except AuthenticationError as error:
        raise TokenRefused(
            f"The cluster at {address} does not know our token. Give the app that of the cluster's nodes."
        ) from error
    except RayError as error:
        raise ClusterUnreachable(_UNREACHABLE.format(address=address)) from error


def make_actor(hello: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """An actor in the cluster that computes with the app's store, and what it says of itself. Waits until there is one.

    Raises RayError when it cannot begin its work.
    """
    proof = Path(hello["store"]) / f".shared.{secrets.token_hex(8)}.tmp"
    proof.touch()
    try:
        # The code comes from the project's folder on the actor's machine: Ray tells it the current one of this process.
        actor = (
            ray.remote(ComputeActor)
            .options(
                num_cpus=1, num_gpus=int(hello["device"] == "cuda"), max_restarts=0, max_concurrency=THREADS
            )
            .remote(hello["store"], hello["device"], hello["settings"], proof.name)
        )
        return actor, ray.get(actor.hello.remote())
    finally:
        proof.unlink(missing_ok=True)


class Bridge:
    """Reads orders in one thread, fetches events in the main thread."""

    def __init__(self, orders: BinaryIO, answers: BinaryIO) -> None:
        self._orders, self._answers = orders, answers
        self._actor: Any = None
        self._there = threading.Event()  # the actor is

    def serve(self) -> None:
        """Pass on what comes until one end is gone. Raises BrokenPipeError, RayError."""
        first = read_message(self._orders)
        if first is None:  # the app has ended already
            return
        hello, _ = first
        threading.Thread(target=self._listen, name="orders", daemon=True).start()
        try:
            connect(hello["address"])
            self._actor, known = make_actor(hello)
        except (ClusterRefused, RayError) as error:
            self._say({"type": "refused", "error": type(error).__name__, "message": str(error)})
            return
        self._there.set()
        self._say({"type": "ready", **known})
        held = None
        while True:
            messages, taken = ray.get(self._actor.hear.remote(_PATIENCE))
            if taken != held:
                held = taken
                self._say({"type": "memory", "bytes": held})
            self._answers.write(messages)
            self._answers.flush()

    def _listen(self) -> None:
        """A thread of its own, so that the app's end is noticed also while there is no actor yet."""
        while (message := read_message(self._orders)) is not None:
            order, _ = message
            self._there.wait()
            if order["type"] == "stop":
                self._actor.stop.remote(order["ticket"])
            else:
                self._actor.run.remote(order)
        if self._there.is_set():
            ray.kill(self._actor)
        os._exit(0)

    def _say(self, header: Mapping[str, Any]) -> None:
        write_message(self._answers, header)


def main() -> None:
    # As in worker.py: the messages keep the standard output for themselves.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the app; its end is then ours
    try:
        Bridge(os.fdopen(os.dup(0), "rb"), answers).serve()
    except BrokenPipeError:
        os._exit(0)
    except RayError as error:
        print(f"the actor has died: {type(error).__name__}", file=sys.stderr, flush=True)
        os._exit(1)


if __name__ == "__main__":
    main()
