"""What one person adds to the sums of experiments and messages, event by event and through merges.

Experiments. A person counts in the arm of their cell from the instant at which it became a fact. Each
order that was completed later (see `model.order`) is one order, and its revenue is the person's; each later
`Order Refunded` takes its amount off the revenue, while the order stays an order; a cancelled one is none. Events
come here once each (the document knows their ids), in any order; imported ones count by their own time.

Messages. Sent, failed and so on by receipt; the first open, click and unsubscription of each contact that the
person's ledger knows (a browser can claim any other), those of machines apart; and
orders by *last touch*: an order belongs to the message
whose link the person clicked last before it, within the workspace's conversion window. That is a count, not an
effect: what would have been bought anyway is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import NamedTuple

import msgspec

from duyen.measure.counters import effect_counter, message_counter, put, put_large
from duyen.measure.stats import Arm
from duyen.model.effect import Add, Effect
from duyen.model.event import (
    EMAIL_LINK_CLICKED,
    EMAIL_OPENED,
    UNSUBSCRIBED,
    Event,
)
from duyen.model.happening import Receipt
from duyen.model.meaning import TOUCHES
from duyen.model.order import Order, order_hash, orders, part_of, told
from duyen.model.person import MOST_TOUCHES, Cell, Contact, Outcome, Person
from duyen.model.program import Program
from duyen.model.times import NEVER, Millis

OTHER_CURRENCY = "other_currency"
"""Field that counts orders and refunds whose amount is left out because it is in another currency."""
UNREADABLE = "unreadable"
"""Field that counts those whose amount is left out because it cannot be read, or is not told."""

_MAIL_FIELDS = ("opened", "clicked", "bot_opened", "bot_clicked")
_TOUCHES = {EMAIL_OPENED: "opened", EMAIL_LINK_CLICKED: "clicked", UNSUBSCRIBED: "unsubscribed"}


class Sale(NamedTuple):
    """What one event adds to what was sold at an instant; an order that changed takes off what it was."""

    time: Millis
    orders: int
    micros: int


def record(
    person: Person,
    event: Event,
    program: Program,
    now: Millis,
    history: Iterable[Event] | None = None,
) -> list[Effect]:
    """Count one new event of theirs; changes `person.outcomes` of the working copy.

    Call it once per event, after `profiles.absorb` took it in. `history` are all events of theirs, this one too; it
    is needed where the event speaks of an order that was spoken of before (`profiles.retells`).
    """
    if part := part_of(event):
        events = None if history is None else list(history)
        effects = _in_experiments(person, event, program.settings.currency, events)
        if events is not None:
            effects += _credited_after(person.ledger, event, events, program)
        elif part == "completed":
            effects += _last_touch(person, event, program)
        return effects
    if event.name in _TOUCHES and not event.quality:
        return _first_touch(person, event)
    return []


def sales(event: Event, currency: str, history: Iterable[Event] | None = None) -> list[Sale]:
    """What one new event changes of what was sold when, refunds aside; `history` as for `record`."""
    if not part_of(event):
        return []
    if history is None:
        return _sold(orders([event], currency).values())
    then, now = _then_and_now(event, list(history), currency)
    return [
        *(Sale(time, -count, -micros) for time, count, micros in _sold(then)),
        *_sold(now),
    ]


def joined(
    a: tuple[Person, Iterable[Event]],
    b: tuple[Person, Iterable[Event]],
    merged: tuple[Person, Iterable[Event]],
    program: Program,
) -> tuple[list[Sale], list[Effect]]:
    """Two people who are one, each with their events: the orders that both told of count once from now on."""
    shared = a[0].orders.keys() & b[0].orders.keys()
    sales: list[Sale] = []
    effects: list[Effect] = []
    if not shared:
        return sales, effects
    for (person, events), sign in ((a, -1), (b, -1), (merged, 1)):
        told_by_both = [e for e in events if part_of(e) and order_hash(e) in shared]
        found = orders(told_by_both, program.settings.currency).values()
        sales += [Sale(time, sign * count, sign * micros) for time, count, micros in _sold(found)]
        for order in found:
            for counter, fields in _credit(person.ledger, order, program):
                effects.append(Add(counter, {name: sign * by for name, by in fields.items()}))
    return sales, effects


def _sold(found: Iterable[Order]) -> list[Sale]:
    return [
        Sale(order.time, 1, order.micros)
        for order in found
        if order.time is not None and not order.cancelled and not order.imported
    ]


def _then_and_now(
    event: Event, history: list[Event], currency: str
) -> tuple[Iterable[Order], Iterable[Order]]:
    """The orders without this event and with it, those left out that it does not change."""
    then = orders([each for each in history if each.id != event.id], currency)
    now = orders(history, currency)
    return (
        [order for key, order in then.items() if now.get(key) != order],
        [order for key, order in now.items() if then.get(key) != order],
    )


def touched(
    person: Person,
    event: Event,
    program: Program,
    history: Iterable[Event],
    machines: Set[str],
) -> list[Effect]:
    """Count an opening or click of a mail; call it instead of `record` for one that names its contact.

    `history` are all events of theirs, this one too; `machines` are the ids of those that a scanner made. Where it
    shows that earlier ones were a scanner's, they are taken off again, with the orders that were credited to them.
    """
    return _recount(person, event.properties.get("key"), program, list(history), machines)


def rejudged(
    person: Person, program: Program, history: Iterable[Event], machines: Set[str]
) -> list[Effect]:
    """Count the openings and clicks of every mail again, where something else may be taken for a scanner now."""
    events, effects = list(history), list[Effect]()
    for line in list(person.ledger):
        if not line.touched.keys().isdisjoint(_MAIL_FIELDS):
            effects += _recount(person, line.key, program, events, machines, anew=True)
    return effects


def _recount(
    person: Person,
    key: object,
    program: Program,
    events: list[Event],
    machines: Set[str],
    *,
    anew: bool = False,
) -> list[Effect]:
    """Put the touches of one mail in place of those in its line; `anew`: orders may also come back to it."""
    place = next((n for n, line in enumerate(person.ledger) if line.key == key), None)
    if place is None:
        return []
    line, before = person.ledger[place], list(person.ledger)
    told = _touches_of(key, events, machines)
    rest = {field: times for field, times in line.touched.items() if field not in _MAIL_FIELDS}
    person.ledger[place] = msgspec.structs.replace(line, touched={**rest, **told})
    changed: dict[str, int] = {}
    for field in _MAIL_FIELDS:
        put(changed, field, int(field in told) - int(field in line.touched))
    effects = _add(message_counter(line.message), changed)
    was, now = (set(touched.get("clicked", ())) for touched in (line.touched, told))
    if not was <= now or (anew and was != now):
        effects += _credited_anew(before, person.ledger, events, program)
    return effects


def _touches_of(
    key: object, events: Iterable[Event], machines: Set[str]
) -> dict[str, tuple[Millis, ...]]:
    """What `Contact.touched` says of openings and clicks: people's, and in fields of their own machines'."""
    times: dict[str, set[Millis]] = {}
    for event in events:
        if event.name in TOUCHES and event.properties.get("key") == key:
            field = _TOUCHES[event.name]
            machine = event.quality or event.id in machines
            times.setdefault(f"bot_{field}" if machine else field, set()).add(event.time)
    return {
        field: tuple(sorted(found, reverse=True)[:MOST_TOUCHES])
        for field, found in sorted(times.items())
    }


def _credited_anew(
    before: list[Contact], after: list[Contact], events: Iterable[Event], program: Program
) -> list[Effect]:
    """Orders leave the message whose click was none, for the one clicked before it, if there was."""
    effects: list[Effect] = []
    for order in orders(events, program.settings.currency).values():
        effects += _moved(_credit(before, order, program), _credit(after, order, program))
    return effects


def _credited_after(
    ledger: list[Contact], event: Event, history: list[Event], program: Program
) -> list[Effect]:
    """What an order counts for its message changes with what is told of it later."""
    then, now = _then_and_now(event, history, program.settings.currency)
    effects: list[Effect] = []
    for was, sign in ((then, -1), (now, 1)):
        for order in was:
            for counter, fields in _credit(ledger, order, program):
                effects.append(Add(counter, {name: sign * by for name, by in fields.items()}))
    return effects


def _moved(was: _Credits, now: _Credits) -> list[Effect]:
    if was == now:
        return []
    gone = [Add(counter, {name: -by for name, by in fields.items()}) for counter, fields in was]
    return [*gone, *(Add(counter, fields) for counter, fields in now)]


def _in_experiments(
    person: Person, event: Event, currency: str, history: list[Event] | None
) -> list[Effect]:
    effects: list[Effect] = []
    problem = told(event, currency).problem
    if part_of(event) in ("refunded", "cancelled") and problem == "untold":
        problem = ""  # the whole order is meant
    for experiment, cell in person.cells.items():
        if event.time <= cell.since and history is None:
            continue
        before = person.outcomes.get(experiment, Outcome())
        since = cell.since
        after = (
            _total(before, [event], since, NEVER, currency)
            if history is None
            else _total(Outcome(), history, since, NEVER, currency)
        )
        person.outcomes[experiment] = after
        fields = (_sums(cell, after) - _sums(cell, before)).as_fields()
        if problem and event.time > since:
            put(fields, OTHER_CURRENCY if problem == OTHER_CURRENCY else UNREADABLE, 1)
        effects += _add(effect_counter(experiment, cell.arm), fields)
    return effects


def _sums(cell: Cell, outcome: Outcome) -> Arm:
    """One person's sums."""
    return Arm(
        n=1,
        converted=int(outcome.orders > 0),
        orders=outcome.orders,
        orders_sq=outcome.orders**2,
        revenue=outcome.revenue,
        revenue_sq=outcome.revenue**2,
        crossed=int(cell.crossed),
    )


