"""A person's computed traits as of an instant, whatever the program their document was last stored under."""

from __future__ import annotations

from duyen import profiles
from duyen.model.person import Person
from duyen.model.times import Millis
from duyen.rules import computed_values
from duyen.rules.computed import Value
from duyen.step import Plan
from duyen.stores.state import State


def computed_traits(state: State, plan: Plan, person: Person, now: Millis) -> dict[str, Value]:
    """By id; counted again from the history where the engine has not come to the person since the program changed."""
    if not plan.terms:
        return {}
    if person.specs != plan.specs_print:
        counted = Person(person.id)
        older = state.chunks(person.id) if person.chunks else []
        profiles.accumulate(counted, [*older, *person.recent], plan.specs, plan.burst)
        person = counted
    return computed_values(plan.terms, person, now)
