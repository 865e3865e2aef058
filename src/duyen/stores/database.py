"""What the stores ask of a database: few verbs, SQL that every engine of ours understands.

Queries are written once, with `?` for values. Schemas say TEXT, INTEGER (64 bits) and BLOB; text is ordered by its
bytes. What engines do differently has a verb here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Values = Sequence[Any]


class Raced(Exception):
    """Nothing was written: somebody else was faster. Read again what was read, and take the step once more."""


class Found(Protocol):
    """The rows of a query."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Row by row."""


class Words(ABC):
    """The index of words by which people are found; each person has a place in it."""

    @abstractmethod
    def places(self, many: int) -> list[int]:
        """Places that nobody has, the lowest first."""

    @abstractmethod
    def add(self, rows: Sequence[tuple[int, str, str]]) -> None:
        """(place, person, folded text) of people who are not in it."""

    @abstractmethod
    def change(self, rows: Sequence[tuple[int, str]]) -> None:
        """(place, folded text) of people who are in it."""

    @abstractmethod
    def forget(self, persons: Iterable[str]) -> None:
        """Take people out, while they still have their lines in the list."""

    def scrub(self, begin: bool) -> bool:
        """Get rid, a little at a time, of what is left in the index of those who were taken out; True once done."""
        return True

    @abstractmethod
    def find(self, words: Sequence[str], offset: int, most: int) -> list[Any]:
        """(person, name, email, events, first, last) where some word begins with each of `words`."""


class Database(ABC):
    """One connection."""

    words: Words
    keeping = ""
    """What a query ends with whose rows nobody else may change, or take away, before this transaction ends."""

    @abstractmethod
    def execute(self, query: str, values: Values = ()) -> Found:
        """One statement."""

    @abstractmethod
    def executemany(self, query: str, rows: Iterable[Values]) -> None:
        """One statement for each row of values."""

    @abstractmethod
    def among(self, query: str, keys: Sequence[Any]) -> Iterator[Any]:
        """Rows of a query with `IN ({})`, for any number of keys; a key is a text, or a tuple of texts."""

    @abstractmethod
    def put(self, table: str, rows: Iterable[Values]) -> None:
        """Whole rows; one whose primary key is there already is replaced."""

    @abstractmethod
    def change(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        """Some columns, the primary key first, of rows that are there: each by its key, none of them twice."""

    @abstractmethod
    def add(self, table: str, rows: Iterable[Values]) -> None:
        """Whole rows; one whose primary key is there already stays as it is."""

    @abstractmethod
    def append(self, table: str, columns: Sequence[str], rows: Iterable[Values]) -> None:
        """Rows in this order, which the database numbers."""

    @abstractmethod
    def writing(self, *, alone: bool = False) -> AbstractContextManager[None]:
        """One write transaction: all or nothing, on the disk before anybody sees it.

        Raises Raced where another one has changed meanwhile what this one changes too; not where it is `alone`.
        """

    @abstractmethod
    def reading(self) -> AbstractContextManager[None]:
        """A consistent snapshot for several reads."""

    @abstractmethod
    def changed(self) -> int:
        """A number that differs after another process has committed."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""
