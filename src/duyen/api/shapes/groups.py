"""Groups: the companies, teams or households that people belong to."""

from __future__ import annotations

from duyen.api.shapes.common import Named, PersonRef
from duyen.api.shapes.people import TraitRow


class GroupRow(Named):
    """A line of the list of groups; its name is its trait `name`, or else its id."""

    members: int


class Group(GroupRow):
    """All that is known of one group."""

    traits: list[TraitRow]


class GroupMember(PersonRef):
    """A person in a group, and since when."""

    email: str | None
    since: str