def joining(person: Person, now: Millis) -> list[Effect]:
    """The person's new cells count one person more each; call it once, when cells became facts."""
    return [
        Add(effect_counter(experiment, cell.arm), {"n": 1})
        for experiment, cell in person.cells.items()
        if cell.since == now
    ]


def snapshot(person: Person) -> Person:
    """The person as `settle` needs them, safe from later changes of the document."""
    return msgspec.structs.replace(person, cells=dict(person.cells), outcomes=dict(person.outcomes))


def settle(
    a: Person,
    b: Person,
    merged: Person,
    program: Program,
    history: Iterable[Event] | None = None,
) -> list[Effect]:
    """Two people turned out to be one: take off what both added, add what the merged person adds.

    Sets `merged.outcomes`. Where the whole history is given (each event once), or the merged head holds it, its
    orders since the cell's start are counted again, which is exact. Otherwise both totals are added, and the orders
    in each head that the merged cell covers and the own one did not.
    """
    currency = program.settings.currency
    whole = merged.recent if history is None and not merged.chunks else history
    events = None if whole is None else list(whole)
    for experiment, cell in merged.cells.items():
        merged.outcomes[experiment] = (
            _merged(experiment, cell, a, b, currency)
            if events is None
            else _total(Outcome(), events, cell.since, NEVER, currency)
        )
    return _difference((a, b), (merged,))


