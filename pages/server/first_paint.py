"""The style sheet of the pages, within the first answer: what is drawn before the first script ran lies where it will lie.

Streamlit brings a page's own style as one of its elements, after it has drawn the ones before; all of them moved then.
"""

from __future__ import annotations

import gzip

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.components.style import SHEET

END = b"</head>"
ENCODING = b"accept-encoding"


class FirstPaint:
    """Writes `page.css` into the head of every HTML page that the app answers with."""

    def __init__(self, app: ASGIApp):
        self._app = app
        # below :root, because Streamlit's own rules come behind these, and would win where both say as much
        self._style = b"<style>:root {" + SHEET.read_bytes() + b"}</style>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not wants_a_page(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        packs = "gzip" in Headers(scope=scope).get("accept-encoding", "")
        plain = [(name, value) for name, value in scope["headers"] if name != ENCODING]  # it is packed below
        start: Message | None = None
        body = b""

        async def pass_on(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and is_page(MutableHeaders(scope=message)):
                start = message
            elif start is None or message["type"] != "http.response.body":
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await send_page(start, body.replace(END, self._style + END, 1), packs, send)

        await self._app({**scope, "headers": plain}, receive, pass_on)


async def send_page(start: Message, page: bytes, packs: bool, send: Send) -> None:
    """An answer of this page, packed where the browser asks for that."""
    headers = MutableHeaders(scope=start)
    if packs:
        page = gzip.compress(page, 6)
        headers["content-encoding"] = "gzip"
        headers.add_vary_header("accept-encoding")
    headers["content-length"] = str(len(page))
    for name in ("etag", "last-modified"):  # of the file without the style
        del headers[name]
    await send(start)
    await send({"type": "http.response.body", "body": page})


def wants_a_page(headers: Headers) -> bool:
    return "text/html" in headers.get("accept", "")


def is_page(headers: MutableHeaders) -> bool:
    return headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers
