"""What computes in a cluster: the same jobs, by the same code, as in the worker process of worker.py.

Ray makes a `ComputeActor` in a process of its own on one of the cluster's machines and calls its methods from several
threads: one computes, while others are told to stop and asked for what there is to tell. Nothing here needs Ray.
"""

from __future__ import annotations

import io
import os
import socket
import threading
import traceback
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from core.compute.store import Store
from core.compute.workers.watch import private_bytes
from core.compute.workers.wire import write_message
from core.compute.workers.worker import carry_out

THREADS = 4  # one computes, one waits in `hear`, one hears `stop`, one to spare


class NotShared(Exception):
    """This machine does not see the folder of the app's store."""


class ComputeActor:
    """Computes one job at a time, on one device.

    Args:
        store: the folder of the app's store, which every machine of the cluster sees at this path.
        device: torch device string; Ray lets the process see one GPU only, so "cuda" is that one.
        settings: variables of the environment that the jobs read, such as DIFFUSION_MODEL.
        proof: name of a file that the app has just put into the folder. Raises NotShared when it is not there.
    """

    def __init__(self, store: str, device: str, settings: Mapping[str, str], proof: str) -> None:
        if not (Path(store) / proof).is_file():
            raise NotShared(
                f"The machine {socket.gethostname()} does not see {store}, the folder of results, as the app does: "
                "share it, at the same path."
            )
        os.environ.update(settings)
        self._store, self._device = Store(store), device
        self._cache: dict[Hashable, Any] = {}
        self._stopped: set[int] = set()  # tickets; a stop may overtake the run that it is about
        self._changed = threading.Condition()
        self._outbox = io.BytesIO()

    def hello(self) -> dict[str, Any]:
        """Who computes; answered as soon as the actor lives."""
        return {"pid": os.getpid(), "host": socket.gethostname()}

    def run(self, order: Mapping[str, Any]) -> None:
        """Compute what the order asks for; its events are fetched by `hear`."""
        ticket = order["ticket"]
        try:
            carry_out(
                order, self._store, self._device, self._cache, self._say,
                stopped=lambda: ticket in self._stopped,
            )  # fmt: skip
        except Exception:  # noqa: BLE001 - no fault of the job's: like the worker process, it does not go on from here
            traceback.print_exc()
            os._exit(1)
        self._stopped.discard(ticket)

    def stop(self, ticket: int) -> None:
        """Have the job with this ticket stop before its next step."""
        self._stopped.add(ticket)

    def hear(self, patience: float) -> tuple[bytes, int | None]:
        """All messages since the last call, as a stream of wire.py, and the memory that this process holds.

        Waits `patience` seconds for the first of them. A slow line so carries fewer, longer answers.
        """
        with self._changed:
            self._changed.wait_for(self._outbox.tell, patience)
            messages, self._outbox = self._outbox.getvalue(), io.BytesIO()
        return messages, private_bytes(os.getpid())

    def _say(self, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        with self._changed:
            write_message(self._outbox, header, arrays)
            self._changed.notify_all()
