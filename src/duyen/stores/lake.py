"""The lake: everything that happened, in columns, as Delta tables on disk.

    <folder>/events     one row per event, in runs of about RUN_ROWS rows (column `part`); compaction
                        sorts a run by (name, person, time), so that a question reads few row groups
    <folder>/facts      what we decided or did: journeys entered, contacts refused, cells assigned
    <folder>/people  redirects  items      snapshots of the state, overwritten whole

An append is one Delta commit that carries the position of its lane; after a crash at any point the
same append again writes nothing twice. One writer at a time, held by a lock of the operating system;
readers need no lock. Neither the statistics nor the log of a table hold personal data.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from duyen.model.catalogue import Item
from duyen.model.errors import InvalidInput, Unavailable
from duyen.model.event import Event
from duyen.model.person import Person
from duyen.model.times import DAY, Millis
from duyen.rules.columns import twins
from duyen.stores import delta_files
from duyen.stores.delta_files import PART, ROW_GROUP, file_schema

RUN_ROWS = 4_000_000
"""A run is closed at about this many rows: one compaction sorts at most one run."""
MANY_FILES = 24
CHECKPOINT_EVERY = 20
READERS_HOURS = 1
"""Files that are no longer part of a table stay this long, for queries that began before."""

_TEXT, _INT, _BOOL = pa.string(), pa.int64(), pa.bool_()
EVENTS = pa.schema(
    [
        ("person", _TEXT),
        ("id", _TEXT),
        ("name", _TEXT),
        ("type", _TEXT),
        ("time", _INT),
        ("received", _INT),
        ("source", _TEXT),
        ("imported", _BOOL),
        ("trusted", _BOOL),
        ("properties", _TEXT),
        ("folded", _TEXT),
        ("numbers", _TEXT),
        ("instants", _TEXT),
        ("traits", _TEXT),
        ("identifiers", _TEXT),
        ("context", _TEXT),
        ("seq", _INT),
        ("idx", pa.int32()),
        (PART, pa.int32()),
    ]
)
FACTS = pa.schema(
    [
        ("person", _TEXT),
        ("time", _INT),
        ("name", _TEXT),
        ("properties", _TEXT),
        ("seq", _INT),
        (PART, pa.int32()),
    ]
)
PEOPLE = pa.schema(
    [
        ("person", _TEXT),
        ("traits", _TEXT),
        ("folded", _TEXT),
        ("numbers", _TEXT),
        ("instants", _TEXT),
        ("consent", _TEXT),
        ("identifiers", _TEXT),
        ("first", _INT),
        ("last", _INT),
        ("events", _INT),
    ]
)
REDIRECTS = pa.schema([("person", _TEXT), ("survivor", _TEXT)])
ITEMS = pa.schema(
    [
        ("id", _TEXT),
        ("name", _TEXT),
        ("price", _TEXT),
        ("currency", _TEXT),
        ("category", _TEXT),
        ("brand", _TEXT),
        ("stock", _INT),
        ("sellable", _BOOL),
        ("url", _TEXT),
        ("image", _TEXT),
        ("tags", _TEXT),
        ("attributes", _TEXT),
    ]
)
SCHEMAS: Mapping[str, pa.Schema] = {
    "events": EVENTS,
    "facts": FACTS,
    "people": PEOPLE,
    "redirects": REDIRECTS,
    "items": ITEMS,
}
LOGS = ("events", "facts")
"""Tables that are appended to, in runs; the others are snapshots."""
_PERSONAL = ("events", "facts", "people", "redirects")
_SORT = {"events": "name, person, time, seq, idx", "facts": "name, person, time, seq"}
_CONFIGURATION = {
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    "delta.deletedFileRetentionDuration": f"interval {READERS_HOURS} hours",
    "delta.logRetentionDuration": "interval 0 seconds",
}
_json = msgspec.json.Encoder().encode


class EventRow(NamedTuple):
    """An event as told by the log at (`seq`, `idx`), and the person it was found to be of."""

    person: str
    event: Event
    seq: int
    idx: int


class FactRow(NamedTuple):
    """A fact of one person; `seq` is its place in the state's table of facts."""

    person: str
    time: Millis
    name: str
    properties: Mapping[str, Any]
    seq: int


