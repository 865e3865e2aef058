"""What somebody wrote into a form: values of traits, or what is wrong with them, question by question."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

from duyen.collect import clean_email, clean_phone
from duyen.model.form import Field, Option

LONGEST = 500
"""Characters of an answer."""
LARGEST = 10**15
_NUMBER = re.compile(r"[+-]?\d{1,16}(\.\d{1,9})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+")
YEARS = range(1900, 2201)

Fault = Literal["required", "tick", "long", "email", "phone", "number", "date", "choice"]
"""What is wrong with an answer; the page has a sentence for each."""
Raw = Mapping[str, Sequence[str]]
"""A form as a browser sends it: what was written, by the name of the question."""


class Answers(NamedTuple):
    """The traits that were told, and by trait what is wrong; a question left open is in neither."""

    traits: dict[str, Any]
    faults: dict[str, Fault]


def read(fields: Iterable[Field], raw: Raw) -> Answers:
    """Read the answers to these questions; whatever else was sent is nobody's question and left alone."""
    found = Answers({}, {})
    for field in fields:
        written = _CONTROL.sub(" ", "".join(raw.get(field.trait, ())[:1])).strip()
        text = unicodedata.normalize("NFC", written)
        if field.type == "checkbox":
            if field.required and not text:
                found.faults[field.trait] = "tick"
            else:
                found.traits[field.trait] = bool(text)
        elif not text:
            if field.required:
                found.faults[field.trait] = "required"
        elif len(text) > LONGEST:
            found.faults[field.trait] = "long"
        elif (value := _value(field, text)) is None:
            found.faults[field.trait] = "required" if field.type == "text" else field.type
        else:
            found.traits[field.trait] = value
    return found


def options(field: Field) -> list[Option]:
    """The answers that a choice has, each with what people read."""
    return [one if isinstance(one, Option) else Option(one, {"": one}) for one in field.options]


def _value(field: Field, text: str) -> Any:
    """The value of an answer; None where it is none of this type."""
    match field.type:
        case "email":
            return clean_email(text) or None
        case "phone":
            return clean_phone(text) or None
        case "number":
            return _number(text)
        case "date":
            return _date(text)
        case "choice":
            return text if any(text == one.value for one in options(field)) else None
        case _:
            return text


def _number(text: str) -> int | float | None:
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    if not math.isfinite(value) or abs(value) > LARGEST:
        return None
    return value if "." in text else int(text)


def _date(text: str) -> str | None:
    try:
        told = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None
    return text if told is not None and told.year in YEARS else None
