"""Handing a person everything that is kept of them."""

from __future__ import annotations

import os
from tempfile import SpooledTemporaryFile

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from duyen.api.office import By, Of, answers
from duyen.api.person import Key, head_of
from duyen.runtime.computed import computed_traits
from duyen.runtime.portability import hand_over
from duyen.step.plan import plan_of

router = APIRouter(tags=["rights"])
IN_MEMORY = 8 * 1024 * 1024
PIECE = 256 * 1024


@router.get(
    "/v1/profiles/{key:path}/export",
    summary="Everything that is kept of a person, as a ZIP of JSON and CSV.",
    response_class=Response,
    responses=answers("application/zip"),
)
def export_profile(key: Key, office: Of, caller: By) -> Response:
    """To hand to them: with a README in Vietnamese and English. For access and portability (GDPR 15, 20)."""
    head, program, now = head_of(office, key), office.program(), office.now()
    computed = computed_traits(office.state, plan_of(program), head.person, now)
    file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed when the last piece has left
    try:
        hand_over(file, head, office.state, program, computed, now)
    except BaseException:
        file.close()
        raise
    return Sent(file, f"{head.person.id}.zip")


class Sent(Response):
    """A file that leaves in pieces and is closed behind the last of them."""

    def __init__(self, file: SpooledTemporaryFile[bytes], name: str) -> None:
        length = str(file.seek(0, os.SEEK_END))
        named = f'attachment; filename="{name}"'
        headers = {"content-disposition": named, "cache-control": "no-store"}
        super().__init__(None, media_type="application/zip", headers=headers)
        self.headers["content-length"] = length
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._file as file:
            file.seek(0)
            started = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **started})
            while piece := await run_in_threadpool(file.read, PIECE):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
