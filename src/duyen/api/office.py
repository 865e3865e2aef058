"""What the administration's routes work with: reads on connections of their own, writes through the log."""

from __future__ import annotations

import asyncio
import hmac
import threading
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Any, NamedTuple

import msgspec
from fastapi import Depends, Request, Response

from duyen.api.door import Door
from duyen.messages.links import Links
from duyen.model.errors import NotAllowed
from duyen.model.log import Entry, Lane, decode_entries, encode_entry
from duyen.model.program import Program
from duyen.model.times import NEVER, Millis, format_time
from duyen.runtime import definitions
from duyen.runtime.clock import SimulatedClock
from duyen.runtime.house import APPLY_TIMEOUT, House
from duyen.runtime.progress import Progress, Standing
from duyen.runtime.secrets import b64, unb64
from duyen.step.plan import plan_of
from duyen.stores.log import Log
from duyen.stores.mail import Mails
from duyen.stores.state import State

COOKIE = "duyen_session"
CONSOLE_HEADER = "x-duyen"
SAFE = frozenset({"GET", "HEAD"})
_encode = msgspec.json.Encoder().encode


class Caller(NamedTuple):
    """Who asks: the author's name for the audit log, and the address of a console session."""

    author: str
    email: str = ""


class Office:
    """The state as the administration's threads read it, and the way to change it."""

    def __init__(self, house: House, door: Door) -> None:
        self.house, self.door = house, door
        self._own = threading.local()
        self._building = threading.Lock()
        self._built: tuple[str, Program] = ("", Program())
        self._broken: tuple[Program, dict[definitions.Place, str]] = (self._built[1], {})
        self._uses: tuple[Program | None, definitions.Uses] = (None, {})
        self._total = (0, 0.0)
        self._progress = Progress()
        self.links = Links(house.secrets.links, house.settings.base_url)
        # Secret of the installation, so that a session of one never opens another.
        self._session = house.secrets.session

    @property
    def state(self) -> State:
        """The state, on this thread's own connection: a long report never holds up a decision."""
        found: State | None = getattr(self._own, "state", None)
        if found is None:
            found = self._own.state = self.house.stores.state()
        return found

    @property
    def log(self) -> Log:
        """The log, on this thread's own connection, for reading."""
        found: Log | None = getattr(self._own, "log", None)
        if found is None:
            found = self._own.log = self.house.stores.log()
        return found

    def waiting(self, lane: Lane) -> int:
        """How many entries of a lane the engine has not applied yet."""
        return self.log.waiting(lane, self.state.position(lane))

    def standing(self) -> Standing:
        """Whether the engine moves."""
        return self._progress.look(self.log, self.state)

    @property
    def demo(self) -> bool:
        """Whether this folder holds the simulated shop."""
        return (self.house.folder / "demo.json").is_file()

    def people_total(self) -> int:
        """How many people there are; a large number is counted again only every few seconds."""
        counted, at = self._total
        if counted < 50_000 or time.monotonic() - at > 10.0:
            counted = self.state.count_people()
            self._total = counted, time.monotonic()
        return counted

    @property
    def mails(self) -> Mails:
        """What the catcher holds, on this thread's own connection."""
        found: Mails | None = getattr(self._own, "mails", None)
        if found is None:
            found = self._own.mails = self.house.stores.mails()
        return found

    def mail_of(self, contact: str) -> str | None:
        """The id of a contact's mail in the catcher, where it holds one."""
        found = self.mails.of(contact)
        return None if found is None else str(found)

    def now(self) -> Millis:
        """The present instant."""
        if isinstance(self.house.clock, SimulatedClock):
            return SimulatedClock(self.state).now()
        return self.house.clock.now()

    def program(self) -> Program:
        """The present program; built again only after it has changed."""
        version = self.state.meta("program", "0")
        with self._building:
            if self._built[0] != version:
                self._built = version, definitions.build(self.state.resources(), int(version))
            return self._built[1]

    def broken(self) -> dict[definitions.Place, str]:
        """(kind, id) -> what is wrong, of every definition that stands still."""
        program = self.program()
        of, found = self._broken
        if of is not program:
            found = definitions.broken(plan_of(program))
            self._broken = program, found
        return found

    def uses(self) -> definitions.Uses:
        """Trait -> what names it, in rules, formulas and messages."""
        program = self.program()
        of, found = self._uses
        if of is not program:
            found = definitions.uses_of_traits(program)
            for trait, places in definitions.traits_written(program).items():
                found.setdefault(trait, []).extend(places)
            self._uses = program, found
        return found

    def source_names(self) -> dict[str, str]:
        """What people call the keys and sources that tell us things; others (an import, a mail) have no other name."""
        kept = [*self.state.resources("key"), *self.state.resources("source")]
        return {id: str(body.get("name") or id) for _, id, _, body, *_ in kept}

    async def write(self, lane: Lane, entries: Sequence[Entry]) -> bool:
        """Append to the log; True once the engine has applied it, False where it still waits after 5 s."""
        encoded = [encode_entry(entry) for entry in entries]
        # What the engine could not read would stand in its way for good; better that we fail here.
        decode_entries(b"[" + b",".join(encoded) + b"]")
        offset = await self.door.commits.append(lane, encoded)
        return await self.applied(lane, offset)

    async def applied(self, lane: Lane, offset: int) -> bool:
        """Wait until the engine has applied an offset; False after 5 s."""
        deadline = time.monotonic() + APPLY_TIMEOUT
        pause = 0.002
        while not self.house.applied(lane, offset):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        return True

    # -- sessions

    def session(self, email: str, stored: str) -> str:
        """A signed cookie for an administrator; a new password ends it, and so does signing out."""
        until = int(time.time()) + self.house.settings.session_hours * 3600
        body = _encode({"email": email, "until": until, "of": self._seal(email, stored)})
        return b64(body) + "." + b64(hmac.digest(self._session, body, "sha256"))

    def admin(self, email: str) -> str | None:
        """The stored password of an administrator."""
        body = self.admin_body(email)
        return str(body["password"]) if body else None

    def admin_body(self, email: str) -> dict[str, Any] | None:
        """What is kept of an administrator: the password's hash, and when they last signed out."""
        versions = self.state.resource_versions("admin", email)
        return versions[0][1] if versions else None

    def _seal(self, email: str, stored: str) -> str:
        left = (self.admin_body(email) or {}).get("left", 0)
        return sha256(f"{stored}{left}".encode()).hexdigest()[:16]

    def read_session(self, cookie: str) -> str | None:
        """The address of a valid session."""
        try:
            body_text, mac_text = cookie.split(".", 1)
            body, mac = unb64(body_text), unb64(mac_text)
            if not hmac.compare_digest(mac, hmac.digest(self._session, body, "sha256")):
                return None
            said = msgspec.json.decode(body)
        except ValueError:
            return None
        stored = self.admin(said["email"])
        fresh = said["until"] > time.time()
        return (
            said["email"]
            if fresh and stored and self._seal(said["email"], stored) == said["of"]
            else None
        )


