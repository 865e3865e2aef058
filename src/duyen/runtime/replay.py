"""Rejected calls judged again: by the rules of today, or with a payload that somebody put right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from duyen import collect
from duyen.model.errors import InvalidInput, NotFound
from duyen.model.event import Collected, Rejected
from duyen.model.log import Entry, Lane, Replayed
from duyen.model.times import Millis
from duyen.runtime.proof import proved
from duyen.runtime.secrets import Secrets
from duyen.stores.state import State

MOST = 100
"""Calls that are judged at once."""
Place = tuple[Millis, str]
"""(received, id) of a rejected call: where a walk over them stands."""
START: Place = (-1, "")


class Line(NamedTuple):
    """What became of one call: an event, or still rejected for these reasons."""

    id: str
    state: Literal["replayed", "rejected"]
    reasons: tuple[str, ...]


class Outcome(NamedTuple):
    """What to tell each lane of the log, and a line for each call."""

    told: dict[Lane, list[Entry]]
    lines: list[Line]


def waiting(
    state: State, after: Place, upto: Millis, source: str = ""
) -> tuple[list[str], Place | None]:
    """The next ids that are no events yet, the oldest first, and where to go on; None behind the last."""
    rows = state.rejected_still(after, upto, source, MOST + 1)
    following = None if len(rows) <= MOST else (rows[MOST - 1][1], rows[MOST - 1][0])
    return [id for id, _ in rows[:MOST]], following


def replay(
    state: State,
    secrets: Secrets,
    ids: Sequence[str],
    author: str,
    now: Millis,
    payloads: Mapping[str, bytes] | None = None,
) -> Outcome:
    """Judge rejected calls again. `payloads` are calls put right, by id.

    A call enters as what it was: with its own time, message id and trust. One that is an event already is left
    alone, one that is still wrong has its new reasons told. Raises NotFound for an id that nothing is kept under.
    """
    if len(ids) > MOST:
        raise InvalidInput("rejected.too_many", f"Name at most {MOST} calls at once.", at="ids")
    found = state.rejected_of(ids)
    told: dict[Lane, list[Entry]] = {}
    lines = []
    for id in dict.fromkeys(ids):
        if id not in found:
            raise NotFound(
                "rejected.unknown", f"No rejected call is kept under “{id[:80]}”.", at="ids"
            )
        call, done = found[id]
        if done:
            lines.append(Line(id, "replayed", ()))
            continue
        corrected = (payloads or {}).get(id)
        if corrected is None and not state.resource_versions("key", call.source):
            lines.append(Line(id, "rejected", (*call.reasons, _NO_CALL)))
            continue
        line, entries = _again(call, corrected, secrets, author, now)
        lines.append(line)
        told.setdefault(Lane.BULK if call.imported else Lane.LIVE, []).extend(entries)
    return Outcome({lane: entries for lane, entries in told.items() if entries}, lines)


_NO_CALL = "It came by no key of yours: import its file again, or give the call that it should be."


def _again(
    call: Rejected, corrected: bytes | None, secrets: Secrets, author: str, now: Millis
) -> tuple[Line, list[Entry]]:
    """What became of a call, and what to tell the log of it."""
    first = call.payload.encode("utf-8", "replace")
    id = collect.message_id(first) or f"replay-{call.id}"
    found = collect.judge_again(call, first if corrected is None else corrected, id)
    if isinstance(found, Rejected):
        line = Line(call.id, "rejected", found.reasons)
        if found.reasons == call.reasons:
            return line, []
        return line, [Replayed(call.id, now, author, found.reasons)]
    if not call.trusted:
        found = proved(secrets, found)
    return Line(call.id, "replayed", ()), [_arrived(found, now), Replayed(call.id, now, author)]


def _arrived(event: Collected, now: Millis) -> Collected:
    """An event that arrives now: repeats of a message id are known by when it arrived."""
    return msgspec.structs.replace(event, received=max(now, event.received))
