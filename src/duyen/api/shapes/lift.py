"""Treated against held out."""

from __future__ import annotations

from typing_extensions import TypedDict

from duyen.api.shapes.common import Estimate


class Effect(TypedDict):
    """Treated minus held out, and relative to the held-out's mean."""

    difference: Estimate
    relative: Estimate | None


class ArmTotals(TypedDict):
    """One arm of an experiment."""

    people: int
    converted: int
    orders: int
    revenue: str
    crossed: int
    conversion: Estimate
    revenue_per_person: Estimate


class LiftReport(TypedDict):
    """Treated against held out, by intention to treat."""

    experiment: str
    since: str | None
    as_of: str
    currency: str
    level: float
    hold_out: float
    treated: ArmTotals
    held_out: ArmTotals
    conversion: Effect | None
    revenue: Effect | None
    other_currency: int
    unreadable: int
