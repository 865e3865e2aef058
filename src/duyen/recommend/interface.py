"""What every recommender takes and gives: interactions in columns, queries, scored items, snapshots.

    snapshot = Popular(Popular.Settings()).fit(interactions, items)
    snapshot.recommend(Query(seeds=("85123A",), exclude=frozenset(bought), limit=4))

A snapshot is arrays and a few plain values; `save` writes each array into a file of its own, `load` maps them into
memory, so that many processes share one copy. Nothing here needs more than one thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol
from urllib.parse import quote, unquote

import msgspec
import numpy as np
from numpy.typing import NDArray

from duyen.model.catalogue import Item
from duyen.model.times import Millis

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.bytes_]
Array = NDArray[Any]

MAX_LIMIT = 200
META = "snapshot.json"


class Interactions(NamedTuple):
    """Who took what, when, in which basket: one row per (basket, item), columns of equal length.

    `item` and `person` index into `item_ids` and into nothing (people need no names here); person -1: unknown.
    `weight` is at least 0 (an amount of interest: 1 per purchase unless told otherwise).
    """

    person: Ints
    basket: Ints
    item: Ints
    time: Ints
    weight: Floats
    item_ids: Bytes
    """Ids as UTF-8, sorted, each once."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.item)


def interactions(
    person: Sequence[Any] | Array,
    basket: Sequence[Any] | Array,
    item: Sequence[str] | Array,
    time: Sequence[Millis] | Array,
    weight: Sequence[float] | Array | None = None,
) -> Interactions:
    """Interactions from columns of any ids (None: an unknown person)."""
    count = len(item)
    ids, index = _encoded(item)
    weights = np.ones(count) if weight is None else np.asarray(weight, np.float64)
    return Interactions(
        person=_numbered(person),
        basket=_numbered(basket),
        item=index,
        time=np.asarray(time, np.int64),
        weight=weights,
        item_ids=ids,
    )


class Query(NamedTuple):
    """What is asked: items the person has shown interest in (newest first), what to leave out, how many."""

    seeds: tuple[str, ...] = ()
    exclude: frozenset[str] = frozenset()
    limit: int = 4


class Scored(NamedTuple):
    """One recommended item; scores compare only within one answer.

    `why` is `code|name=value|…` as `why()` writes it: a stable code and what fills its sentence.
    """

    item: str
    score: float
    why: str


class State(NamedTuple):
    """A snapshot laid open for keeping: by which recommender, its arrays, and plain values."""

    recommender: str
    arrays: Mapping[str, Array]
    values: Mapping[str, Any]


class Snapshot(Protocol):
    """A fitted recommender: immutable, quick, and safe to ask from many threads."""

    def recommend(self, query: Query) -> list[Scored]:
        """At most `limit` items, best first, none of them a seed, excluded, or not for sale."""

    def state(self) -> State:
        """All that `restore` needs."""


class Recommender(Protocol):
    """A way to recommend. Its `Settings` (a msgspec Struct with defaults) give its form and its page."""

    name: ClassVar[str]
    title: ClassVar[str]
    Settings: ClassVar[type[msgspec.Struct]]

    def __init__(self, settings: Any) -> None: ...

    def fit(self, interactions: Interactions, items: Iterable[Item]) -> Snapshot:
        """Learn; only items of the catalogue that are sellable may ever be recommended."""

    @classmethod
    def restore(cls, state: State) -> Snapshot:
        """The snapshot whose `state()` this was; arrays may be read-only maps of files."""


class Described(msgspec.Struct):
    """What a snapshot's folder says beside its arrays."""

    recommender: str
    values: dict[str, Any]
    arrays: list[str]


def why(code: str, /, **params: str) -> str:
    """A reason as text: `bought_together|with=85123A`."""
    return "|".join([code, *(f"{name}={quote(value)}" for name, value in params.items())])


def read_why(text: str) -> tuple[str, dict[str, str]]:
    """The code and the parameters of a reason."""
    code, *params = text.split("|")
    told = (one.partition("=") for one in params)
    return code, {name: unquote(value) for name, _, value in told}


def save(snapshot: Snapshot, folder: Path) -> None:
    """Write a snapshot into an empty or missing folder."""
    folder.mkdir(parents=True, exist_ok=True)
    state = snapshot.state()
    for name, array in state.arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    told = Described(state.recommender, dict(state.values), sorted(state.arrays))
    (folder / META).write_bytes(msgspec.json.encode(told))


def read_state(folder: Path) -> State:
    """What `save` wrote, its arrays mapped into memory."""
    told = msgspec.json.decode((folder / META).read_bytes(), type=Described)
    arrays = {name: _mapped(folder / f"{name}.npy") for name in told.arrays}
    return State(told.recommender, arrays, told.values)


class Shelf:
    """The items that may be recommended, found by id or by number without a dictionary in memory."""

    def __init__(self, ids: Bytes) -> None:
        self.ids = ids

    @classmethod
    def of(cls, items: Iterable[Item]) -> Shelf:
        """The sellable items of a catalogue."""
        return cls(_encoded([item.id for item in items if item.sellable])[0])

    def __len__(self) -> int:
        return len(self.ids)

    def number(self, item: str) -> int:
        """The number of an item; -1 where it is not on the shelf."""
        key = item.encode()
        if len(key) > self.ids.itemsize:  # comparing would widen a copy of all ids
            return -1
        place = int(np.searchsorted(self.ids, np.bytes_(key)))
        return place if place < len(self.ids) and self.ids[place] == key else -1

    def numbers(self, items: Iterable[str]) -> Ints:
        """The numbers of those items that are on the shelf, in the order given."""
        found = [number for number in map(self.number, items) if number >= 0]
        return np.asarray(found, np.int64)

    def align(self, ids: Bytes) -> Ints:
        """For each of other sorted ids its number on this shelf, or -1."""
        if not len(self.ids) or not len(ids):
            return np.full(len(ids), -1, np.int64)
        place = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[place] == ids, place, -1).astype(np.int64)

    def id(self, number: int) -> str:
        """The id of an item."""
        return bytes(self.ids[number]).decode()


def best(scores: Array, limit: int) -> Ints:
    """Places of the `limit` largest scores, best first; equal scores in order of place."""
    if limit <= 0 or not len(scores):
        return np.empty(0, np.int64)
    if limit < len(scores):
        bar = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        places = np.flatnonzero(scores >= bar)
    else:
        places = np.arange(len(scores))
    return places[np.argsort(-scores[places], kind="stable")][:limit].astype(np.int64)


def _encoded(ids: Sequence[str] | Array) -> tuple[Bytes, Ints]:
    """Ids as sorted UTF-8, each once, and for each of them its place there."""
    if not len(ids):
        return np.empty(0, "S1"), np.empty(0, np.int64)
    told = np.asarray([str(one).encode() for one in ids], "S")
    found, index = np.unique(told, return_inverse=True)
    return found, index.astype(np.int64)


def _numbered(keys: Sequence[Any] | Array) -> Ints:
    """Any keys as numbers by first appearance; None is -1."""
    if isinstance(keys, np.ndarray) and keys.dtype.kind in "iu":
        return keys.astype(np.int64)
    seen: dict[Any, int] = {}
    return np.asarray(
        [-1 if key is None else seen.setdefault(key, len(seen)) for key in keys], np.int64
    )


def _mapped(path: Path) -> Array:
    """An array mapped from its file; an empty one is read, because nothing cannot be mapped."""
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except ValueError:
        return np.asarray(np.load(path, allow_pickle=False))
