"""Shards: the fixed parts into which people's ids, and what is told of people, are dealt out among engines.

Ids are hashes, so that the parts are alike. A shard is a range of ids: what the database sorts by id it finds by shard.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection

SHARDS = 16
ALL = frozenset(range(SHARDS))
_BEGINS = ("", *(f"p_{c}" for c in "46acegikmoqsuwy"))
"""Where each shard begins. An id is “p_” and base 32, whose digits sort as 2 to 7 and then a to z: two for a shard."""
END = "\U0010ffff"
"""Behind every id."""


def shard_of(person: str) -> int:
    """The shard of a person's id."""
    return bisect_right(_BEGINS, person) - 1


def bounds(shard: int) -> tuple[str, str]:
    """The ids of a shard: from the first (or behind it), up to before the second."""
    return _BEGINS[shard], _BEGINS[shard + 1] if shard + 1 < SHARDS else END


def within(shards: Collection[int]) -> tuple[str, list[str]]:
    """A condition on `person` in SQL, and its values; nothing where it is every shard."""
    if len(shards) == SHARDS:
        return "", []
    ranges = [bounds(shard) for shard in sorted(shards)]
    either = " OR ".join(["(person >= ? AND person < ?)"] * len(ranges)) or "1 = 0"
    return f" AND ({either})", [bound for pair in ranges for bound in pair]


def to_mask(shards: Collection[int]) -> int:
    """A set of shards as one number."""
    return sum(1 << shard for shard in shards)


def from_mask(mask: int) -> frozenset[int]:
    """The shards of such a number."""
    return frozenset(shard for shard in range(SHARDS) if mask >> shard & 1)
