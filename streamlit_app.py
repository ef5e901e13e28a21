"""The way in, for `streamlit run streamlit_app.py`: the app, and what its server starts once and stops at the end.

What a visitor gets is `pages/router.py`. It is not this file because Streamlit gives an entry script beside a
folder named `pages` its first way of making multipage apps, by file names, until the first visitor has run
`st.navigation`; a link to a lesson that comes before that would not be found.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.classroom.logs import log_json_lines
from lessons.course import COURSE
from pages.components.address import base
from pages.components.shelf import serve_films
from pages.server import runtime
from pages.server.classroom.identity import class_settings
from pages.server.classroom.routes import class_routes
from pages.server.collector import collect_while_serving, settle_modules
from pages.server.erasing import erase_left_behind
from pages.server.first_paint import FirstPaint
from pages.server.health import health_routes
from pages.server.served.collection import collection_routes
from pages.server.served.routes import served_routes


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Takes up interrupted work before the first visitor comes; lets the worker go when the server stops."""
    if class_settings().on:
        log_json_lines()
    executor = await asyncio.to_thread(runtime.executor)
    if class_settings().on:
        await asyncio.to_thread(erase_left_behind)
    settle_modules()
    collecting = asyncio.create_task(collect_while_serving())
    yield
    collecting.cancel()
    await asyncio.to_thread(executor.close)


async def elsewhere(_request: Request) -> Response:
    """To a browser that opens a page's address and asks below it whether the server is there: no, ask at the root.

    Any status but 2xx says so; Streamlit's own answer would be 404, which browsers report as an error.
    """
    return Response(status_code=HTTPStatus.MULTIPLE_CHOICES)


def allowed_hosts() -> list[str]:
    """The names under which the app may be asked for; any, where the settings name none."""
    return list(st.get_option("server.allowedHosts")) or ["*"]


def routes_of_a_class() -> list[Route]:
    """None without a class. Raises BadSetting where people are to log in and nobody could."""
    settings = class_settings()
    if settings.by_login:
        from pages.server.classroom.login import require_login_works

        require_login_works(settings)
    if not settings.on:
        return []
    return class_routes(base(), by_login=settings.by_login) + health_routes(base())


serve_films()
app = st.App(
    Path(__file__).parent / "pages" / "router.py",
    lifespan=lifespan,
    routes=[
        Route(f"{base()}/{page}/_stcore/{probe}", elsewhere)
        for page in ("class", "collection", *(lesson.url_path for lesson in COURSE))
        for probe in ("health", "host-config")
    ]
    + served_routes(base())
    + collection_routes(base())
    + routes_of_a_class(),
    # Streamlit looks at the Host of its WebSocket alone; a class's own routes are as careful.
    middleware=[
        Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(), www_redirect=False),
        Middleware(FirstPaint),
    ],
)
