"""The worked cases of the Segment protocol's profile store, through collect and identity."""

import json
from pathlib import Path
from typing import Any

import pytest

from duyen.collect import normalise, validate
from duyen.identity import Evidence, Resolution, Rules, resolve
from duyen.model.event import Collected, Event
from duyen.model.program import NamespaceRule

CASES = (
    "anonymous becomes known",
    "second device, then a second app on it",
    "limit and priority: another user with the same e-mail stays another person",
    "blocked values never identify",
    "custom identifier",
    "shop tablet used by many people is nobody",
)


@pytest.fixture
def cases(shared_data: Path) -> dict[str, Any]:
    """The published cases by name."""
    file = shared_data / "identity_rules" / "cases.json"
    if not file.is_file():
        pytest.skip(f"the worked identity cases are not at {file}")
    return {case["name"]: case for case in json.loads(file.read_text())}


def told(messages: list[dict[str, Any]]) -> list[Event]:
    """The messages as a company's server would tell them, one second apart."""
    events = []
    for number, message in enumerate(messages):
        collected = validate(
            message,
            received=1_700_000_000_000 + 1_000 * number,
            source="server",
            trusted=True,
            new_id=f"m{number}".format,
        )
        assert isinstance(collected, Collected)
        events.append(normalise(collected))
    return events


def resolved(case: dict[str, Any], events: list[Event]) -> Resolution:
    rules = {name: NamespaceRule(**rule) for name, rule in case.get("rules", {}).items()}
    evidence = [Evidence(e.time, e.id, e.identifiers, e.trusted) for e in events]
    return resolve(evidence, (), Rules.of(rules, ()))


@pytest.mark.parametrize("name", CASES)
def test_a_published_case_gives_the_published_people(cases: dict[str, Any], name: str) -> None:
    """Identifiers as published; where a case counts events it counts track calls, and so do we here."""
    case = cases[name]
    events = told(case["messages"])
    resolution = resolved(case, events)
    people = []
    for person, held in resolution.people.items():
        profile: dict[str, Any] = {namespace: sorted(values) for namespace, values in held.items()}
        profile["events"] = sum(
            event.type == "track" and resolution.person_of(event.identifiers, True) == person
            for event in events
        )
        people.append(profile)
    for wanted in case["profiles"]:
        matching = [
            p for p in people if {**p, **wanted} == p and p.keys() - {"events"} <= wanted.keys()
        ]
        assert len(matching) == 1, (wanted, people)
    assert len(people) == len(case["profiles"])


def test_every_published_case_is_tested(cases: dict[str, Any]) -> None:
    assert set(CASES) == set(cases)


@pytest.mark.parametrize("name", CASES)
def test_arrival_does_not_change_a_published_case(cases: dict[str, Any], name: str) -> None:
    """The same messages with the same times, told backwards."""
    case = cases[name]
    events = told(case["messages"])
    assert resolved(case, events[::-1]).people == resolved(case, events).people
