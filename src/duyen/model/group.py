"""Groups: the company, team or household that people belong to, and what is known of it, by trait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duyen.model.person import Trait

Told = dict[str, Trait]
"""What is known of a group, with the event that wrote each trait."""
NAME, ID = "name", "id"


def group_values(id: str, told: Mapping[str, Trait]) -> dict[str, Any]:
    """What rules and messages read of a group: the values of its traits, without deleted ones, and its id."""
    values = {name: trait.value for name, trait in told.items() if trait.value is not None}
    return {**values, ID: id}


def group_name(id: str, values: Mapping[str, Any]) -> str:
    """What a group is called: its trait `name`, or else its id."""
    name = values.get(NAME)
    return name if isinstance(name, str) and name.strip() else id
