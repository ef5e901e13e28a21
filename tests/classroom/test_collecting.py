"""What the server makes of a collection: files for whoever is in the class, sentences for what is none, and nothing kept."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path

import nbformat
import pypdf
import pytest
from PIL import Image

from lessons.course import COURSE
from pages.server.classroom import identity
from pages.server.served import collection
from tests.classroom.fresh import fresh_class

RUN = {
    "lesson": "A1", "kind": "forward", "params": {"model": "0" * 64, "picture": "volcano"}, "link": "http://x/forward-process"
}  # fmt: skip


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A class whose door is closed."""
    monkeypatch.setenv("DIFFUSION_CLASS_SECRET", "chalk-and-talk-42")
    monkeypatch.setenv("DIFFUSION_DATA_DIR", str(tmp_path))
    with fresh_class():
        yield identity.rooms()


def post(client, what: str, body: object, **headers: str):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"/course/collection/{what}", content=data, headers={"X-Classroom": "1", **headers})


def red() -> str:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def one(**more: object) -> dict:
    return {
        "png": red(),
        "heading": "A4 · x̂₀",
        "caption": "mine",
        "facts": [{"name": "γ", "value": "7"}],
        **more,
    }


def test_a_pdf_is_made_of_what_was_sent(ada):
    answer = post(
        ada,
        "pdf",
        {"title": "Sheet", "author": "Ada", "tasks": [], "pictures": [one(link="https://e.org/a")]},
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "no-store"
    page = pypdf.PdfReader(io.BytesIO(answer.content)).pages[0]
    assert "γ: 7" in page.extract_text() and page.images[0].image.convert("RGB").getpixel((3, 3)) == (
        255,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not a collection"),
        (b"[]", "not a collection"),
        (b"[" * 100_000, "not a collection"),
        ({"pictures": []}, "keep a picture first"),
        ({"pictures": ["x"]}, "not a collection"),
        ({"pictures": [one(png="§")]}, "damaged"),
        ({"pictures": [one(png=None)]}, "missing"),
        ({"pictures": [one(png="AAAA")]}, "Picture 1 cannot be put into the PDF"),
        ({"pictures": [one(caption="x" * 20_001)]}, "shorten it"),
        ({"pictures": [one()] * 301}, "in two parts"),
    ],
    ids=["cut", "list", "deep", "none", "text", "letters", "null", "no picture", "long", "many"],
)
def test_what_is_no_collection_is_refused_in_a_sentence(ada, body, said):
    answer = post(ada, "pdf", body)
    assert answer.status_code == 400 and said in answer.json()["error"]


def test_too_much_is_refused_before_it_is_read(ada, monkeypatch):
    monkeypatch.setattr(collection, "MOST_BYTES", 1000)
    assert "take some pictures out" in post(ada, "pdf", b" " * 1001).json()["error"]


def test_a_notebook_for_each_run_once(ada):
    answer = post(
        ada, "notebooks", {"runs": [RUN, RUN, {**RUN, "params": {**RUN["params"], "picture": "castle"}}]}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["01-a1-forward-process.ipynb", "02-a1-forward-process.ipynb"]
        for name in archive.namelist():
            nbformat.validate(json.loads(archive.read(name)))


@pytest.mark.parametrize(
    "run",
    [{**RUN, "lesson": "A99"}, {**RUN, "kind": "train"}, {**RUN, "params": 3}],
    ids=["lesson", "kind", "params"],
)
def test_a_run_that_is_not_known_makes_no_notebook(ada, run):
    answer = post(ada, "notebooks", {"runs": [run]})
    assert answer.status_code == 400 and "take it out" in answer.json()["error"]


def test_all_lessons_notebooks_are_one_archive(ada):
    answer = ada.get("/course/collection/notebooks")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names))
        computing = {
            f"{lesson.code.lower()}-{lesson.url_path}.ipynb"
            for lesson in COURSE
            if lesson.spec or lesson.opening
        }
        assert set(names) == computing
        for name in names:
            nbformat.validate(json.loads(archive.read(name)))


def test_tasks_are_checked_and_told_with_their_lessons(ada):
    task = {"id": "grin", "lesson": "A6", "text": "A grin.", "settings": {"gammas": "7"}}
    answer = post(ada, "tasks", {"title": "Sheet 3", "tasks": [task]})
    assert answer.json()["tasks"][0]["path"] == "classifier-free-guidance?gammas=7"
    wrong = post(ada, "tasks", {"title": "Sheet 3", "tasks": [{**task, "lesson": "Z9"}]})
    assert wrong.status_code == 400 and wrong.json()["error"].startswith("Task 1: “lesson” must be the code")
    assert "UTF-8" in post(ada, "tasks", "{“".encode("latin-1", "ignore") + b"\xff").json()["error"]


@pytest.mark.parametrize("what", ["pdf", "notebooks", "tasks"])
def test_nobody_else_is_served(browser, ada, what):
    assert post(browser(), what, {}).status_code == 403
    assert browser().get("/course/collection/notebooks").status_code == 403
    assert post(ada, what, {}, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert ada.post(f"/course/collection/{what}", content=b"{}").status_code == 403
