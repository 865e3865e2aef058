"""A scanner of links gives itself away by a person's set of events: in any order, on a document and in the lake."""

from __future__ import annotations

from typing import Any

import duckdb
import hypothesis.strategies as st
import ibis
import msgspec
import pyarrow as pa
from hypothesis import given, settings

from duyen.model.event import EMAIL_LINK_CLICKED, EMAIL_OPENED, Event, Quality
from duyen.model.person import Person
from duyen.model.rule import Rule
from duyen.model.times import HOUR, SECOND
from duyen.profiles import absorb, merge, refold, shares_events
from duyen.rules import (
    USUAL,
    Burst,
    evaluate,
    mail_of,
    parse_rule,
    scanned,
    series_needed,
    twins,
)
from duyen.rules.query import to_query
from tests.rules.lake import EVENTS, PEOPLE

START = 1_700_000_000_000
RULES = [
    parse_rule(raw)
    for raw in (
        {"did": "Email Link Clicked"},
        {"did": "Email Link Clicked", "at_least": 2, "within": "1h"},
        {"did": "Email Link Clicked", "at_least": 2, "quality": "any"},
        {"did_not": "Email Opened"},
        {"did_not": "Email Opened", "quality": "any"},
        {"sum": "Email Link Clicked", "of": "worth", "gte": 3},
        {"sum": "Email Link Clicked", "of": "worth", "gte": 3, "quality": "any"},
        {"did": "Product Viewed"},
    )
]
SPECS = series_needed(RULES)
BURST = USUAL.within
BURSTS = st.sampled_from([USUAL, USUAL, Burst(HOUR, 2), Burst(1, 3), Burst(2 * SECOND, 0)])


def touch(
    id: str, at: int, link: str = "", mail: str = "k1", quality: Quality = "", **more: Any
) -> Event:
    """A click on a link, `at` milliseconds after START; without a link an opening."""
    name = EMAIL_LINK_CLICKED if link else EMAIL_OPENED
    told = {"key": mail, "url": link, **more} if link else {"key": mail, **more}
    time = START + at
    return Event(id, "track", name, time, time, "email", True, (), told, {}, {}, False, quality)


def test_a_scanner_follows_all_links_at_once_and_a_person_one_later() -> None:
    gateway = [touch("o", 0), touch("a", 100, "/1"), touch("b", 200, "/2"), touch("c", 900, "/3")]
    person = [touch("p", 2 * HOUR, "/2"), touch("q", 2 * HOUR - SECOND)]
    assert scanned([*gateway, *person]) == {"o", "a", "b", "c"}


