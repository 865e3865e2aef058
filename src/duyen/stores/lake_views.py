"""The lake's files as SQL: the newest row of each key, and whose a row is now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from duyen.model.errors import InvalidInput
from duyen.stores.delta_files import PART
from duyen.stores.lake_rows import GONE, KEYED, SCHEMAS

Files = Mapping[str, Sequence[str]]
"""The Parquet files of every table."""
RESTS_ON = {"events": ("evidence", "t.evidence"), "facts": ("fact", "CAST(t.seq AS VARCHAR)")}
"""What decides whose a row is: its kind among the owners, and its key as SQL of a row `t`."""
_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "bool": "BOOLEAN"}


class Owned(NamedTuple):
    """SQL of a row `t`: the joins it needs, and who it is of now."""

    joins: str
    person: str


def rows(name: str, files: Sequence[str]) -> str:
    """The rows in some files of a table, without their run; of no files none."""
    fields = [(field.name, _TYPES[str(field.type)]) for field in SCHEMAS[name]]
    fields = [field for field in fields if field[0] != PART]
    if not files:
        nothing = ", ".join(f"NULL::{kind} AS {one}" for one, kind in fields)
        return f"(SELECT {nothing} WHERE false)"
    columns = ", ".join(one for one, _ in fields)
    return f"(SELECT {columns} FROM read_parquet({_list(files)}, hive_partitioning=false))"  # noqa: S608


def newest(name: str, files: Sequence[str], *, whole: bool = False) -> str:
    """The newest row of each key; `whole` keeps those that only take a row away."""
    first = [file for file in files if _run(file) == 0]
    later = [file for file in files if _run(file) > 0]
    there = "" if whole else f" WHERE NOT {GONE}"
    if not later:
        return f"(FROM {rows(name, first)}{there})"
    keys = ", ".join(KEYED[name])
    changed = (
        f"(SELECT * EXCLUDE ({PART}) FROM (FROM read_parquet({_list(later)}, hive_partitioning=true,"  # noqa: S608
        f" hive_types={{'{PART}': INTEGER}}))"
        f" QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {PART} DESC) = 1)"
    )
    if not first:
        return f"(FROM {changed}{there})"
    kept = f"FROM {rows(name, first)} ANTI JOIN {changed} USING ({keys})"
    return f"(FROM (({kept}) UNION ALL BY NAME (FROM {changed})){there})"


def owned(name: str, owners: Sequence[str], kinds: Collection[str]) -> Owned:
    """Whose a row `t` of `events` or `facts` is: by what it rests on, then by who lives on as whom.

    `kinds` are those that occur among the owners: nothing else is looked for.
    """
    joins, person = [], "t.person"
    kind, key = RESTS_ON[name]
    for alias, one, found_by in (("m", kind, key), ("r", "person", None)):
        if one in kinds:
            among = f"(SELECT key, person FROM {newest('owners', owners)} WHERE kind = '{one}')"  # noqa: S608
            joins.append(f"LEFT JOIN {among} {alias} ON {alias}.key = {found_by or person}")
            person = f"coalesce({alias}.person, {person})"
    return Owned(" ".join(joins), person)


def quoted(value: str) -> str:
    """Text as an SQL literal."""
    if "\0" in value:
        raise InvalidInput("lake.bad_id", "An id may not contain a zero byte.")
    return "'" + value.replace("'", "''") + "'"


def _list(files: Sequence[str]) -> str:
    return "[" + ", ".join(quoted(file) for file in files) + "]"


def _run(file: str) -> int:
    """The run of a file, as its path tells it."""
    return int(PurePath(file).parent.name.removeprefix(f"{PART}="))