def resettle(before: Iterable[Person], after: Iterable[Person], program: Program) -> list[Effect]:
    """People were taken apart or folded again: take off what the old documents added, add what the new ones do.

    Sets the outcomes of those whose head holds the whole history, counted again since their cell's start.
    """
    made = tuple(after)
    for person in made:
        if person.chunks:
            continue
        for experiment, cell in person.cells.items():
            person.outcomes[experiment] = _total(
                Outcome(), person.recent, cell.since, NEVER, program.settings.currency
            )
    return _difference(before, made)


def _difference(before: Iterable[Person], after: Iterable[Person]) -> list[Effect]:
    """What changes in the counters when these documents take the place of those."""
    totals: dict[str, Arm] = {}
    signed = [*((person, -1) for person in before), *((person, 1) for person in after)]
    for person, sign in signed:
        for experiment, cell in person.cells.items():
            counter = effect_counter(experiment, cell.arm)
            own = _sums(cell, person.outcomes.get(experiment, Outcome()))
            known = totals.get(counter, Arm())
            totals[counter] = known + own if sign > 0 else known - own
    return [
        effect for counter, sums in totals.items() for effect in _add(counter, sums.as_fields())
    ]


def _merged(experiment: str, cell: Cell, a: Person, b: Person, currency: str) -> Outcome:
    total = Outcome()
    for person in (a, b):
        own = person.outcomes.get(experiment, Outcome())
        total = Outcome(total.orders + own.orders, total.revenue + own.revenue)
        until = person.cells[experiment].since if experiment in person.cells else NEVER
        total = _total(total, person.recent, cell.since, until, currency)
    return total


