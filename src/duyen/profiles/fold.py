"""Events folded into a document: knowledge only, the same in any order, batching and duplication (law 1).

Traits: the last writer by (event time, message id); None deletes and stays as a tombstone. Consent: the last
statement by event time, at the same instant the stricter. History, counts and series: once per message id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

import msgspec

from duyen.model.consent import (
    ANY,
    DEFAULT_BRAND,
    PENDING,
    ConsentState,
    Statement,
    consent_key,
)
from duyen.model.event import CONSENT_UPDATED, Event
from duyen.model.meaning import MEANINGS
from duyen.model.order import needs_past, order_hash, part_of
from duyen.model.person import Person, Trait
from duyen.model.rule import SeriesSpec
from duyen.model.times import NEVER, Millis
from duyen.profiles import seen
from duyen.profiles.cart import CART, change_cart, told_of_cart
from duyen.profiles.groups import join_group
from duyen.profiles.traits import bound_traits, newest_trait, too_large
from duyen.rules import USUAL, Accumulators, Burst, mail_of, scanned

RECENT_MOST = 64
RECENT_KEPT = 32
MOST_ORDERS = 1_000
"""Orders that a document remembers by their ids, the last told of."""
_MAX_CONSENT_TEXT = 64
_MAX_PROOF = 2_000
_NOTHING: Mapping[str, SeriesSpec] = {}

_order = attrgetter("order")
_encode = msgspec.json.Encoder(order="deterministic").encode
# The specs of the running program, arranged by event; a program has one mapping that never changes.
_arranged: tuple[Mapping[str, SeriesSpec], Accumulators] | None = None


def absorb(
    person: Person,
    event: Event,
    specs: Mapping[str, SeriesSpec],
    *,
    names: bool = True,
    older: Iterable[Event] | None = None,
    new: bool = False,
    burst: Burst = USUAL,
) -> bool:
    """Fold one event into the document, in place; False where it was already in it.

    Without `names` the person's identifiers stay as they are: the event was only evidence of them. `older` (the
    events of the chunks) is needed where there are chunks and it is not the first touch of its mail: ValueError
    without it. `new`: the caller knows that no event of this id is in the document.
    """
    arrival = NEVER if event.imported else event.received
    if new:
        seen.remember_new(person, event.id, arrival)
    elif not seen.remember(person, event.id, arrival):
        return False
    _count(person, event.time)
    person.fresh.append(event)
    if names:
        for namespace, value in event.identifiers:
            values = person.identifiers.setdefault(namespace, {})
            values[value] = min(values.get(value, event.time), event.time)
    if event.trusted and event.identifiers:
        person.trusted = True
    if event.traits:
        _write_traits(person, event)
    if tells_consent(event):
        _listen(person, event)
    if told_of_cart(event):
        change_cart(person, event)
        person.traits = bound_traits(person.traits)
    if part_of(event):
        _remember_order(person, event)
    if event.type == "group":
        join_group(person, event)
    if mail := mail_of(event):
        _touch(person, event, mail, specs, older, burst)
    else:
        _add(person, event, specs, bool(event.quality))
    return True


def retells(person: Person, event: Event) -> bool:
    """Whether an event that is new to a document speaks of an order that it knows: then all history tells what changes.

    Ask before `absorb`.
    """
    if not part_of(event) or not (needs_past(event) or order_hash(event) in person.orders):
        return False
    return not seen.known(person, event.id)


def _remember_order(person: Person, event: Event) -> None:
    key = order_hash(event)
    person.orders[key] = max(person.orders.get(key, event.received), event.received)
    person.orders = bound_orders(person.orders)


def bound_orders(orders: dict[int, Millis]) -> dict[int, Millis]:
    """At most MOST_ORDERS, those that were told of last."""
    if len(orders) <= MOST_ORDERS:
        return orders
    last = sorted(orders, key=lambda key: (orders[key], key))
    return {key: orders[key] for key in last[-MOST_ORDERS:]}


def refold(
    id: str, events: Iterable[Event], specs: Mapping[str, SeriesSpec], burst: Burst = USUAL
) -> Person:
    """The document that these events make, from nothing."""
    person, history = Person(id), once(events)
    for event in history:
        absorb(person, event, _NOTHING, new=True)
    accumulate(person, history, specs, burst)
    return person


def once(events: Iterable[Event]) -> list[Event]:
    """Each message id once, ascending by (time, id); of two contents under one id, `first_told`."""
    told: dict[str, Event] = {}
    for event in events:
        known = told.setdefault(event.id, event)
        if known is not event:
            told[event.id] = first_told(known, event)
    return sorted(told.values(), key=_order)


def first_told(a: Event, b: Event) -> Event:
    """Which of two events of one message id counts: the earlier by its own time, then by its bytes.

    A client that tries again sends the same id with a clock corrected anew; a broken one reuses ids.
    """
    if a.time != b.time:
        return a if a.time < b.time else b
    return a if a == b else min(a, b, key=_encode)


def accumulate(
    person: Person,
    history: Iterable[Event],
    specs: Mapping[str, SeriesSpec],
    burst: Burst = USUAL,
) -> None:
    """Make the accumulators anew, out of the whole history; nothing else changes."""
    person.series, person.values = {}, {}
    events = once(history)
    machines = scanned(events, burst)
    for event in events:
        _add(person, event, specs, bool(event.quality) or event.id in machines)


def spill(person: Person) -> tuple[Event, ...]:
    """Take out of the head what now belongs into a chunk; () while the head is small enough. Packs the rest."""
    if person.recent_count <= RECENT_MOST:
        person.pack()
        return ()
    forget(person)
    return tuple(person.unpack_oldest(RECENT_KEPT))


def forget(person: Person) -> None:
    """Drop message ids that arrived long before the newest arrival."""
    oldest = seen.forget(person)
    if any(at < oldest for at in person.mails.values()):
        person.mails = {mail: at for mail, at in person.mails.items() if at >= oldest}


def knowledge(person: Person, older: Iterable[Event] = ()) -> dict[str, Any]:
    """What laws 1 and 2 compare: all that events alone decide. `older` are the events of the chunks.

    Consent is left out: where two people turn out to be one, the stricter statement wins (see `merge`).
    """
    return {
        "identifiers": person.identifiers,
        "traits": person.traits,
        "first": person.first,
        "last": person.last,
        "events": person.events,
        "trusted": person.trusted,
        "groups": person.groups,
        "series": {key: (s.count, s.total, s.points) for key, s in person.series.items()},
        "values": {
            key: (v.count, v.points, v.oldest, v.table, v.many) for key, v in person.values.items()
        },
        "history": once((*older, *person.recent)),
    }


def said_later(a: Statement, b: Statement) -> Statement:
    """What a person said last; of two statements of one instant, the stricter."""
    return max(a, b, key=lambda s: (s.time, s.state == "denied", s.id, s.proof, *s.beside))


def _accumulators(specs: Mapping[str, SeriesSpec]) -> Accumulators:
    """The specs by event name; remembered for as long as the same mapping is handed in."""
    global _arranged
    if _arranged is None or _arranged[0] is not specs:
        _arranged = (specs, Accumulators(specs))
    return _arranged[1]


def _add(person: Person, event: Event, specs: Mapping[str, SeriesSpec], machine: bool) -> None:
    _accumulators(specs).add(person, event.name, event.properties, event.time, machine)


def _touch(
    person: Person,
    event: Event,
    mail: str,
    specs: Mapping[str, SeriesSpec],
    older: Iterable[Event] | None,
    burst: Burst,
) -> None:
    """Count an opening or click, and no longer the ones before it where it gives them away as a scanner's."""
    known = mail in person.mails
    person.mails[mail] = max(person.mails.get(mail, event.received), event.received)
    if not specs:
        return
    machine, told = bool(event.quality), False
    if known:
        history = whole_history(person, older)
        touches = [each for each in history if mail_of(each) == mail]
        machines = scanned(touches, burst)
        told = machines - {event.id} != scanned((e for e in touches if e.id != event.id), burst)
        machine |= event.id in machines
    if told:
        accumulate(person, history, specs, burst)
    else:
        _add(person, event, specs, machine)


