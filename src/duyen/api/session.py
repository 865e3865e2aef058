"""Signing in to the console."""

from __future__ import annotations

import threading
import time
from collections import deque

from fastapi import APIRouter, Request, Response

from duyen import __version__
from duyen.api.office import COOKIE, By, Of, Office, reply
from duyen.api.shapes.session import Login, Me
from duyen.model.errors import NotAllowed, TooMany
from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.runtime.secrets import check_password, hash_password

router = APIRouter(tags=["session"])

WINDOW = 300.0
MOST_FAILURES = 10
"""Wrong passwords from one address within WINDOW seconds, before it has to wait."""
MOST_ADDRESSES = 10_000


class Failures:
    """Remembers who guessed wrong lately."""

    def __init__(self) -> None:
        self._of: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def check(self, address: str) -> None:
        """Raise TooMany for an address that has guessed too often."""
        with self._lock:
            times = self._of.get(address)
            while times and times[0] < time.monotonic() - WINDOW:
                times.popleft()
            if times and len(times) >= MOST_FAILURES:
                raise TooMany(
                    "session.too_many",
                    "Too many wrong passwords from your address; wait five minutes.",
                )

    def note(self, address: str) -> None:
        """One more wrong password."""
        with self._lock:
            if len(self._of) >= MOST_ADDRESSES:
                self._of.clear()
            self._of.setdefault(address, deque()).append(time.monotonic())


_failures = Failures()
# One check of a password at a time: each takes 32 MB for a moment, which is what makes guessing dear.
_one_at_a_time = threading.Lock()
_nobody = hash_password("nobody has this password")


@router.post("/v1/login", response_model=Me, summary="Sign in to the console.")
def login(body: Login, request: Request, office: Of) -> Response:
    """Check e-mail and password; answers the session as the cookie `duyen_session`."""
    address = request.client.host if request.client else ""
    _failures.check(address)
    email = body["email"].strip().lower()
    stored = office.admin(email)
    with _one_at_a_time:
        # Nobody's password is checked too, so that the answer's time tells nothing about who exists.
        right = check_password(body["password"][:1_000], stored or _nobody) and stored is not None
    if not right or stored is None:
        _failures.note(address)
        raise NotAllowed("session.wrong", "E-mail or password is wrong; try again.")
    answer = reply(_me(office, email))
    answer.set_cookie(
        COOKIE,
        office.session(email, stored),
        max_age=office.house.settings.session_hours * 3600,
        httponly=True,
        samesite="strict",
        secure=office.house.settings.base_url.startswith("https://"),
    )
    return answer


@router.post("/v1/logout", status_code=204, summary="Sign out.")
async def logout(office: Of, caller: By) -> Response:
    """Take the session's cookie away, and end every session of this administrator: a copied one too."""
    body = office.admin_body(caller.email) if caller.email else None
    if body is not None:
        now = office.house.clock.now()
        left = {**body, "left": time.time_ns()}
        change = ResourceChange("admin", caller.email, left, caller.author, now)
        await office.write(Lane.CONTROL, [change])
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


@router.get("/v1/me", response_model=Me, summary="Who is signed in, and where.")
def me(office: Of, caller: By) -> Response:
    """The session's address and the workspace; a secret key has no address."""
    return reply(_me(office, caller.email))


def _me(office: Office, email: str) -> Me:
    settings = office.program().settings
    return Me(
        email=email,
        workspace={
            "name": settings.name,
            "timezone": settings.timezone,
            "currency": settings.currency,
            "language": settings.language,
        },
        demo=office.demo,
        version=__version__,
    )
