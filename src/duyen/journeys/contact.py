"""The one door to the channels: nobody is contacted but through `admit` (law 6).

`admit` decides when a contact is asked for and reserves its place under the caps; `recheck` decides again
when a sender is about to send it, because a person may have said no in between. What was admitted and
what was finally refused is written to the person's ledger; a contact that is only put off is not.
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache
from itertools import pairwise
from typing import Any

import msgspec

from duyen.model.consent import ANY, Statement, consent_key, granted
from duyen.model.effect import Cancel, Enqueue
from duyen.model.happening import Receipt
from duyen.model.message import Message
from duyen.model.person import GLOBAL, HELD_OUT, Contact, Person
from duyen.model.program import Cap, Program, WorkspaceSettings
from duyen.model.times import DAY, MINUTE, Millis, parse_duration
from duyen.model.wishes import own_cap, own_hours
from duyen.rules.quiet import quiet_for, quiet_until, zone_of

SERVICE = "service"
"""Purpose of mails a person needs because of what they did: an order, a password."""

USUAL_LIFETIME = "3d"
KEPT = 200
"""Newest lines of the ledger that are kept whether or not a cap needs them."""
LONGEST_CAP = 400 * DAY
RESERVED = frozenset({"queued", "sent", HELD_OUT})
"""States that count under a cap. A held-out contact counts, so that both arms live under the same policy."""

_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*"
)


class Refusal(msgspec.Struct, frozen=True):
    """Why a contact may not be made; with `retry_at`, only not yet: ask again then.

    Reasons: address.missing, address.changed, consent.missing, consent.denied, suppressed, send_only_to,
    cap.reached, hold_out, expired, message.deleted, journey.deleted, duplicate, restored; not yet: quiet_hours, paused,
    not_before.
    """

    reason: str
    retry_at: Millis | None = None


def admit(
    person: Person,
    message: Message,
    version: int,
    program: Program,
    now: Millis,
    *,
    origin: str,
    key: str,
    inputs: dict[str, Any],
    cell: str,
) -> Enqueue | Refusal:
    """Let a contact into the outbox, put it off, or refuse it; `cell` is the person's global arm.

    Writes the ledger of `person`. A key that the ledger already knows is refused as a duplicate.
    """
    if any(contact.key == key for contact in person.ledger):
        return Refusal("duplicate")
    expires = now + _lifetime(message.expires)
    refusal = _refusal(person, message, program, now, expires, cell)
    if refusal is None:
        _write(person, program, _contact(message, origin, key, now, "queued"))
        return Enqueue(
            key=key,
            person=person.id,
            message=message.id,
            version=version,
            channel=message.channel,
            address=address_of(person) or "",
            purpose=message.purpose,
            brand=message.brand,
            origin=origin,
            created=now,
            not_before=now,
            expires=expires,
            inputs=inputs,
        )
    if refusal.retry_at is None:
        state = HELD_OUT if refusal.reason == "hold_out" else "refused"
        _write(person, program, _contact(message, origin, key, now, state, refusal.reason))
    return refusal


def barred(person: Person, message: Message, settings: WorkspaceSettings) -> str:
    """Why this person cannot be told this at any hour (no address, no consent, not on the list), or ""."""
    address = address_of(person)
    if address is None:
        return "address.missing"
    said_no = _consent_refusal(person.consent, message.purpose, message.channel, message.brand)
    return said_no or ("" if _listed(address, settings) else "send_only_to")


def recheck(person: Person, enqueue: Enqueue, program: Program, now: Millis) -> Refusal | None:
    """Whether a waiting contact may leave now: None, a refusal for good, or one with `retry_at`."""
    final = _stale(person, enqueue, program, now) or _forbidden(person, enqueue, program)
    if final:
        return Refusal(final)
    return _not_yet(person, enqueue, program, now)


def denied_by(person: Person, enqueue: Enqueue) -> str:
    """The no of this person that covers a contact ("suppressed", "consent.denied"), or "".

    For the one to whom an address belongs where the contact is somebody else's: their no holds for it too.
    """
    return _no(person.consent, enqueue.purpose, enqueue.channel, enqueue.brand)


def covers(said: str, enqueue: Enqueue) -> bool:
    """Whether a no that was said by this key (`brand/purpose/channel`) holds for a contact."""
    asked = (enqueue.brand, enqueue.purpose, enqueue.channel)
    return all(part in (ANY, own) for part, own in zip(said.split("/"), asked, strict=True))


def agreed_since(person: Person, enqueue: Enqueue, since: Millis) -> bool:
    """Whether this person has said yes to such contacts after an instant."""
    yes = [
        statement.time
        for key, statement in person.consent.items()
        if statement.state == "granted" and covers(key, enqueue)
    ]
    return max(yes, default=since) > since


def settle(person: Person, receipt: Receipt) -> None:
    """Write into the ledger what became of an admitted contact."""
    state = "cancelled" if receipt.state == "expired" else receipt.state
    reason = receipt.reason or ("expired" if receipt.state == "expired" else "")
    _restate(person, {receipt.key}, state, reason)


def withdraw(person: Person) -> list[Cancel]:
    """Cancel every waiting contact that the person's consent no longer covers."""
    gone = {
        contact.key: (contact, reason)
        for contact in person.ledger
        if contact.state == "queued"
        and (
            reason := _consent_refusal(
                person.consent, contact.purpose, contact.channel, contact.brand
            )
        )
    }
    for key, (_, reason) in gone.items():
        _restate(person, {key}, "cancelled", reason)
    return [
        Cancel(person.id, key, contact.channel, contact.purpose, reason)
        for key, (contact, reason) in gone.items()
    ]


