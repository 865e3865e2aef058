"""The people list: one line a person, and the folded words it is found by."""

from __future__ import annotations

from duyen.model.person import Person
from duyen.model.values import fold
from duyen.stores.rows import Row


def display_name(person: Person) -> str:
    """What to call a person: `name`, or `first_name last_name`, or ""."""
    traits = person.traits
    if "name" in traits and isinstance(traits["name"].value, str):
        return traits["name"].value
    parts = [
        traits[k].value for k in ("first_name", "last_name", "firstName", "lastName") if k in traits
    ]
    return " ".join(part for part in parts if isinstance(part, str) and part)


def best_key(person: Person) -> str:
    """The best identifier to name a person by, as `namespace:value`."""
    for namespace in ("user_id", "email", "phone", "anonymous_id"):
        values = person.identifiers.get(namespace)
        if values:
            return f"{namespace}:{next(iter(values))}"
    for namespace, values in person.identifiers.items():
        if values:
            return f"{namespace}:{next(iter(values))}"
    return f"id:{person.id}"


def directory_row(person: Person) -> tuple[Row, str]:
    """The person's line and its search text."""
    name = display_name(person)
    email = next(iter(person.identifiers.get("email", {})), "")
    words = [name, *(value for values in person.identifiers.values() for value in values)]
    words += [t.value for k, t in person.traits.items() if isinstance(t.value, str) and k != "name"]
    folded = fold(" ".join(words))[:2_000]
    return Row(person.id, name, email, person.events, person.first, person.last), folded
