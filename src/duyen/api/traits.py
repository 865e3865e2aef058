"""Computed traits: what one would be, and the words to write one with."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Response

from duyen import profiles
from duyen.api import views
from duyen.api.office import By, Of, Office, reply
from duyen.api.shapes.traits import EventWords, TraitDraft, TraitPreview, TraitValue, Vocabulary
from duyen.model.event import Event
from duyen.model.person import Person
from duyen.model.values import to_micros
from duyen.rules import burst_of, computed_needs, computed_values, resolve
from duyen.rules.reading import is_time, is_value
from duyen.runtime.operations import would_be
from duyen.step.plan import plan_of
from duyen.stores.rows import Head

router = APIRouter(tags=["program"])

LOOKED_AT = 200
SECONDS = 1.0
SHOWN = 8
MOST_WORDS = 200


@router.post(
    "/v1/traits/preview",
    response_model=TraitPreview,
    summary="What a computed trait would be, now, of the people seen last.",
)
def preview(body: TraitDraft, office: Of, caller: By) -> Response:
    """Those who have a value come first. Checked against the whole program, as when it is put."""
    id = body["id"]
    after = would_be(office.program(), {("trait", id): dict(body["definition"])})
    term, now = resolve(id, after.traits), office.now()
    specs, burst = computed_needs([term], {}), burst_of(after.settings)
    have: list[TraitValue] = []
    without: list[TraitValue] = []
    deadline = time.monotonic() + SECONDS
    for head in _seen_last(office):
        counted = Person(head.person.id, traits=head.person.traits)
        profiles.accumulate(counted, _history(office, head), specs, burst)
        value = computed_values({id: term}, counted, now).get(id)
        told = TraitValue(**views.reference(head.person), value=value)
        (without if value is None else have).append(told)
        if time.monotonic() > deadline:
            break
    looked_at = len(have) + len(without)
    data = [*have, *without][:SHOWN]
    return reply(TraitPreview(looked_at=looked_at, found=len(have), data=data))


@router.get(
    "/v1/vocabulary",
    response_model=Vocabulary,
    summary="The events, properties and traits that were seen lately.",
)
def vocabulary(office: Of, caller: By) -> Response:
    """For whoever writes rules: of the newest events of the people seen last, the commonest first."""
    events: Counter[str] = Counter()
    properties: dict[str, Counter[str]] = {}
    terms = plan_of(office.program()).terms
    traits: Counter[str] = Counter(list(terms))
    numbers = Counter([id for id, each in terms.items() if not (is_time(each) or is_value(each))])
    for head in _seen_last(office):
        told = {name: trait.value for name, trait in head.person.traits.items()}
        traits.update(list(told))
        numbers.update([name for name in told if to_micros(told[name]) is not None])
        for event in head.person.recent:
            events[event.name] += 1
            properties.setdefault(event.name, Counter()).update(_paths(event.properties))
    return reply(
        Vocabulary(
            events=[
                EventWords(name=name, properties=_commonest(properties[name]))
                for name in _commonest(events)
            ],
            traits=_commonest(traits),
            numbers=_commonest(numbers),
        )
    )


def _seen_last(office: Office) -> Iterator[Head]:
    ids = [row.person for row in office.state.list_people(None, LOOKED_AT)]
    heads = office.state.heads(ids)
    return (heads[id] for id in ids if id in heads)


def _history(office: Office, head: Head) -> list[Event]:
    older = office.state.chunks(head.person.id) if head.person.chunks else []
    return [*older, *head.person.recent]


def _paths(values: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """The paths to what can be compared; a list has none."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{before}{name}.")
        elif not isinstance(value, list):
            yield before + name


def _commonest(found: Counter[str]) -> list[str]:
    return sorted(found, key=lambda name: (-found[name], name))[:MOST_WORDS]