def test_people_are_let_be() -> None:
    twice = [touch("a", 0, "/1"), touch("b", 50, "/1"), touch("c", 90, "/1"), touch("d", 99, "/2")]
    assert not scanned(twice)
    slow = [touch(str(n), n * (BURST // 2 + 1), f"/{n}") for n in range(9)]
    assert not scanned(slow)
    other_mails = [touch(str(n), n, f"/{n}", mail=f"k{n}") for n in range(9)]
    assert not scanned(other_mails)
    nameless = [touch(str(n), n, f"/{n}", mail="") for n in range(9)]
    assert not scanned(nameless)


def test_the_span_is_two_seconds_to_the_millisecond() -> None:
    within = [touch("a", 0, "/1"), touch("b", 1, "/2"), touch("c", BURST, "/3")]
    assert scanned(within) == {"a", "b", "c"}
    beyond = [touch("a", 0, "/1"), touch("b", 1, "/2"), touch("c", BURST + 1, "/3")]
    assert not scanned(beyond)


def test_a_company_says_what_a_burst_is() -> None:
    two = [touch("a", 0, "/1"), touch("b", 9 * SECOND, "/2")]
    assert scanned(two, Burst(9 * SECOND, 2)) == {"a", "b"}
    assert not scanned(two, Burst(9 * SECOND - 1, 2))
    assert not scanned([touch(str(n), 0, f"/{n}") for n in range(9)], Burst(SECOND, 0))


def test_another_mailers_mails_are_known_by_its_names() -> None:
    def told(id: str, link: str, **names: Any) -> Event:
        time = START
        told = {"link_url": link, **names}
        return Event(id, "track", EMAIL_LINK_CLICKED, time, time, "w", True, (), told, {}, {})

    burst = [told(f"b{n}", f"/{n}", email_id="e1", campaign_id=7) for n in range(3)]
    assert scanned(burst) == {"b0", "b1", "b2"}
    others = [told(f"o{n}", f"/{n}", email_id=f"e{n}", campaign_id="c") for n in range(3)]
    assert not scanned(others), "three mails of one campaign"
    campaign = [told(f"c{n}", f"/{n}", campaign_id="c") for n in range(3)]
    assert scanned(campaign) == {"c0", "c1", "c2"}
    nameless = [told(f"n{n}", f"/{n}") for n in range(3)]
    assert not scanned([*nameless, *burst[:2]])


def test_a_flood_is_judged_in_one_pass() -> None:
    assert len(scanned(touch(str(n), n // 5_000, f"/{n}") for n in range(50_000))) == 50_000


MAILS: list[tuple[str, dict[str, Any]]] = [
    ("k1", {}),
    ("k1", {"email_id": "e1"}),
    ("k2", {}),
    ("", {}),
    ("", {"email_id": "e1"}),
    ("", {"email_id": "", "campaign_name": "Xuân", "campaign_id": 7}),
    ("", {"campaign_name": "Xuân"}),
]
QUALITIES: list[Quality] = ["", "", "", "bot", "scanner"]


@st.composite
def histories(draw: st.DrawFn, most: int = 9) -> list[Event]:
    """Touches of two mails, close together, some by declared machines, and something else."""
    found = []
    for n in range(draw(st.integers(0, most))):
        at = draw(st.sampled_from([0, 1, 1_000, 1_999, 2_000, 2_001, 3_000, 4_000, HOUR]))
        link = draw(st.sampled_from(["", "/1", "/2", "/3", "/4"]))
        quality = draw(st.sampled_from(QUALITIES))
        mail, more = draw(st.sampled_from(MAILS))
        found.append(touch(f"m{n}", at, link, mail, quality, worth=1, **more))
        if draw(st.booleans()):
            time = START + at
            found.append(
                Event(f"v{n}", "track", "Product Viewed", time, time, "web", True, (), {}, {}, {}, False, quality)
            )  # fmt: skip
    return found


def plainly(events: list[Event], burst: Burst) -> set[str]:
    """By looking at every span that could be one."""
    found: set[str] = set()
    for mail in ("k1", "k2", "email_id=e1", "campaign_name=Xuân"):
        mine = [e for e in events if mail_of(e) == mail]
        for first in mine if burst.links else ():
            span = [e for e in mine if first.time <= e.time <= first.time + burst.within]
            if len({e.properties["url"] for e in span if "url" in e.properties}) >= burst.links:
                found |= {e.id for e in span}
    return found


@given(histories(), st.randoms(use_true_random=False), BURSTS)
def test_it_is_said_of_the_set(events: list[Event], random: Any, burst: Burst) -> None:
    shuffled = random.sample(events, len(events))
    assert scanned(events, burst) == scanned(shuffled, burst) == plainly(events, burst)


@given(histories(), st.randoms(use_true_random=False), BURSTS)
def test_accumulators_are_the_same_in_any_order_and_through_chunks(
    events: list[Event], random: Any, burst: Burst
) -> None:
    known = refold("p", events, SPECS, burst)
    person = Person("p")
    older: list[Event] = []
    for event in random.sample(events, len(events)):
        assert absorb(person, event, SPECS, older=older, burst=burst)
        if random.random() < 0.3:
            older += person.recent
            person.recent = []
            person.chunks += 1
    assert person.series == known.series


@given(histories(), st.data(), BURSTS)
def test_accumulators_are_the_same_through_merges(
    events: list[Event], data: st.DataObject, burst: Burst
) -> None:
    sides = data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    a = refold("a", [e for e, left in zip(events, sides, strict=True) if left], SPECS, burst)
    b = refold("b", [e for e, left in zip(events, sides, strict=True) if not left], SPECS, burst)
    merged = merge(a, b, SPECS, events if shares_events(a, b) else None, burst)
    known = refold("a", events, SPECS, burst)
    assert {k: s for k, s in merged.series.items() if s.count} == known.series


@settings(max_examples=12)
@given(st.lists(histories(), min_size=1, max_size=4), BURSTS)
def test_the_lake_agrees(crowd: list[list[Event]], burst: Burst) -> None:
    rows = [
        {
            "person": f"p{n}",
            "id": event.id,
            "name": event.name,
            "time": event.time,
            "quality": event.quality,
            "properties": msgspec.json.encode(event.properties).decode(),
            **twins(event.properties)._asdict(),
        }
        for n, events in enumerate(crowd)
        for event in events
    ]
    people = [
        {"person": f"p{n}", "traits": "{}", "consent": "{}", **twins({})._asdict()}
        for n in range(len(crowd))
    ]
    with duckdb.connect() as connection:
        connection.register("events", pa.Table.from_pylist(rows, schema=EVENTS))
        connection.register("people", pa.Table.from_pylist(people, schema=PEOPLE))
        backend = ibis.duckdb.from_connection(connection)
        documents = [refold(f"p{n}", events, SPECS, burst) for n, events in enumerate(crowd)]
        for rule in RULES:
            tables = backend.table("events"), backend.table("people")
            asked = to_query(rule, *tables, START + HOUR, burst)
            found = sorted(asked.to_pyarrow()["person"].to_pylist())
            assert found == _members(rule, documents), rule


def _members(rule: Rule, documents: list[Person]) -> list[str]:
    return [p.id for p in documents if evaluate(rule, p, START + HOUR).truth]
