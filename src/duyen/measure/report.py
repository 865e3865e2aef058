"""Reports: counters turned into numbers with units, intervals beside estimates, and their samples.

The shapes are those the console reads; estimates of money are in units of the currency, totals of money are
decimal strings. A share is a fraction. Limits are null where there is not enough data for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duyen.measure.counters import effect_counter, get_large, message_counter
from duyen.measure.record import OTHER_CURRENCY, UNREADABLE
from duyen.measure.stats import (
    FEWEST_BUYERS,
    LEVEL,
    Arm,
    Effect,
    Estimate,
    lift,
    proportion,
    revenue_per_person,
)
from duyen.model.person import GLOBAL, HELD_OUT, TREATED
from duyen.model.program import Program
from duyen.model.times import Millis, format_time
from duyen.model.values import MICRO, from_micros

Counters = Mapping[str, Mapping[str, int]]
"""Shared counters by name; only those of the report need to be there."""

METHODS = {
    "wilson": "Wilson's score interval of a share (Wilson 1927)",
    "newcombe": "difference of shares from Wilson's score intervals (Newcombe 1998, method 10)",
    "mover_log": (
        "share of buyers times revenue per buyer on the logarithm's scale, "
        "difference by the method of variance estimates recovery (Zou and Donner 2008)"
    ),
    "log_ratio": "delta method on the logarithm of the ratio, value freed of its bias (Tin 1965)",
    "none": "not enough data for an interval",
}


def lift_report(
    counters: Counters,
    program: Program,
    now: Millis,
    *,
    since: Millis | None = None,
    experiment: str = GLOBAL,
) -> dict[str, Any]:
    """GET /v1/reports/lift: treated against held out, by intention to treat.

    `counters` needs `effect:<experiment>:treated` and `…:held_out`; `since` is when the first person was
    put into a cell, where the caller knows.
    """
    fields = {arm: counters.get(effect_counter(experiment, arm), {}) for arm in (TREATED, HELD_OUT)}
    treated, held_out = (Arm.from_fields(fields[arm]) for arm in (TREATED, HELD_OUT))
    found = lift(treated, held_out)
    return {
        "experiment": experiment,
        "since": None if since is None else format_time(since),
        "as_of": format_time(now),
        "currency": program.settings.currency,
        "level": LEVEL,
        "hold_out": program.settings.hold_out,
        "treated": _arm(treated, held_out),
        "held_out": _arm(held_out, treated),
        "conversion": _effect(found.conversion, 1.0),
        "revenue": _effect(found.revenue, float(MICRO)),
        "crossed": found.crossed,
        "needs": {"conversion": found.conversion.needs, "revenue": found.revenue.needs},
        "fewest_buyers": FEWEST_BUYERS,
        "other_currency": sum(each.get(OTHER_CURRENCY, 0) for each in fields.values()),
        "unreadable": sum(each.get(UNREADABLE, 0) for each in fields.values()),
        "methods": METHODS,
    }


def _arm(arm: Arm, other: Arm) -> dict[str, Any]:
    return {
        "people": arm.n,
        "converted": arm.converted,
        "orders": arm.orders,
        "revenue": str(from_micros(arm.revenue)),
        "crossed": arm.crossed,
        "conversion": _share(arm.converted, arm.n),
        "revenue_per_person": _money_mean(arm, other),
    }


def _money_mean(arm: Arm, other: Arm) -> dict[str, Any]:
    estimate = revenue_per_person(arm, other)
    if estimate is None:
        return _bare(arm.revenue / arm.n / MICRO if arm.n else 0.0, arm.n)
    return _estimate(estimate, float(MICRO))


def _effect(effect: Effect, unit: float) -> dict[str, Any] | None:
    if effect.difference is None:
        return None
    relative = None if effect.relative is None else _estimate(effect.relative, 1.0)
    return {"difference": _estimate(effect.difference, unit), "relative": relative}


def _estimate(estimate: Estimate, unit: float) -> dict[str, Any]:
    return {
        "value": estimate.value / unit,
        "low": estimate.low / unit,
        "high": estimate.high / unit,
        "n": estimate.n,
        "method": estimate.method,
    }


def _bare(value: float, n: int) -> dict[str, Any]:
    return {"value": value, "low": None, "high": None, "n": n, "method": "none"}


def _share(successes: int, n: int) -> dict[str, Any]:
    """A share of n; successes that are more than n (a lost view's click) count as n."""
    estimate = proportion(min(max(successes, 0), n), n)
    return _bare(0.0, 0) if estimate is None else _estimate(estimate, 1.0)


def messages_report(
    counters: Counters,
    program: Program,
    now: Millis,
    *,
    since: Millis = 0,
    waiting: Mapping[str, int] | None = None,
    refusals: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """GET /v1/reports/messages: what became of each message, most sent first.

    `waiting` (contacts in the outbox by message) and `refusals` (by reason) are not in the counters: the
    caller knows them.
    """
    rows = [
        _message(
            id, message.name, message.channel, counters.get(message_counter(id), {}), waiting or {}
        )
        for id, message in program.messages.items()
    ]
    rows.sort(key=lambda row: (-row["sent"], row["id"]))
    reasons = sorted((refusals or {}).items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "since": format_time(since),
        "as_of": format_time(now),
        "currency": program.settings.currency,
        "conversion_window_ms": program.settings.conversion_window,
        "data": rows,
        "refusals": [{"reason": reason, "count": count} for reason, count in reasons],
    }


def _message(
    id: str, name: str, channel: str, fields: Mapping[str, int], waiting: Mapping[str, int]
) -> dict[str, Any]:
    def count(field: str) -> int:
        return fields.get(field, 0)

    return {
        "id": id,
        "name": name,
        "channel": channel,
        "sent": count("sent"),
        "failed": count("failed"),
        "refused": count("refused"),
        "held_out": count("held_out"),
        "waiting": waiting.get(id, 0),
        "opened": count("opened"),
        "clicked": count("clicked"),
        "bot_opened": count("bot_opened"),
        "bot_clicked": count("bot_clicked"),
        "unsubscribed": count("unsubscribed"),
        "open_rate": _share(count("opened"), count("sent")),
        "click_rate": _share(count("clicked"), count("sent")),
        "orders": count("orders"),
        "revenue": str(from_micros(get_large(fields, "revenue"))),
        "other_currency": count(OTHER_CURRENCY),
        "unreadable": count(UNREADABLE),
    }


def decisions_report(
    counters: Counters, program: Program, now: Millis, *, since: Millis = 0
) -> dict[str, Any]:
    """GET /v1/reports/decisions: what each placement chose, and how it was received."""
    data = [_placement(id, counters, program) for id in sorted(program.placements)]
    return {"since": format_time(since), "as_of": format_time(now), "data": data}


def _placement(id: str, counters: Counters, program: Program) -> dict[str, Any]:
    placement = program.placements[id]
    prefix = f"arm:{id}:"
    arms = {
        name.removeprefix(prefix): fields
        for name, fields in counters.items()
        if name.startswith(prefix)
    }
    fallback = arms.pop("@fallback", {})
    chosen = sum(fields.get("decisions", 0) for fields in arms.values())
    rows: list[dict[str, Any]] = [
        {
            "arm": arm,
            "name": program.offers[arm].name if arm in program.offers else arm.lstrip("@"),
            "chosen": fields.get("decisions", 0),
            "share": fields.get("decisions", 0) / chosen if chosen else 0.0,
            "views": fields.get("views", 0),
            "clicks": fields.get("successes", 0),
            "orders": fields.get("orders", 0),
            "rate": _share(fields.get("successes", 0), fields.get("views", 0)),
        }
        for arm, fields in arms.items()
    ]
    rows.sort(key=lambda row: (-row["chosen"], row["arm"]))
    held_out = fallback.get(HELD_OUT, 0)
    return {
        "id": id,
        "name": id,
        "fill": placement.fill,
        "policy": placement.policy if placement.fill == "offers" else placement.recommender,
        "decisions": chosen + fallback.get("decisions", 0),
        "held_out": held_out,
        "fallback": fallback.get("decisions", 0) - held_out,
        "arms": rows,
    }
