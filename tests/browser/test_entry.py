"""The way in: the first request that a fresh server gets is a link to a lesson."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from lessons.course import COURSE

pytestmark = pytest.mark.browser
LESSON = COURSE[1]


@pytest.mark.journey
def test_a_link_to_a_lesson_is_found_by_a_fresh_server(
    serve: Callable[..., str], new_page: Callable[..., Page]
):
    address = serve("streamlit_app.py")
    page = new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/{LESSON.url_path}")
    expect(page.get_by_role("heading", name=LESSON.title)).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    assert LESSON.url_path in page.url
    foreign = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert not foreign, f"asked for over the network: {foreign}"
