"""Two documents that turn out to be one person's (law 2).

| part | merged |
|---|---|
| identifiers | all, each first seen when it was first seen by either |
| traits | the last writer by (event time, message id) |
| consent | of each statement the stricter state, and the later time |
| first, last | the earlier, the later |
| recent | both, each message id once; of two contents under one id, the earlier by its own time |
| events, series, values | added up; where the two share a message id, folded again from `history` |
| seen | both, the later arrival |
| groups | both, the earlier joining; beyond 100 the earliest |
| cart | the newest moment at which all of it was known, the changes of both since then |
| orders | both, the later arrival |
| chunks | added up: the other's chunks follow one's own |
| cells | the earlier; crossed where the arms differ, or one was crossed before |
| outcomes | added up where the two share no message id; else the larger of each |
| ledger | both, one line per key: the state that says most (sent, cancelled, failed, refused, held, queued, split) |
| its opens and clicks | both, the newest 8 of each kind |
| places | both, one per run: one not ended by a split, else a finished one, else the further step, the later wake |
| pending | both, one per decision: viewed or clicked if either was |
| shown | both, the newest 50 of each offer |

Each part is total and commutative, associative and idempotent, but for outcomes of people who share only some of
their events: there the larger is a lower bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from duyen.model.consent import Statement
from duyen.model.event import Event
from duyen.model.person import (
    MOST_TOUCHES,
    Cart,
    Cell,
    Contact,
    Outcome,
    Pending,
    Person,
    Place,
    Series,
    Values,
)
from duyen.model.rule import SeriesSpec
from duyen.model.times import Millis
from duyen.profiles import seen
from duyen.profiles.cart import show_cart
from duyen.profiles.cart import united as united_carts
from duyen.profiles.fold import (
    accumulate,
    bound_orders,
    once,
    refold,
)
from duyen.profiles.groups import bound_groups
from duyen.profiles.traits import bound_traits, newest_trait
from duyen.rules import USUAL, Burst, union, union_values

SPLIT = "split"
"""Outcome of a run, and reason of a contact, that went on with another of the people who were taken apart."""
_SHOWN = 50
_STATES = ("queued", "held_out", "refused", "failed", "cancelled", "sent")
_K = TypeVar("_K")
_T = TypeVar("_T")
_encode = msgspec.json.Encoder(order="deterministic").encode


def shares_events(a: Person, b: Person) -> bool:
    """Whether the two documents hold a common message, touches of one mail or words on one order.

    Then `merge` needs all history.
    """
    return (
        seen.shared(a, b)
        or not a.mails.keys().isdisjoint(b.mails)
        or not a.orders.keys().isdisjoint(b.orders)
    )


def merge(
    a: Person,
    b: Person,
    specs: Mapping[str, SeriesSpec],
    history: Iterable[Event] | None = None,
    burst: Burst = USUAL,
) -> Person:
    """The one document of both, under the id of `a`; neither is changed.

    `history` (all events of both) is needed where they share events and one has chunks; ValueError without it.
    """
    overlap = seen.shared(a, b)
    if history is None and shares_events(a, b):
        if a.chunks or b.chunks:
            raise ValueError(f"{a.id} and {b.id} share events: merging them needs their history")
        history = (*a.recent, *b.recent)
    merged = Person(
        a.id,
        schema=max(a.schema, b.schema),
        identifiers=_identifiers(a, b),
        traits=bound_traits(_both(a.traits, b.traits, newest_trait)),
        consent=_both(a.consent, b.consent, stricter),
        first=min(p.first for p in (a, b) if p.events) if a.events or b.events else 0,
        last=max(a.last, b.last),
        events=a.events + b.events,
        fresh=once((*a.recent, *b.recent)),
        chunks=a.chunks + b.chunks,
        seen=seen.united(a, b),
        specs=a.specs if a.specs == b.specs else "",
        cells=_both(a.cells, b.cells, earlier_cell),
        outcomes=_outcomes(a, b, _larger if overlap else _sum),
        ledger=sorted(
            _both(_by_key(a.ledger), _by_key(b.ledger), further_contact).values(),
            key=lambda c: (c.time, c.key),
        ),
        places=_both(a.places, b.places, further_place),
        pending=_both(a.pending, b.pending, both_pending),
        shown={offer: list(times) for offer, times in _both(a.shown, b.shown, _newest).items()},
        mails=_both(a.mails, b.mails, max),
        orders=bound_orders(_both(a.orders, b.orders, max)),
        cart=united_carts(a.cart or Cart(), b.cart or Cart()) if a.cart or b.cart else None,
        trusted=a.trusted or b.trusted,
        groups=bound_groups(_both(a.groups, b.groups, min)),
        group_traits={**a.group_traits, **b.group_traits},
        heard=max(a.heard, b.heard),
    )
    if history is None:
        merged.series = _series(a.series, b.series, specs)
        merged.values = _values(a.values, b.values, specs)
    else:
        told = list(history)
        events = once(told)
        merged.events = len(events)
        accumulate(merged, events, specs, burst)
        if _contradicts(told):
            again = refold(a.id, events, {})
            merged.traits, merged.first, merged.last = again.traits, again.first, again.last
            merged.cart, merged.groups = again.cart, again.groups
    show_cart(merged)
    merged.traits = bound_traits(merged.traits)
    return merged


def carry(old: Person, new: Person) -> None:
    """Give a document that was folded again what is not knowledge: promises made, things said and shown.

    A refusal that a merge had kept stays, so that folding again never makes anybody reachable; a grant does not,
    for it may have been said by somebody who has just been taken out.
    """
    refused = {key: said for key, said in old.consent.items() if said.state == "denied"}
    new.consent = _both(new.consent, refused, stricter)
    # Copies: several heirs of one document must not write into each other's.
    new.cells, new.ledger = dict(old.cells), list(old.ledger)
    new.outcomes = {name: Outcome(o.orders, o.revenue) for name, o in old.outcomes.items()}
    new.places, new.pending = dict(old.places), dict(old.pending)
    new.heard = max(new.heard, old.heard)
    new.shown = {offer: list(times) for offer, times in old.shown.items()}


def settle_contact(person: Person, key: str, state: str, reason: str, now: Millis) -> None:
    """Write into the ledger what became of a contact; what says less than is known changes nothing."""
    if state == "expired":
        state, reason = "cancelled", reason or "expired"
    person.ledger = [
        further_contact(line, msgspec.structs.replace(line, state=state, reason=reason))
        if line.key == key
        else line
        for line in person.ledger
    ]


def stricter(a: Statement, b: Statement) -> Statement:
    """The stricter state with its own proof, as of the later of the two times."""
    held = max(a, b, key=lambda s: (s.state == "denied", s.id, s.proof, *s.beside))
    return Statement(held.state, max(a.time, b.time), held.id, held.proof, *held.beside)


def earlier_cell(a: Cell, b: Cell) -> Cell:
    """The arm first assigned (at the same instant, held out): intention to treat."""
    first = min(a, b, key=lambda c: (c.since, c.arm))
    return Cell(first.arm, first.since, a.crossed or b.crossed or a.arm != b.arm)


def further_contact(a: Contact, b: Contact) -> Contact:
    """The line that says most of what became of one contact, with the touches of both."""
    line = max(a, b, key=lambda c: (_rank(c), c.time, _encode(c)))
    if a.touched == b.touched:
        return line
    both = _both(a.touched, b.touched, lambda x, y: tuple(_newest([*x], [*y])[:MOST_TOUCHES]))
    return msgspec.structs.replace(line, touched=dict(sorted(both.items())))


def further_place(a: Place, b: Place) -> Place:
    """The place from which the least can still be said twice; the run itself, not its memory in another person."""
    return max(a, b, key=lambda p: (p.outcome != SPLIT, p.done, p.step, p.wake, _encode(p)))


def both_pending(a: Pending, b: Pending) -> Pending:
    """One decision, as far as either saw it go."""
    base = max(a, b, key=lambda p: (p.time, p.until, p.placement, p.arm, p.id))
    return msgspec.structs.replace(
        base, viewed=a.viewed or b.viewed, clicked=a.clicked or b.clicked
    )


def _both(a: dict[_K, _T], b: dict[_K, _T], meet: Callable[[_T, _T], _T]) -> dict[_K, _T]:
    """Both mappings; where both have a key, what `meet` makes of the two."""
    merged = {**a, **b}
    for key in a.keys() & b.keys():
        merged[key] = meet(a[key], b[key])
    return merged


def _identifiers(a: Person, b: Person) -> dict[str, dict[str, Millis]]:
    both = _both(a.identifiers, b.identifiers, lambda x, y: _both(x, y, min))
    return {namespace: dict(values) for namespace, values in both.items()}


def _contradicts(events: Iterable[Event]) -> bool:
    """Whether one message id was told with two contents, of which only one counts."""
    told: dict[str, Event] = {}
    return any(told.setdefault(event.id, event) != event for event in events)


def _series(
    a: dict[str, Series], b: dict[str, Series], specs: Mapping[str, SeriesSpec]
) -> dict[str, Series]:
    """The accumulators that some rule still needs, of both."""
    found = {}
    for key, spec in specs.items():
        if key in a or key in b:
            found[key] = union(a.get(key, Series()), b.get(key, Series()), spec)
    return found


def _values(
    a: dict[str, Values], b: dict[str, Values], specs: Mapping[str, SeriesSpec]
) -> dict[str, Values]:
    """The same for values."""
    found = {}
    for key, spec in specs.items():
        if key in a or key in b:
            found[key] = union_values(a.get(key, Values()), b.get(key, Values()), spec)
    return found


def _outcomes(
    a: Person, b: Person, meet: Callable[[Outcome, Outcome], Outcome]
) -> dict[str, Outcome]:
    both = _both(a.outcomes, b.outcomes, meet)
    return {name: Outcome(o.orders, o.revenue) for name, o in both.items()}


def _sum(a: Outcome, b: Outcome) -> Outcome:
    return Outcome(a.orders + b.orders, a.revenue + b.revenue)


def _larger(a: Outcome, b: Outcome) -> Outcome:
    return Outcome(max(a.orders, b.orders), max(a.revenue, b.revenue))


def _newest(a: list[Millis], b: list[Millis]) -> list[Millis]:
    return sorted({*a, *b}, reverse=True)[:_SHOWN]


def _by_key(ledger: Iterable[Contact]) -> dict[str, Contact]:
    lines: dict[str, Contact] = {}
    for line in ledger:
        known = lines.get(line.key)
        lines[line.key] = line if known is None else further_contact(known, line)
    return lines


def _rank(line: Contact) -> int:
    if line.state == "cancelled" and line.reason == SPLIT:
        return -1
    return _STATES.index(line.state) if line.state in _STATES else len(_STATES)
