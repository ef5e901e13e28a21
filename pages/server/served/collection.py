"""What a browser asks for about what it has kept. Nothing of it stays here: what was sent is answered and forgotten.

    POST /collection/tasks       a list of tasks as JSON          the list for the page, or a sentence for each mistake
    POST /collection/pdf         {"title", "tasks", "pictures"}   the collection as a PDF
    POST /collection/notebooks   {"runs": [{"lesson", "kind", "params", "link"}]}   a notebook for each run, as a ZIP
    GET  /collection/notebooks                                    a notebook of what each lesson opens with, as a ZIP

Each takes a moment of a processor, so there is one at a time.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nbformat import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.handout import Entry, Handout, Line, pdf
from core.jobs import JobSpec
from core.upload.limits import BadPicture
from lessons.course import COURSE
from lessons.lesson import Lesson
from lessons.notebook import notebook
from lessons.opening import opening_jobs
from lessons.tasks import MOST_BYTES as MOST_TASK_BYTES
from lessons.tasks import BadTasks, read_tasks, told
from pages.server import runtime
from pages.server.routes import guarded, refusal
from pages.server.served.routes import for_the_class

MOST_BYTES = 64_000_000  # of a collection with its pictures
MOST_ENTRIES = 300
LONGEST = 20_000  # characters of one text
PDF, ZIP = "application/pdf", "application/zip"

_turn = asyncio.Semaphore(1)


class BadCollection(ValueError):
    """What was sent is no collection; the message is a sentence for the student."""


def collection_routes(base: str) -> list[Route]:
    """The routes, below the app's own path."""
    return [
        Route(f"{base}/collection/tasks", guarded(for_the_class(tasks)), methods=["POST"]),
        Route(f"{base}/collection/pdf", guarded(for_the_class(as_pdf)), methods=["POST"]),
        Route(f"{base}/collection/notebooks", guarded(for_the_class(notebooks)), methods=["POST"]),
        Route(f"{base}/collection/notebooks", guarded(for_the_class(all_notebooks)), methods=["GET"]),
    ]


async def tasks(request: Request) -> Response:
    """The teacher's list, checked; told with the way to each task's lesson."""
    try:
        text = (await _body(request, MOST_TASK_BYTES)).decode()
        return _json(told(read_tasks(text, COURSE), COURSE))
    except UnicodeDecodeError:
        return refusal("The file is not text in UTF-8: save it anew with that encoding.", 400)
    except (BadTasks, BadCollection) as error:
        return refusal(str(error), 400)


async def as_pdf(request: Request) -> Response:
    def make(body: Any) -> bytes:
        return pdf(_handout(body))

    return await _made(request, make, PDF)


async def notebooks(request: Request) -> Response:
    def make(body: Any) -> bytes:
        return _zip(_of_runs(body))

    return await _made(request, make, ZIP)


async def all_notebooks(_request: Request) -> Response:
    def make() -> bytes:
        return _zip(_of_course(runtime.model_fingerprint()))

    async with _turn:
        return _file(await asyncio.to_thread(make), ZIP)


async def _made(request: Request, make: Callable[[Any], bytes], media_type: str) -> Response:
    async with _turn:
        try:
            body = json.loads(await _body(request, MOST_BYTES))
            return _file(await asyncio.to_thread(make, body), media_type)
        except (BadCollection, BadPicture) as error:
            return refusal(str(error), 400)
        except (ValueError, RecursionError):
            return refusal(
                "This is not a collection that the app understands: reload the page and try again.", 400
            )


def _json(found: Mapping[str, Any]) -> Response:
    return JSONResponse(found, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def _file(data: bytes, media_type: str) -> Response:
    headers = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Encoding": "identity",
    }
    return Response(data, media_type=media_type, headers=headers)


async def _body(request: Request, most: int) -> bytes:
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            raise BadCollection(
                f"This has more than {most / 1e6:g} MB: take some pictures out, or export the web page, which has no limit."
            )
    return bytes(data)


