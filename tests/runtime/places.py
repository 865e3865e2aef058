"""Every place where something of a person may be, read down to the last byte: files, blobs, tables of a server."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pyarrow.parquet as pq
import zstandard
from psycopg import sql

ZSTD = b"\x28\xb5\x2f\xfd"


def found_in(folder: Path, url: str, values: list[str]) -> dict[str, list[str]]:
    """Value -> the places that hold it, whatever the case of its letters; `url` is that of a database, or ""."""
    found: dict[str, list[str]] = {}
    for place, content in places(folder, url):
        low = content.lower()
        for value in values:
            if any(form in low for form in forms(value)):
                found.setdefault(value, []).append(place)
    return found


def forms(value: str) -> set[bytes]:
    """How a text may be written."""
    ways = {value, value.lower(), json.dumps(value)[1:-1], value.casefold()}
    return {way.encode().lower() for way in ways}


def places(folder: Path, url: str) -> Iterator[tuple[str, bytes]]:
    """Each file of a folder and each table of a database: as it lies there, and unpacked."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        name = str(path.relative_to(folder))
        yield name, content
        yield f"{name} (unpacked)", unpacked(content)
        if path.suffix == ".parquet" and "_delta_log" not in path.parts:
            yield f"{name} (rows)", repr(pq.ParquetFile(path).read().to_pylist()).encode()
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(path) as archive:
                for member in archive.namelist():
                    yield f"{name}/{member}", archive.read(member)
    if url:
        yield from tables(url)


def unpacked(content: bytes) -> bytes:
    """Everything in a file that was packed by zstandard, wherever it begins."""
    out, at = [], content.find(ZSTD)
    while at >= 0:
        with suppress(zstandard.ZstdError):  # it only looks like a beginning
            out.append(zstandard.ZstdDecompressor().decompressobj().decompress(content[at:]))
        at = content.find(ZSTD, at + 4)
    return b"\n".join(out)


def tables(url: str) -> Iterator[tuple[str, bytes]]:
    """Every row of every table of the schemas that belong to a URL."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        row = connection.execute("SELECT current_schema()").fetchone()
        assert row is not None
        listed = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE starts_with(schemaname, %s)", row
        ).fetchall()
        assert len(listed) > 20
        for schema, table in listed:
            what = "t.*" if table != "leases" else "t::text"  # its times may be infinite
            query = sql.SQL("SELECT " + what + " FROM {} t").format(sql.Identifier(schema, table))
            for values in connection.execute(query):
                yield f"{schema}.{table}", b"\n".join(map(_bytes, values))


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value + b"\n" + unpacked(value)
    return value.encode() if isinstance(value, str) else msgspec.json.encode(str(value))
