"""Parquet files and the Delta commits that name them, on the disk in that order.

The files are written here, a row group at a time, synced, and only then named by a commit: memory stays flat, and no
commit names a file that a power cut has taken. Statistics in the commit are of time and log position alone.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.transaction import AddAction, RemoveAction

ROW_GROUP = 65_536
FILE_BYTES = 128 * 1024 * 1024
COUNTED = ("time", "received", "seq")
PART = "part"


def write_files(
    table: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], part: int | None
) -> list[AddAction]:
    """Write batches into new files of a table (of run `part`), synced; nobody sees them before a commit.

    `schema` is the table's; the batches come without the column of the run. Nothing is left behind on an error.
    """
    folder = table / f"{PART}={part}" if part is not None else table
    folder.mkdir(exist_ok=True)
    inner = file_schema(schema)
    written: list[tuple[Path, _Counts]] = []
    waiting = _grouped(batches, inner)
    batch = next(waiting, None)
    try:
        while batch is not None:
            path, counts = folder / f"part-{uuid.uuid4().hex}.parquet", _Counts()
            written.append((path, counts))
            with pq.ParquetWriter(path, inner, compression="zstd") as writer:
                while batch is not None:
                    writer.write_batch(batch, row_group_size=ROW_GROUP)
                    counts.add(batch)
                    batch = next(waiting, None)
                    if path.stat().st_size >= FILE_BYTES:
                        break
            sync(path)
        sync(folder)
        sync(table)
    except BaseException:
        for path, _ in written:
            path.unlink(missing_ok=True)
        raise
    return [_add(table, path, counts, part) for path, counts in written]


def commit(
    table: DeltaTable,
    folder: Path,
    schema: pa.Schema,
    actions: Sequence[AddAction | RemoveAction],
    *,
    mode: Literal["append", "overwrite"] = "append",
    positions: Mapping[str, int] | None = None,
) -> None:
    """Name files in one commit that carries consumers' positions; on the disk when this returns."""
    told = positions or {}
    table.create_write_transaction(
        list(actions),
        mode,
        schema,
        partition_by=[PART] if PART in schema.names else None,
        commit_properties=CommitProperties(
            custom_metadata={"duyen.positions": json.dumps(told)} if told else None,
            app_transactions=[Transaction(app, version) for app, version in told.items()] or None,
        ),
        post_commithook_properties=PostCommitHookProperties(
            create_checkpoint=True, cleanup_expired_logs=False
        ),
    )
    table.update_incremental()
    log = folder / "_delta_log"
    named = log / f"{table.version():020d}.json"
    if named.exists():
        sync(named)
    sync(log)


def removals(adds: Iterable[Mapping[str, Any]]) -> list[RemoveAction]:
    """The removals of files, from their rows among a table's `get_add_actions(flatten=True)`."""
    now = time.time_ns() // 1_000_000
    return [
        RemoveAction(
            path=add["path"],
            data_change=True,
            deletion_timestamp=now,
            size=add["size_bytes"],
            partition_values=_values(add.get(f"partition.{PART}")),
        )
        for add in adds
    ]


def sync(path: Path) -> None:
    """Put one file or folder on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Counts:
    """What a commit says about a file: rows, and bounds of the columns COUNTED."""

    def __init__(self) -> None:
        self.rows = 0
        self.lowest: dict[str, int] = {}
        self.highest: dict[str, int] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        for name in COUNTED:
            if name in batch.schema.names:
                bounds = pc.min_max(batch.column(name)).as_py()
                self.lowest[name] = min(bounds["min"], self.lowest.get(name, bounds["min"]))
                self.highest[name] = max(bounds["max"], self.highest.get(name, bounds["max"]))

    def told(self) -> str:
        bounds = {"minValues": self.lowest, "maxValues": self.highest} if self.lowest else {}
        return json.dumps({"numRecords": self.rows, **bounds})


def _add(table: Path, path: Path, counts: _Counts, part: int | None) -> AddAction:
    """The action that names a file."""
    seen = path.stat()
    return AddAction(
        path=str(path.relative_to(table)),
        size=seen.st_size,
        partition_values=_values(part),
        modification_time=seen.st_mtime_ns // 1_000_000,
        data_change=True,
        stats=counts.told(),
    )


def _values(part: int | None) -> dict[str, str | None]:
    """The partition values of a file."""
    return {} if part is None else {PART: str(part)}


def file_schema(schema: pa.Schema) -> pa.Schema:
    """A table's schema as its files have it: without the run, which is in their path."""
    return pa.schema([field for field in schema if field.name != PART])


def _grouped(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Batches of the files' columns, put together to row groups."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if batch.num_rows:
            waiting.append(batch.select(schema.names).cast(schema))
            rows += batch.num_rows
        if rows >= ROW_GROUP:
            yield _joined(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Several batches as one."""
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)