def once(person: Person, origin: str, *, every: bool) -> list[Cancel]:
    """Cancel all but the oldest waiting contact of each message of one origin; service ones only with `every`."""
    waiting = sorted(
        (
            line
            for line in person.ledger
            if line.state == "queued"
            and line.origin == origin
            and (every or line.purpose != SERVICE)
        ),
        key=lambda line: (line.message, line.time, line.key),
    )
    twice = [line for before, line in pairwise(waiting) if before.message == line.message]
    _restate(person, {line.key for line in twice}, "cancelled", "merged")
    return [Cancel(person.id, line.key, line.channel, line.purpose, "merged") for line in twice]


def take_back(person: Person, keys: Set[str], reason: str) -> list[Cancel]:
    """Cancel what waits of these contacts, but for service messages: those are owed whatever came after."""
    gone = [
        line
        for line in person.ledger
        if line.key in keys and line.state == "queued" and line.purpose != SERVICE
    ]
    if gone:
        _restate(person, {line.key for line in gone}, "cancelled", reason)
    return [Cancel(person.id, line.key, line.channel, line.purpose, reason) for line in gone]


def address_of(person: Person) -> str | None:
    """The e-mail address to write to: the trait where it is one of theirs, else their first identifier.

    A trait that is no identifier of theirs is never written to: it may be a claim about somebody else, and
    a no that comes back from that address would not reach this person.
    """
    known = [value for value in person.identifiers.get("email", {}) if is_address(value)]
    trait = person.traits.get("email")
    said = trait.value.strip() if trait and isinstance(trait.value, str) else ""
    if is_address(said) and said.casefold() in map(str.casefold, known):
        return said
    return known[0] if known else None


