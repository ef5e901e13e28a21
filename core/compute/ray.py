"""The distributed executor: the queue is here, and the workers are actors of a Ray cluster, one on each GPU.

The cluster is somebody else's: it is started beforehand (docs/hosting.md) and connected to by its address, from a
process for each actor (workers/ray_bridge.py). This module does not import Ray.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.compute.dispatch import QueueExecutor
from core.compute.store import Store
from core.compute.workers.ray_worker import RayWorker
from core.settings import BadSetting


class RayMissing(BadSetting):
    """Ray is not installed."""


class TokenMissing(BadSetting):
    """Without token authentication, whoever reaches the cluster can run code in it."""


class RayExecutor(QueueExecutor):
    """See QueueExecutor for the options, `core.compute.executor.Executor` for what the methods promise.

    A cluster that is not there yet, or refuses, is asked again; meanwhile jobs wait, and new ones are refused with
    BackendUnavailable. The log says why.

    Args:
        address: host:port of the cluster's head; this machine must be one of the cluster's nodes.
        actors: how many compute at the same time, each with a GPU ("cuda") or a processor core ("cpu") of its own.
        device: "cuda" or "cpu".
        options: those of QueueExecutor; `environment` must be among them.

    Raises RayMissing, TokenMissing.
    """

    def __init__(
        self,
        store: Store,
        registry: Mapping[str, str],
        *,
        address: str,
        actors: int = 1,
        device: str = "cpu",
        **options: Any,
    ) -> None:
        require_token(os.environ)
        if importlib.util.find_spec("ray") is None:
            raise RayMissing("Ray is not installed: .venv/bin/pip install -r requirements-cluster.txt.")
        workers = [RayWorker(store.path, device, address) for _ in range(actors)]
        super().__init__(store, registry, workers, **options)


def require_token(environment: Mapping[str, str]) -> None:
    """Raises TokenMissing unless the processes that connect will show a token."""
    path = Path(environment.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
    if environment.get("RAY_AUTH_MODE") != "token":
        raise TokenMissing("Set RAY_AUTH_MODE=token, for the app and for every node of the cluster.")
    if not environment.get("RAY_AUTH_TOKEN") and not path.is_file():
        raise TokenMissing(
            "Set RAY_AUTH_TOKEN_PATH to the file with the cluster's token; `ray get-auth-token --generate` makes one."
        )
