"""The administration: everything over HTTP that is not hot, with its OpenAPI description."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Route

from duyen import __version__
from duyen.api import (
    catalogue,
    clock,
    decisions,
    erasures,
    export,
    forms,
    groups,
    imports,
    mail,
    messages,
    pages,
    people,
    person,
    preferences,
    program,
    rejected,
    reports,
    segments,
    session,
    settings,
    shop,
    sources,
    suppressions,
    tracking,
    traits,
    unmerge,
)
from duyen.api.door import Door
from duyen.api.guard import Guard
from duyen.api.http import fault, told_beside, wrong_method
from duyen.api.office import Office, after_writes, reply
from duyen.api.openapi import complete
from duyen.model.errors import DuyenError, InvalidInput, InvalidRule
from duyen.runtime.house import House

THREADS = 4
"""Reads run beside each other on so many threads, each with its own connection to the state."""
DESCRIPTION = """One event log, one profile, one decision point, one measured effect.

Collecting takes a write key; everything else a secret key (`Authorization: Bearer sk_…`) or a console session,
whose changes carry the header `X-Duyen: 1`. Lists take `cursor` and `limit`; times are RFC 3339 in UTC; money is a
decimal string. A change is answered once it is in effect; with 202 where the engine has not come to it within 5 s.
POSTs honour `Idempotency-Key`: the process that answered repeats its answer for 24 hours (with several doors, behind
a load balancer, each remembers its own). Errors have one shape: `{"error": {"code", "message", "at"?, "docs"}}`."""
ROUTERS = (
    session,
    people,
    unmerge,
    erasures,
    export,
    suppressions,
    person,  # its last route takes any path behind /v1/profiles/
    groups,
    segments,
    traits,
    messages,
    program,
    catalogue,
    decisions,
    mail,
    reports,
    rejected,
    settings,
    sources,
    imports,
    clock,
    tracking,
    preferences,
    forms,
    shop,
    pages,
)


class Described(FastAPI):
    """FastAPI whose description has the hot routes too, and our one error shape."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI description."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi())
        return self.openapi_schema


def build(house: House, door: Door) -> Any:
    """The ASGI application of the administration."""
    application = create()
    application.state.office = Office(house, door)
    return Guard(application)


def create() -> FastAPI:
    """The FastAPI application with all its routes."""
    application = Described(
        title="Duyên",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(after_writes)],
    )
    for part in ROUTERS:
        application.include_router(part.router)
    application.add_exception_handler(DuyenError, _refused)
    application.add_exception_handler(RequestValidationError, _invalid)
    application.add_exception_handler(HTTPException, _http)
    application.add_exception_handler(Exception, _broken)
    return application


def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, DuyenError):
        raise error
    return problem(error) if error.status != 404 else _nowhere(request, error)


def _nowhere(request: Request, error: DuyenError) -> Response:
    """Nothing was found; an address that takes other methods only says which."""
    taken = _taken(request)
    wrong = taken and request.method not in taken
    return problem(wrong_method(request.url.path, ", ".join(taken)) if wrong else error)


def _taken(request: Request) -> list[str]:
    """The methods that an address takes: those of the most particular of the paths that fit it."""
    fitting: dict[str, set[str]] = {}
    for part in ROUTERS:
        for route in part.router.routes:
            if isinstance(route, Route) and route.path_regex.match(request.scope["path"]):
                fitting.setdefault(route.path, set()).update(route.methods or ())
    fitting.pop(pages.ANYTHING, None)
    return sorted(fitting[max(fitting, key=len)]) if fitting else []


def problem(error: DuyenError) -> Response:
    """An error in the one shape."""
    answer = reply(error.as_json(), error.status)
    answer.headers.update(told_beside(error))
    return answer


def _invalid(request: Request, error: Exception) -> Response:
    """What FastAPI found wrong, in our shape: the first place and its sentence."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    if first["type"] == "json_invalid":
        detail = first.get("ctx", {}).get("error", "it cannot be read")
        return problem(InvalidInput("request.malformed", f"The body is not valid JSON: {detail}."))
    at = ".".join(place[1:]) or place[0]
    return problem(InvalidRule("request.invalid", f"“{at}” cannot be used: {first['msg']}.", at=at))


def _http(request: Request, error: Exception) -> Response:
    """Unknown paths and methods, in our shape."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 405:
        return problem(wrong_method(request.url.path, ", ".join(_taken(request)) or "GET"))
    if error.status_code == 404:
        return _nowhere(request, pages.nothing(request.url.path))
    return problem(InvalidInput("request.refused", f"{error.detail}.", status=error.status_code))


def _broken(request: Request, error: Exception) -> Response:
    """A fault of ours: said plainly, its trace only in the program's own log."""
    return problem(fault())
