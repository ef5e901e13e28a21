"""What all routes of our own have in common: who may send, and a refusal in a sentence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.classroom.words import ClassroomError

Endpoint = Callable[[Request], Awaitable[Response]]


class BadRequest(ClassroomError):
    def __init__(self) -> None:
        super().__init__("This is not a request that the class understands.")


def guarded(endpoint: Endpoint) -> Endpoint:
    """Refuses what another site has sent, and turns a refusal into its sentence."""

    async def answer(request: Request) -> Response:
        # Another site can make a browser send its cookie, but not this header: it would have to ask first (CORS).
        foreign = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        reads = request.method in ("GET", "HEAD")
        if foreign or (not reads and request.headers.get("x-classroom") != "1"):
            return refusal("This request comes from another site.", 403)
        try:
            return await endpoint(request)
        except BadRequest as error:
            return refusal(str(error), 400)
        except ClassroomError as error:
            return refusal(str(error), 403)

    return answer


def refusal(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status, headers={"Cache-Control": "no-store"})