class TableSize(NamedTuple):
    """How large one table is now."""

    table: str
    version: int
    files: int
    rows: int
    bytes: int


def text(value: Any) -> str:
    """A value as JSON text."""
    return _json(value).decode()


def event_batch(rows: Sequence[EventRow]) -> pa.RecordBatch:
    """Rows of events as columns of EVENTS, without the run."""
    events = [row.event for row in rows]
    derived = [twins(e.properties) for e in events]
    columns: list[Sequence[Any]] = [
        [row.person for row in rows],
        [e.id for e in events],
        [e.name for e in events],
        [e.type for e in events],
        [e.time for e in events],
        [e.received for e in events],
        [e.source for e in events],
        [e.imported for e in events],
        [e.trusted for e in events],
        [text(e.properties) for e in events],
        [one.folded for one in derived],
        [one.numbers for one in derived],
        [one.instants for one in derived],
        [text(e.traits) for e in events],
        [text(e.identifiers) for e in events],
        [text(e.context) for e in events],
        [row.seq for row in rows],
        [row.idx for row in rows],
    ]
    return _batch(file_schema(EVENTS), columns)


def fact_batch(rows: Sequence[FactRow]) -> pa.RecordBatch:
    """Rows of facts as columns of FACTS, without the run."""
    columns: list[Sequence[Any]] = [
        [row.person for row in rows],
        [row.time for row in rows],
        [row.name for row in rows],
        [text(row.properties) for row in rows],
        [row.seq for row in rows],
    ]
    return _batch(file_schema(FACTS), columns)


def people_batch(people: Sequence[Person]) -> pa.RecordBatch:
    """Heads of documents as columns of PEOPLE: traits as {name: value}, consent as {key: state}."""
    traits = [{name: trait.value for name, trait in p.traits.items()} for p in people]
    derived = [twins(one) for one in traits]
    columns: list[Sequence[Any]] = [
        [p.id for p in people],
        [text(one) for one in traits],
        [one.folded for one in derived],
        [one.numbers for one in derived],
        [one.instants for one in derived],
        [text({key: said.state for key, said in p.consent.items()}) for p in people],
        [text({ns: sorted(values) for ns, values in p.identifiers.items()}) for p in people],
        [p.first for p in people],
        [p.last for p in people],
        [p.events for p in people],
    ]
    return _batch(PEOPLE, columns)


def redirect_batch(redirects: Mapping[str, str]) -> pa.RecordBatch:
    """Losing person ids with the person who lives on, chains followed to their end."""
    return _batch(REDIRECTS, [list(redirects), [_survivor(one, redirects) for one in redirects]])


def item_batch(items: Sequence[Item]) -> pa.RecordBatch:
    """Items of the catalogue as columns of ITEMS."""
    columns: list[Sequence[Any]] = [
        [i.id for i in items],
        [i.name for i in items],
        [i.price for i in items],
        [i.currency for i in items],
        [i.category for i in items],
        [i.brand for i in items],
        [i.stock for i in items],
        [i.sellable for i in items],
        [i.url for i in items],
        [i.image for i in items],
        [text(i.tags) for i in items],
        [text(i.attributes) for i in items],
    ]
    return _batch(ITEMS, columns)