def office_of(request: Request) -> Office:
    """The office behind a request."""
    office: Office = request.app.state.office
    return office


def caller_of(request: Request) -> Caller:
    """Who asks; noted with the request, so that the guard knows that it was somebody we know."""
    found = _caller(request)
    request.state.caller = found
    return found


def _caller(request: Request) -> Caller:
    """A secret key, or a console session; a session's writes carry the console's header."""
    office = office_of(request)
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return Caller(office.door.keys.find(token.strip(), "secret").id)
    cookie = request.cookies.get(COOKIE, "")
    email = office.read_session(cookie) if cookie else None
    if email is None:
        raise NotAllowed(
            "session.missing", "Sign in, or send a secret key as “Authorization: Bearer sk_…”."
        )
    if request.method not in SAFE and request.headers.get(CONSOLE_HEADER) != "1":
        raise NotAllowed(
            "session.header",
            "A change made with a console session carries the header “X-Duyen: 1”.",
            status=403,
        )
    return Caller(email, email)


async def after_writes(request: Request) -> None:
    """A program that writes and then reads finds what it wrote: reads with a key wait a moment for the engine."""
    if request.method in SAFE and request.headers.get("authorization"):
        await office_of(request).door.caught_up()


Of = Annotated[Office, Depends(office_of)]
By = Annotated[Caller, Depends(caller_of)]


def late(shape: Any) -> dict[int | str, dict[str, Any]]:
    """What a change answers where the engine has not taken it up after 5 s."""
    return {202: {"model": shape, "description": "Stored; the engine has not come to it yet."}}


def answers(*media: str, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """What a call answers that is no JSON."""
    return {status: {"description": "Done.", "content": {kind: {} for kind in media}}}


def reply(value: Any, status: int = 200) -> Response:
    """Answer a shape as JSON; what was built here need not be validated again."""
    return Response(_encode(value), status, media_type="application/json")


def when(instant: Millis) -> str:
    """An instant in words of the API."""
    return format_time(instant)


def maybe_when(instant: Millis | None) -> str | None:
    """An instant, or null where there is none."""
    return None if instant is None or instant >= NEVER else format_time(instant)