def is_address(text: object) -> bool:
    """Whether text can stand as one e-mail address in a header and on an SMTP line."""
    return isinstance(text, str) and len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def _refusal(
    person: Person,
    message: Message,
    program: Program,
    now: Millis,
    expires: Millis,
    cell: str,
) -> Refusal | None:
    """The first thing that stands against a contact, the lasting ones first."""
    settings = program.settings
    if now <= settings.restored_at:
        return Refusal("restored")
    reason = barred(person, message, settings)
    if reason:
        return Refusal(reason)
    if message.purpose == SERVICE:
        return None
    if _cap_reached(person, message.channel, (*settings.caps, *own_cap(person)), now):
        return Refusal("cap.reached")
    end = _quiet(person, settings, now)
    if end is not None:
        return Refusal("quiet_hours", end) if end < expires else Refusal("expired")
    # Last, so that a held-out contact is one that the policy would have let through.
    return Refusal("hold_out") if cell == HELD_OUT else None


def _stale(person: Person, enqueue: Enqueue, program: Program, now: Millis) -> str:
    """Why a waiting contact has lost its point, or ""."""
    if now >= enqueue.expires:
        return "expired"
    if enqueue.message not in program.messages:
        return "message.deleted"
    kind, _, id = enqueue.origin.partition(":")
    if kind == "journey" and id not in program.journeys:
        return "journey.deleted"
    addresses = [*person.identifiers.get("email", {}), address_of(person) or ""]
    if enqueue.address.lower() not in map(str.lower, addresses):
        return "address.changed"
    return ""


def _forbidden(person: Person, enqueue: Enqueue, program: Program) -> str:
    """Why a waiting contact may never leave, or ""."""
    said_no = _consent_refusal(person.consent, enqueue.purpose, enqueue.channel, enqueue.brand)
    if said_no:
        return said_no
    if not _listed(enqueue.address, program.settings):
        return "send_only_to"
    if enqueue.purpose == SERVICE:
        return ""
    cell = person.cells.get(GLOBAL)
    if cell is not None and cell.arm == HELD_OUT:
        return "hold_out"
    caps = (*program.settings.caps, *own_cap(person))
    return "cap.reached" if _overfills(person, enqueue, caps) else ""


def _not_yet(person: Person, enqueue: Enqueue, program: Program, now: Millis) -> Refusal | None:
    """Why a waiting contact must wait longer, or None."""
    if now < enqueue.not_before:
        return Refusal("not_before", enqueue.not_before)
    if program.settings.paused or _stands_still(enqueue, program):
        return Refusal("paused", now + MINUTE)
    if enqueue.purpose == SERVICE:
        return None
    end = _quiet(person, program.settings, now)
    if end is None:
        return None
    return Refusal("quiet_hours", end) if end < enqueue.expires else Refusal("expired")


def _quiet(person: Person, settings: WorkspaceSettings, now: Millis) -> Millis | None:
    """When the person may be disturbed, where that is not now: by the company's hours, and by their own wish.

    A wish that lies in the company's quiet hours is none: it would never be kept.
    """
    end = quiet_for(person, settings, now)
    hours = own_hours(person)
    if hours is None:
        return end
    since, to = hours
    later = quiet_until(now if end is None else end, zone_of(person, settings), to, since)
    if later is None or quiet_for(person, settings, later) is not None:
        return end
    return later


def _stands_still(enqueue: Enqueue, program: Program) -> bool:
    """Whether the journey that asked for a contact is paused: what waits then waits on."""
    kind, _, id = enqueue.origin.partition(":")
    journey = program.journeys.get(id) if kind == "journey" else None
    return journey is not None and not journey.live


def _consent_refusal(
    statements: dict[str, Statement], purpose: str, channel: str, brand: str
) -> str:
    """Why consent does not cover a contact, or "". Service needs no grant but honours every no to it."""
    said_no = _no(statements, purpose, channel, brand)
    if said_no or purpose == SERVICE or granted(statements, purpose, channel, brand):
        return said_no
    return "consent.missing"


def _no(statements: dict[str, Statement], purpose: str, channel: str, brand: str) -> str:
    """Which no stands against a contact, or ""."""
    if _denied(statements, ANY, ANY, ANY):
        return "suppressed"
    covering = [(b, p, c) for b in (brand, ANY) for p in (purpose, ANY) for c in (channel, ANY)]
    if any(_denied(statements, *said) for said in covering):
        return "consent.denied"
    return ""