def _total(
    outcome: Outcome, events: Iterable[Event], since: Millis, until: Millis, currency: str
) -> Outcome:
    """The outcome with the orders and refunds after `since`, up to `until`, counted in."""
    count, revenue = outcome.orders, outcome.revenue
    for order in orders(events, currency).values():
        if order.time is not None and not order.cancelled and since < order.time <= until:
            count += 1
            revenue += order.micros
        revenue -= sum(micros for time, micros in order.refunds if since < time <= until)
    return Outcome(count, revenue)


def receipt(person: Person, happening: Receipt, now: Millis) -> list[Effect]:
    """Count the fate of a contact by its message; a fate told twice counts once.

    Call it before the ledger takes the receipt in, because the ledger is how a repetition is known.
    """
    contact = next((c for c in person.ledger if c.key == happening.key), None)
    if contact is None or contact.state == "sent":
        return []
    # A contact may be withdrawn while the server already has its mail: what was sent was sent.
    if contact.state != "queued" and happening.state != "sent":
        return []
    return [Add(message_counter(contact.message), {happening.state: 1})]


def _first_touch(person: Person, event: Event) -> list[Effect]:
    """The first open, click or unsubscription of a contact counts; all are written into its line of the ledger.

    What the event itself says of its message is not believed: anybody's browser can send one.
    """
    key = event.properties.get("key")
    place = next((n for n, line in enumerate(person.ledger) if line.key == key), None)
    if place is None:
        return []
    line, field = person.ledger[place], _TOUCHES[event.name]
    times = tuple(sorted({*line.touched.get(field, ()), event.time}, reverse=True)[:MOST_TOUCHES])
    person.ledger[place] = msgspec.structs.replace(line, touched={**line.touched, field: times})
    return [] if field in line.touched else [Add(message_counter(line.message), {field: 1})]


def _last_touch(person: Person, event: Event, program: Program) -> list[Effect]:
    found = orders([event], program.settings.currency).values()
    return [
        Add(counter, fields)
        for order in found
        for counter, fields in _credit(person.ledger, order, program)
    ]


_Credits = list[tuple[str, dict[str, int]]]


def _credit(ledger: Iterable[Contact], order: Order, program: Program) -> _Credits:
    """What an order adds, and to which counter; nothing where no click came before it in time."""
    if order.time is None or order.cancelled:
        return []
    opens = order.time - program.settings.conversion_window
    clicks = [
        (time, line.key, line.message)
        for line in ledger
        for time in line.touched.get("clicked", ())
        if opens <= time <= order.time
    ]
    if not clicks:
        return []
    _, _, message = max(clicks)
    fields = {"orders": 1}
    put_large(fields, "revenue", order.micros)
    if order.problem:
        put(fields, OTHER_CURRENCY if order.problem == OTHER_CURRENCY else UNREADABLE, 1)
    return [(message_counter(message), fields)]


def _add(counter: str, fields: dict[str, int]) -> list[Effect]:
    return [Add(counter, fields)] if fields else []
