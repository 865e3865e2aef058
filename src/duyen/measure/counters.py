"""How exact sums live in shared counters, whose fields are 64-bit integers that only ever are added to.

Amounts are micros, and squares of micros of a shop that counts in đồng pass 2^64 with a single customer. So a
large number is written in signed limbs to the base 2^30, `revenue.0`, `revenue.1`, ...: each addition changes
a limb by less than 2^30, hence 2^33 additions (eight thousand million) fit, and the sum of the limbs'
sums is the exact sum.
"""

from __future__ import annotations

from collections.abc import Mapping

_BITS = 30
_MASK = (1 << _BITS) - 1


def effect_counter(experiment: str, arm: str) -> str:
    """The counter of one arm of an experiment."""
    return f"effect:{experiment}:{arm}"


def message_counter(message: str) -> str:
    """The counter of one message."""
    return f"message:{message}"


def put(fields: dict[str, int], name: str, amount: int) -> None:
    """Write a small number (a count) into the fields of an addition, unless it changes nothing."""
    if amount:
        fields[name] = fields.get(name, 0) + amount


def put_large(fields: dict[str, int], name: str, amount: int) -> None:
    """Write a number of any size as limbs."""
    sign, rest, place = (1 if amount > 0 else -1), abs(amount), 0
    while rest:
        put(fields, f"{name}.{place}", sign * (rest & _MASK))
        rest >>= _BITS
        place += 1


def get_large(fields: Mapping[str, int], name: str) -> int:
    """The exact sum of what was put there."""
    prefix = f"{name}."
    return sum(
        amount << (_BITS * int(field.removeprefix(prefix)))
        for field, amount in fields.items()
        if field.startswith(prefix)
    )
