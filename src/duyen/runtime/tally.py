"""What a batch adds to the counts that reports read, so that no report ever walks through facts or people.

Activity is per minute; names of ours begin with @, those of events with `event:`, so that none is taken for another.
Counters are for all time: `message:<id>` gets refused and held_out beside what `measure` counts there,
`journey:<id>` gets entered, finished, sent, refused and held_out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from duyen.journeys.advance import ENTERED, EXITED, REFUSED
from duyen.measure import Sale, message_counter
from duyen.model.effect import Add, Effect, Fact
from duyen.model.log import Delivered
from duyen.model.times import MINUTE, Millis
from duyen.stores.rows import OutboxRow

EVENTS, DECISIONS, REJECTED = "@events", "@decisions", "@rejected"
ORDERS, REVENUE = "@orders", "@revenue"
OPENED, CLICKED, REFUSALS = "@mail.opened", "@mail.clicked", "@refused"
HOLD_OUT = "hold_out"
"""The refusal that is no policy's no: the contact would have been made."""


def event(name: str) -> str:
    """Activity of events of this name."""
    return f"event:{name}"


def mail(state: str) -> str:
    """Activity of mails that came to this end: sent, failed, cancelled, expired."""
    return f"@mail.{state}"


def journey_counter(id: str) -> str:
    """The counter of one journey."""
    return f"journey:{id}"


class Tally(NamedTuple):
    """Sums to add: to counters, and to activity per (minute, name)."""

    adds: list[Add]
    activity: dict[tuple[int, str], int]

    def note(self, time: Millis, name: str, by: int = 1) -> None:
        """Add to one minute's activity."""
        key = (time // MINUTE, name)
        self.activity[key] = self.activity.get(key, 0) + by


def tally(
    effects: Iterable[Effect],
    sales: Iterable[Sale],
    receipts: Iterable[tuple[Delivered, OutboxRow | None]],
    now: Millis,
) -> Tally:
    """The sums of one batch; `receipts` come with their contacts as they were before."""
    found = Tally([], {})
    for effect in effects:
        if isinstance(effect, Fact):
            _fact(found, effect)
        elif isinstance(effect, Add) and effect.counter.startswith("message:"):
            _touches(found, effect.amounts, now)
    for sale in sales:
        found.note(sale.time, ORDERS, sale.orders)
        found.note(sale.time, REVENUE, sale.micros)
    for receipt, row in receipts:
        if receipt.state == "sent" and row is not None and row.state != "sent":
            _of_journey(found, row.enqueue.origin.partition(":")[2], "sent")
    return found


def _fact(found: Tally, fact: Fact) -> None:
    journey = str(fact.properties.get("journey", ""))
    if fact.name == ENTERED:
        _of_journey(found, journey, "entered")
    elif fact.name == EXITED:
        _of_journey(found, journey, "finished")
    elif fact.name == REFUSED:
        reason = str(fact.properties.get("reason", ""))
        field = "held_out" if reason == HOLD_OUT else "refused"
        _of_journey(found, journey, field)
        message = str(fact.properties.get("message", ""))
        found.adds.append(Add(message_counter(message), {field: 1}))
        if field == "refused":
            found.note(fact.time, REFUSALS)
            found.adds.append(Add(REFUSALS, {reason: 1}))


def _of_journey(found: Tally, journey: str, field: str) -> None:
    if journey:
        found.adds.append(Add(journey_counter(journey), {field: 1}))


def _touches(found: Tally, amounts: Mapping[str, int], now: Millis) -> None:
    """People's first open and click of a mail."""
    for field, name in (("opened", OPENED), ("clicked", CLICKED)):
        if amounts.get(field):  # what turns out to be a scanner's is taken off again
            found.note(now, name, amounts[field])
