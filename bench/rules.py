"""How long 10, 100 and 1,000 rules take on a batch of 3,000 people, beside evaluating them one by one.

    python -m bench.rules

The baseline is `evaluate` called for every rule and person in the same run, on a sample of the people and
scaled up; it is what the columns must agree with, and the sample is compared cell by cell.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from bench.figures import Figure
from duyen.model.consent import Statement
from duyen.model.person import Person, Trait
from duyen.model.rule import (
    All,
    AnyOf,
    ConsentIs,
    Did,
    Not,
    Operator,
    Rule,
    SumIs,
    Test,
    TraitIs,
    Where,
)
from duyen.model.times import DAY
from duyen.rules import Accumulators, Compiled, evaluate, series_needed

PEOPLE = 3_000
RULES = (10, 100, 1_000)
EVENTS_EACH = 50
NOW = 1_750_000_000_000
CITIES = [f"Thành phố {i}" for i in range(60)]
KINDS = [f"kind-{i}" for i in range(10)]
EVENTS = ["Order Completed", "Product Viewed", "Cart Viewed", "Email Opened", "Page Viewed"]
WINDOWS = [1, 7, 14, 30, 60, 90, 180, 365]
COMPARING: list[Operator] = ["gt", "gte", "lt", "lte"]


def make_leaf(chance: random.Random) -> Rule:
    """One condition as a marketer writes them."""
    where = (Where("kind", Test("is", chance.choice(KINDS))),) if chance.random() < 0.3 else ()
    event, within = chance.choice(EVENTS), chance.choice(WINDOWS) * DAY
    match chance.randrange(8):
        case 0:
            return TraitIs("city", Test("is", chance.choice(CITIES)))
        case 1:
            bound = chance.randrange(2_000)
            return TraitIs(f"score_{chance.randrange(5)}", Test(chance.choice(COMPARING), bound))
        case 2:
            return ConsentIs("marketing")
        case 3:
            bound = chance.randrange(1, 3_000)
            return SumIs("Order Completed", "revenue", Test("gte", bound), within=within)
        case 4:
            return Did(event, where, within, at_least=0, at_most=0)
        case _:
            return Did(event, where, within, at_least=chance.randint(1, 4))


def make_rule(chance: random.Random) -> Rule:
    """Two to four conditions, joined."""
    leaves = [make_leaf(chance) for _ in range(chance.randint(2, 4))]
    if len(leaves) == 4:
        return All((leaves[0], AnyOf((leaves[1], Not(leaves[2]))), leaves[3]))
    return All(tuple(leaves)) if chance.random() < 0.7 else AnyOf(tuple(leaves))


def make_person(chance: random.Random, feed: Accumulators, number: int) -> Person:
    """A head with traits, consent and the accumulators that the rules need."""
    person = Person(f"p{number}")
    traits: dict[str, Any] = {f"score_{i}": chance.randrange(2_000) for i in range(5)}
    traits |= {"city": chance.choice(CITIES), "email": f"{number}@example.test"}
    person.traits = {name: Trait(value, NOW, "m") for name, value in traits.items()}
    if chance.random() < 0.7:
        person.consent = {"default/marketing/email": Statement("granted", NOW, "m")}
    for _ in range(EVENTS_EACH):
        told = {"kind": chance.choice(KINDS), "revenue": str(chance.randrange(500))}
        moment = NOW - chance.randrange(400 * DAY)
        feed.add(person, chance.choice(EVENTS), told, moment)
    return person


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """The median of several runs, in milliseconds."""
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        took.append((time.perf_counter() - start) * 1_000)
    return statistics.median(took)


class Row(NamedTuple):
    """One line of the table; times in milliseconds."""

    rules: int
    conditions: int
    columns: float
    joining: float
    one_by_one: float
    disagreements: int


def measure(rules: int, people: int = PEOPLE) -> Row:
    """The whole batch, the and/or/not part of it, and the same cells one by one."""
    chance = random.Random(rules)
    program = {f"r{i}": make_rule(chance) for i in range(rules)}
    feed = Accumulators(series_needed(program.values()))
    made = [make_person(chance, feed, i) for i in range(people)]
    persons = [_as_read(person) for person in made]
    compiled = Compiled(program)
    cells = compiled.cells(persons, NOW)
    sample = persons[:: max(1, people * rules // 60_000)]
    found = compiled.evaluate(sample, NOW)
    wrong = sum(
        (found.truth[r, p], found.until[r, p]) != evaluate(rule, person, NOW)
        for r, rule in enumerate(program.values())
        for p, person in enumerate(sample)
    )
    naive = median_ms(lambda: [[evaluate(r, p, NOW) for p in sample] for r in program.values()], 3)
    return Row(
        rules,
        compiled.conditions,
        median_ms(lambda: compiled.evaluate(persons, NOW), 15),
        median_ms(lambda: compiled.join(cells, NOW), 15),
        naive * people / len(sample),
        int(wrong),
    )


def _as_read(person: Person) -> Person:
    """The document as the engine has it: just decoded, and so close together in memory."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(person), type=Person)


def run() -> list[Figure]:
    """The figures of `make bench`."""
    against = "evaluate() rule by rule, person by person"
    return [
        Figure(
            f"rules: {row.rules:,} rules on {PEOPLE:,} people as columns",
            row.columns,
            "ms",
            row.one_by_one,
            against,
        )
        for row in map(measure, RULES)
    ]


def main() -> None:
    """Print the table."""
    print("rules  conditions  columns ms  of it and/or/not ms  one by one ms  disagreements")
    for row in map(measure, RULES):
        print(
            f"{row.rules:>5,} {row.conditions:>11,} {row.columns:>11.1f} {row.joining:>20.2f} "
            f"{row.one_by_one:>14,.0f} {row.disagreements:>14}"
        )


if __name__ == "__main__":
    main()
