"""Uploaded files and their import."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from duyen.api.shapes.common import Json
from duyen.connectors.cells import DateOrder
from duyen.connectors.fields import Kind
from duyen.runtime.uploads import State


class ImportProblem(TypedDict):
    """Why something cannot be imported, and what to do."""

    code: str
    message: str


class ImportRow(TypedDict):
    """One import. `part`: from 0 to 1; `applied`: the engine has come to all of it, so it counts.

    `rows`, `accepted`, `rejected` are null until it is done.
    """

    id: str
    name: str
    size: int
    state: State
    kind: Kind | None
    source: str | None
    created: str
    author: str
    started: str | None
    ended: str | None
    part: float
    cancelling: bool
    applied: bool
    rows: int | None
    accepted: int | None
    rejected: int | None
    error: ImportProblem | None


class ImportWhole(ImportRow):
    """One import with its mapping, and the report of what came of it: counts by what is counted."""

    mapping: Json | None
    report: Json | None


class ImportDraft(TypedDict):
    """What somebody says of a file; what is left out is guessed. `columns`: field -> column, "" for none.

    A whole `mapping` is taken as it is, and nothing is guessed beside it.
    """

    kind: NotRequired[Kind | None]
    columns: NotRequired[dict[str, str]]
    dates: NotRequired[DateOrder | None]
    source: NotRequired[str]
    event: NotRequired[str]
    ids: NotRequired[dict[str, str]]
    mapping: NotRequired[Json | None]


class ImportGuess(TypedDict):
    """Which column a field is, how sure that is (0 to 1), why, and an example; "" where none is."""

    field: str
    column: str
    confidence: float
    why: str
    example: str


class ImportTrial(TypedDict):
    """What would come of the first rows, of all where `whole`; nothing was stored."""

    whole: bool
    rows: int
    accepted: int
    rejected: int
    people: int
    orders: int
    items: int
    events: dict[str, int]
    reasons: dict[str, int]
    notes: dict[str, int]


class ImportLook(TypedDict):
    """A file as it would be read: its first rows, which column is what, and what would come of it."""

    kind: Kind
    format: str
    encoding: str
    files: int
    above: int
    columns: list[str]
    rows: list[list[str]]
    guesses: list[ImportGuess]
    unused: list[str]
    missing: list[str]
    questions: list[str]
    mapping: Json
    trial: ImportTrial | None
    problem: ImportProblem | None


class ImportStart(TypedDict):
    """With which mapping a file is imported, as the preview gives it."""

    mapping: Json
