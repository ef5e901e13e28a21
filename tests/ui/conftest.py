"""What the tests of pages share."""

import functools
from dataclasses import replace

import pytest
from streamlit.components.v2 import manifest_scanner

from core.emoji_pictures import EmojiPictures, load_emoji_pictures
from lessons import is_it_memory
from pages.components.player.packing import read_header
from tests.ui.fake_model import open_page


@pytest.fixture(scope="session", autouse=True)
def installed_components():
    """Streamlit looks through all installed packages for components, for every AppTest anew: a quarter of a second."""
    with pytest.MonkeyPatch.context() as patch:
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture(scope="module", autouse=True)
def few_training_pictures():
    """A12 looks for the nearest among all training pictures, for seconds; what its page does is seen with an eighth."""

    def few(split: str) -> EmojiPictures:
        full = load_emoji_pictures(split)
        return replace(full, pixels=full.pixels[::8], names=full.names[::8], styles=full.styles[::8])

    kept = (is_it_memory.training, is_it_memory.training_tensor, is_it_memory.reference_distances)
    with pytest.MonkeyPatch.context() as patch:
        for each in kept:
            each.cache_clear()
        patch.setattr(is_it_memory, "load_emoji_pictures", few)
        yield
    for each in kept:
        each.cache_clear()


@pytest.fixture
def visit(tmp_path, monkeypatch):
    """`visit(slug, **query)` opens a page by a link and runs it; returns the page and the executor behind it.

    With `through_start=True` by way of the start page.
    """
    opened = []

    def enter(slug: str, **query):
        manager = open_page(slug, tmp_path, monkeypatch, **query)
        at, executor = manager.__enter__()
        opened.append(manager)
        at.run()
        assert not at.exception, at.exception
        return at, executor

    yield enter
    for manager in opened:
        manager.__exit__(None, None, None)


@pytest.fixture
def visit_filmed(visit, monkeypatch):
    """`visit_filmed(slug, **query)`: as `visit`, and third the headers of the films its player is given, as they come."""
    films = []

    def note(film, **more):
        films.append(read_header(film) | {"asked": more["start"]})

    monkeypatch.setattr("pages.ui.stage.player", note)
    return lambda slug, **query: (*visit(slug, **query), films)
