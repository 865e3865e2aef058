"""Measure: what the programme changed, as sums that add up and estimates with intervals."""

from duyen.measure.counters import effect_counter, get_large, message_counter, put_large
from duyen.measure.record import (
    OTHER_CURRENCY,
    amount,
    joining,
    receipt,
    record,
    resettle,
    settle,
    snapshot,
    touched,
)
from duyen.measure.report import decisions_report, lift_report, messages_report
from duyen.measure.stats import Arm, Effect, Estimate, Lift, lift, proportion

__all__ = [
    "OTHER_CURRENCY",
    "Arm",
    "Effect",
    "Estimate",
    "Lift",
    "amount",
    "decisions_report",
    "effect_counter",
    "get_large",
    "joining",
    "lift",
    "lift_report",
    "message_counter",
    "messages_report",
    "proportion",
    "put_large",
    "receipt",
    "record",
    "resettle",
    "settle",
    "snapshot",
    "touched",
]
