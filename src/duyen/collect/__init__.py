"""From a call of the Segment protocol to an Event every room reads, or to a Rejected with its reasons."""

from duyen.collect.identifiers import canonical, clean_email, clean_phone, reserved
from duyen.collect.normalise import normalise
from duyen.collect.plain import MAX_EVENT_BYTES, MAX_TEXT
from duyen.collect.validate import (
    MAX_BATCH_BYTES,
    MAX_BATCH_CALLS,
    Opened,
    judge_again,
    message_id,
    open_batch,
    open_call,
    validate,
    validate_batch,
)

__all__ = [
    "MAX_BATCH_BYTES",
    "MAX_BATCH_CALLS",
    "MAX_EVENT_BYTES",
    "MAX_TEXT",
    "Opened",
    "canonical",
    "clean_email",
    "clean_phone",
    "judge_again",
    "message_id",
    "normalise",
    "open_batch",
    "open_call",
    "reserved",
    "validate",
    "validate_batch",
]
