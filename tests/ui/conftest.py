"""What the tests of pages share."""

import functools

import pytest
from streamlit.components.v2 import manifest_scanner

from tests.ui.fake_model import open_page


@pytest.fixture(scope="session", autouse=True)
def installed_components():
    """Streamlit looks through all installed packages for components, for every AppTest anew: a quarter of a second."""
    with pytest.MonkeyPatch.context() as patch:
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


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
