"""Simulated time: it moves by a logged tick, for every process alike."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Response

from duyen.api.office import By, Of, Office, late, reply, when
from duyen.api.shapes.clock import Clock, ClockSet
from duyen.model.errors import Conflict, InvalidInput
from duyen.model.log import Lane
from duyen.model.program import Tick
from duyen.model.times import NEVER, parse_time
from duyen.runtime.house import APPLY_TIMEOUT
from duyen.stores.shards import ALL

router = APIRouter(tags=["settings"])


@router.post(
    "/v1/clock",
    response_model=Clock,
    responses=late(Clock),
    summary="Move simulated time; only with clock = simulated.",
)
async def set_clock(body: ClockSet, office: Of, caller: By) -> Response:
    """Answers once all that is due by then has been done, after 5 s at the latest (`settled` says which)."""
    if office.house.settings.clock != "simulated":
        raise Conflict(
            "clock.real",
            "Time is the wall's here; start with DUYEN_CLOCK=simulated to move it by hand.",
        )
    instant = _instant(body["now"])
    deadline = time.monotonic() + APPLY_TIMEOUT
    applied = await office.write(Lane.CONTROL, [Tick(instant)])
    settled = applied
    while settled and not _idle(office):
        settled = time.monotonic() < deadline
        await asyncio.sleep(0.005)
    return reply(
        Clock(now=when(office.house.clock.now()), settled=settled), 200 if applied else 202
    )


def _instant(told: str | int) -> int:
    try:
        instant = told if isinstance(told, int) else parse_time(told)
    except ValueError as error:
        raise InvalidInput("time.unreadable", f"“{told}” is no instant.", at="now") from error
    if not 0 <= instant < NEVER:
        raise InvalidInput("time.unreadable", "The instant is out of range.", at="now")
    return instant


def _idle(office: Office) -> bool:
    """Whether the engine has done all that is due now."""
    house = office.house
    applied = all(house.applied(lane, house.log.newest(lane)) for lane in (Lane.CONTROL, Lane.LIVE))
    walking = house.state.nudges() or house.state.group_walks(ALL, 1)
    return applied and house.state.next_wake() > house.clock.now() and not walking
