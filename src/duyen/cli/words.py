"""Reasons in words of the person at the terminal; the same words as the console's, in its languages."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "vi")
_SHARES = frozenset(("share", "p"))
_ITEMS = frozenset(("item", "with"))
_HOLE = re.compile(r"\{(\w+)\}")


def language() -> str:
    """The language that the terminal asks for by LC_ALL, LC_MESSAGES or LANG; English where it is another."""
    asked = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return asked[:2].lower() if asked[:2].lower() in LANGUAGES else LANGUAGES[0]


@cache
def words(language: str) -> Mapping[str, str]:
    """Code -> sentence of every reason."""
    file = files("duyen.cli") / "reasons" / f"{language}.json"
    told: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return told


def reason(code: str) -> str:
    """A reason's code in words; one that has none is shown as it is."""
    return words(language()).get(f"reason.{code}", code)


def sentence(text: str, names: Mapping[str, str]) -> str:
    """One explanation (`code|name=value|…`) in words; `names` of items by their ids."""
    from duyen.decide.reasons import NONE_LEFT, read

    code, told = read(text)
    nobody = code == NONE_LEFT and told.get("considered") == "0"
    found = words(language()).get("explain.candidates.none" if nobody else f"explain.{code}")
    if found is None:
        return text

    def fill(hole: re.Match[str]) -> str:
        name = hole[1]
        return _value(name, told[name], names) if name in told else hole[0]

    filled = _HOLE.sub(fill, found)
    if code != NONE_LEFT or nobody:
        return filled
    counts = [f"{reason(name)} ({count})" for name, count in told.items() if name != "considered"]
    return f"{filled} {'; '.join(counts)}.".replace(" .", "")


def _value(name: str, value: str, names: Mapping[str, str]) -> str:
    if name == "why":
        return sentence(value, names)
    if name in _ITEMS:
        return names.get(value, value)
    if name in _SHARES:
        return _percent(float(value))
    return _number(int(value), 0) if re.fullmatch(r"-?\d+", value) else value


def _percent(share: float) -> str:
    """A share with as many places as say something."""
    size = abs(share) * 100
    return _number(share * 100, 0 if size == 0 or size >= 99.95 else 2 if size < 1 else 1) + "%"


def _number(value: float, places: int) -> str:
    """A number with the marks of the language, without zeros behind its last figure."""
    told = f"{value:,.{places}f}"
    told = told.rstrip("0").rstrip(".") if places else told
    return told.translate(str.maketrans(",.", ".,")) if language() == "vi" else told
