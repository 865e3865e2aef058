"""Reads the imports of the package and the floor plan they must keep to."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PLAN = ROOT / "docs" / "floor_plan.toml"


class Import(NamedTuple):
    """One imported module, and the place that names it."""

    path: Path
    line: int
    module: str


class Plan(NamedTuple):
    """The floor plan: see docs/floor_plan.toml."""

    floors: list[list[str]]
    arrows: dict[str, list[str]]
    only: dict[str, list[str]]
    foreign: dict[str, list[str]]
    pure_floors: int
    never_pure: list[str]

    def floor(self, room: str) -> int | None:
        """The number of the floor a room stands on, the ground being 0."""
        return next((n for n, rooms in enumerate(self.floors) if room in rooms), None)

    def allows(self, room: str, other: str) -> bool:
        """Whether a room may import another."""
        if room == other:
            return True
        if room in self.only and other not in self.only[room]:
            return False
        here, there = self.floor(room), self.floor(other)
        if here is None or there is None:
            return False
        return there < here or other in self.arrows.get(room, ())


def read_plan(path: Path = PLAN) -> Plan:
    """The floor plan as the docs draw it."""
    raw = tomllib.loads(path.read_text())
    pure = raw["pure"]
    return Plan(
        raw["floors"], raw["arrows"], raw["only"], raw["foreign"], pure["floors"], pure["never"]
    )


def complaints(source: Path, plan: Plan) -> list[str]:
    """Every import under `source/duyen` that the plan forbids, as `file:line: arrow: reason`."""
    package = source / "duyen"
    found: list[str] = []
    for path in sorted(package.rglob("*.py")):
        room = _room(path.relative_to(package).parts)
        if room is None:
            continue
        for one in imports(path, source):
            reason = _complaint(room, one.module, plan)
            if reason:
                where = f"{path.relative_to(source.parent)}:{one.line}"
                found.append(f"{where}: {reason}")
    return found


def imports(path: Path, source: Path) -> Iterator[Import]:
    """Every module a file imports, relative imports resolved, wherever in the file they stand."""
    package = list(path.relative_to(source).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(path, node.lineno, name.name)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for name in node.names:
                yield Import(path, node.lineno, f"{module}.{name.name}")


def _complaint(room: str, module: str, plan: Plan) -> str | None:
    """Why a room may not import a module, or None where it may."""
    parts = module.split(".")
    if parts[0] == "duyen":
        return _house_complaint(room, parts, plan)
    for name, rooms in plan.foreign.items():
        if _within(module, name) and room not in rooms:
            return f"{room} -> {name}: only {', '.join(rooms)} may name it"
    floor = plan.floor(room)
    for name in plan.never_pure:
        if floor is not None and floor < plan.pure_floors and _within(module, name):
            return f"{room} -> {name}: a pure room gets the time and the world handed in"
    return None


def _house_complaint(room: str, parts: list[str], plan: Plan) -> str | None:
    """Why a room may not import a module of the house, or None where it may."""
    if plan.floor(room) is None:
        return f"{room}: this room is not in docs/floor_plan.toml"
    if len(parts) < 2 or parts[1].startswith("__"):
        return None
    if plan.floor(parts[1]) is None:
        return f"{room} -> {parts[1]}: this room is not in docs/floor_plan.toml"
    if plan.allows(room, parts[1]):
        return None
    return f"{room} -> {parts[1]}: no such arrow in docs/floor_plan.toml"


def _within(module: str, name: str) -> bool:
    """Whether a dotted module is another or lies inside it."""
    return module == name or module.startswith(f"{name}.")


def _room(parts: tuple[str, ...]) -> str | None:
    """The room of a file, from its path inside the package; None for the package's own files."""
    if len(parts) > 1:
        return parts[0]
    name = parts[0].removesuffix(".py")
    return None if name.startswith("__") else name
