"""Imports over HTTP: a file comes in, is looked at, and is imported by the scheduler's process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from operator import attrgetter
from pathlib import Path as File
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from duyen.api.lists import Part, newest_first
from duyen.api.office import By, Of, Office, answers, maybe_when, reply, when
from duyen.api.shapes.common import Done, Page
from duyen.api.shapes.imports import (
    ImportDraft,
    ImportGuess,
    ImportLook,
    ImportProblem,
    ImportRow,
    ImportStart,
    ImportTrial,
    ImportWhole,
)
from duyen.connectors.guess import Guessed
from duyen.connectors.mapping import Mapping, check
from duyen.connectors.score import Guess
from duyen.connectors.tables import Table
from duyen.connectors.unpack import plain_name
from duyen.model.errors import InvalidInput, InvalidRule, TooLarge
from duyen.model.log import Lane
from duyen.runtime.intake import Choice, Trial, first_rows, guess, settle, tables_of, try_out
from duyen.runtime.space import need_space
from duyen.runtime.uploads import Upload, Uploads

router = APIRouter(tags=["imports"])
PATIENCE = 60.0
"""Seconds that the next piece of a file may take."""
PIECE = 1 << 20
MB = 1_000_000
MOST_WORDS = 200
_CREATED = attrgetter("created", "id")
BINARY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Id = Annotated[str, Path(description="The id of an import.", max_length=100)]


def _uploads(office: Office) -> Uploads:
    return Uploads(office.house.folder)


@router.post(
    "/v1/imports",
    response_model=ImportWhole,
    openapi_extra=BINARY,
    summary="Upload a file to be imported.",
)
async def upload(
    request: Request,
    office: Of,
    caller: By,
    name: Annotated[str, Query(max_length=500, description="The file's name.")] = "file",
    changed: Annotated[
        int, Query(ge=0, lt=2**53, description="When it was last changed, in ms since 1970.")
    ] = 0,
) -> Response:
    """The body is the file itself: XLSX, Parquet, CSV, TSV, JSON lines, an access log, text as .gz, or a ZIP of such
    files with the same columns. Nothing is imported yet; a file that nobody starts is taken away after a day."""
    most = office.house.settings.import_mb * MB
    length = request.headers.get("content-length", "")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise InvalidInput("request.encoding", "A file comes as it is.", status=415)
    if length.isdigit() and int(length) > most:
        raise _too_large(most)
    uploads = _uploads(office)
    now = office.now()
    await run_in_threadpool(_room, office, uploads, int(length) if length.isdigit() else 0)
    taken = uploads.new(plain_name(name), caller.author, now)
    try:
        path = uploads.files(taken.id) / taken.name
        taken.size = await _save(request.stream(), path, most)
        if changed:
            os.utime(path, (min(changed, now) / 1000,) * 2)
        kept = await run_in_threadpool(settle, uploads, taken, most)
    except BaseException:
        uploads.discard(taken.id)
        raise
    return reply(_whole(office, kept))


def _room(office: Office, uploads: Uploads, size: int) -> None:
    uploads.tidy(office.now())
    need_space(office.house.folder, size + 64 * MB)


async def _save(pieces: AsyncIterator[bytes], path: File, most: int) -> int:
    """Write a body to the disk as it comes; returns its size."""
    size, waiting = 0, bytearray()
    with path.open("wb") as file:
        while True:
            try:
                piece = await asyncio.wait_for(anext(pieces, None), PATIENCE)
            except TimeoutError:
                raise InvalidInput(
                    "request.too_slow",
                    "The file did not come to its end; send it again over a connection that holds.",
                    status=408,
                ) from None
            except ClientDisconnect:
                raise InvalidInput(
                    "request.cut_off", "The connection ended before the file did."
                ) from None
            waiting += piece or b""
            size += len(piece or b"")
            if size > most:
                raise _too_large(most)
            if piece is None or len(waiting) >= PIECE:
                await run_in_threadpool(file.write, bytes(waiting))
                waiting.clear()
            if piece is None:
                return size


def _too_large(most: int) -> TooLarge:
    return TooLarge(
        "import.too_large",
        f"The file is larger than {most // MB:,} MB; import it in parts, or raise import_mb.",
    )


@router.get("/v1/imports", response_model=Page[ImportRow], summary="Imports, newest first.")
def list_imports(office: Of, caller: By, part: Part) -> Response:
    """Those that were uploaded; what the command imports is not listed."""
    found = newest_first(_uploads(office).all(), _CREATED, part.behind(int, str))

    def rows(shown: Sequence[Upload]) -> list[ImportRow]:
        return [_row(office, one) for one in shown]

    return part.page(found, rows, _CREATED, len(found))


@router.get("/v1/imports/{id}", response_model=ImportWhole, summary="One import.")
def one_import(id: Id, office: Of, caller: By) -> Response:
    """How far it is, or what came of it."""
    return reply(_whole(office, _uploads(office).find(id)))


@router.delete("/v1/imports/{id}", response_model=Done, summary="Forget an import.")
def forget_import(id: Id, office: Of, caller: By) -> Response:
    """Its file, if it is still there, its note and its rejected rows; what was imported stays."""
    _uploads(office).remove(id)
    return reply(Done(applied=True))


@router.post(
    "/v1/imports/{id}/preview",
    response_model=ImportLook,
    summary="How a file would be read, and what would come of it.",
)
def preview(id: Id, body: ImportDraft, office: Of, caller: By) -> Response:
    """Nothing is imported. Without a body's words all is guessed, the kind of the table too."""
    uploads = _uploads(office)
    tables = tables_of(uploads, uploads.find(id))
    choice = Choice(
        kind=body.get("kind"),
        columns=body.get("columns", {}),
        dates=body.get("dates"),
        source=body.get("source", "")[:MOST_WORDS],
        event=body.get("event", "")[:MOST_WORDS],
        ids=body.get("ids", {}),
    )
    given = body.get("mapping")
    mapping = None if given is None else _mapping(given)
    if mapping is not None:
        choice = choice._replace(kind=mapping.kind)
    guessed = guess(tables[0], choice)
    mapping = mapping or guessed.mapping
    trial = try_out(office.house, tables[0], mapping, office.now())
    return reply(_look(tables, guessed, mapping, trial))


