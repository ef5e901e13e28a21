"""The style sheet in the first answer: in pages and in nothing else, with a length that is true."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from pages.components.style import SHEET
from pages.server.first_paint import FirstPaint

PAGE = "<html><head><title>ä</title></head><body></head></body></html>"


@pytest.fixture
def client(tmp_path):
    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    answers = {
        "/page": HTMLResponse(PAGE),
        "/file": FileResponse(tmp_path / "index.html"),
        "/parts": StreamingResponse(iter([PAGE[:20], PAGE[20:]]), media_type="text/html"),
        "/text": PlainTextResponse(PAGE),
        "/packed": Response(b"\x1f\x8b</head>", media_type="text/html", headers={"content-encoding": "br"}),
        "/nothing": Response(status_code=204),
    }
    routes = [Route(path, answer) for path, answer in answers.items()]
    app = Starlette(
        routes=routes, middleware=[Middleware(FirstPaint), Middleware(GZipMiddleware, minimum_size=1)]
    )
    return TestClient(app, headers={"accept": "text/html,*/*"})


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("path", ["/page", "/file", "/parts"])
def test_a_page_has_the_style_once_at_the_end_of_its_head(client, path, encoding):
    answer = client.get(path, headers={"accept-encoding": encoding})
    assert answer.headers.get("content-encoding", "") == encoding
    style = f"<style>:root {{{SHEET.read_text(encoding='utf-8')}}}</style>"
    assert answer.text == PAGE.replace("</head>", style + "</head>", 1)
    assert encoding or int(answer.headers["content-length"]) == len(answer.content)
    assert "etag" not in answer.headers  # a browser would show the page of yesterday's style


def test_what_is_no_page_goes_through_as_it_is(client):
    assert client.get("/text").text == PAGE
    with client.stream("GET", "/packed") as answer:
        assert b"".join(answer.iter_raw()) == b"\x1f\x8b</head>"
    assert client.get("/nothing").status_code == 204
    assert client.get("/page", headers={"accept": "application/json"}).text == PAGE
    assert "style" not in client.head("/file").text
