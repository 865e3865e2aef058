"""Values that identify nobody: exact ones, patterns with `*`, and regular expressions.

    "test@example.com"     this value
    "test@*"               whatever begins so; `*` stands for any text
    "/guest-[0-9]+/"       whatever this expression matches as a whole

All are compared without case. Expressions come from people and values from anybody, so expressions are matched in a
way that takes one pass over the value, whatever both are (`identity.expressions`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from duyen.identity.expressions import Expression, Unreadable

MAX_PATTERN = 200

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
        Expression(text[1:-1])
    except Unreadable as error:
        return str(error)
    return ""


@lru_cache(maxsize=4_096)
def matcher(text: str) -> Matcher:
    """The pattern as a question about a value that is folded already."""
    if _is_expression(text):
        return Expression(text[1:-1]).fullmatch
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
