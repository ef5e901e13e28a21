"""What the tests of pages share."""

import pytest

from tests.ui.fake_model import open_page


@pytest.fixture
def visit(tmp_path, monkeypatch):
    """`visit(slug, **query)` opens a page by a link and runs it; returns the page and the executor behind it."""
    opened = []

    def enter(slug: str, **query: str):
        manager = open_page(slug, tmp_path, monkeypatch, **query)
        at, executor = manager.__enter__()
        opened.append(manager)
        at.run()
        assert not at.exception, at.exception
        return at, executor

    yield enter
    for manager in opened:
        manager.__exit__(None, None, None)