# ---- the PDF ---------------------------------------------------------------------------------------------------


def _handout(body: Any) -> Handout:
    """Raises BadCollection."""
    entries, lines = _list(body, "pictures"), _list(body, "tasks")
    if not entries:
        raise BadCollection("Nothing is kept yet: keep a picture first.")
    return Handout(
        title=_str(body, "title") or "Collection",
        author=_str(body, "author"),
        tasks_title=_str(body, "tasks_title"),
        tasks=[Line(bool(line.get("done")), _str(line, "text"), _str(line, "count")) for line in lines],
        entries=[
            Entry(_png(entry), _str(entry, "heading"), _str(entry, "caption"), _facts(entry), _link(entry))
            for entry in entries
        ],
    )


def _list(body: Any, name: str) -> list[Mapping[str, Any]]:
    found = body.get(name, []) if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadCollection(
            "This is not a collection that the app understands: reload the page and try again."
        )
    if len(found) > MOST_ENTRIES:
        raise BadCollection(
            f"One file takes {MOST_ENTRIES} pictures; these are {len(found)}: export them in two parts."
        )
    return found


def _str(place: Mapping[str, Any], name: str) -> str:
    found = place.get(name, "")
    if not isinstance(found, str):
        raise BadCollection(f"{name} must be text.")
    if len(found) > LONGEST:
        raise BadCollection(f"A caption or title has more than {LONGEST} characters: shorten it.")
    return found


def _png(entry: Mapping[str, Any]) -> bytes:
    letters = entry.get("png")
    if not isinstance(letters, str):
        raise BadCollection("A picture is missing: reload the page and try again.")
    try:
        return base64.b64decode(letters, validate=True)
    except ValueError as error:
        raise BadCollection("A picture was damaged on its way: try again.") from error


def _facts(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(_str(fact, "name"), _str(fact, "value")) for fact in _list(entry, "facts")]


def _link(entry: Mapping[str, Any]) -> str:
    link = _str(entry, "link")
    return link if link.startswith(("http://", "https://")) else ""


# ---- the notebooks ---------------------------------------------------------------------------------------------


def _of_runs(body: Any) -> Iterable[tuple[str, bytes]]:
    """Each run once. Raises BadCollection."""
    lessons = {lesson.code: lesson for lesson in COURSE}
    runs = _list(body, "runs")
    if not runs:
        raise BadCollection("No picture that is kept is of a run that a notebook could compute.")
    done: set[tuple[str, str]] = set()
    for run in runs:
        lesson, kind, params = lessons.get(_str(run, "lesson")), _str(run, "kind"), run.get("params")
        if lesson is None or kind not in lesson.jobs or not isinstance(params, dict):
            raise BadCollection(
                "A kept picture is of a run that this version of the app does not know: take it out of the collection."
            )
        spec = JobSpec(kind, params)
        if (key := (lesson.code, spec.canonical)) in done:
            continue
        done.add(key)
        yield f"{len(done):02d}-{_name(lesson)}.ipynb", _notebook(lesson, spec, _link(run))


def _of_course(model: str) -> Iterable[tuple[str, bytes]]:
    """What each lesson opens with, as far as it computes anything."""
    for lesson in COURSE:
        for _, spec in opening_jobs(lesson, model)[:1]:
            if spec.kind in lesson.jobs:
                yield f"{_name(lesson)}.ipynb", _notebook(lesson, spec, "")


def _notebook(lesson: Lesson, spec: JobSpec, link: str) -> bytes:
    try:
        return notebook(lesson, spec, link)
    except (ValidationError, LookupError, TypeError) as error:
        raise BadCollection(
            f"The run of {lesson.code} that a kept picture names makes no notebook: take that picture out of the collection."
        ) from error


def _name(lesson: Lesson) -> str:
    return f"{lesson.code.lower()}-{lesson.url_path}"


def _zip(files: Iterable[tuple[str, bytes]]) -> bytes:
    """The same files make the same archive: no time of day stands in it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files:
            packed.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return archive.getvalue()
