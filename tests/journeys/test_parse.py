"""Journeys in YAML: what is read, what is written back, and where a mistake is."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from duyen.journeys.parse import journey_to_data, parse_journey
from duyen.journeys.path import END, START, Path, following, into, step_at
from duyen.journeys.plan import every_step, last_tick, rules_of
from duyen.model import rule as rules
from duyen.model.errors import InvalidRule
from duyen.model.journey import (
    EventEntry,
    Exit,
    If,
    Journey,
    ScheduleEntry,
    SegmentEntry,
    Send,
    Step,
    Wait,
)
from duyen.model.times import DAY, HOUR, MINUTE, parse_time

WHOLE = """
id: browse-return
name: Came back to look
entry: {event: Product Viewed, where: {category: shoes}}
unless: {did: Order Completed, within: 1h}
exit_when: {did: Order Completed, within: 1d}
reentry: 7d
steps:
  - wait: 30m
  - if: {trait: vip, is: true}
    then:
      - send: vip-mail
      - exit
    else:
      - wait: 1d
  - send: browse-mail
  - exit
"""


def sends(journey: Journey) -> list[str]:
    """Ids of the messages a journey may send."""
    return [step.message for step in every_step(journey.steps) if isinstance(step, Send)]


def test_the_sample_of_the_docs_is_a_journey() -> None:
    page = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "journeys.md").read_text("utf-8")
    found = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert found
    assert sends(parse_journey(yaml.safe_load(found[1]))) == ["vip-mail", "browse-mail"]


def test_a_whole_journey() -> None:
    journey = parse_journey(yaml.safe_load(WHOLE))
    assert journey.entry == EventEntry(
        "Product Viewed", (rules.Where("category", rules.Test("is", "shoes")),)
    )
    assert journey.reentry == 7 * DAY
    assert journey.steps[0] == Wait(30 * MINUTE)
    fork = journey.steps[1]
    assert isinstance(fork, If)
    assert fork.then == (Send("vip-mail"), Exit())
    assert fork.otherwise == (Wait(DAY),)
    assert sends(journey) == ["vip-mail", "browse-mail"]
    assert len(rules_of(journey)) == 3
    assert len(list(every_step(journey.steps))) == 7
    assert parse_journey(journey_to_data(journey)) == journey


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-12-24T09:00:00+07:00", "2026-12-24T02:00:00Z"),
        ("2026-12-24T09:00:00Z", "2026-12-24T09:00:00Z"),
        ("2026-12-24T09:00", "2026-12-24T02:00:00Z"),
        ("2026-12-24", "2026-12-23T17:00:00Z"),
    ],
)
def test_a_schedule_without_an_offset_is_in_the_workspace_s_time(at: str, expected: str) -> None:
    for written in (at, yaml.safe_load(at)):  # YAML may read a date by itself
        raw = {"id": "j", "entry": {"schedule": {"at": written}}, "steps": ["exit"]}
        journey = parse_journey(raw, timezone="Asia/Ho_Chi_Minh")
        assert journey.entry == ScheduleEntry(parse_time(expected))


def test_a_repeating_schedule_lets_people_in_again_unless_it_says_once() -> None:
    entry = {"schedule": {"at": "2026-12-24T09:00Z", "every": "7d"}}
    raw: dict[str, Any] = {"id": "j", "entry": entry, "steps": ["exit"]}
    assert parse_journey(raw).reentry == 0
    once = parse_journey({**raw, "reentry": "once"})
    assert once.reentry is None
    assert parse_journey(journey_to_data(once)) == once


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"id": "Has Spaces"}, "journey.id"),
        ({"id": None}, "journey.id"),
        ({"extra": 1}, "journey"),
        ({"entry": {}}, "journey.entry"),
        ({"entry": {"event": "a", "segment": "b"}}, "journey.entry"),
        ({"entry": {"event": ""}}, "journey.entry.event"),
        ({"entry": {"event": "a", "where": {"x": {"like": 1}}}}, "journey.entry.where.x"),
        ({"entry": {"segment": "s", "include_existing": "yes"}}, "journey.entry.include_existing"),
        ({"entry": {"schedule": {"at": "soon"}}}, "journey.entry.schedule.at"),
        ({"entry": {"schedule": {"at": "0001-01-01"}}}, "journey.entry.schedule.at"),
        (
            {"entry": {"schedule": {"at": "2026-01-01", "every": "1s"}}},
            "journey.entry.schedule.every",
        ),
        ({"steps": []}, "journey.steps"),
        ({"steps": None}, "journey.steps"),
        ({"steps": "exit"}, "journey.steps"),
        ({"steps": ["exit", {"sleep": "1d"}]}, "journey.steps[1]"),
        ({"steps": [{"wait": "1 fortnight"}]}, "journey.steps[0].wait"),
        ({"steps": [{"wait": "0m"}]}, "journey.steps[0].wait"),
        ({"steps": [{"wait": 30}]}, "journey.steps[0].wait"),
        ({"steps": [{"send": "UP"}]}, "journey.steps[0].send"),
        ({"steps": [{"send": "a", "wait": "1d"}]}, "journey.steps[0]"),
        ({"steps": [{"if": {"did": ""}, "then": []}]}, "journey.steps[0].if.did"),
        (
            {"steps": [{"if": {"did": "x"}, "then": [{"wait": "x"}]}]},
            "journey.steps[0].then[0].wait",
        ),
        ({"steps": [{"send": "a"}] * 201}, "journey.steps"),
        ({"unless": {"trait": "x"}}, "journey.unless"),
        ({"reentry": "sometimes"}, "journey.reentry"),
        ({"live": "no"}, "journey.live"),
        ({"name": ""}, "journey.name"),
    ],
)
def test_a_mistake_is_named_with_its_place(change: dict[str, Any], at: str) -> None:
    raw: dict[str, Any] = {"id": "j", "entry": {"event": "a"}, "steps": ["exit"]}
    with pytest.raises(InvalidRule) as caught:
        parse_journey({**raw, **change})
    assert caught.value.at == at
    assert caught.value.message.endswith((".", "?"))


def test_branches_have_a_depth() -> None:
    steps: list[Any] = ["exit"]
    for _ in range(20):
        steps = [{"if": {"did": "x"}, "then": steps}]
    with pytest.raises(InvalidRule, match="deep"):
        parse_journey({"id": "j", "entry": {"event": "a"}, "steps": steps})


@pytest.mark.parametrize("raw", [None, 5, "x", [], {}])
def test_what_is_no_journey_at_all(raw: Any) -> None:
    with pytest.raises(InvalidRule):
        parse_journey(raw)


IDS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
DURATIONS = st.integers(1, 3_000 * DAY)
RULES = st.sampled_from(
    (
        rules.Did("Order Completed", within=DAY),
        rules.TraitIs("vip", rules.Test("is", True)),
        rules.Not(rules.InSegment("s")),
    )
)
LEAVES: st.SearchStrategy[Step] = st.one_of(
    st.builds(Wait, DURATIONS), st.builds(Send, IDS), st.just(Exit())
)
STEPS: st.SearchStrategy[tuple[Step, ...]] = st.recursive(
    st.lists(LEAVES, max_size=3).map(tuple),
    lambda inner: st.lists(st.one_of(LEAVES, st.builds(If, RULES, inner, inner)), max_size=3).map(
        tuple
    ),
    max_leaves=8,
)
ENTRIES = st.one_of(
    st.builds(EventEntry, st.just("Product Viewed")),
    st.builds(SegmentEntry, IDS, st.booleans()),
    st.builds(
        ScheduleEntry,
        st.integers(parse_time("1971-01-01"), parse_time("2199-01-01")),
        IDS | st.just(""),
        st.none() | st.integers(MINUTE, 400 * DAY),
    ),
)
JOURNEYS = st.builds(
    Journey,
    id=IDS,
    name=st.just("Hành trình"),
    entry=ENTRIES,
    steps=STEPS.filter(bool),
    unless=st.none() | RULES,
    exit_when=st.none() | RULES,
    reentry=st.none() | st.just(0) | DURATIONS,
    brand=IDS,
    live=st.booleans(),
)


@given(JOURNEYS)
def test_what_is_written_is_read_again(journey: Journey) -> None:
    assert parse_journey(journey_to_data(journey)) == journey


@given(STEPS, st.lists(st.booleans(), min_size=1))
def test_a_walk_visits_each_step_at_most_once_and_ends(
    steps: tuple[Step, ...], turns: list[bool]
) -> None:
    path: Path = START if step_at(steps, START) else END
    seen: set[Path] = set()
    count = len(list(every_step(steps)))
    while path != END:
        step = step_at(steps, path)
        assert step is not None
        assert path not in seen
        seen.add(path)
        holds = turns[len(seen) % len(turns)]
        path = into(steps, path, holds) if isinstance(step, If) else following(steps, path)
    assert len(seen) <= count


def test_ticks_of_a_schedule() -> None:
    start = parse_time("2026-11-20T09:00Z")
    weekly = ScheduleEntry(start, every=7 * DAY)
    assert last_tick(weekly, start - HOUR) is None
    assert last_tick(weekly, start) == start
    assert last_tick(weekly, start + 7 * DAY - 1) == start
    assert last_tick(weekly, start + 7 * DAY) == start + 7 * DAY
    assert last_tick(ScheduleEntry(start), start - 1) is None
    assert last_tick(ScheduleEntry(start), start + DAY) == start
