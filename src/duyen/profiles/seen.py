"""Which messages a document has taken in: eight bytes for each, in the weeks of their arrival.

Most steps only ask whether one message is new, so the hashes lie one behind the other in blocks of bytes that cost
nothing to read and to write again; a year of messages of a busy person is a few kilobytes. What would be more than
MOST_KEPT is handed out, to lie where one message can be looked up alone (`stores.state.told`).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from itertools import chain

from duyen.model.person import Person
from duyen.model.times import DAY, NEVER, Millis

SEEN_FOR: Millis = 35 * DAY
"""How long a message id is remembered after its arrival, at least; imported rows are remembered for good."""
WEEK: Millis = 7 * DAY
FOR_GOOD = NEVER // WEEK
MOST_KEPT = 2_048
"""Messages that a document remembers itself, until its events spill the next time."""
_WIDTH = 8
_MOST = 512 * _WIDTH
"""Bytes of one block: what an arrival copies, at most."""

Seen = dict[int, list[bytes]]
Told = tuple[bytes, int]
"""The hash of a message, and the week of its arrival."""


def message_hash(message_id: str) -> bytes:
    """64 bits that stand for a message id."""
    return blake2b(message_id.encode(), digest_size=_WIDTH).digest()


def remember(person: Person, message_id: str, arrival: Millis) -> bool:
    """Note a message; False where it is known. `arrival` is NEVER for what is remembered for good."""
    if person.seen_before:
        _renew(person)
    key, seen = message_hash(message_id), person.seen
    if _holds(seen, key):
        return False
    _add(seen, key, arrival // WEEK)
    return True


def _add(seen: Seen, key: bytes, week: int) -> None:
    blocks = seen.setdefault(week, [])
    if blocks and len(blocks[-1]) < _MOST:
        blocks[-1] += key
    else:
        blocks.append(key)


def remember_new(person: Person, message_id: str, arrival: Millis) -> None:
    """Note a message of which it is certain that it is new."""
    _add(person.seen, message_hash(message_id), arrival // WEEK)


def known(person: Person, message_id: str) -> bool:
    """Whether the document has taken in this message."""
    if person.seen_before:
        _renew(person)
    return _holds(person.seen, message_hash(message_id))


def _holds(seen: Seen, key: bytes) -> bool:
    """Whether it is one of the hashes, and not the end of one and the beginning of the next."""
    whole = b"".join(chain.from_iterable(seen.values()))
    at = whole.find(key)
    while at % _WIDTH and at >= 0:
        at = whole.find(key, at + 1)
    return at >= 0


def weeks(person: Person) -> dict[bytes, int]:
    """Every hash with the week of its arrival."""
    if person.seen_before:
        _renew(person)
    return {
        block[at : at + _WIDTH]: week
        for week, blocks in person.seen.items()
        for block in blocks
        for at in range(0, len(block), _WIDTH)
    }


def shared(a: Person, b: Person) -> bool:
    """Whether both have taken in some message."""
    return not weeks(a).keys().isdisjoint(weeks(b).keys())


def united(a: Person, b: Person) -> Seen:
    """The messages of both, each with its later arrival; the same from either side."""
    both = weeks(a)
    if a.seen == b.seen:
        return {week: list(blocks) for week, blocks in a.seen.items()}
    for key, week in weeks(b).items():
        both[key] = max(both.get(key, week), week)
    return _blocks(both)


def forget(person: Person) -> Millis:
    """Drop what arrived long before the newest arrival; returns before when that is."""
    newest = max((week for week in person.seen if week != FOR_GOOD), default=0)
    oldest = newest * WEEK - SEEN_FOR
    for week in [week for week in person.seen if (week + 1) * WEEK <= oldest]:
        del person.seen[week]
    return oldest


def hand_out(person: Person) -> list[Told]:
    """Take out of a document what it remembers, where that is more than it should; () to keep it.

    `person.apart` is for whoever lays it apart to set.
    """
    if sum(len(block) for blocks in person.seen.values() for block in blocks) <= MOST_KEPT * _WIDTH:
        return []
    told = sorted(weeks(person).items())
    person.seen = {}
    return told


def oldest_week(told: Iterable[Told]) -> int:
    """Of weeks before this one nothing need be remembered, when the newest arrivals are these."""
    newest = max((week for _, week in told if week != FOR_GOOD), default=0)
    return newest - SEEN_FOR // WEEK


def take_back(person: Person, told: Iterable[Told]) -> None:
    """Put into a document again what was handed out: all of it."""
    person.seen = _blocks({**weeks(person), **dict(told)})
    person.apart = 0


def _blocks(found: dict[bytes, int]) -> Seen:
    seen: Seen = {}
    for week in sorted(set(found.values())):
        whole = b"".join(sorted(key for key, arrived in found.items() if arrived == week))
        seen[week] = [whole[at : at + _MOST] for at in range(0, len(whole), _MOST)]
    return seen


def _renew(person: Person) -> None:
    """Read what documents kept until now: numbers with their arrivals."""
    before, person.seen_before = person.seen_before, {}
    told = {key.to_bytes(_WIDTH): arrival // WEEK for key, arrival in before.items()}
    person.seen = _blocks({**weeks(person), **told})
