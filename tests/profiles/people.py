"""Strategies: events of one shop, and documents made of them."""

from typing import Any

from hypothesis import strategies as st

from duyen.model.consent import Statement
from duyen.model.event import (
    CONSENT_UPDATED,
    GROUPED,
    IDENTIFIED,
    UNSUBSCRIBED,
    CallType,
    Event,
    Identifier,
)
from duyen.model.person import Cell, Contact, Outcome, Pending, Person, Place
from duyen.model.rule import SeriesSpec, Test, Where
from duyen.model.times import DAY
from duyen.profiles import message_hash, refold
from duyen.rules.series import key_of_spec

START = 1_700_000_000_000


def _specs() -> dict[str, SeriesSpec]:
    big = (Where("total", Test("gte", "50")),)
    specs = [
        SeriesSpec("Order Completed", keep=2),
        SeriesSpec("Order Completed", of="total", horizon=3),
        SeriesSpec("Order Completed", big, keep=1),
        SeriesSpec("Product Viewed", keep=3),
        SeriesSpec("Product Viewed", of="price"),
        SeriesSpec("Product Viewed", of="price", pick="first", ever=True),
        SeriesSpec("Product Viewed", pick="first", horizon=4, ever=True),
        SeriesSpec("Product Viewed", of="price", pick="last", keep=1),
        SeriesSpec("Product Viewed", of="price", pick="most_frequent", horizon=3, ever=True),
        SeriesSpec("Product Viewed", big, "price", pick="most_frequent", horizon=2),
        SeriesSpec("Order Completed", of="total", pick="most_frequent", ever=True),
        SeriesSpec("Order Completed", of="total", pick="unique", ever=True),
        SeriesSpec("Product Viewed", of="price", pick="unique", horizon=3),
    ]
    return {key_of_spec(s): s for s in specs}


SPECS = _specs()
"""What the shop's program needs: counts, windowed and all-time sums and values, with and without conditions."""

MONEY = st.sampled_from(["19.90", "50", "250.123456", 7, 19.9, "free", None])
NAMES = st.sampled_from(
    [("user_id", f"u{n}") for n in range(3)]
    + [("anonymous_id", f"a{n}") for n in range(3)]
    + [("email", f"e{n}@shop.example") for n in range(2)]
)
TRAITS = st.dictionaries(
    st.sampled_from(["city", "email", "plan", "note"]),
    st.sampled_from(["Hà Nội", "Huế", 7, True, None, "<script>alert(1)</script>", ["a", "b"]]),
    max_size=3,
)
GOODS = st.fixed_dictionaries(
    {"product_id": st.sampled_from(["tea", "cup", None])},
    optional={
        "quantity": st.sampled_from([1, 2, "3", -1, "some", "0.5"]),
        "price": st.sampled_from(["19.90", 7, "?"]),
        "currency": st.sampled_from(["VND", "usd"]),
    },
)
CONSENT = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from(["marketing", "personalisation"]),
        "channel": st.sampled_from(["email", "*"]),
        "state": st.sampled_from(["granted", "denied"]),
    }
)


@st.composite
def events(
    draw: st.DrawFn, names: st.SearchStrategy[Identifier] = NAMES, most: int = 16
) -> list[Event]:
    """Different events (ids of their own), whose times collide often."""
    return [draw(event(f"m{number:02d}", names)) for number in range(draw(st.integers(0, most)))]


@st.composite
def event(draw: st.DrawFn, id: str, names: st.SearchStrategy[Identifier] = NAMES) -> Event:
    """One event of a known shape: bought, looked at, told about oneself, about consent."""
    name = draw(
        st.sampled_from(
            [
                "Order Completed",
                "Order Cancelled",
                "Product Viewed",
                "Product Added",
                "Product Removed",
                "Cart Viewed",
                IDENTIFIED,
                GROUPED,
                CONSENT_UPDATED,
                UNSUBSCRIBED,
                "Email Marked as Spam",
            ]
        )
    )
    properties: dict[str, Any] = draw(CONSENT) if name == CONSENT_UPDATED else {}
    if name in ("Order Completed", "Product Viewed"):
        properties = {"total": draw(MONEY), "price": draw(MONEY)}
    if name.startswith("Order"):
        properties["order_id"] = draw(st.sampled_from(["1", "2", None]))
    if name in ("Product Added", "Product Removed"):
        properties = draw(GOODS)
    if name == "Cart Viewed":
        properties = {"products": draw(st.lists(GOODS, max_size=2))}
    if name == GROUPED:
        properties = draw(TRAITS) | {"group_id": draw(st.sampled_from(["acme", "an-phat"]))}
    time = START + draw(st.integers(0, 8))
    types: dict[str, CallType] = {IDENTIFIED: "identify", GROUPED: "group"}
    return Event(
        id,
        types.get(name, "track"),
        name,
        time,
        time + draw(st.integers(0, 5)),
        "shop",
        draw(st.booleans()),
        tuple(sorted(draw(st.sets(names, max_size=3)))),
        properties,
        draw(TRAITS) if name == IDENTIFIED else {},
        {},
        draw(st.booleans()),
        limited=draw(st.booleans()) if name == GROUPED else False,
    )


