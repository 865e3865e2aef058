"""One row of the lake: its JSON column and the twins beside it, and what comparisons mean on them.

See `columns` for what the twins hold, `compare` for what a comparison means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ibis

from duyen.model.rule import Scalar, Test
from duyen.model.values import fold, to_micros
from duyen.rules.compare import to_instant

Expr = Any
"""An Ibis expression; Ibis says too little about its types for ours to be more exact."""


# The names are qualified so that the path reaches the engine as it is: a bare json_extract_string is
# known to the SQL generator, which rewrites quoted keys in paths.
@ibis.udf.scalar.builtin(name="json_extract_string", catalog="system", database="main")  # type: ignore[untyped-decorator]
def json_text(column: str, path: str) -> str:
    """The text at a path of JSON; null where there is none."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="json_type", catalog="system", database="main")  # type: ignore[untyped-decorator]
def json_kind(column: str, path: str) -> str:
    """What stands at a path of JSON: VARCHAR, BOOLEAN, NULL, ...; null where nothing does."""
    raise NotImplementedError


def joined(parts: Sequence[Expr], join: Callable[[Expr, Expr], Expr]) -> Expr:
    """Conditions joined in a flat tree: long rules must not become deep ones."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(joined(parts[:middle], join), joined(parts[middle:], join))


def json_path(keys: Sequence[str]) -> str:
    """A JSON path whose keys are quoted, so that no character of theirs means anything."""
    quoted = (key.replace("\\", "\\\\").replace('"', '\\"') for key in keys)
    return "$" + "".join(f'."{key}"' for key in quoted)


class Row:
    """The values of one row: the JSON column and its twins."""

    def __init__(self, table: Expr, values: str, twins: str = "") -> None:
        self.table, self.values = table, values
        self._twins = twins
        """What the names of the twins begin with."""

    def number(self, path: str) -> Expr:
        """Micros, or null; where a map stands, its text is no number."""
        return json_text(self.table[f"{self._twins}numbers"], json_path(path.split("."))).try_cast(
            "int64"
        )

    def text(self, path: str) -> Expr:
        """The text at a path; "" where there is none."""
        steps = json_path(path.split("."))
        told = json_text(self.table[self.values], steps)
        there = json_kind(self.table[self.values], steps) == "VARCHAR"
        return ibis.ifelse(there, told, "").fill_null("")

    def passes(self, path: str, test: Test) -> Expr:
        """Whether the value at a path passes a test; never null."""
        if test.operator == "is_not":
            return ~self._passes(path, Test("is", test.operand)).fill_null(False)
        return self._passes(path, test).fill_null(False)

    def _passes(self, path: str, test: Test) -> Expr:
        operand = test.operand
        steps = json_path(path.split("."))
        match test.operator:
            case "in":
                each = operand if isinstance(operand, tuple) else (operand,)
                tests = [self._equals(path, steps, one).fill_null(False) for one in each]
                return joined(tests, lambda a, b: a | b) if tests else ibis.literal(False)
            case "exists":
                kind = json_kind(self.table[self.values], steps)
                there = (kind != "NULL").fill_null(False)
                return there if operand else ~there
            case "contains" | "starts_with":
                if not isinstance(operand, str):
                    return ibis.literal(False)
                folded, part = json_text(self.table[f"{self._twins}folded"], steps), fold(operand)
                has = (
                    folded.contains(part)
                    if test.operator == "contains"
                    else folded.startswith(part)
                )
                return (json_kind(self.table[f"{self._twins}folded"], steps) == "VARCHAR") & has
            case "before" | "after":
                instant = json_text(self.table[f"{self._twins}instants"], steps).try_cast("int64")
                bound = to_instant(operand)
                if bound is None:
                    return ibis.literal(False)
                return instant < bound if test.operator == "before" else instant > bound
            case "gt" | "gte" | "lt" | "lte":
                return number_test(self.number(path), test)
            case _:
                return self._equals(path, steps, None if isinstance(operand, tuple) else operand)

    def _equals(self, path: str, steps: str, operand: Scalar) -> Expr:
        """Equal in kind and value."""
        column = self.table[self.values]
        if isinstance(operand, bool):
            written = "true" if operand else "false"
            return (json_kind(column, steps) == "BOOLEAN") & (json_text(column, steps) == written)
        if isinstance(operand, str):
            return (json_kind(column, steps) == "VARCHAR") & (json_text(column, steps) == operand)
        micros = to_micros(operand)
        if micros is None:
            return ibis.literal(False)
        return (json_kind(column, steps) != "VARCHAR") & (self.number(path) == micros)


def number_test(number: Expr, test: Test) -> Expr:
    """A comparison of micros with the operand's; null where the number is."""
    bound = to_micros(test.operand)
    if bound is None:
        return ibis.literal(False)
    match test.operator:
        case "is":
            return number == bound
        case "is_not":
            return number != bound
        case "gt":
            return number > bound
        case "gte":
            return number >= bound
        case "lt":
            return number < bound
        case "lte":
            return number <= bound
        case _:
            return ibis.literal(False)
