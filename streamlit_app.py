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
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lessons.course import COURSE
from pages.ui import runtime


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Takes up interrupted work before the first visitor comes; lets the worker go when the server stops."""
    executor = await asyncio.to_thread(runtime.executor)
    yield
    await asyncio.to_thread(executor.close)


async def elsewhere(_request: Request) -> Response:
    """To a browser that opens a lesson's address and asks below it whether the server is there: no, ask at the root.

    Any status but 2xx says so; Streamlit's own answer would be 404, which browsers report as an error.
    """
    return Response(status_code=HTTPStatus.MULTIPLE_CHOICES)


app = st.App(
    Path(__file__).parent / "pages" / "router.py",
    lifespan=lifespan,
    routes=[
        Route(f"/{lesson.url_path}/_stcore/{probe}", elsewhere)
        for lesson in COURSE
        for probe in ("health", "host-config")
    ],
)
