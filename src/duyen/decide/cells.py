"""Hold-out cells: a stable hash says which arm a person is in; first eligibility makes it a fact."""

from __future__ import annotations

from hashlib import blake2b

from duyen.model.effect import Effect, Fact
from duyen.model.person import GLOBAL, HELD_OUT, TREATED, Cell, Person
from duyen.model.program import Program
from duyen.model.times import Millis

CELL_ASSIGNED = "Cell Assigned"


def uniform(salt: str, person_id: str) -> float:
    """A number in [0, 1) that is the same on every machine and in every order of events."""
    digest = blake2b(f"{salt}\0{person_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) * 2.0**-53


def cell(person_id: str, salt: str, share: float) -> str:
    """The arm of an experiment: `held_out` for a `share` of all people, else `treated`."""
    return HELD_OUT if uniform(salt, person_id) < share else TREATED


def arm(person: Person | None, person_id: str, program: Program) -> str:
    """The arm of the global experiment: the fact where there is one, else what the hash says.

    `person_id` counts only where there is no document.
    """
    settings = program.settings
    if person is None:
        return cell(person_id, settings.hold_out_salt, settings.hold_out)
    if GLOBAL in person.cells:
        return person.cells[GLOBAL].arm
    return cell(person.id, settings.hold_out_salt, settings.hold_out)


def assign(
    person: Person, program: Program, now: Millis, *, decided: str | None = None
) -> list[Effect]:
    """Make the person's global cell a fact on the working copy; nothing where it already is one.

    `decided` is the arm by which a decision already treated them: it wins over the hash, because the
    document may have got another id since. Where this gives effects, `measure.joining` counts the person.
    """
    if GLOBAL in person.cells:
        return []
    chosen = decided or arm(None, person.id, program)
    person.cells[GLOBAL] = Cell(chosen, now)
    properties = {
        "experiment": GLOBAL,
        "arm": chosen,
        "salt": program.settings.hold_out_salt,
        "share": program.settings.hold_out,
    }
    return [Fact(person.id, now, CELL_ASSIGNED, properties)]
