"""The workspace's settings, and the switch that stops everything that leaves."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from starlette.concurrency import run_in_threadpool

from duyen import __version__
from duyen.api import views
from duyen.api.office import By, Caller, Of, Office, late, reply, when
from duyen.api.program import put_all
from duyen.api.shapes.common import Done
from duyen.api.shapes.settings import (
    Foreseen,
    ForeseenRow,
    Paused,
    Settings,
    Sweep,
)
from duyen.model.program import ResourceChange
from duyen.runtime.definitions import SETTINGS_ID
from duyen.runtime.foresight import Sample, foresee
from duyen.runtime.operations import settings_body, settings_change, settings_with
from duyen.runtime.sweep import finished, progress, under_way

router = APIRouter(tags=["settings"])

PREVIEW_SECONDS = 3.0


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
    "/v1/settings/preview",
    response_model=Foreseen,
    summary="What other rules of identity would do to the people who are known.",
)
def preview_settings(
    body: Annotated[dict[str, Any], Body(description="The fields to change, as for PUT.")],
    office: Of,
    caller: By,
) -> Response:
    """Nothing is changed. Exact where everybody can be looked at within 3 s, else an estimate."""
    then = settings_with(office.state, office.program(), body)
    found = foresee(office.state, office.log, office.program().settings, then, PREVIEW_SECONDS)
    return reply(
        Foreseen(
            merged=found.merged,
            split=found.split,
            aside=found.aside,
            exact=found.exact,
            samples=[_sample(office, each) for each in found.samples],
        )
    )


def _sample(office: Office, sample: Sample) -> ForeseenRow:
    people = list(views.references(office, sample.people).values())
    becomes = [[":".join(name) for name in names] for names in sample.becomes]
    return ForeseenRow(kind=sample.kind, people=people, becomes=becomes)


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
        "sweep": _sweep(office),
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


def _sweep(office: Office) -> Sweep | None:
    walk = under_way(office.state)
    shown = walk or finished(office.state)
    if shown is None:
        return None
    return Sweep(
        running=walk is not None,
        since=when(shown.since),
        part=progress(shown) if walk else 1.0,
        merged=shown.merged,
        split=shown.split,
        aside=shown.aside,
    )
