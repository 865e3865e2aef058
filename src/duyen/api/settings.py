"""The workspace's settings, and the switch that stops everything that leaves."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from starlette.concurrency import run_in_threadpool

from duyen import __version__
from duyen.api.office import By, Caller, Of, Office, late, reply, when
from duyen.api.program import put_all
from duyen.api.shapes.common import Done
from duyen.api.shapes.settings import Paused, Settings
from duyen.model.program import ResourceChange
from duyen.runtime.definitions import SETTINGS_ID
from duyen.runtime.operations import settings_body, settings_change

router = APIRouter(tags=["settings"])


@router.get(
    "/v1/settings",
    response_model=Settings,
    summary="The workspace, and what this server runs with.",
)
def get_settings(office: Of, caller: By) -> Response:
    """Durations are in their YAML form."""
    return reply(_settings(office))


@router.put(
    "/v1/settings",
    response_model=Settings,
    responses=late(Done),
    summary="Change the workspace.",
)
async def put_settings(
    body: Annotated[dict[str, Any], Body(description="The fields to change, in their YAML form.")],
    office: Of,
    caller: By,
) -> Response:
    """The fields given are changed, the others stay as they are."""
    told = await run_in_threadpool(_change, office, caller, body)
    if not await put_all(office, told):
        return reply(Done(applied=False), 202)
    return reply(await run_in_threadpool(_settings, office))


@router.post(
    "/v1/pause",
    response_model=Paused,
    responses=late(Paused),
    summary="Let nothing leave any more.",
)
async def pause(office: Of, caller: By) -> Response:
    """What waits keeps waiting; nothing is lost. Order mails stop too."""
    return await _switch(office, caller, True)


@router.post(
    "/v1/resume", response_model=Paused, responses=late(Paused), summary="Let things leave again."
)
async def resume(office: Of, caller: By) -> Response:
    """What waited leaves, as far as it has not expired."""
    return await _switch(office, caller, False)


async def _switch(office: Office, caller: Caller, paused: bool) -> Response:
    told = await run_in_threadpool(_change, office, caller, {"paused": paused})
    applied = await put_all(office, told)
    return reply(Paused(paused=paused), 200 if applied else 202)


def _change(office: Office, caller: Caller, part: dict[str, Any]) -> list[ResourceChange]:
    return settings_change(office.state, office.program(), part, caller.author, office.now())


def _settings(office: Office) -> Settings:
    versions = office.state.resource_versions("settings", SETTINGS_ID)
    version, _, author, time = versions[0] if versions else (0, None, None, None)
    running = office.house.settings
    body: Any = {
        **settings_body(office.program().settings),
        "version": version,
        "updated_at": None if time is None else when(time),
        "author": author,
        "server": {
            "version": __version__,
            "base_url": running.base_url,
            "clock": "simulated" if running.clock == "simulated" else "real",
            "mail": running.smtp_host or "catcher",
            "data": str(office.house.folder.resolve()),
        },
    }
    found: Settings = body
    return found