class Lake:
    """The tables of one workspace. Opening makes the ones that are missing."""

    def __init__(self, folder: Path, run_rows: int = RUN_ROWS) -> None:
        self.folder = folder
        self._run_rows = run_rows
        self._con: duckdb.DuckDBPyConnection | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if not all(DeltaTable.is_deltatable(str(folder / name)) for name in SCHEMAS):
            with self._writing():
                for name in SCHEMAS:
                    self._create(name)
        self._tables = {name: DeltaTable(folder / name) for name in SCHEMAS}

    def position(self, table: str, lane: str) -> int:
        """How far `lane` has been written into `table`; -1 where nothing has been."""
        return _position(self._fresh(table), lane)

    def append_events(self, rows: Sequence[EventRow], lane: str, position: int) -> int:
        """Write events of one lane up to `position` in one commit; returns how many rows are new.

        Rows at or below the lane's committed position are left out, and so are events that are
        here already: the same message id of the same person within a day of event time.
        """
        with self._writing():
            table = self._fresh("events")
            done = _position(table, lane)
            if position <= done:
                return 0
            new = self._distinct([row for row in rows if row.seq > done])
            self._append("events", event_batch(new), lane, position)
            return len(new)

    def append_facts(self, rows: Sequence[FactRow], lane: str, position: int) -> int:
        """Write facts up to `position` in one commit; returns how many rows are new."""
        with self._writing():
            done = _position(self._fresh("facts"), lane)
            if position <= done:
                return 0
            new = [row for row in rows if row.seq > done]
            self._append("facts", fact_batch(new), lane, position)
            return len(new)

    def write_snapshot(
        self, table: str, data: pa.RecordBatch | pa.Table | Iterable[pa.RecordBatch]
    ) -> None:
        """Put a snapshot of the state in place of the last one; batches are streamed."""
        if table in LOGS or table not in SCHEMAS:
            raise InvalidInput("lake.not_a_snapshot", f"“{table}” is not a snapshot of the lake.")
        with self._writing():
            old = self._adds(table)
            self._replace(table, old, _batches(data), None)
            # Readers may still be at the one before; earlier ones are of no use to anybody.
            kept = {self.folder / table / add["path"] for add in [*old, *self._adds(table)]}
            for path in self._on_disk(table) - kept:
                path.unlink(missing_ok=True)

    def compact(self, table: str = "events", at_least: int = 2) -> int:
        """Sort every run that lies in `at_least` files or more; returns how many runs were."""
        with self._writing():
            runs = [part for part, files in self._runs(table).items() if len(files) >= at_least]
            for part in runs:
                self._sort_run(table, part)
            return len(runs)

    def maintain(self) -> None:
        """What the scheduler does after writing: sort runs of many files, tidy tables with much litter."""
        for table in LOGS:
            self.compact(table, at_least=MANY_FILES)
        with self._writing():
            for name in SCHEMAS:
                dead = len(self._on_disk(name)) - len(self._adds(name))
                commits = sum(1 for _ in (self.folder / name / "_delta_log").glob("*.json"))
                if dead > MANY_FILES or commits > 5 * CHECKPOINT_EVERY:
                    self._vacuum(name, READERS_HOURS)

    def vacuum(self, hours: int = READERS_HOURS) -> int:
        """Remove files that no table names and that are older than `hours`; returns how many."""
        with self._writing():
            return sum(self._vacuum(name, hours) for name in SCHEMAS)

    def delete_person(self, *persons: str) -> int:
        """Erase people from every table and from the disk; returns how many rows went.

        Ids that redirect to one of them are erased with them.
        """
        with self._writing():
            ids = sorted({*persons, *self._redirecting(set(persons))})
            rows = sum(self._delete(name, "person", ids) for name in _PERSONAL)
            self._delete("redirects", "survivor", ids)
        self.vacuum(hours=0)
        return rows

    def files(self, table: str) -> tuple[int, list[str]]:
        """The version of a table and the Parquet files it consists of now."""
        fresh = self._fresh(table)
        adds = pa.table(fresh.get_add_actions(flatten=True))
        return fresh.version(), sorted(
            str(self.folder / table / p) for p in adds["path"].to_pylist()
        )

    def sizes(self) -> list[TableSize]:
        """Rows, files and bytes of every table."""
        found = []
        for name in SCHEMAS:
            fresh = self._fresh(name)
            adds = pa.table(fresh.get_add_actions(flatten=True))
            rows = sum(n or 0 for n in adds["num_records"].to_pylist())
            size = sum(adds["size_bytes"].to_pylist())
            found.append(TableSize(name, fresh.version(), adds.num_rows, rows, size))
        return found

    def damage(self) -> list[str]:
        """Files that a table names but that are missing or cut short, as a lost disk leaves them."""
        broken = []
        for name in SCHEMAS:
            adds = pa.table(self._fresh(name).get_add_actions(flatten=True))
            for path, size in zip(
                adds["path"].to_pylist(), adds["size_bytes"].to_pylist(), strict=True
            ):
                file = self.folder / name / path
                if not file.is_file() or file.stat().st_size != size:
                    broken.append(str(file))
        return broken

    def _create(self, name: str) -> None:
        """Make one table, if it is missing."""
        path = self.folder / name
        if DeltaTable.is_deltatable(str(path)):
            return
        DeltaTable.create(
            path,
            SCHEMAS[name],
            name=name,
            partition_by=[PART] if name in LOGS else None,
            configuration=_CONFIGURATION,
        )

    def _fresh(self, name: str) -> DeltaTable:
        """A table at its newest version."""
        if name not in self._tables:
            raise InvalidInput("lake.unknown_table", f"The lake has no table “{name}”.")
        try:
            self._tables[name].update_incremental()
        except DeltaError:  # its log was cleaned while we read it: begin from the newest checkpoint
            self._tables[name] = DeltaTable(self.folder / name)
        return self._tables[name]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the lake's one writer's lock; says plainly when the disk is full."""
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield
            except (DeltaError, OSError, duckdb.IOException) as error:
                raise Unavailable(
                    "lake.write_failed",
                    f"The lake at {self.folder} could not be written ({error}). Free some disk"
                    " space or check its permissions; nothing is lost, the log has it all.",
                ) from error

    def _vacuum(self, name: str, hours: int) -> int:
        """Remove a table's dead files and the log behind its newest checkpoint."""
        table = self._fresh(name)
        removed = table.vacuum(
            retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=True
        )
        table.create_checkpoint()
        table.cleanup_metadata()
        return len(removed)

    def _on_disk(self, name: str) -> set[Path]:
        """A table's files of data, live or dead."""
        folder = self.folder / name
        return {*folder.glob("*.parquet"), *folder.glob(f"{PART}=*/*.parquet")}

    def _adds(self, name: str) -> list[dict[str, Any]]:
        """The files of a table now, as its log names them."""
        found: list[dict[str, Any]] = pa.table(
            self._fresh(name).get_add_actions(flatten=True)
        ).to_pylist()
        return found

    def _append(self, name: str, batch: pa.RecordBatch, lane: str, position: int) -> None:
        """Add one batch to the open run; its commit says how far the lane has come."""
        table = self.folder / name
        added = delta_files.write_files(table, SCHEMAS[name], [batch], self._open_run(name))
        positions = {_app(lane): position}
        delta_files.commit(self._tables[name], table, SCHEMAS[name], added, positions=positions)

    def _replace(
        self, name: str, old: Sequence[dict[str, Any]], new: Iterable[Any], part: int | None
    ) -> None:
        """Put batches in place of some files, in one commit."""
        table = self.folder / name
        added = delta_files.write_files(table, SCHEMAS[name], new, part)
        removed = delta_files.removals(old)
        if added or removed:
            delta_files.commit(self._tables[name], table, SCHEMAS[name], [*added, *removed])

    def _runs(self, name: str) -> dict[int, list[dict[str, Any]]]:
        """The runs of a table with their files."""
        runs: dict[int, list[dict[str, Any]]] = {}
        for add in self._adds(name):
            runs.setdefault(int(add[f"partition.{PART}"]), []).append(add)
        return dict(sorted(runs.items()))

    def _open_run(self, name: str) -> int:
        """The run that rows are appended to now."""
        runs = self._runs(name)
        if not runs:
            return 0
        part, files = max(runs.items())
        return part + 1 if sum(add["num_records"] for add in files) >= self._run_rows else part

    def _sort_run(self, name: str, part: int) -> None:
        """Write one run again, sorted, in as few files as its size asks for."""
        old = self._runs(name)[part]
        columns = ", ".join(field.name for field in SCHEMAS[name] if field.name != PART)
        relation = self._duckdb().sql(
            f"SELECT {columns}"  # noqa: S608 - names of our own
            f" FROM read_parquet($files, hive_partitioning=false) ORDER BY {_SORT[name]}",
            params={"files": [str(self.folder / name / add["path"]) for add in old]},
        )
        self._replace(name, old, relation.to_arrow_reader(ROW_GROUP), part)

    def _delete(self, name: str, column: str, ids: Sequence[str]) -> int:
        """Write the files that hold one of `ids` again without them; returns how many rows went.

        Delta's own DELETE would write the ids into the table's log.
        """
        gone, wanted = 0, pa.array(ids, pa.string())
        for add in self._adds(name):
            path = self.folder / name / add["path"]
            with pq.ParquetFile(path) as file:
                held = sum(
                    pc.sum(pc.is_in(batch.column(0), wanted)).as_py() or 0
                    for batch in file.iter_batches(ROW_GROUP, columns=[column])
                )
                if not held:
                    continue
                kept = (
                    batch.filter(pc.invert(pc.is_in(batch.column(column), wanted)))
                    for batch in file.iter_batches(ROW_GROUP)
                )
                self._replace(name, [add], kept, add.get(f"partition.{PART}"))
                gone += held
        return gone

    def _distinct(self, rows: Sequence[EventRow]) -> list[EventRow]:
        """Rows without the second tellings of an event, in this batch or in the lake."""
        first: dict[tuple[str, str], EventRow] = {}
        for row in rows:
            first.setdefault((row.event.id, row.person), row)
        known = self._known(list(first.values()))
        return [row for key, row in first.items() if key not in known]

    def _known(self, rows: Sequence[EventRow]) -> set[tuple[str, str]]:
        """Which of these (message id, person) the lake has, near the same event time."""
        _, files = self.files("events")
        if not rows or not files:
            return set()
        times = [row.event.time for row in rows]
        asked = pa.table(
            {"id": [row.event.id for row in rows], "person": [row.person for row in rows]}
        )
        _, moved = self.files("redirects")
        survivor = "coalesce(r.survivor, e.person)" if moved else "e.person"
        join = "LEFT JOIN read_parquet($moved) r ON r.person = e.person" if moved else ""
        arguments: dict[str, Any] = {
            "files": files,
            "since": min(times) - DAY,
            "until": max(times) + DAY,
        }
        if moved:
            arguments["moved"] = moved
        con = self._duckdb()
        con.register("asked", asked)
        try:
            found = con.execute(
                f"SELECT DISTINCT a.id, a.person FROM read_parquet($files) e {join}"  # noqa: S608
                f" JOIN asked a ON a.id = e.id AND (a.person = e.person OR a.person = {survivor})"
                " WHERE e.time BETWEEN $since AND $until",
                arguments,
            ).fetchall()
        finally:
            con.unregister("asked")
        return {(str(one), str(person)) for one, person in found}

    def _redirecting(self, persons: set[str]) -> set[str]:
        """Ids that lead to one of `persons`."""
        _, moved = self.files("redirects")
        if not moved or not persons:
            return set()
        rows = self._duckdb().execute(
            "SELECT person FROM read_parquet($moved) WHERE list_contains($persons, survivor)",
            {"moved": moved, "persons": sorted(persons)},
        )
        return {str(person) for (person,) in rows.fetchall()}

    def _duckdb(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB in memory for sorting and looking up, which spills beside the lake."""
        if self._con is None:
            self._con = duckdb.connect(":memory:")
            for setting, value in {
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "memory_limit": "'256MB'",
                "parquet_metadata_cache": "true",
                "temp_directory": _quoted(str(self.folder / ".spill")),
            }.items():
                self._con.execute(f"SET {setting}={value}")
        return self._con


def _batch(schema: pa.Schema, columns: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Columns of Python values as one Arrow batch."""
    arrays = [
        pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _batches(data: pa.RecordBatch | pa.Table | Iterable[pa.RecordBatch]) -> Iterator[Any]:
    """A batch, a table or an iterable of batches, as batches one after another."""
    if isinstance(data, pa.RecordBatch):
        yield data
    elif isinstance(data, pa.Table):
        yield from data.to_batches()
    else:
        yield from data


def _survivor(person: str, redirects: Mapping[str, str]) -> str:
    """Where a chain of redirects ends; a circle ends where it closes."""
    seen = {person}
    while person in redirects and redirects[person] not in seen:
        person = redirects[person]
        seen.add(person)
    return person


def _app(lane: str) -> str:
    """The name of a lane among Delta's application transactions."""
    return f"duyen:{lane}"


def _position(table: DeltaTable, lane: str) -> int:
    """The committed position of a lane; -1 where there is none."""
    version = table.transaction_version(_app(lane))
    return -1 if version is None else int(version)


def _quoted(value: str) -> str:
    """Text as an SQL literal."""
    if "\0" in value:
        raise InvalidInput("lake.bad_id", "An id may not contain a zero byte.")
    return "'" + value.replace("'", "''") + "'"
