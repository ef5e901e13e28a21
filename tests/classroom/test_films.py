"""Finished films over HTTP: kept for ever under their content's name, within bounds, for the class and nobody else."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from pages.components import shelf as shelves
from pages.components.curves import library
from pages.components.shelf import Shelf
from pages.server.classroom import identity
from tests.classroom.fresh import fresh_class

FILM = b"\x02\x00\x00\x00{}" + bytes(range(256)) * 40
NAME = hashlib.sha256(FILM).hexdigest()


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A class whose door is closed, and an empty shelf."""
    monkeypatch.setenv("DIFFUSION_CLASS_SECRET", "chalk-and-talk-42")
    monkeypatch.setenv("DIFFUSION_DATA_DIR", str(tmp_path))
    with fresh_class(shelves.shelf):
        yield identity.rooms()


def test_plotly_is_fetched_once_and_packed_and_needs_no_token(browser):
    address = f"/course/{library.name()}"
    answer = browser().get(address)
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert answer.text == get_plotlyjs()
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert browser().get(address, headers={"Accept-Encoding": "identity"}).status_code == 406


def test_a_film_is_its_bytes_under_a_name_that_never_changes(ada):
    address = f"/course/films/{shelves.shelf().put(FILM)}"
    assert address == f"/course/films/{NAME}"
    answer = ada.get(address)
    assert (answer.status_code, answer.content) == (200, FILM)
    told = answer.headers
    assert told["cache-control"] == "private, max-age=31536000, immutable"
    assert told["etag"] == f'"{NAME}"'
    assert told["content-type"] == "application/octet-stream"
    assert told["content-length"] == str(len(FILM))
    assert told["x-content-type-options"] == "nosniff"
    head = ada.head(address)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(FILM))


@pytest.mark.parametrize("known", [f'"{NAME}"', f'W/"{NAME}"', f'"other", "{NAME}"'])
def test_a_browser_that_has_it_is_not_sent_it_again(ada, known):
    shelves.shelf().put(FILM)
    answer = ada.get(f"/course/films/{NAME}", headers={"If-None-Match": known})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == f'"{NAME}"'
    assert "immutable" in answer.headers["cache-control"]
    assert ada.get(f"/course/films/{NAME}", headers={"If-None-Match": '"other"'}).content == FILM


def test_what_is_not_there_is_said_in_a_sentence_that_nobody_keeps(ada):
    answer = ada.get(f"/course/films/{'0' * 64}")
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("This film is not here")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "name", ["x", "0" * 63, "0" * 65, "G" * 64, NAME.upper(), "%00", "..%5c..", "B" * 5000]
)
def test_what_is_no_name_is_refused_and_no_path_is_told(ada, name):
    shelves.shelf().put(FILM)
    answer = ada.get(f"/course/films/{name}")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The address of a film ends in its SHA-256")


@pytest.mark.parametrize("path", ["films/..%2f..%2fetc%2fpasswd", "films/", f"films/{NAME}/more", "films"])
def test_nothing_else_is_below_it(ada, path):
    shelves.shelf().put(FILM)
    assert ada.get(f"/course/{path}").status_code in (400, 404)


@pytest.mark.parametrize("token", [None, "", "0", "class:BCDFGH:0", "x" * 5000])
def test_who_has_not_joined_is_refused_even_by_name(browser, rooms, token):
    shelves.shelf().put(FILM)
    for headers in ({}, {"If-None-Match": f'"{NAME}"'}):
        answer = browser(token).get(f"/course/films/{NAME}", headers=headers)
        assert answer.status_code == 403
        assert "Only the class" in answer.json()["error"]


def test_who_was_removed_is_refused(browser, rooms):
    shelves.shelf().put(FILM)
    code, teacher = rooms.open("Dr. Kim")
    token = rooms.join(code, "Ada")
    assert browser(token).get(f"/course/films/{NAME}").status_code == 200
    rooms.close_room(teacher)
    assert browser(token).get(f"/course/films/{NAME}").status_code == 403


def test_an_open_door_is_open_here_too(browser, rooms, monkeypatch):
    monkeypatch.setenv("DIFFUSION_CLASS_MEMBERS_ONLY", "false")
    identity.class_settings.clear()
    shelves.shelf().put(FILM)
    assert browser().get(f"/course/films/{NAME}").content == FILM


def test_another_site_gets_nothing(ada):
    shelves.shelf().put(FILM)
    for site in ("cross-site", "same-site"):
        assert ada.get(f"/course/films/{NAME}", headers={"Sec-Fetch-Site": site}).status_code == 403


def test_what_was_asked_for_least_recently_goes_first_and_comes_back(ada, monkeypatch):
    small = Shelf(3 * len(FILM))
    monkeypatch.setattr("pages.server.served.routes.shelf", lambda: small)
    films = [bytes([k]) * len(FILM) for k in range(4)]
    names = [small.put(film) for film in films[:3]]
    assert ada.get(f"/course/films/{names[0]}").status_code == 200  # now the second is the oldest
    names.append(small.put(films[3]))
    found = [ada.get(f"/course/films/{name}").status_code for name in names]
    assert found == [200, 404, 200, 200]
    assert small.size == 3 * len(FILM)
    assert small.put(films[1]) == names[1]  # a page that shows it publishes it again
    assert ada.get(f"/course/films/{names[1]}").content == films[1]


def test_a_shelf_keeps_its_bounds_under_many_hands():
    small = Shelf(10_000)

    def visit(k: int) -> None:
        for n in range(200):
            data = bytes([k, n % 50]) * 400
            name = small.put(data)
            assert small.get(name) in (data, None)

    threads = [threading.Thread(target=visit, args=[k]) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < small.size <= 10_000
    with pytest.raises(ValueError, match="show fewer pictures"):
        small.put(bytes(10_001))
    assert small.size > 0


def test_the_same_film_takes_its_place_once():
    small = Shelf(10_000)
    assert small.put(b"film") == small.put(b"film")
    assert small.size == 4
