"""The sender: takes contacts out of the outbox, asks the contact policy once more, and hands them to a channel.

It writes only its own attempts, and tells the log what became of each contact; the engine does the rest.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from contextlib import closing

import msgspec
import uvloop

from duyen.channels.attempts import AskProvider, Attempt, Patience, Settle, Wait, next_move
from duyen.channels.catcher import Catcher
from duyen.channels.email import EmailChannel, EmailSettings
from duyen.channels.interface import Outgoing, Result
from duyen.collect import clean_email
from duyen.journeys import contact
from duyen.messages.compose import compose
from duyen.messages.links import Links
from duyen.model.effect import Enqueue
from duyen.model.errors import DuyenError
from duyen.model.log import Delivered, Lane
from duyen.model.message import Message
from duyen.model.person import Person
from duyen.model.program import Program
from duyen.model.times import Millis
from duyen.rules.quiet import zone_of
from duyen.runtime import definitions
from duyen.runtime.computed import computed_traits
from duyen.runtime.house import APPLY_TIMEOUT, House, claimed
from duyen.runtime.settings import Settings
from duyen.runtime.view import Views
from duyen.stores.attempts import AttemptRow
from duyen.stores.state.suppressions import ERASED

BATCH = 100
IDLE = 0.05
DEEP = 4
"""Mails for each connection, at most, between two looks at what people have said."""
BRISK = 0.25
"""Seconds in which so few mails have left where the server is quick; a slow one gets one mail for each connection,
so that no attempt is noted long before the server is spoken to."""
PATIENCE = 1.0
"""Seconds to wait for the engine between two slices, and after which receipts are told in the middle of a batch."""
ALONE = Patience(lease=0)
"""There is one sender a folder: an attempt that is `started` when it looks is one that a crash cut off."""


class Sender:
    """Works through the outbox with one channel."""

    def __init__(self, house: House, channel: EmailChannel) -> None:
        self.house, self.channel = house, channel
        self.attempts = house.stores.attempts()
        self.links = Links(house.secrets.links, house.settings.base_url)
        self._views = Views(house.state, house.folder / "models")
        self.view = self._views.newest()
        self._messages: dict[tuple[str, int], Message | None] = {}
        self._later: dict[str, Millis] = {}
        self._told: dict[str, int] = {}
        self._known: dict[Lane, int] | None = None
        self._asked = 0.0
        self._depth = 1
        self._stopping = False

    async def turn(self) -> int:
        """Take one batch out of the outbox; returns how many contacts were looked at."""
        self._forget(self.house.clock.now())
        if not self._waiting(self.house.clock.now()) or not self._informed():
            return 0
        waiting = self._waiting(self.house.clock.now())
        self.view = self._views.newest()
        receipts: list[Delivered] = []
        done, told = 0, time.monotonic()
        while done < len(waiting) and not self._held():
            if done and (not await self._caught_up() or self._held()):
                break
            slice = waiting[done : done + self._depth * self.channel.settings.connections]
            begun = time.monotonic()
            receipts += await self._send(slice)
            done += len(slice)
            brisk = time.monotonic() - begun < BRISK
            self._depth = min(2 * self._depth, DEEP) if brisk else 1
            if time.monotonic() - told > PATIENCE:
                self._tell(receipts)
                receipts, told = [], time.monotonic()
        self._tell(receipts)
        return done

    def _held(self) -> bool:
        """Whether nothing more may leave now."""
        return self._stopping or self.house.program().settings.paused

    async def stop(self) -> None:
        """Begin nothing more; what the server was told of already may end, for a few seconds."""
        self._stopping = True
        await self.channel.close()

    async def _send(self, slice: Sequence[Enqueue]) -> list[Delivered]:
        """Prepare a few contacts by what is known now, and hand them over."""
        now, program = self.house.clock.now(), self.house.program()
        attempts = self.attempts.of([e.key for e in slice])
        receipts: list[Delivered] = []
        ready: list[tuple[Enqueue, int, Outgoing]] = []
        for earlier in slice:
            row = self.house.state.outbox(earlier.key)
            if row is None or row.state != "waiting":
                continue  # the engine has settled it since
            tried = [_attempt(row) for row in attempts.get(earlier.key, [])]
            found = self._prepare(row.enqueue, tried, program, now)
            if isinstance(found, Delivered):
                receipts.append(found)
            elif found is not None:
                ready.append((row.enqueue, len(tried) + 1, found))
        return receipts + await self._hand_over(ready)

    async def _caught_up(self) -> bool:
        """Wait a moment for the engine before the next slice; False where it takes longer."""
        until = time.monotonic() + PATIENCE
        while not self._informed():
            if time.monotonic() > until:
                return False
            await asyncio.sleep(IDLE / 10)
        return True

    def _informed(self) -> bool:
        """Whether the engine has applied all that was acknowledged when this was first asked.

        A refusal counts from when it was acknowledged: while the engine is down or behind, nothing leaves.
        What was asked longer ago than a door waits for the engine is asked anew, so that a refusal whose
        door gave up waiting is among what has to be applied.
        """
        if self._known is None or time.monotonic() - self._asked > APPLY_TIMEOUT:
            self._asked = time.monotonic()
            self._known = {lane: self.house.log.newest(lane) for lane in (Lane.CONTROL, Lane.LIVE)}
        if not all(self.house.applied(lane, offset) for lane, offset in self._known.items()):
            return False
        self._known = None
        return True

    def _waiting(self, now: Millis) -> list[Enqueue]:
        """The oldest contacts that nothing holds back."""
        found: list[Enqueue] = []
        after: tuple[Millis, str] = (0, "")
        while len(found) < BATCH:
            page = self.house.state.outbox_waiting(now, 5 * BATCH, after)
            found += [e for e in page if e.key not in self._told and e.key not in self._later]
            if len(page) < 5 * BATCH:
                break
            after = (page[-1].not_before, page[-1].key)
        return found[:BATCH]

    def _forget(self, now: Millis) -> None:
        """Let go of what the engine has settled, and of holds that are over."""
        applied = self.house.state.position(Lane.LIVE)
        self._told = {key: offset for key, offset in self._told.items() if offset > applied}
        self._later = {key: until for key, until in self._later.items() if until > now}

    def _prepare(
        self, enqueue: Enqueue, tried: Sequence[Attempt], program: Program, now: Millis
    ) -> Outgoing | Delivered | None:
        """The mail to hand over, or its end without one, or None where it has to wait."""
        message = self._message(enqueue, program)
        move = next_move(
            enqueue.key,
            enqueue.expires,
            message.certainty if message else "at_most_once",
            tried,
            now,
            self.channel.capabilities,
            ALONE,
        )
        if isinstance(move, Settle):
            return _ended(enqueue, move.state, move.reason, now)
        if isinstance(move, AskProvider):
            return _ended(enqueue, "failed", "uncertain", now)  # SMTP cannot be asked
        if message is None:  # only now: an earlier attempt may have sent it
            return _ended(enqueue, "cancelled", "message.deleted", now)
        if isinstance(move, Wait):
            self._later[enqueue.key] = move.until
            return None
        head = self.house.state.head(enqueue.person)
        if head is None:
            return _ended(enqueue, "cancelled", "person.gone", now)
        refusal = contact.recheck(head.person, enqueue, program, now)
        if refusal is not None:
            return self._refused(enqueue, refusal, now)
        said_no = self._owners_no(enqueue, head.person)
        if said_no or self._suppressed(enqueue, head.person):
            return _ended(enqueue, "cancelled", said_no or "suppressed", now)
        return self._mail(enqueue, message, head.person, program, now)

    def _owners_no(self, enqueue: Enqueue, person: Person) -> str:
        """The no of whoever the address belongs to, where identity says that it is somebody else, or ""."""
        id = self.house.state.person_of("email", clean_email(enqueue.address))
        owner = self.house.state.head(id) if id and id != person.id else None
        return contact.denied_by(owner.person, enqueue) if owner else ""

    def _suppressed(self, enqueue: Enqueue, person: Person) -> bool:
        """Whether the suppression list names the address; what an erased person had said ends with a yes since."""
        digest = self.house.secrets.pseudonym("email", clean_email(enqueue.address))
        return any(
            contact.covers(row.said, enqueue)
            and not (row.reason == ERASED and contact.agreed_since(person, enqueue, row.time))
            for row in self.house.state.suppressions_of(digest)
        )

    def _refused(self, enqueue: Enqueue, refusal: contact.Refusal, now: Millis) -> Delivered | None:
        if refusal.retry_at is None:
            state = "expired" if refusal.reason == "expired" else "cancelled"
            return _ended(enqueue, state, refusal.reason, now)
        self._later[enqueue.key] = refusal.retry_at
        return None

    def _message(self, enqueue: Enqueue, program: Program) -> Message | None:
        """The text as it was when the contact was admitted; a deleted message is not sent any more."""
        if enqueue.message not in program.messages:
            return None
        name = (enqueue.message, enqueue.version)
        if name not in self._messages:
            versions = self.house.state.resource_versions("message", enqueue.message)
            body = next(
                (body for version, body, _, _ in versions if version == enqueue.version), None
            )
            found = None if body is None else definitions.parse("message", enqueue.message, body)
            self._messages[name] = found if isinstance(found, Message) else None
        return self._messages[name]

    def _mail(
        self, enqueue: Enqueue, message: Message, person: Person, program: Program, now: Millis
    ) -> Outgoing | Delivered:
        settings = program.settings
        items = self.view.recommended(person, message.recommend, settings.currency)
        try:
            mail = compose(
                message,
                enqueue,
                person,
                items,
                self.links,
                settings,
                zone=zone_of(person, settings),
                now=now,
                computed=computed_traits(self.house.state, self.house.plan(), person, now),
            )
        except DuyenError as error:
            return _ended(enqueue, "failed", error.message, now)
        return Outgoing(mail.key, mail.sender, mail.to, mail.content)

    async def _hand_over(self, ready: Sequence[tuple[Enqueue, int, Outgoing]]) -> list[Delivered]:
        """Write the attempts down, speak to the provider, write their fates down."""
        if not ready:
            return []
        started = self.house.clock.now()
        self.attempts.put(AttemptRow(e.key, number, started) for e, number, _ in ready)
        results = await self.channel.send([outgoing for _, _, outgoing in ready])
        finished = self.house.clock.now()
        self.attempts.put(
            AttemptRow(e.key, number, started, result.fate, finished, result.detail)
            for (e, number, _), result in zip(ready, results, strict=True)
        )
        receipts = []
        for (enqueue, _, _), result in zip(ready, results, strict=True):
            if result.fate in ("sent", "failed"):
                receipts.append(_ended(enqueue, result.fate, _reason(result), finished))
        return receipts

    def _tell(self, receipts: Sequence[Delivered]) -> None:
        if not receipts:
            return
        offset = self.house.tell(Lane.LIVE, list(receipts))
        self._told |= {receipt.key: offset for receipt in receipts}

    def close(self) -> None:
        """Close the attempts."""
        self.attempts.close()


def _ended(enqueue: Enqueue, state: str, reason: str, now: Millis) -> Delivered:
    return Delivered(enqueue.key, enqueue.person, enqueue.message, state, now, reason)


def _reason(result: Result) -> str:
    return "" if result.fate == "sent" else result.detail[:300]


def _attempt(row: AttemptRow) -> Attempt:
    return msgspec.convert(
        {"number": row.number, "started": row.started, "fate": row.fate}
        | {"finished": row.finished, "detail": row.detail},
        Attempt,
    )


def email_settings(settings: Settings, catcher_port: int | None) -> EmailSettings:
    """How to reach the SMTP server, or the catcher where there is none."""
    if catcher_port is not None:
        return EmailSettings(host="127.0.0.1", port=catcher_port, security="none")
    return EmailSettings(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        username=settings.smtp_user,
        password=settings.smtp_password,
        ca_file=settings.smtp_ca_file,
    )


async def _serve(house: House) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    settings = house.settings
    catcher: Catcher | None = None
    if not settings.smtp_host:
        mailbox = house.stores.mails(house.clock.now)
        catcher = Catcher(mailbox, port=settings.catcher_port)
        await catcher.open()
    sender = Sender(
        house, EmailChannel(email_settings(settings, catcher.port if catcher else None))
    )
    pace = 1 / settings.smtp_rate if settings.smtp_host else 0.0
    ending = asyncio.create_task(_end(stopping, sender))
    try:
        while not stopping.is_set():
            worked = await sender.turn()
            await _rest(stopping, worked * pace if worked else IDLE)
    finally:
        stopping.set()
        await ending
        sender.close()
        if catcher is not None:
            await catcher.close()


async def _end(stopping: asyncio.Event, sender: Sender) -> None:
    await stopping.wait()
    await sender.stop()


async def _rest(stopping: asyncio.Event, seconds: float) -> None:
    """Let so much time pass, or less where told to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        pass  # nobody said stop


def main(settings: Settings) -> None:
    """Run the sender of a data folder until told to stop."""
    house = House(settings)
    with closing(house), closing(claimed(house, "sender")):
        uvloop.run(_serve(house))
