"""Taking what was told of erased people out of the log: every commit is read once, for all orders together.

What may be theirs is found by its bytes: identifiers stand in JSON between quotes, so a commit that holds none of them
as a whole text is passed over unread. What is found is then judged like the engine would: whose an event is, says the
evidence that it rested on. Entries are replaced by `Gone`, so that all others keep their addresses.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from duyen import collect
from duyen.identity import Rules, usable
from duyen.model.decision import Decision
from duyen.model.event import Collected, Identifier, Rejected
from duyen.model.log import (
    Delivered,
    Entry,
    Erase,
    Expunged,
    Gone,
    Replayed,
    Suppress,
    Unmerge,
    decode_entries,
    encode_entry,
)
from duyen.model.program import WorkspaceSettings
from duyen.model.times import Millis
from duyen.runtime.erasing import Order, leaves
from duyen.runtime.identify import evidence_key
from duyen.stores.log import Log, split
from duyen.stores.state import State

AT_ONCE = 256
"""Commits that are read and written at a time."""
_GONE = encode_entry(Gone())
_REJECTED = b'"kind":"rejected"'
_words = re.compile(rb"[^\s\"\\,;:<>(){}\[\]=&']+").findall
_numbers = re.compile(rb"(?<=[:,\[])-?[0-9]+").findall


class Needles:
    """Texts that are looked for in JSON, whatever the case of their letters and however they are escaped."""

    def __init__(self, texts: Iterable[str]) -> None:
        known = {text for text in texts if text}
        forms = {form for text in known for form in _forms(text)}
        # Between other quotes, as in the payload of a rejected call, a text ends in backslashes.
        self._whole = frozenset(form + tail for form in forms for tail in (b"", b"\\", b"\\\\\\"))
        self._inside = [form for form in forms if b'"' in form or b"\\" in form]
        self._phrases = [form for form in forms if _words(form) != [form]]
        self._bare = frozenset(forms)
        self._numeric = any(text.lstrip("+-").isdigit() for text in known)

    def in_json(self, body: bytes) -> bool:
        """Whether one of them may stand in this JSON as a text or a number of its own."""
        body = body.lower()
        return (
            not self._whole.isdisjoint(body.split(b'"'))
            or (self._numeric and not self._bare.isdisjoint(_numbers(body)))
            or any(form in body for form in self._inside)
            or (_REJECTED in body and self.in_text(body))
        )

    def in_text(self, text: bytes) -> bool:
        """Whether one of them stands in this text as a word."""
        text = text.lower()
        return not self._bare.isdisjoint(_words(text)) or any(one in text for one in self._phrases)

    def in_call(self, payload: str) -> bool:
        """Whether one of them is a text or a number of its own in a call, or a word where it cannot be read."""
        try:
            read = json.loads(payload)
        except (ValueError, RecursionError):
            return self.in_text(payload.encode("utf-8", "surrogatepass"))
        texts = (leaf.encode("utf-8", "surrogatepass").lower() for leaf in leaves(read))
        return not self._bare.isdisjoint(texts)


def _forms(text: str) -> set[bytes]:
    """The bytes by which JSON may write a text, in small letters."""
    ways = {text, text.lower(), text.casefold()}
    ways |= {
        json.dumps(way, ensure_ascii=flag)[1:-1] for way in set(ways) for flag in (True, False)
    }
    ways |= {way.replace("/", "\\/") for way in set(ways)}
    return {way.encode("utf-8", "surrogatepass").lower() for way in ways}


class Stretch(NamedTuple):
    """Commits that are written again together: those behind `after`.

    `found`: entries that go, by the order they fall under; `rejected`: ids of the rejected calls among them.
    """

    after: int
    bodies: list[tuple[int, bytes]]
    found: dict[str, int]
    rejected: list[str]


class Search:
    """All orders that are under way, as one question to an entry."""

    def __init__(self, orders: Sequence[Order], state: State, settings: WorkspaceSettings) -> None:
        self._state, self._settings = state, settings
        self._rules = Rules.of(settings.identity, settings.blocked)
        self._orders = {order.id: order for order in orders}
        self._by_evidence = {key: order for order in orders for key in order.evidence}
        self._by_name = {name: order for order in orders for name in order.names}
        self._by_person = {id: order for order in orders for id in order.persons}
        self._by_contact = {key: order for order in orders for key in order.contacts}
        self.needles = Needles(
            text
            for order in orders
            for text in (
                order.id,
                *order.persons,
                *order.contacts,
                *order.spelled,
                *(value for _, value in order.names),
            )
        )
        self._own: dict[str, Needles] = {}
        self.entries: Counter[str] = Counter()
        """Of the present stretch, by order."""
        self.rejected: set[str] = set()
        self.walked: dict[str, dict[int, int]] = {order.id: {} for order in orders}
        """How many entries fell under an order, by stretch, as runs have told the log that were cut short."""
        self.mentions = 0
        """Entries of others that name an identifier of somebody erased, and stay."""

    def without(self, piece: bytes) -> bytes:
        """What stands in the place of an entry: itself, or what is left of it."""
        try:
            (entry,) = decode_entries(b"[" + piece + b"]")
        except (msgspec.DecodeError, RecursionError):
            return _GONE  # nobody can read it, and it names somebody who is erased
        return self._judged(entry, piece)

    def _judged(self, entry: Entry, piece: bytes) -> bytes:
        if isinstance(entry, Erase):
            return self._answered(entry, piece)
        if isinstance(entry, Unmerge):
            return self._kept_apart(entry, piece)
        if isinstance(entry, Suppress):
            return self._nameless(entry, piece)
        if isinstance(entry, Expunged):
            for id in entry.found.keys() & self.walked.keys():
                self.count(id, entry.after, entry.found[id])
            return piece
        order = self._order_of(entry, piece)
        if order is None:
            return piece
        if isinstance(entry, Rejected):
            self.rejected.add(entry.id)
        self.entries[order.id] += 1
        return _GONE

    def count(self, order: str, after: int, entries: int) -> None:
        """So many entries of a stretch fall under an order: told twice, they count once."""
        walked = self.walked[order]
        walked[after] = max(entries, walked.get(after, 0))

    def _order_of(self, entry: Entry, piece: bytes) -> Order | None:
        """The order under which an entry falls."""
        if isinstance(entry, Collected):
            event = collect.normalise(entry, self._settings)
            return self._told(event.time, event.identifiers, event.trusted)
        if isinstance(entry, Decision):
            return self._told(entry.time, (entry.identifier,), entry.trusted)
        if isinstance(entry, Delivered):
            found = self._by_person.get(entry.person) or self._by_contact.get(entry.key)
            return found if found is not None and entry.time <= found.time else None
        if isinstance(entry, Rejected):
            fits = (o for o in self._orders.values() if entry.received <= o.time)
            return next((o for o in fits if self._named(o).in_call(entry.payload)), None)
        if isinstance(entry, Replayed):
            fits = (o for o in self._orders.values() if entry.time <= o.time)
            return next((o for o in fits if self._named(o).in_text(piece)), None)
        return None

    def _named(self, order: Order) -> Needles:
        """The identifiers of one order, for the few entries in which they stand somewhere in a text."""
        if order.id not in self._own:
            self._own[order.id] = Needles([*order.spelled, *(value for _, value in order.names)])
        return self._own[order.id]

    def _told(self, time: Millis, names: Sequence[Identifier], trusted: bool) -> Order | None:
        """Whose evidence it is, and where there is none of it, who alone has one of these identifiers."""
        keys = {evidence_key(kept, trusted) for kept in (names, usable(names, self._rules)) if kept}
        for key in keys:
            order = self._by_evidence.get(key)
            if order is not None:
                return order if time <= order.time else None
        named = next((o for name in names if (o := self._by_name.get(name))), None)
        if named is None or time > named.time:
            return None
        if self._state.evidence_by_key(sorted(keys)):
            self.mentions += 1
            return None
        return named

    def _answered(self, entry: Erase, piece: bytes) -> bytes:
        """What a call for erasure leaves of those whom it named: keyed hashes."""
        order = self._orders.get(entry.id)
        if order is None or not entry.persons:
            return piece
        return encode_entry(
            msgspec.structs.replace(
                entry, persons=(), digests=tuple(order.digests), refused=tuple(order.refused)
            )
        )

    def _nameless(self, entry: Suppress, piece: bytes) -> bytes:
        """The list without the addresses of the erased: their keyed hashes do."""
        rows = tuple(
            (digest, said, "" if ("email", address) in self._by_name else address)
            for digest, said, address in entry.rows
        )
        if rows == entry.rows:
            return piece
        return encode_entry(msgspec.structs.replace(entry, rows=rows))

    def _kept_apart(self, entry: Unmerge, piece: bytes) -> bytes:
        """A veto without the identifiers of the erased; none is left where a side is empty then."""
        kept, apart = (
            tuple(name for name in side if name not in self._by_name)
            for side in (entry.kept, entry.apart)
        )
        if (kept, apart) == (entry.kept, entry.apart):
            return piece
        if not kept or not apart:
            return _GONE
        return encode_entry(msgspec.structs.replace(entry, kept=kept, apart=apart))


def stretches(log: Log, search: Search, late: Iterable[tuple[int, int]] = ()) -> Iterator[Stretch]:
    """What has to be written again, stretch by stretch; `late` are places that go in any case.

    Stretches begin at the same offsets each time. Each is written whole or not at all, and there is nothing to write
    the second time: a walk may be killed at any moment, and begun again.
    """
    upto, after = log.newest(), 0
    places: dict[int, set[int]] = {}
    for seq, index in late:
        places.setdefault(seq, set()).add(index)
    while bodies := log.bodies(after, upto, AT_ONCE):
        changed = []
        for seq, body in bodies:
            if seq not in places and not search.needles.in_json(body):
                continue
            rest = _without(body, search, places.get(seq, set()))
            if rest is not None:
                changed.append((seq, rest))
        yield Stretch(after, changed, dict(search.entries), sorted(search.rejected))
        search.entries.clear()
        search.rejected.clear()
        after = bodies[-1][0]


def _without(body: bytes, search: Search, gone: set[int]) -> bytes | None:
    """The entries of one commit without what has to go; None where nothing has."""
    pieces = split(body)
    rest = [
        _GONE
        if index in gone
        else search.without(piece)
        if search.needles.in_json(piece)
        else piece
        for index, piece in enumerate(pieces)
    ]
    return None if rest == pieces else b"[" + b",".join(rest) + b"]"
