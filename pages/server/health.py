"""For whoever runs the server: /healthz says whether it can work, /metrics counts what it does (Prometheus)."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Iterator

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.jobs import ComputeError
from pages.server import runtime
from pages.server.classroom.identity import class_settings, rooms


class Books(Collector):
    """What the executor and the rooms say of themselves at the moment of asking: nothing is counted twice."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        capacity, census = runtime.executor().capacity(), rooms().census()
        for name, meaning, value in (
            ("jobs_running", "Computations at work.", capacity.running),
            ("jobs_waiting", "Computations in the queue.", capacity.waiting),
            ("jobs_waiting_max", "Places in the queue.", capacity.max_waiting),
            ("workers", "Workers.", capacity.workers),
            ("rooms", "Open rooms.", census.rooms),
            ("members", "Students who have joined a room.", census.members),
            ("members_present", "Members whose browser has asked within 15 seconds.", census.present),
        ):
            yield GaugeMetricFamily(f"diffusion_{name}", meaning, value=value)


def health_routes(base: str) -> list[Route]:
    """/healthz, and /metrics where the settings have a token for it."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector(registry=None), PlatformCollector(registry=None), Books()):
        registry.register(collector)

    async def metrics(request: Request) -> Response:
        wanted = f"Bearer {class_settings().metrics_token.get_secret_value()}"
        if not secrets.compare_digest(request.headers.get("authorization", "").encode(), wanted.encode()):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        return Response(await asyncio.to_thread(generate_latest, registry), media_type=CONTENT_TYPE_LATEST)

    routes = [Route(f"{base}/healthz", health)]
    if class_settings().metrics_token.get_secret_value():
        routes.append(Route(f"{base}/metrics", metrics))
    return routes


async def health(_request: Request) -> Response:
    """200 while jobs and rooms can be looked up; 503 otherwise, for a proxy or a supervisor."""
    try:
        capacity = await asyncio.to_thread(_look)
    except (ComputeError, OSError, sqlite3.Error) as error:
        return JSONResponse({"status": "broken", "why": type(error).__name__}, 503)
    return JSONResponse({"status": "ok", "waiting": capacity.waiting, "running": capacity.running})


def _look():
    rooms().census()
    runtime.store().runs.unfinished()  # the table answers
    return runtime.executor().capacity()
