"""One customer, one document.

*Knowledge* (any order of the same events gives the same): identifiers, traits, consent statements,
history, series, totals. *Not knowledge* (merged by the table in `profiles.merge`): cells, ledger, places,
pending decisions. The head holds everything but old history, which lies in append-only chunks.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

import msgspec

from duyen.model.consent import Statement
from duyen.model.event import Event
from duyen.model.times import Millis

SCHEMA = 1
TREATED = "treated"
HELD_OUT = "held_out"
MOST_TOUCHES = 8
"""Opens, and clicks, of one contact that its line remembers, the newest."""
GLOBAL = "global"
"""Name of the programme-wide hold-out experiment."""

_order = attrgetter("order")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Event).decode


class Trait(msgspec.Struct, frozen=True, array_like=True):
    """A trait's value with the event that wrote it: last writer by (time, message id)."""

    value: Any
    time: Millis
    id: str
    source: str = ""


class Series(msgspec.Struct, array_like=True):
    """Accumulator of one SeriesSpec: all-time count and total, and the newest points.

    `points` are (event time, amount in micros), newest first (ties: larger amount first).
    """

    count: int = 0
    total: int = 0
    points: list[tuple[Millis, int]] = []


class Values(msgspec.Struct, array_like=True):
    """Accumulator of one SeriesSpec with a `pick`: what its events' values were, each as its key (`rules.values`).

    `points` are (event time, key), oldest first; `oldest` the very first one; `table` is key -> (how often, last time).
    `many`: there were more different ones than a table holds, and it was given up.
    """

    count: int = 0
    points: list[tuple[Millis, str]] = []
    oldest: list[tuple[Millis, str]] = []
    table: dict[str, tuple[int, Millis]] = {}
    many: bool = False


class Cell(msgspec.Struct, frozen=True, array_like=True):
    """Membership in an arm of an experiment: a fact since first eligibility.

    `crossed`: people of two arms were merged; they stay in the first (intention to treat).
    """

    arm: str
    since: Millis
    crossed: bool = False


class Outcome(msgspec.Struct, array_like=True):
    """What a person of an experiment did since eligibility: orders, revenue in micros."""

    orders: int = 0
    revenue: int = 0


class Contact(msgspec.Struct, frozen=True, array_like=True):
    """One line of the contact ledger: an admitted contact, or one that policy refused, and why.

    `state`: queued | sent | failed | cancelled | refused | held_out; `reason` is a stable code
    (`consent.missing`, `cap.reached`, `quiet_hours`, `suppressed`, `hold_out`, `expired`, ...).
    """

    key: str
    time: Millis
    channel: str
    purpose: str
    message: str
    brand: str
    origin: str
    state: str
    reason: str = ""
    touched: dict[str, tuple[Millis, ...]] = {}
    """When the person opened it, clicked in it, unsubscribed by it: the newest event times of each, newest first."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a person stands in one journey run: path of step indices, and when it goes on.

    `run` names the run (journey id + entering cause) and seeds idempotency keys; `done` keeps the
    memory for re-entry rules.
    """

    journey: str
    run: str
    entered: Millis
    step: tuple[int, ...]
    wake: Millis
    trigger: dict[str, Any]
    done: bool = False
    outcome: str = ""


class Pending(msgspec.Struct, frozen=True, array_like=True):
    """A decision that may still get an outcome: which arm it chose and until when outcomes count."""

    id: str
    time: Millis
    until: Millis
    placement: str
    arm: str
    viewed: bool = False
    clicked: bool = False


class Goods(msgspec.Struct, frozen=True, array_like=True):
    """A product that goes into a cart or leaves it; `quantity` and `price` in micros. A removed quantity of 0: all."""

    item: str
    name: str = ""
    quantity: int = 1_000_000
    price: int | None = None
    currency: str = ""


class CartChange(msgspec.Struct, frozen=True, array_like=True):
    """What one event said of a cart: that it adds or removes goods, or that these are all that it holds."""

    time: Millis
    id: str
    part: str
    goods: tuple[Goods, ...] = ()


