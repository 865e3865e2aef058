"""The suppression list: addresses that the company never writes to, whoever has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

from duyen.collect import clean_email
from duyen.model.consent import ANY, consent_key
from duyen.model.errors import InvalidInput
from duyen.model.log import Suppress
from duyen.model.times import Millis
from duyen.runtime.secrets import Secrets
from duyen.stores.state import State
from duyen.stores.state.suppressions import ERASED, SuppressionRow

MOST = 5_000
"""Addresses of one entry of the log."""
CHANNEL = "email"
_T = TypeVar("_T")


class Listed(NamedTuple):
    """What became of addresses: what to tell the log, how many they are, and what is no address."""

    told: list[Suppress]
    addresses: int
    wrong: list[str]


def add(
    secrets: Secrets,
    addresses: Iterable[str],
    author: str,
    now: Millis,
    *,
    purpose: str = ANY,
    reason: str = "",
) -> Listed:
    """Put addresses on the list, for one purpose or all; raises InvalidInput where the purpose can be none."""
    if not 0 < len(purpose) <= 64 or "/" in purpose or len(reason) > 200 or reason == ERASED:
        raise InvalidInput(
            "suppression.invalid",
            "Name a purpose such as marketing, or * for all, and a reason of at most 200 characters.",
        )
    said = consent_key(purpose, CHANNEL, ANY)
    good, wrong = _sorted(addresses)
    rows = [(secrets.pseudonym("email", one), said, one) for one in good]
    told = [Suppress(now, author, reason, tuple(part)) for part in _parts(rows)]
    return Listed(told, len(good), wrong)


def remove(secrets: Secrets, addresses: Iterable[str], author: str, now: Millis) -> Listed:
    """Take addresses off the list again, also what somebody since erased had said."""
    good, wrong = _sorted(addresses)
    digests = [secrets.pseudonym("email", one) for one in good]
    told = [Suppress(now, author, "", (), tuple(part)) for part in _parts(digests)]
    return Listed(told, len(good), wrong)


def apply(state: State, told: Suppress) -> None:
    """What the engine makes of it."""
    state.put_suppressions(
        SuppressionRow(digest, said, told.time, told.reason, told.author, address)
        for digest, said, address in told.rows
    )
    state.drop_suppressions(told.lifted)


def everything(state: State) -> Iterator[SuppressionRow]:
    """The whole list."""
    after = ("", "")
    while rows := state.suppressions(after, MOST):
        yield from rows
        after = (rows[-1].digest, rows[-1].said)


def _sorted(addresses: Iterable[str]) -> tuple[list[str], list[str]]:
    good: set[str] = set()
    wrong: list[str] = []
    for text in addresses:
        address = clean_email(text)
        if address:
            good.add(address)
        elif text.strip():
            wrong.append(text.strip()[:100])
    return sorted(good), wrong


def _parts(rows: Sequence[_T]) -> Iterator[list[_T]]:
    waiting = iter(rows)
    while part := list(islice(waiting, MOST)):
        yield part
