"""Measure: what the programme changed, as sums that add up and estimates with intervals."""

from duyen.measure.counters import effect_counter, get_large, message_counter, put_large
from duyen.measure.record import (
    OTHER_CURRENCY,
    UNREADABLE,
    Sale,
    joined,
    joining,
    receipt,
    record,
    rejudged,
    resettle,
    sales,
    settle,
    snapshot,
    touched,
)
from duyen.measure.report import decisions_report, lift_report, messages_report
from duyen.measure.stats import Arm, Effect, Estimate, Lift, lift, proportion

__all__ = [
    "OTHER_CURRENCY",
    "UNREADABLE",
    "Arm",
    "Effect",
    "Estimate",
    "Lift",
    "Sale",
    "decisions_report",
    "effect_counter",
    "get_large",
    "joined",
    "joining",
    "lift",
    "lift_report",
    "message_counter",
    "messages_report",
    "proportion",
    "put_large",
    "receipt",
    "record",
    "rejudged",
    "resettle",
    "sales",
    "settle",
    "snapshot",
    "touched",
]