class Cart(msgspec.Struct, frozen=True, array_like=True):
    """The newest moment at which all of the cart was known, and the changes since, ascending."""

    whole: CartChange | None = None
    changes: tuple[CartChange, ...] = ()


class Person(msgspec.Struct, omit_defaults=True):
    """The head of a customer's document. A step works on its own decoded copy and returns it.

    Most steps add to the newest events and read none of them, so these lie packed: `recent` unpacks them.
    """

    id: str
    schema: int = SCHEMA
    identifiers: dict[str, dict[str, Millis]] = {}
    traits: dict[str, Trait] = {}
    consent: dict[str, Statement] = {}
    first: Millis = 0
    last: Millis = 0
    events: int = 0
    packed: list[bytes] = []
    """The newest events, each as MessagePack, as they came."""
    fresh: list[Event] = msgspec.field(default_factory=list, name="recent")
    """Newest events that are not packed yet, in any order."""
    chunks: int = 0
    """How many chunks of older events exist beside the head."""
    seen: dict[int, list[bytes]] = msgspec.field(default_factory=dict, name="told")
    """64-bit hashes of message ids by week of arrival, see `profiles.seen`: de-duplication."""
    apart: int = 0
    """How many more lie beside the document: nobody's head grows with all that they ever did."""
    seen_before: dict[int, Millis] = msgspec.field(default_factory=dict, name="seen")
    """The same as documents had it before: hashes as numbers, with arrivals."""
    series: dict[str, Series] = {}
    values: dict[str, Values] = {}
    specs: str = ""
    """Fingerprint of the SeriesSpecs that `series` and `values` were accumulated for."""
    cells: dict[str, Cell] = {}
    outcomes: dict[str, Outcome] = {}
    ledger: list[Contact] = []
    places: dict[str, Place] = {}
    pending: dict[str, Pending] = {}
    shown: dict[str, list[Millis]] = {}
    """When offers with a cap were seen, newest first; not knowledge (merge: both, newest 50)."""
    mails: dict[str, Millis] = {}
    """Contacts whose mails were opened or clicked, with the last arrival: a further touch may give a scanner away."""
    watch: str = ""
    """Fingerprint of the rules with which its segments were last looked at."""
    turns: Millis = 0
    """No segment of theirs begins or ends before this instant unless something happens."""
    orders: dict[int, Millis] = {}
    """64-bit hashes of the orders that events spoke of, with the last arrival: a further event changes what counted."""
    cart: Cart | None = None
    trusted: bool = False
    """Whether some trusted evidence named one of the identifiers."""
    groups: dict[str, Millis] = {}
    """The groups (companies, teams) that they belong to, and since when; traits of groups lie with the groups."""
    group_traits: dict[str, dict[str, Any]] = {}
    """What is known of these groups, by trait: put here where rules are asked, never stored with the person."""
    heard: Millis = 0
    """When we last learned or decided something of them; not knowledge (merge: the later)."""

    @property
    def recent(self) -> list[Event]:
        """The newest events as a new list, ascending by (time, id); assign to change them."""
        return sorted((*map(_decode, self.packed), *self.fresh), key=_order)

    @recent.setter
    def recent(self, events: Iterable[Event]) -> None:
        self.packed, self.fresh = [], sorted(events, key=_order)

    @property
    def recent_count(self) -> int:
        """How many newest events there are, without unpacking them."""
        return len(self.packed) + len(self.fresh)

    def pack(self) -> None:
        """Pack what is fresh."""
        self.packed = [*self.packed, *map(_encode, self.fresh)]
        self.fresh = []

    def unpack_oldest(self, kept: int) -> list[Event]:
        """Pack, and take all but the newest `kept` events out."""
        self.pack()
        both = sorted(
            ((_decode(each), each) for each in self.packed), key=lambda pair: pair[0].order
        )
        self.packed = [each for _, each in both[-kept:]]
        return [event for event, _ in both[:-kept]]