@router.post(
    "/v1/imports/{id}/start", response_model=ImportWhole, summary="Import a file that was uploaded."
)
def start(id: Id, body: ImportStart, office: Of, caller: By) -> Response:
    """With this mapping; after a restart it goes on where it was."""
    uploads = _uploads(office)
    mapping = _mapping(body["mapping"])
    check(mapping, tables_of(uploads, uploads.find(id))[0].columns)
    return reply(_whole(office, uploads.start(id, mapping, office.now())))


@router.post(
    "/v1/imports/{id}/cancel", response_model=ImportWhole, summary="Import no more of a file."
)
def cancel(id: Id, office: Of, caller: By) -> Response:
    """What is imported already stays; the file goes."""
    return reply(_whole(office, _uploads(office).cancel(id, office.now())))


@router.get(
    "/v1/imports/{id}/rejects",
    response_class=FileResponse,
    responses=answers("text/csv"),
    summary="The rows that could not be taken, with the reasons.",
)
def rejects(id: Id, office: Of, caller: By) -> Response:
    """CSV (UTF-8) with the columns row, line, reasons, content."""
    uploads = _uploads(office)
    found = uploads.find(id)
    path = uploads.rejects(found.id)
    name = f"rejected-{File(found.name).stem}.csv"
    if path.is_file():
        return FileResponse(path, media_type="text/csv; charset=utf-8", filename=name)
    return Response("\ufeffrow,line,reasons,content\r\n", media_type="text/csv; charset=utf-8")


def _mapping(given: Any) -> Mapping:
    try:
        found: Mapping = msgspec.convert(given, Mapping)
    except msgspec.ValidationError as error:
        raise InvalidRule(
            "mapping.invalid", f"The mapping does not read: {error}.", at="mapping"
        ) from None
    return found


def _row(office: Office, upload: Upload) -> ImportRow:
    report = upload.report
    return ImportRow(
        id=upload.id,
        name=upload.name,
        size=upload.size,
        state=upload.state,
        kind=upload.kind,
        source=upload.mapping.source if upload.mapping else None,
        created=when(upload.created),
        author=upload.author,
        started=maybe_when(upload.started),
        ended=maybe_when(upload.ended),
        part=upload.part,
        cancelling=upload.cancelled and upload.state == "running",
        applied=upload.state == "done"
        and office.state.position(Lane(upload.lane)) >= upload.offset,
        rows=report.get("rows"),
        accepted=report.get("accepted"),
        rejected=report.get("rejected"),
        error=_problem(upload.error),
    )


def _whole(office: Office, upload: Upload) -> ImportWhole:
    mapping = msgspec.to_builtins(upload.mapping) if upload.mapping else None
    return ImportWhole(mapping=mapping, report=upload.report or None, **_row(office, upload))


def _problem(told: tuple[str, str] | None) -> ImportProblem | None:
    return None if told is None else ImportProblem(code=told[0], message=told[1])


def _look(tables: Sequence[Table], guessed: Guessed, mapping: Mapping, trial: Trial) -> ImportLook:
    table = tables[0]
    return ImportLook(
        kind=mapping.kind,
        format=table.format,
        encoding=table.encoding,
        files=len(tables),
        above=table.above,
        columns=list(table.columns),
        rows=first_rows(table),
        guesses=[_guess(each) for each in guessed.guesses],
        unused=list(guessed.unused),
        missing=list(guessed.missing),
        questions=list(guessed.questions),
        mapping=msgspec.to_builtins(mapping),
        trial=_trial(trial),
        problem=_problem(trial.problem),
    )


def _guess(guess: Guess) -> ImportGuess:
    return ImportGuess(
        field=guess.field,
        column=guess.column,
        confidence=guess.confidence,
        why=guess.why,
        example=guess.example,
    )


def _trial(trial: Trial) -> ImportTrial | None:
    report = trial.report
    if report is None:
        return None
    return ImportTrial(
        whole=trial.whole,
        rows=report["rows"],
        accepted=report["accepted"],
        rejected=report["rejected"],
        people=report["customers"],
        orders=report["orders"],
        items=report["items"],
        events=report["events"],
        reasons=report["reasons"],
        notes=report["notes"],
    )
