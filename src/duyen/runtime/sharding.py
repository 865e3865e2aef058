"""The shard of each entry of the log: a function of the entry alone, so that all engines agree on it for good.

An event goes to the shard of whom its best identifier would found, before any rule is asked. What one visitor does
before and after signing in may so be told to two engines; what is known of people does not depend on the order.
"""

from __future__ import annotations

from duyen import collect
from duyen.identity import person_id
from duyen.model.decision import Decision
from duyen.model.event import Collected, Identifier, Rejected
from duyen.model.log import Delivered, Entry, Heard, ImportMark, Lift, Replayed, Unmerge
from duyen.stores.shards import shard_of


def shard_of_entry(entry: Entry) -> int:
    """Whose work this is: by whom it names, or else by its own name."""
    if isinstance(entry, Collected):
        return shard_of(person_id(_best(entry)))
    if isinstance(entry, Delivered):
        return shard_of(entry.person)
    if isinstance(entry, Decision):
        return shard_of(person_id(entry.identifier))
    if isinstance(entry, Unmerge):
        return shard_of(person_id(entry.kept[0] if entry.kept else ("unmerge", entry.id)))
    if isinstance(entry, Lift):
        return shard_of(person_id(("lift", entry.id)))
    if isinstance(entry, Rejected | Replayed):
        return shard_of(person_id(("rejected", entry.id)))
    if isinstance(entry, ImportMark):
        return shard_of(person_id(("import", entry.name)))
    if isinstance(entry, Heard):
        return shard_of(person_id(("source", entry.source)))
    return 0


def _best(event: Collected) -> Identifier:
    if event.user_id:
        return "user_id", event.user_id
    if event.anonymous_id:
        return "anonymous_id", event.anonymous_id
    named = collect.normalise(event).identifiers
    return named[0] if named else ("message", event.id)
