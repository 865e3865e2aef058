"""Rows as every store gives and takes them."""

from __future__ import annotations

from typing import NamedTuple

from duyen.model.effect import Enqueue
from duyen.model.person import Person
from duyen.model.times import Millis

Standing = dict[str, Millis]
"""The segments a person is in, and since when; true at least until the head's wake."""


class Head(NamedTuple):
    """A document's head as stored: the person, the segments it stands in, and its timer."""

    person: Person
    standing: Standing
    wake: Millis


class EvidenceRow(NamedTuple):
    """One distinct set of identifiers that came together, first at (time, id), and whose it is."""

    key: str
    component: str
    person: str
    time: Millis
    id: str
    trusted: bool
    identifiers: tuple[tuple[str, str], ...]


class VetoRow(NamedTuple):
    """Somebody decided at `time` that these two identifiers are never one person."""

    a: tuple[str, str]
    b: tuple[str, str]
    time: Millis
    id: str
    author: str


class LiftRow(NamedTuple):
    """Somebody took the veto back at `time`."""

    veto: str
    time: Millis
    id: str
    author: str


class OutboxRow(NamedTuple):
    """A contact waiting to leave, or the memory of one that did."""

    enqueue: Enqueue
    state: str
    reason: str
    updated: Millis


class Row(NamedTuple):
    """A line of the people list."""

    person: str
    name: str
    email: str
    events: int
    first: Millis
    last: Millis
