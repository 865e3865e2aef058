"""Paths through a journey's steps: (2, 0, 1) is the second step of `then` of the third step.

The number after a step's index names its branch: 0 = then, 1 = otherwise. The empty path is the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from duyen.model.journey import If, Step

Path = tuple[int, ...]
START: Path = (0,)
END: Path = ()


def step_at(steps: tuple[Step, ...], path: Path) -> Step | None:
    """The step at a path; None where the path is the end or no longer leads anywhere."""
    if not path or path[0] >= len(steps):
        return None
    step = steps[path[0]]
    if len(path) == 1:
        return step
    return step_at(_branch(step, path[1]), path[2:]) if isinstance(step, If) else None


def following(steps: tuple[Step, ...], path: Path) -> Path:
    """The path of what comes after the step at `path` and all that is inside it."""
    onward = (*path[:-1], path[-1] + 1)
    if step_at(steps, onward) is not None:
        return onward
    return following(steps, path[:-2]) if len(path) > 2 else END


def into(steps: tuple[Step, ...], path: Path, holds: bool) -> Path:
    """The first step of the branch that an `if` takes, or what follows where that branch is empty."""
    inside = (*path, 0 if holds else 1, 0)
    return inside if step_at(steps, inside) is not None else following(steps, path)


def walk(steps: tuple[Step, ...], above: Path = ()) -> Iterator[tuple[Path, Step]]:
    """Every step with its path, branches depth first."""
    for index, step in enumerate(steps):
        path = (*above, index)
        yield path, step
        if isinstance(step, If):
            yield from walk(step.then, (*path, 0))
            yield from walk(step.otherwise, (*path, 1))


def _branch(step: If, number: int) -> tuple[Step, ...]:
    return step.then if number == 0 else step.otherwise
