"""The lake: everything that happened, in columns, as Delta tables on disk.

    <folder>/events     one row per event, in runs of about RUN_ROWS rows (column `part`); compaction
                        sorts a run by (name, person, time), so that a question reads few row groups
    <folder>/facts      what we decided or did: journeys entered, contacts refused, cells assigned
    <folder>/people     one row per person: run 0, and later runs of those who changed since
    <folder>/owners     whose the rows above are by now, where that is not what they say: kept like `people`
    <folder>/items      the catalogue, overwritten whole
    <folder>/groups     what is known of companies and other groups, overwritten whole
    <folder>/published.json   the files of all tables that readers look at: one consistent state

An append is one Delta commit that carries the position of its lane; after a crash at any point the
same append again writes nothing twice. One writer at a time, held by a lock of the operating system;
readers need no lock. Neither the statistics nor the log of a table hold personal data.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from duyen.model.errors import InvalidInput, Unavailable
from duyen.model.times import DAY, NEVER, Millis
from duyen.stores import delta_files, lake_views
from duyen.stores.delta_files import PART, ROW_GROUP
from duyen.stores.lake_rows import (
    KEYED,
    LOGS,
    SCHEMAS,
    EventRow,
    FactRow,
    event_batch,
    fact_batch,
)
from duyen.stores.lake_views import RESTS_ON, Owned, quoted

RUN_ROWS = 4_000_000
"""A run is closed at about this many rows: one compaction sorts at most one run."""
MANY_FILES = 24
CHECKPOINT_EVERY = 20
READERS_HOURS = 1
"""Files that are no longer part of a table stay this long, for queries that began before."""
MANY_MOVED = 10_000
"""So many events that changed hands are looked up at each question; more are written again."""
_FOLD_SHARE = 8
"""Changed rows of a keyed table are folded into it when they are this part of it."""
_SORT = {"events": "name, person, time, seq, idx", "facts": "name, person, time, seq"}
_CONFIGURATION = {
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    "delta.deletedFileRetentionDuration": f"interval {READERS_HOURS} hours",
    "delta.logRetentionDuration": "interval 0 seconds",
}
_UNTIL = pa.schema([("key", pa.string()), ("until", pa.int64())])
_PUBLISHED, _UNFINISHED = "published.json", "unfinished"


class TableSize(NamedTuple):
    """How large one table is now."""

    table: str
    version: int
    files: int
    rows: int
    bytes: int


class Gone(Protocol):
    """Somebody who is forgotten."""

    @property
    def person(self) -> str: ...
    @property
    def heard(self) -> int: ...
    @property
    def time(self) -> int: ...


class Lake:
    """The tables of one workspace. Opening makes the ones that are missing.

    `remake` empties a lake whose tables have other columns than this version's: its writer tells it everything again.
    """

    def __init__(self, folder: Path, run_rows: int = RUN_ROWS, *, remake: bool = False) -> None:
        self.folder = folder
        self._run_rows = run_rows
        self._con: duckdb.DuckDBPyConnection | None = None
        self._tables: dict[str, DeltaTable] = {}
        self._listed: dict[str, tuple[int, list[str]]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if not all(DeltaTable.is_deltatable(str(folder / name)) for name in SCHEMAS) or remake:
            with self._writing():
                self._open(remake)
            return
        try:
            self._open(remake=False)
        except DeltaError as error:
            raise Unavailable(
                "lake.unreadable",
                f"The lake at {folder} cannot be read ({error})."
                " Check that its disk is there and healthy, then ask again.",
            ) from error

    def _open(self, remake: bool) -> None:
        """Make what is missing; empty what another version has made, or say so."""
        old = [name for name in SCHEMAS if self._columns(name) not in (None, SCHEMAS[name].names)]
        if old and not remake:
            raise Unavailable(
                "lake.outdated",
                f"The lake at {self.folder} was written by another version; run `duyen lake flush`"
                " to write it anew from the log.",
            )
        for name in SCHEMAS if old else ():
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name in SCHEMAS:
            self._create(name)
        self._tables = {name: DeltaTable(self.folder / name) for name in SCHEMAS}

    def _columns(self, name: str) -> list[str] | None:
        """The columns of a table on the disk, or None."""
        if not DeltaTable.is_deltatable(str(self.folder / name)):
            return None
        return [field.name for field in DeltaTable(self.folder / name).schema().fields]

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
        self,
        table: str,
        data: pa.RecordBatch | pa.Table | Iterable[pa.RecordBatch],
        positions: Mapping[str, int] | None = None,
    ) -> None:
        """Put all of a table of the state in place of what was there; batches are streamed."""
        if table in LOGS or table not in SCHEMAS:
            raise InvalidInput("lake.not_a_snapshot", f"“{table}” is not a snapshot of the lake.")
        with self._writing():
            old = self._adds(table)
            self._replace(table, old, _batches(data), 0 if table in KEYED else None, positions)
            # Readers may still be at the one before; earlier ones are of no use to anybody.
            kept = {self.folder / table / add["path"] for add in [*old, *self._adds(table)]}
            kept |= {Path(file) for file in self.published()[table]}
            for path in self._on_disk(table) - kept:
                path.unlink(missing_ok=True)

    def change(
        self, table: str, data: Iterable[pa.RecordBatch], positions: Mapping[str, int]
    ) -> None:
        """Put changed rows of a keyed table over the ones before, in one commit with the positions they follow."""
        if table not in KEYED:
            raise InvalidInput("lake.not_keyed", f"“{table}” is not kept by key.")
        with self._writing():
            self._replace(table, [], data, max(self._runs(table), default=0) + 1, positions)

    def replace_facts(self, rows: Iterable[Sequence[FactRow]], lane: str, position: int) -> None:
        """Put all facts of the state in place of those that were there."""
        with self._writing():
            batches = (fact_batch(some) for some in rows)
            self._replace("facts", self._adds("facts"), batches, 0, {lane: position})

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Several writes that belong together: readers see all of them, or what was there before.

        One at a time. After a crash in between, readers stay at what was there before until the next one has ended.
        """
        with (self.folder / ".flush.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (self.folder / _UNFINISHED).touch()
            delta_files.sync(self.folder)
            yield
            (self.folder / _UNFINISHED).unlink()
            with self._writing():  # leaving it publishes
                pass

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nothing is written or taken away inside: whole flushes only, for whoever copies the files."""
        with (
            (self.folder / ".flush.lock").open("w") as flushes,
            (self.folder / ".lock").open("w") as writes,
        ):
            fcntl.flock(flushes, fcntl.LOCK_EX)
            fcntl.flock(writes, fcntl.LOCK_EX)
            yield

    def compact(self, table: str = "events", at_least: int = 2) -> int:
        """Sort every run that lies in `at_least` files or more; returns how many runs were."""
        with self._writing():
            runs = [part for part, files in self._runs(table).items() if len(files) >= at_least]
            for part in runs:
                self._sort_run(table, part)
            return len(runs)

    def settle(self) -> int:
        """Write rows that changed hands under their owners; returns how many need no look-up any more.

        Between the writes of a flush that was cut short nothing is settled: the next flush goes on first.
        """
        with self._writing():
            if self._unfinished():
                return 0
            moved = {name: self._moved(name) for name in LOGS}
            for name, keys in moved.items():
                for part in self._runs(name) if keys else ():
                    if self._rests(name, part):
                        self._sort_run(name, part)
            if any(moved.values()):
                persons = f"SELECT * FROM {self._newest('owners')} WHERE kind = 'person'"  # noqa: S608
                reader = self._duckdb().sql(persons).to_arrow_reader(ROW_GROUP)
                self._replace("owners", self._adds("owners"), reader, 0)
            return sum(moved.values())

    def maintain(self) -> None:
        """What the scheduler does after writing: sort runs of many files, fold changes, take litter away."""
        for table in LOGS:
            self.compact(table, at_least=MANY_FILES)
        with self._writing():
            for name in KEYED:
                self._fold(name)
            moved = sum(self._moved(name) for name in LOGS)
        if moved > MANY_MOVED:
            self.settle()
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

        Flush first, so that their rows are known as theirs.
        """
        return self.erase(dict.fromkeys(persons, NEVER), {})

    def erase(self, persons: Mapping[str, Millis], evidence: Mapping[str, Millis]) -> int:
        """Erase what was told of people up to an instant, whether found by person or by key of evidence.

        Every file is looked through once for all of them, and one that holds any is written again without. Ids that
        redirect to one of them are erased with them. Returns how many rows went; the files before leave the disk.
        """
        with self._writing():
            until = {old: persons[new] for old, new in self._redirecting(persons)} | dict(persons)
            theirs = pa.table({"key": list(until), "until": list(until.values())}, _UNTIL)
            told = pa.table({"key": list(evidence), "until": list(evidence.values())}, _UNTIL)
            con, ids = self._duckdb(), sorted(until)
            con.register("gone", theirs)
            con.register("gone_evidence", told)
            try:
                rows = sum(self._delete_owned(name) for name in LOGS)
            finally:
                con.unregister("gone")
                con.unregister("gone_evidence")
            rows += self._delete("people", "person", ids) + self._delete("owners", "key", ids)
            self._delete("owners", "person", ids)
            self._delete("owners", "key", sorted(evidence))
            self._publish()
        self.vacuum(hours=0)
        return rows

    def forget(self, gone: Sequence[Gone], positions: Mapping[str, int]) -> int:
        """Take out what came of people by `heard`, and what was decided of them before `time`; returns rows.

        Readers whose queries began before still have the files of before: `vacuum` takes those away later.
        """
        rows = 0
        with self._writing():
            columns = {
                "who": [each.person for each in gone],
                "heard": [each.heard for each in gone],
                "before": [each.time for each in gone],
            }
            con = self._duckdb()
            con.register("gone", pa.table(columns))
            try:
                for name, over in (("events", "received <= heard"), ("facts", "time < before")):
                    rows += self._forget(name, over)
            finally:
                con.unregister("gone")
            self._replace("events", [], [], 0, positions)
        return rows

    def remember(self, table: str, positions: Mapping[str, int]) -> None:
        """Note how far readers of a table have come."""
        with self._writing():
            self._replace(table, [], [], 0, positions)

    def published(self) -> dict[str, list[str]]:
        """The files of every table that make one consistent state; those of now where none was published."""
        try:
            told = json.loads((self.folder / _PUBLISHED).read_bytes())
        except (FileNotFoundError, ValueError):
            return self.files_now()
        return {name: [str(self.folder / path) for path in told.get(name, ())] for name in SCHEMAS}

    def files_now(self) -> dict[str, list[str]]:
        """The files of every table at its newest version."""
        return {name: self.files(name)[1] for name in SCHEMAS}

    def publication(self) -> tuple[int, int]:
        """Differs after something new was published."""
        try:
            seen = (self.folder / _PUBLISHED).stat()
        except FileNotFoundError:
            return 0, 0
        return seen.st_ino, seen.st_mtime_ns

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
            partition_by=[PART] if PART in SCHEMAS[name].names else None,
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
                if not self._unfinished():
                    self._publish()
            except (DeltaError, OSError, duckdb.IOException) as error:
                raise Unavailable(
                    "lake.write_failed",
                    f"The lake at {self.folder} could not be written ({error}). Free some disk"
                    " space or check its permissions; nothing is lost, the log has it all.",
                ) from error

    def _unfinished(self) -> bool:
        """Whether a flush is under way, or was cut short: the tables do not belong together."""
        return (self.folder / _UNFINISHED).exists()

    def _publish(self) -> None:
        """Show readers the tables as they are now."""
        for name in SCHEMAS:
            table = self._fresh(name)
            if name not in self._listed or self._listed[name][0] != table.version():
                self._listed[name] = self.files(name)
        told = {
            name: [str(Path(file).relative_to(self.folder)) for file in self._listed[name][1]]
            for name in SCHEMAS
        }
        beside = self.folder / f"{_PUBLISHED}.new"
        beside.write_text(json.dumps(told), encoding="utf-8")
        delta_files.sync(beside)
        os.replace(beside, self.folder / _PUBLISHED)

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
        self,
        name: str,
        old: Sequence[dict[str, Any]],
        new: Iterable[Any],
        part: int | None,
        positions: Mapping[str, int] | None = None,
    ) -> None:
        """Put batches in place of some files, in one commit with its positions by lane."""
        table = self.folder / name
        added = delta_files.write_files(table, SCHEMAS[name], new, part)
        removed = delta_files.removals(old)
        told = {_app(lane): position for lane, position in (positions or {}).items()}
        if added or removed or told:
            actions: list[AddAction | RemoveAction] = [*added, *removed]
            delta_files.commit(self._tables[name], table, SCHEMAS[name], actions, positions=told)

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
        """Write one run again, sorted and under its owners, in as few files as its size asks for."""
        old = self._runs(name)[part]
        reader = self._duckdb().sql(
            f"SELECT * FROM ({self._told_by_owner(name, old)}) ORDER BY {_SORT[name]}"  # noqa: S608
        )
        self._replace(name, old, reader.to_arrow_reader(ROW_GROUP), part)

    def _told_by_owner(self, name: str, adds: Sequence[dict[str, Any]], where: str = "true") -> str:
        """The rows of some files, each under who it is of now; `where` may ask for that as `owner`."""
        files = [str(self.folder / name / add["path"]) for add in adds]
        of = self._owned(name)
        return (
            f"SELECT * EXCLUDE (owner) REPLACE (owner AS person) FROM (SELECT t.*, {of.person} AS owner"  # noqa: S608
            f" FROM {lake_views.rows(name, files)} t {of.joins}) WHERE {where}"
        )

    def _owned(self, name: str) -> Owned:
        """Whose the rows of a table are now; as written, while a flush that moves them is not at its end."""
        kinds = [] if self._unfinished() else ["person", RESTS_ON[name][0]]
        _, owners = self.files("owners")
        return lake_views.owned(name, owners, kinds if owners else [])

    def _newest(self, name: str) -> str:
        """The newest rows of a keyed table, as SQL."""
        return lake_views.newest(name, self.files(name)[1])

    def _moved(self, name: str) -> int:
        """How much that rows of a table rest on has changed hands."""
        found = self._duckdb().execute(
            f"SELECT count(*) FROM {self._newest('owners')} WHERE kind = $kind",  # noqa: S608
            {"kind": RESTS_ON[name][0]},
        )
        return int(found.fetchall()[0][0])

    def _rests(self, name: str, part: int) -> bool:
        """Whether a run holds rows that rest on something that changed hands."""
        kind, key = RESTS_ON[name]
        files = [str(self.folder / name / add["path"]) for add in self._runs(name)[part]]
        found = self._duckdb().execute(
            f"SELECT count(*) FROM {lake_views.rows(name, files)} t WHERE {key} IN"  # noqa: S608
            f" (SELECT key FROM {self._newest('owners')} WHERE kind = $kind)",
            {"kind": kind},
        )
        return bool(found.fetchall()[0][0])

    def _fold(self, name: str) -> None:
        """Put the changed rows of a keyed table together when they are many, or in many files."""
        runs = self._runs(name)
        changed = [add for part, adds in runs.items() if part for add in adds]
        rows = sum(add["num_records"] for add in changed)
        whole = sum(add["num_records"] for add in runs.get(0, ()))
        if rows * _FOLD_SHARE > whole and len(changed) > 1:
            old, part, newest = self._adds(name), 0, self._newest(name)
        elif len(changed) >= MANY_FILES:
            files = [str(self.folder / name / add["path"]) for add in changed]
            old, part = changed, max(runs)
            newest = lake_views.newest(name, files, whole=True)
        else:
            return
        reader = self._duckdb().sql(f"FROM {newest}").to_arrow_reader(ROW_GROUP)
        self._replace(name, old, reader, part)

    def _delete_owned(self, name: str) -> int:
        """Write the files that hold rows of the `gone` again without them; returns how many rows went."""
        of, count = self._owned(name), 0
        joins = "LEFT JOIN gone g ON g.key = o.owner"
        lost = "coalesce(o.time <= g.until, false)"
        if name == "events":
            joins += " LEFT JOIN gone_evidence e ON e.key = o.evidence"
            lost = f"({lost} OR coalesce(o.time <= e.until, false))"
        for add in self._adds(name):
            rows = lake_views.rows(name, [str(self.folder / name / add["path"])])
            owned = f"(SELECT t.*, {of.person} AS owner FROM {rows} t {of.joins}) o"  # noqa: S608
            told = f"(SELECT o.*, {lost} AS lost FROM {owned} {joins})"  # noqa: S608
            found = self._duckdb().execute(
                f"SELECT count(*) FILTER (lost), count(*) FROM {told}"  # noqa: S608
                " WHERE lost OR person IN (SELECT key FROM gone)"
            )
            erased, named = found.fetchall()[0]
            if named:
                kept = self._duckdb().sql(
                    f"SELECT * EXCLUDE (owner, lost) REPLACE (owner AS person) FROM {told}"  # noqa: S608
                    " WHERE NOT lost"
                )
                self._replace(
                    name, [add], kept.to_arrow_reader(ROW_GROUP), add[f"partition.{PART}"]
                )
                count += int(erased)
        return count

    def _forget(self, name: str, over: str) -> int:
        """Write the files that hold what is `over` of somebody in `gone` again without it."""
        lost = f"EXISTS (FROM gone WHERE who = owner AND {over})"
        rows = 0
        for add in self._adds(name):
            theirs = self._told_by_owner(name, [add], lost)
            (found,) = self._duckdb().sql(f"SELECT count(*) FROM ({theirs})").fetchall()[0]  # noqa: S608
            if found:
                kept = self._duckdb().sql(self._told_by_owner(name, [add], f"NOT {lost}"))
                part = add[f"partition.{PART}"]
                self._replace(name, [add], kept.to_arrow_reader(ROW_GROUP), part)
                rows += int(found)
        return rows

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
        of = self._owned("events")
        con = self._duckdb()
        con.register("asked", asked)
        try:
            found = con.execute(
                f"SELECT DISTINCT a.id, a.person FROM {lake_views.rows('events', files)} t {of.joins}"  # noqa: S608
                f" JOIN asked a ON a.id = t.id AND (a.person = t.person OR a.person = {of.person})"
                " WHERE t.time BETWEEN $since AND $until",
                {"since": min(times) - DAY, "until": max(times) + DAY},
            ).fetchall()
        finally:
            con.unregister("asked")
        return {(str(one), str(person)) for one, person in found}

    def _redirecting(self, persons: Collection[str]) -> list[tuple[str, str]]:
        """Ids that lead to one of `persons`, each with where it leads."""
        if not persons:
            return []
        rows = self._duckdb().execute(
            f"SELECT key, person FROM {self._newest('owners')}"  # noqa: S608
            " WHERE kind = 'person' AND list_contains($persons, person)",
            {"persons": sorted(persons)},
        )
        return [(str(old), str(new)) for old, new in rows.fetchall()]

    def _duckdb(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB in memory for sorting and looking up, which spills beside the lake."""
        if self._con is None:
            self._con = duckdb.connect(":memory:")
            for setting, value in {
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "memory_limit": "'256MB'",
                "parquet_metadata_cache": "true",
                "temp_directory": quoted(str(self.folder / ".spill")),
            }.items():
                self._con.execute(f"SET {setting}={value}")
        return self._con


def _batches(data: pa.RecordBatch | pa.Table | Iterable[pa.RecordBatch]) -> Iterator[Any]:
    """A batch, a table or an iterable of batches, as batches one after another."""
    if isinstance(data, pa.RecordBatch):
        yield data
    elif isinstance(data, pa.Table):
        yield from data.to_batches()
    else:
        yield from data


def _app(lane: str) -> str:
    """The name of a lane among Delta's application transactions."""
    return f"duyen:{lane}"


def _position(table: DeltaTable, lane: str) -> int:
    """The committed position of a lane; -1 where there is none."""
    version = table.transaction_version(_app(lane))
    return -1 if version is None else int(version)
