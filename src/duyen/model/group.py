"""Groups: the company, team or household that people belong to, and what is known of it, by trait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duyen.model.person import Trait

Told = dict[str, Trait]
"""What is known of a group, with the event that wrote each trait."""
NAME = "name"


def group_values(told: Mapping[str, Trait]) -> dict[str, Any]:
    """The values of a group's traits, without those that were deleted."""
    return {name: trait.value for name, trait in told.items() if trait.value is not None}


def group_name(id: str, values: Mapping[str, Any]) -> str:
    """What a group is called: its trait `name`, or else its id."""
    name = values.get(NAME)
    return name if isinstance(name, str) and name.strip() else id