TIMES = st.integers(0, 5)
CELLS = st.dictionaries(
    st.just("global"),
    st.builds(Cell, st.sampled_from(["treated", "held_out"]), TIMES, st.booleans()),
)
OUTCOMES = st.dictionaries(st.just("global"), st.builds(Outcome, TIMES, TIMES))
CONTACTS = st.lists(
    st.builds(
        Contact,
        key=st.sampled_from(["k1", "k2", "k3"]),
        time=TIMES,
        channel=st.just("email"),
        purpose=st.just("marketing"),
        message=st.just("hello"),
        brand=st.just("default"),
        origin=st.just("journey"),
        state=st.sampled_from(["queued", "sent", "failed", "cancelled", "refused", "held_out"]),
        reason=st.sampled_from(["", "expired"]),
        touched=st.dictionaries(
            st.sampled_from(["opened", "clicked"]),
            st.sets(TIMES, min_size=1, max_size=8).map(
                lambda times: tuple(sorted(times, reverse=True))
            ),
        ),
    ),
    max_size=3,
    unique_by=lambda contact: contact.key,
)
PLACES = st.lists(
    st.builds(
        Place,
        journey=st.just("welcome"),
        run=st.sampled_from(["r1", "r2"]),
        entered=TIMES,
        step=st.lists(TIMES, max_size=2).map(tuple),
        wake=TIMES,
        trigger=st.just({}),
        done=st.booleans(),
    ),
    max_size=2,
    unique_by=lambda place: place.run,
).map(lambda places: {place.run: place for place in places})
PENDING = st.lists(
    st.builds(
        Pending,
        id=st.sampled_from(["d1", "d2"]),
        time=st.just(1),
        until=TIMES,
        placement=st.just("home"),
        arm=st.sampled_from(["offer-a", "offer-b"]),
        viewed=st.booleans(),
        clicked=st.booleans(),
    ),
    max_size=2,
    unique_by=lambda pending: pending.id,
).map(lambda pending: {one.id: one for one in pending})
SHOWN = st.dictionaries(
    st.sampled_from(["offer-a", "offer-b"]),
    st.sets(TIMES, max_size=4).map(lambda times: sorted(times, reverse=True)),
)
CONSENTS = st.dictionaries(
    st.sampled_from(["default/marketing/email", "default/*/*"]),
    st.builds(
        Statement, st.sampled_from(["granted", "denied"]), TIMES, st.sampled_from(["x", "y"])
    ),
)


@st.composite
def documents(draw: st.DrawFn, prefix: str = "", id: str = "p") -> Person:
    """Any document: knowledge folded from events, and whatever else may stand in it."""
    told = draw(events(most=6))
    if prefix:
        told = [_renamed(one, prefix + one.id) for one in told]
    person = refold(id, told, SPECS)
    person.cells, person.outcomes = draw(CELLS), draw(OUTCOMES)
    person.ledger = sorted(draw(CONTACTS), key=lambda c: (c.time, c.key))
    person.places, person.pending, person.shown = draw(PLACES), draw(PENDING), draw(SHOWN)
    person.consent = draw(CONSENTS)
    return person


def _renamed(one: Event, id: str) -> Event:
    return Event(id, *(getattr(one, field) for field in one.__struct_fields__[1:]))


def live(id: str, time: int, received: int, imported: bool = False) -> Event:
    """A plain view at a time, received later."""
    return Event(
        id, "track", "Product Viewed", time, received, "shop", True,
        (("user_id", "u1"),), {"price": "1"}, {}, {}, imported,
    )  # fmt: skip


__all__ = ["DAY", "SPECS", "START", "documents", "event", "events", "live", "message_hash"]
