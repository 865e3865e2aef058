"""Lists in pages: which part is asked for, and the answer with the cursor of the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from fastapi import Depends, Query, Response

from duyen.api.office import reply
from duyen.model.errors import InvalidInput
from duyen.model.times import Millis
from duyen.runtime.secrets import b64, unb64

T = TypeVar("T")
Place = tuple[Millis, str]
"""A moment, and the id of what happened then."""
_encode = msgspec.json.Encoder().encode


class Slice(NamedTuple):
    """The part of a list that is asked for."""

    cursor: str | None
    limit: int

    def behind(self, *kinds: type) -> Any:
        """The place that the part comes after, its parts of these types; None for the beginning."""
        return get_cursor(self.cursor, *kinds)

    @property
    def enough(self) -> int:
        """One more than is shown: whether it is there says whether there is a next page."""
        return self.limit + 1

    def page(
        self,
        found: Sequence[T],
        rows: Callable[[Sequence[T]], Sequence[Any]],
        place: Callable[[T], tuple[str | int, ...]],
        total: int | None = None,
    ) -> Response:
        """The answer out of what was found behind the place, `enough` of it or all.

        `rows` makes the shapes of what is shown; `place` is where one of them stands, for the cursor.
        """
        shown = found[: self.limit]
        following = put_cursor(*place(shown[-1])) if len(found) > self.limit else None
        return reply({"data": rows(shown), "next": following, "total": total})


async def _slice(
    cursor: Annotated[
        str | None, Query(description="The `next` of the page before.", max_length=500)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most.")] = 50,
) -> Slice:
    return Slice(cursor, limit)


Part = Annotated[Slice, Depends(_slice)]


def newest_first(found: Iterable[T], moment: Callable[[T], Place], before: Place | None) -> list[T]:
    """What happened before a moment, the newest first."""
    ordered = sorted(found, key=moment, reverse=True)
    return ordered if before is None else [one for one in ordered if moment(one) < before]


def whole(data: Sequence[Any]) -> Response:
    """A list that needs no pages."""
    return reply({"data": data, "next": None, "total": len(data)})


def put_cursor(*parts: str | int) -> str:
    """An opaque cursor of a place in a list."""
    return b64(_encode(parts))


def get_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The place that a cursor names; raises InvalidInput for one that is not ours."""
    if not cursor:
        return None
    try:
        parts = msgspec.json.decode(unb64(cursor))
    except (ValueError, msgspec.DecodeError) as error:
        raise _no_cursor() from error
    if not isinstance(parts, list) or len(parts) != len(kinds):
        raise _no_cursor()
    if not all(_fits(part, kind) for part, kind in zip(parts, kinds, strict=True)):
        raise _no_cursor()
    return tuple(parts)


def _fits(part: Any, kind: type) -> bool:
    """Whether a part can be one of a place: a number no larger than the stores hold."""
    if kind is int:
        return type(part) is int and -(2**63) <= part < 2**63
    return type(part) is kind


def _no_cursor() -> InvalidInput:
    return InvalidInput(
        "list.cursor", "The cursor is not one of this list; start without it.", at="cursor"
    )
