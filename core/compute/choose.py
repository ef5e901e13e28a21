"""The executor that the settings ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.compute.dispatch import QueueExecutor
from core.compute.local import LocalExecutor
from core.compute.store import Store
from core.settings import Settings


def make_executor(
    settings: Settings, store: Store, registry: Mapping[str, str], **options: Any
) -> QueueExecutor:
    """An executor on this store; the options are those of QueueExecutor.

    Raises BadSetting: the device is not there, Ray is not installed, the cluster has no token.
    """
    environment = settings.environment()
    device = environment["device"]
    if settings.executor == "local":
        seats = settings.resolved_seats()
        return LocalExecutor(store, registry, device=device, seats=seats, environment=environment, **options)
    from core.compute.ray import RayExecutor  # only who asks for a cluster reads it

    return RayExecutor(
        store, registry, device=device, environment=environment,
        address=settings.ray_address, actors=settings.ray_actors, **options,
    )  # fmt: skip
