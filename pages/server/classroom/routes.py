"""What browsers ask besides pages: who they are (a cookie), where the class is, and where its instructor has gone.

    POST   /classroom/session        {"token"}                     keep the token in a cookie
    DELETE /classroom/session                                      forget it
    GET    /classroom/{code}/state   ?seen=version                 204 when nothing has changed since
    POST   /classroom/{code}/lead    {page, query, frame, total}   or {"leading": false}

Where people log in (`identity = "oidc"`), Streamlit's login cookie says who they are, and the first two are not there.

A student asks for the state once a second. That costs the server a look into a table; a Streamlit fragment that polls
would cost it a run of the script (figures: docs/hosting.md).
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.classroom.rooms import Person, Question, RoomState
from core.classroom.words import NotYourRoom, read_code
from pages.server.classroom.identity import COOKIE, rooms, token_of
from pages.server.routes import BadRequest, guarded

MOST_BYTES = 10_000  # of a request's body
COOKIE_SECONDS = 30 * 86400


def class_routes(base: str, *, by_login: bool = False) -> list[Route]:
    """The routes, below the app's own path; without those for the cookie if people log in."""
    cookie = [
        Route(f"{base}/classroom/session", guarded(keep), methods=["POST"]),
        Route(f"{base}/classroom/session", guarded(forget), methods=["DELETE"]),
    ]
    return [
        *([] if by_login else cookie),
        Route(f"{base}/classroom/{{code}}/state", guarded(state), methods=["GET"]),
        Route(f"{base}/classroom/{{code}}/lead", guarded(lead), methods=["POST"]),
    ]


async def keep(request: Request) -> Response:
    """Only a token that is somebody's is kept; scripts cannot read it, other sites cannot send it along."""
    token = (await _body(request)).get("token")
    if not isinstance(token, str) or rooms().whois(token) is None:
        raise NotYourRoom()
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    answer.set_cookie(
        COOKIE, token, max_age=COOKIE_SECONDS, path="/", httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


async def forget(_request: Request) -> Response:
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
    return answer


async def state(request: Request) -> Response:
    token, who = _member(request)
    now = rooms().state(token)
    headers = {"Cache-Control": "no-store"}
    if who.leads:
        answers = rooms().tally(token, now.question.id) if now.question else None
        counted = {"present": rooms().present(token), "question_shown": question_shown(now.question, answers)}
        return JSONResponse(_told(now) | counted, headers=headers)
    if request.query_params.get("seen") == str(now.version):
        return Response(status_code=204, headers=headers)
    return JSONResponse(_told(now), headers=headers)


async def lead(request: Request) -> Response:
    (token, _), body = _member(request), await _body(request)
    if body.get("leading") is False:
        rooms().stop_leading(token)
        return Response(status_code=204)
    page, query, frame, total = (body.get(name) for name in ("page", "query", "frame", "total"))
    if not (isinstance(page, str) and isinstance(query, str) and _count(frame) and _count(total)):
        raise BadRequest()
    rooms().lead(token, page, query, frame, total)
    return Response(status_code=204)


def _member(request: Request) -> tuple[str, Person]:
    """The token of whoever asks and who that is, if they are in the room that is asked for. Raises NotYourRoom."""
    token = token_of(request)
    person = rooms().whois(token)
    if person is None or person.code != read_code(request.path_params["code"]):
        raise NotYourRoom()
    return token, person


def _told(now: RoomState) -> dict[str, Any]:
    return {
        "version": now.version,
        "instructor": now.instructor,
        "leading": now.leading,
        "page": now.page,
        "query": now.query,
        "frame": now.frame,
        "total": now.total,
        "question_shown": question_shown(now.question),
    }


def question_shown(question: Question | None, answers: list[int] | None = None) -> str:
    """A name for what a page shows of the question: where it changes, the page draws it again."""
    return "" if question is None else f"{question.id} {question.revealed} {answers}"


def _count(value: object) -> bool:
    """None, or a number that a film's frames can have."""
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 100_000)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises BadRequest for anything else, and for more than `MOST_BYTES`."""
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > MOST_BYTES:
            raise BadRequest()
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest() from error
    if not isinstance(body, dict):
        raise BadRequest()
    return body
