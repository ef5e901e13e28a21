"""What browsers fetch besides pages, where the server has routes of its own:

    GET /films/{sha256}                       the packed film whose bytes have this SHA-256; a browser keeps it for ever
    GET /jobs/{id}/progress?view=…&after=n    how far a job is, and the address of a film of what comes after n frames
    GET /plotly-{version}.js                  the script that draws curves
    GET /news?job={id}&job=…&seen=word        whether jobs have got on since a page knew `seen` of them

Whoever may see the lessons may fetch; knowing the address is knowing what to ask for, as with the id of a job.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.classroom.words import ClassroomError
from core.jobs import JobId, JobNotFound
from pages.components.curves import library
from pages.components.shelf import publish, shelf
from pages.server import runtime
from pages.server.classroom.identity import may_enter, token_of
from pages.server.routes import Endpoint, guarded, refusal
from pages.server.served.news import MOST_JOBS, news_of
from pages.server.served.progress import frames_so_far, share, words
from pages.server.served.views import LiveView, views

SHA256 = re.compile("[0-9a-f]{64}")
WORD = re.compile("[0-9a-f]{16}-[0-9a-f]{16}")
COUNT = re.compile("[0-9]{1,6}")  # int() would take other digits too
FOREVER = "private, max-age=31536000, immutable"  # private: a cache that many share knows nothing of the class's door


class NotInTheClass(ClassroomError):
    def __init__(self) -> None:
        super().__init__("Only the class sees this: join it with its code.")


def served_routes(base: str) -> list[Route]:
    """The routes, below the app's own path."""
    return [
        Route(f"{base}/films/{{sha256}}", guarded(for_the_class(film)), methods=["GET"]),
        Route(f"{base}/jobs/{{job_id}}/progress", guarded(for_the_class(progress)), methods=["GET"]),
        Route(f"{base}/news", guarded(for_the_class(news)), methods=["GET"]),
        Route(f"{base}/{library.name()}", guarded(plotly), methods=["GET"]),
    ]


def for_the_class(endpoint: Endpoint) -> Endpoint:
    """Refuses whoever would not be shown the lessons either."""

    async def answer(request: Request) -> Response:
        if not may_enter(token_of(request)):
            raise NotInTheClass()
        return await endpoint(request)

    return answer


async def film(request: Request) -> Response:
    """A film by its name. One that is here no longer is a 404: the player then has its page publish it again."""
    name = request.path_params["sha256"]
    if not SHA256.fullmatch(name):
        return refusal(
            "The address of a film ends in its SHA-256: 64 digits from 0 to 9 and from a to f.", 400
        )
    headers = {"Cache-Control": FOREVER, "ETag": f'"{name}"', "X-Content-Type-Options": "nosniff"}
    if f'"{name}"' in request.headers.get("if-none-match", ""):  # weak or strong, alone or in a list
        return Response(status_code=304, headers=headers)  # the name says what the bytes are: no need to look
    data = shelf().get(name)
    if data is None:
        return refusal("This film is not here, or no longer: reload the page that shows it.", 404)
    # Streamlit compresses what names no encoding, anew for everybody; noise does not shrink, and pictures are deflated.
    headers["Content-Encoding"] = "identity"
    return Response(data, media_type="application/octet-stream", headers=headers)


async def plotly(request: Request) -> Response:
    """The script that draws curves. A browser that does not take gzip is told to: all do."""
    headers = {
        "Cache-Control": FOREVER.replace("private", "public"),
        "Content-Encoding": "gzip",
        "X-Content-Type-Options": "nosniff",
    }
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return refusal("Ask with Accept-Encoding: gzip, as browsers do.", 406)
    return Response(await asyncio.to_thread(library.packed), media_type=library.MEDIA_TYPE, headers=headers)


async def progress(request: Request) -> Response:
    """How far a job is, for the player that watches it. A view that is here no longer is a 404, as a film is."""
    job_id, name = request.path_params["job_id"], request.query_params.get("view", "")
    after = request.query_params.get("after", "0")
    if not (SHA256.fullmatch(job_id) and SHA256.fullmatch(name) and COUNT.fullmatch(after)):
        return refusal(
            "Ask with the id of a job, the name of a view, and after how many frames to go on.", 400
        )
    view = views().get(job_id, name)
    if view is None:
        return refusal("Nobody has shown this job here, or not lately: reload the page that shows it.", 404)
    try:
        told = await asyncio.to_thread(_progress, job_id, view, int(after))
    except JobNotFound as error:
        return refusal(str(error), 404)
    return JSONResponse(told, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


async def news(request: Request) -> Response:
    """Whether some jobs have got on, for the part of a page that shows them."""
    jobs, seen = request.query_params.getlist("job"), request.query_params.get("seen", "")
    if not (0 < len(jobs) <= MOST_JOBS and all(map(SHA256.fullmatch, jobs)) and WORD.fullmatch(seen)):
        return refusal(
            f"Ask with the ids of 1 to {MOST_JOBS} jobs, and with the word that you know of them.", 400
        )
    told = await asyncio.to_thread(news_of, runtime.executor(), jobs, seen)
    return JSONResponse(told, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def _progress(job_id: JobId, view: LiveView, after: int) -> dict[str, Any]:
    status = runtime.executor().status(job_id)
    told = {
        "state": status.state.value,
        "final": status.state.final,
        "done": status.done,
        "total": status.total,
        "position": status.position,
        "eta_seconds": status.eta_seconds,
        "words": words(status),
        "share": share(status),
        "frames": after,
        "film": None,
    }
    if status.state.final:
        return told  # the page shows the whole result
    frames = frames_so_far(runtime.executor().events(job_id))
    if lacking := view.lacking(frames, after):
        data, first = lacking
        told |= {"frames": len(frames), "film": publish(data), "first": first}
    return told
