"""Values that identify nobody: exact ones, patterns with `*`, and bounded regular expressions.

    "test@example.com"     this value
    "test@*"               whatever begins so; `*` stands for any text
    "/guest-[0-9]+/"       whatever this expression matches as a whole

All are compared without case. Expressions come from people and values from anybody, so an expression that could take
long over a hostile value is refused: no repetition within a repetition, few of them, nothing that looks back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

MAX_PATTERN = 200
MAX_REPEATS = 6
"""Parts of an expression that may match more or less text."""
MAX_WIDE_REPEATS = 2
"""Of those, the ones that may match more than a few characters."""
_FEW = 16
_REPEATS = (
    _constants.MAX_REPEAT,
    _constants.MIN_REPEAT,
    getattr(_constants, "POSSESSIVE_REPEAT", None),
)
_PLAIN = (
    _constants.LITERAL,
    _constants.NOT_LITERAL,
    _constants.ANY,
    _constants.IN,
    _constants.AT,
)

Matcher = Callable[[str], bool]


def is_pattern(text: str) -> bool:
    """Whether this is no value but stands for many."""
    return "*" in text or _is_expression(text)


def mistake(text: str) -> str:
    """What is wrong with a blocked value or pattern, as the end of a sentence; "" where it is in order."""
    if not text.strip():
        return "is empty; leave it out"
    if len(text) > MAX_PATTERN:
        return f"has {len(text)} characters; at most {MAX_PATTERN} are taken"
    if not _is_expression(text):
        return "blocks every value; name a part" if not text.strip("* ") else ""
    try:
        parsed = _parser.parse(text[1:-1])
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    return _too_hard(parsed)


@lru_cache(maxsize=4_096)
def matcher(text: str) -> Matcher:
    """The pattern as a question about a value that is folded already."""
    if _is_expression(text):
        whole = re.compile(text[1:-1], re.IGNORECASE).fullmatch
        return lambda value: whole(value) is not None
    first, *others = text.casefold().split("*")
    *middle, last = others or [""]

    def fits(value: str) -> bool:
        if not value.startswith(first):
            return False
        at = len(first)
        for part in middle:
            found = value.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return value.endswith(last) and len(value) - len(last) >= at

    return fits


def split(texts: Iterable[str]) -> tuple[frozenset[str], tuple[Matcher, ...]]:
    """Exact values, folded, and the patterns."""
    listed = list(texts)
    exact = frozenset(text.casefold() for text in listed if not is_pattern(text))
    return exact, tuple(matcher(text) for text in listed if is_pattern(text))


def _is_expression(text: str) -> bool:
    return len(text) > 2 and text[0] == text[-1] == "/"


def _too_hard(parsed: Any) -> str:
    """Why an expression could take long over some value; "" where it cannot."""
    repeats: list[bool] = []
    reason = _walk(parsed, repeats, within=False)
    if reason:
        return reason
    if len(repeats) > MAX_REPEATS or sum(repeats) > MAX_WIDE_REPEATS:
        return (
            f"repeats too much; at most {MAX_REPEATS} parts may repeat, "
            f"{MAX_WIDE_REPEATS} of them more than {_FEW} times"
        )
    return ""


def _walk(parsed: Any, repeats: list[bool], *, within: bool) -> str:
    """Note every repetition (whether it is wide); the reason against the expression, or ""."""
    for kind, argument in parsed:
        if kind in _REPEATS:
            least, most, inner = argument
            if within:
                return "has a repetition within a repetition; write it without"
            if least != most or most > 1:
                repeats.append(int(most) > _FEW)
            reason = _walk(inner, repeats, within=int(most) > 1)
        elif kind is _constants.SUBPATTERN:
            reason = _walk(argument[-1], repeats, within=within)
        elif kind is _constants.BRANCH:
            if within:
                return "has alternatives within a repetition; write them side by side"
            reason = next(
                (r for each in argument[1] if (r := _walk(each, repeats, within=False))), ""
            )
        elif kind in _PLAIN:
            reason = ""
        else:
            return "looks back or ahead, which is not allowed here"
        if reason:
            return reason
    return ""