def _denied(statements: dict[str, Statement], brand: str, purpose: str, channel: str) -> bool:
    statement = statements.get(consent_key(purpose, channel, brand))
    return statement is not None and statement.state == "denied"


def _listed(address: str, settings: WorkspaceSettings) -> bool:
    """Whether the send-only-to list is empty or names this address or its @domain."""
    if not settings.send_only_to:
        return True
    whole = address.lower()
    domain = whole[whole.rindex("@") :]
    return any(entry.strip().lower() in (whole, domain) for entry in settings.send_only_to)


def _cap_reached(person: Person, channel: str, caps: tuple[Cap, ...], now: Millis) -> bool:
    """Whether the contacts of (now - within, now] already fill a cap."""
    for cap in caps:
        if cap.channel not in (ANY, channel):
            continue
        used = sum(
            _counts(contact, cap) and now - cap.within < contact.time for contact in person.ledger
        )
        if used >= cap.most:
            return True
    return False


def _overfills(person: Person, enqueue: Enqueue, caps: tuple[Cap, ...]) -> bool:
    """Whether a window of a cap would hold too many contacts if this one left as well.

    `admit` sees to it that this cannot be, unless two documents became one or a cap became stricter since.
    Then what was said stays said, and of what waits, that which came first keeps its place.
    """
    mine = (enqueue.created, enqueue.key)
    for cap in caps:
        if cap.channel not in (ANY, enqueue.channel):
            continue
        times = [
            line.time
            for line in person.ledger
            if _counts(line, cap)
            and abs(line.time - enqueue.created) < cap.within
            and (line.state != "queued" or (line.time, line.key) < mine)
            and line.key != enqueue.key
        ]
        times.append(enqueue.created)
        for end in times:
            if end >= enqueue.created and _within(times, end, cap) > cap.most:
                return True
    return False


def _within(times: list[Millis], end: Millis, cap: Cap) -> int:
    return sum(end - cap.within < time <= end for time in times)


def _counts(contact: Contact, cap: Cap) -> bool:
    return (
        contact.purpose != SERVICE
        and contact.state in RESERVED
        and cap.channel in (ANY, contact.channel)
    )


def _contact(
    message: Message, origin: str, key: str, now: Millis, state: str, reason: str = ""
) -> Contact:
    return Contact(
        key=key,
        time=now,
        channel=message.channel,
        purpose=message.purpose,
        message=message.id,
        brand=message.brand,
        origin=origin,
        state=state,
        reason=reason,
    )


def _write(person: Person, program: Program, contact: Contact) -> None:
    """Add a line to the ledger and drop old ones that neither a cap nor the console needs."""
    ledger = [*person.ledger, contact]
    if len(ledger) > KEPT:
        longest = min(max((cap.within for cap in program.settings.caps), default=0), LONGEST_CAP)
        since = contact.time - longest
        older, newest = ledger[:-KEPT], ledger[-KEPT:]
        ledger = [
            old
            for old in older
            if old.state == "queued" or (old.state in RESERVED and old.time > since)
        ] + newest
    person.ledger = ledger


def _restate(person: Person, keys: set[str], state: str, reason: str) -> None:
    """Change the state of lines; what was sent stays said."""
    person.ledger = [
        msgspec.structs.replace(contact, state=state, reason=reason)
        if contact.key in keys and contact.state != "sent"
        else contact
        for contact in person.ledger
    ]


@lru_cache(maxsize=256)
def _lifetime(expires: str) -> Millis:
    """How long a message keeps its point; one that cannot be read keeps it for the usual time."""
    try:
        return parse_duration(expires)
    except ValueError:
        return parse_duration(USUAL_LIFETIME)