def whole_history(person: Person, older: Iterable[Event] | None) -> list[Event]:
    """All events of a document, ascending; ValueError where those of its chunks are not handed in."""
    if older is None and person.chunks:
        raise ValueError(f"{person.id} has older events: this needs them too")
    return once((*(older or ()), *person.recent))


def _count(person: Person, time: Millis) -> None:
    if person.events:
        person.first, person.last = min(person.first, time), max(person.last, time)
    else:
        person.first = person.last = time
    person.events += 1


def _write_traits(person: Person, event: Event) -> None:
    traits = person.traits
    for name, value in event.traits.items():
        if name == CART or too_large(name, value):
            continue
        written = Trait(value, event.time, event.id, event.source)
        known = traits.get(name)
        traits[name] = written if known is None else newest_trait(known, written)
    person.traits = bound_traits(traits)


def _listen(person: Person, event: Event) -> None:
    """Write down what the person said about being contacted."""
    said = _statement(event)
    if said is None:
        return
    key, state = said
    page = event.context.get("page")
    at = page.get("url") if isinstance(page, Mapping) else None
    proof, where, text = (
        value[:_MAX_PROOF] if isinstance(value, str) else ""
        for value in (
            event.properties.get("proof"),
            event.properties.get("where", at),
            event.properties.get("text"),
        )
    )
    statement = Statement(state, event.time, event.id, proof, where, text, event.source)
    known = person.consent.get(key)
    person.consent[key] = statement if known is None else said_later(known, statement)


_REFUSALS = frozenset(
    name for name, each in MEANINGS.items() if each.mail in ("unsubscribed", "complained")
)
_CONSENTS = _REFUSALS | {CONSENT_UPDATED}


def tells_consent(event: Event) -> bool:
    """Whether this is an event by which a person says whether they may be contacted."""
    return event.name in _CONSENTS and event.type == "track"


def _statement(event: Event) -> tuple[str, ConsentState] | None:
    """The key and state of a consent event. A grant must be complete; a refusal that names less covers more."""
    brand = _word(event.properties, "brand", DEFAULT_BRAND)
    if event.name in _REFUSALS:
        if MEANINGS[event.name].mail == "complained" and not event.trusted:
            return None  # a mail service tells this; a page never has reason to
        return (consent_key("marketing", "email", brand), "denied") if brand else None
    state = event.properties.get("state")
    if state not in ("granted", "denied", "pending"):
        return None
    missing = ANY if state == "denied" else ""
    purpose = _word(event.properties, "purpose", missing)
    channel = _word(event.properties, "channel", missing)
    if not (brand and purpose and channel):
        return None
    key = consent_key(purpose, channel, brand)
    if state == "pending":  # beside what holds: it neither allows nor takes back
        return PENDING + key, "pending"
    return key, "denied" if state == "denied" else "granted"


def _word(properties: Mapping[str, Any], name: str, missing: str) -> str:
    """One part of a consent key; "" where it could not be one."""
    value = properties.get(name)
    if value is None or value == "":
        return missing
    if not isinstance(value, str) or len(value) > _MAX_CONSENT_TEXT or "/" in value:
        return ""
    return value.strip()
