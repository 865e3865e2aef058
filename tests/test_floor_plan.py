"""The floor plan is a test: imports point downward, and the drawn arrows are the only others."""

import re
from pathlib import Path

import pytest

from tests.floor_plan import ROOT, Plan, complaints, read_plan

# Every kind of arrow the plan forbids, each as (file, its text, what the complaint must say).
FORBIDDEN = [
    ("model/event.py", "from duyen.rules import tree", "model -> rules"),
    ("rules/tree.py", "import duyen.profiles.fold", "rules -> profiles"),
    ("rules/tree.py", "from duyen import stores", "rules -> stores"),
    ("measure/lift.py", "from duyen.decide import cell", "measure -> decide"),
    ("profiles/fold.py", "from ..stores.sqlite import log", "profiles -> stores"),
    ("profiles/fold.py", "def f():\n    from .. import runtime", "profiles -> runtime"),
    ("stores/log.py", "import duyen.profiles", "stores -> profiles"),
    ("stores/log.py", "import duyen.channels", "stores -> channels"),
    ("runtime/loop.py", "from duyen.api import app", "runtime -> api"),
    ("simulate/shop.py", "from duyen.profiles import fold", "simulate -> profiles"),
    ("attic/box.py", "from duyen.model import event", "attic: this room is not in"),
    ("api/app.py", "from duyen.attic import box", "api -> attic: this room is not in"),
    ("profiles/fold.py", "import sqlite3", "only stores may name it"),
    ("profiles/fold.py", "from time import time", "a pure room gets the time"),
]
ALLOWED = [
    ("rules/tree.py", "from duyen.model.event import Event"),
    ("rules/tree.py", "from .series import insert\nfrom . import series"),
    ("journeys/contact.py", "from duyen.decide import cell"),
    ("runtime/loop.py", "import time\nfrom duyen.stores import sqlite"),
    ("cli/__init__.py", "from duyen import __version__\nfrom ..simulate import shop"),
    ("timeless/x.py", "import timeit"),
]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_plan()


def test_every_import_points_downward(plan: Plan) -> None:
    found = complaints(ROOT / "src", plan)
    assert not found, "imports against the floor plan:\n" + "\n".join(found)


def test_the_arrows_of_a_floor_make_no_circle(plan: Plan) -> None:
    open_arrows = {room: set(others) for room, others in plan.arrows.items()}
    while open_arrows:
        ends = [room for room, others in open_arrows.items() if not others & open_arrows.keys()]
        assert ends, f"these rooms import each other in a circle: {sorted(open_arrows)}"
        for room in ends:
            del open_arrows[room]


def test_the_plan_names_each_room_once(plan: Plan) -> None:
    rooms = [room for floor in plan.floors for room in floor]
    assert sorted(rooms) == sorted(set(rooms))
    drawn = {*plan.arrows, *plan.only}
    for others in [*plan.arrows.values(), *plan.only.values(), *plan.foreign.values()]:
        drawn.update(others)
    assert drawn <= set(rooms), f"rooms without a floor: {sorted(drawn - set(rooms))}"


def test_the_architecture_page_draws_the_same_arrows(plan: Plan) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawing = re.search(r"arrows are\n\n((?: {4}.*\n)+)", text)
    assert drawing, "docs/architecture.md no longer draws the arrows between pure rooms"
    drawn: dict[str, list[str]] = {}
    for room, others in re.findall(r"(\w+) -> (\w+(?:, \w+)*)", drawing[1]):
        drawn[room] = sorted(other for other in others.split(", ") if other != "nothing")
    pure = set(plan.floors[plan.pure_floors - 1])
    planned = {room: sorted(others) for room, others in plan.arrows.items() if room in pure}
    assert {room: others for room, others in drawn.items() if others} == planned


@pytest.mark.parametrize(("file", "text", "complaint"), FORBIDDEN)
def test_a_forbidden_arrow_is_named(
    tmp_path: Path, plan: Plan, file: str, text: str, complaint: str
) -> None:
    found = _complaints_about(tmp_path, plan, file, text)
    assert len(found) == 1
    line = len(text.splitlines())
    assert found[0].startswith(f"src/duyen/{file}:{line}: ")
    assert complaint in found[0]


@pytest.mark.parametrize(("file", "text"), ALLOWED)
def test_a_drawn_arrow_is_allowed(tmp_path: Path, plan: Plan, file: str, text: str) -> None:
    assert _complaints_about(tmp_path, plan, file, text) == []


def _complaints_about(folder: Path, plan: Plan, file: str, text: str) -> list[str]:
    path = folder / "src" / "duyen" / file
    path.parent.mkdir(parents=True)
    path.write_text(text + "\n")
    return complaints(folder / "src", plan)
