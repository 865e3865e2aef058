"""Carrying erasures through everything that is not the state: log, lake, attempts, caught mails, reports of imports.

The engine has taken the people out of the state by the time an order lies here, in the same transaction in which the
order was written. Each further place is emptied in a way that may be killed and begun again; only when all are empty
the receipt is told, and the order, the last thing that names anybody, goes. All orders are carried out together: the
log and each file of the lake are read once, however many people there are.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from duyen.model.errors import Unavailable
from duyen.model.log import Entry, Erase, Erased, Expunged, Lane
from duyen.model.times import Millis, format_time
from duyen.runtime.erasing import MOST, Order, read_order
from duyen.runtime.expunge import Needles, Search, stretches
from duyen.runtime.house import House
from duyen.runtime.receipt import receipt

Tell = Callable[[Lane, list[Entry]], bool]
"""Appends to the log and waits for the engine; False where it has not come to it."""
Progress = Callable[[str, int], None]
"""What is being done, and how far it has come."""
LONGEST_FIELD = 16 * 1024 * 1024


class Done(NamedTuple):
    """What one run has carried through, with the receipts by id."""

    receipts: dict[str, str]
    people: int
    log_entries: int
    lake_rows: int


def asked(persons: Iterable[str], author: str, now: Millis) -> list[Erase]:
    """What to tell the control lane so that these people are erased."""
    ids = sorted(set(persons))
    return [
        Erase(f"erase-{uuid4().hex[:16]}", now, author, tuple(ids[start : start + MOST]))
        for start in range(0, len(ids), MOST)
    ]


def waiting(house: House) -> bool:
    """Whether there is something to carry out."""
    return bool(house.state.erasures_under_way() or house.state.late())


def carry_through(
    house: House, tell: Tell, progress: Progress = lambda what, how_far: None
) -> Done:
    """Carry out every order that lies in the state; returns once their receipts are told.

    Raises Conflict where another process is at it, and Unavailable where the engine does not answer.
    """
    with closing(house.stores.claim("eraser")):
        orders = [read_order(row.body) for row in house.state.erasures_under_way()]
        late = house.state.late()
        if not orders and not late:
            return Done({}, 0, 0, 0)
        upto = house.log.newest()
        search = Search(orders, house.state, house.program().settings)
        _log(house, search, late, progress)
        progress("lake", 0)
        rows = _lake(house, orders)
        progress("files", 0)
        together = {"orders": len(orders), "lake_rows": rows, "mentions_by_others": search.mentions}
        together |= _files(house, orders, search.needles)
        receipts = {o.id: _receipt(house, o, search, together) for o in orders}
        now = house.clock.now()
        told: list[Entry] = [Erased(id, now, text) for id, text in receipts.items()]
        if not tell(Lane.CONTROL, [*told, Erased("", now, "", upto)]):
            raise Unavailable(
                "engine.silent",
                "Everything is erased but the order itself: the engine does not answer. Start it; "
                "the rest follows by itself.",
            )
        progress("room", 0)
        house.stores.scrub()
    people = sum(order.erased.get("documents", 0) for order in orders)
    entries = sum(sum(walked.values()) for walked in search.walked.values())
    return Done(receipts, people, entries, rows)


def _log(house: House, search: Search, late: Sequence[tuple[int, int]], progress: Progress) -> None:
    """Write the log again without them. What goes is told first: after a kill nobody could tell any more."""
    for stretch in stretches(house.log, search, late):
        if stretch.found:
            now = house.clock.now()
            told = Expunged(now, stretch.after, stretch.found, tuple(stretch.rejected))
            house.tell(Lane.CONTROL, [told])
            for id, entries in stretch.found.items():
                search.count(id, stretch.after, entries)
        progress("log", stretch.after)
        if stretch.bodies:
            house.log.rewrite(stretch.bodies)


def _receipt(house: House, order: Order, search: Search, together: Mapping[str, int]) -> str:
    """What was erased for one order. `together`: counts of what this run has done for all orders at once."""
    erased = {**order.erased, "log_entries": sum(search.walked[order.id].values())}
    told = {
        "id": order.id,
        "asked": format_time(order.time),
        "done": format_time(house.clock.now()),
        "people": order.erased.get("documents", 0),
        "subjects": order.digests,
        "erased": dict(sorted(erased.items())),
        "erased_together": dict(sorted(together.items())),
        "kept": [{"address": digest, "refused": said} for digest, said in order.refused],
    }
    return receipt(house.secrets, told)


def _lake(house: House, orders: Sequence[Order]) -> int:
    """Erase them from the lake, once it knows whose everything else is."""
    if not orders or not (house.folder / "lake").is_dir():
        return 0
    from duyen.runtime.lakework import flush
    from duyen.stores.lake import Lake
    from duyen.stores.lake_rows import people_batch

    flush(house)
    lake = Lake(house.folder / "lake")
    persons = _latest((id, order.time) for order in orders for id in order.persons)
    evidence = _latest((key, order.time) for order in orders for key in order.evidence)
    rows = lake.erase(persons, evidence)
    # Who came back meanwhile is a new person, and has the id that their identifiers give.
    back = [head.person for head in house.state.heads(sorted(persons)).values()]
    if back:
        lake.change("people", [people_batch(back)], {})
    return rows


def _latest(pairs: Iterable[tuple[str, Millis]]) -> dict[str, Millis]:
    found: dict[str, Millis] = {}
    for key, time in pairs:
        found[key] = max(time, found.get(key, 0))
    return found


def _files(house: House, orders: Sequence[Order], needles: Needles) -> dict[str, int]:
    """Erase what the sender, the catcher and imports have kept."""
    contacts = [key for order in orders for key in order.contacts]
    addresses = [
        text
        for order in orders
        for text in (*order.spelled, *(value for ns, value in order.names if ns == "email"))
        if "@" in text
    ]
    with closing(house.stores.mails()) as mails:
        caught = mails.erase(contacts, addresses)
    with closing(house.stores.attempts()) as attempts:
        tried = attempts.erase(contacts)
    rejects = sum(_without(path, needles) for path in sorted(house.folder.glob("rejects/*.csv")))
    return {"attempts": tried, "mails": caught, "rows_of_reports": rejects}


def _without(path: Path, needles: Needles) -> int:
    """Write a report of rejected rows again without those in which one of them stands; returns how many went."""
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    finally:
        csv.field_size_limit(before)
    kept = [n for n, row in enumerate(rows) if not n or not needles.in_text(_line(row))]
    if len(kept) < len(rows):
        with _replacing(path) as fresh:
            csv.writer(fresh).writerows(rows[n] for n in kept)
    return len(rows) - len(kept)


def _line(row: Sequence[str]) -> bytes:
    return " ".join(row).encode("utf-8", "surrogatepass")


@contextmanager
def _replacing(path: Path) -> Iterator[StringIO]:
    """Write a small file anew, in one step, and over the one before."""
    text = StringIO(newline="")
    yield text
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
    with fresh.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(fresh, path)


def find(house: House, digests: Iterable[str]) -> list[str]:
    """The people whom receipts are about: who is here again, for a backup of before was restored."""
    wanted = set(digests)
    pseudonym = house.secrets.pseudonym
    return sorted(
        {
            person
            for namespace, value, person in house.state.all_identifiers()
            if person and pseudonym(namespace, value) in wanted
        }
    )
