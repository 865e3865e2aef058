"""Random rules and people, small on purpose: few names and few instants, so that boundaries are hit."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from duyen.model.consent import Statement, consent_key
from duyen.model.person import Person, Trait
from duyen.model.rule import (
    All,
    AnyOf,
    ConsentIs,
    Did,
    InGroup,
    Not,
    Rule,
    SeriesSpec,
    SumIs,
    Test,
    TraitIs,
    Where,
)
from duyen.model.times import DAY
from duyen.model.values import canonical
from duyen.rules import Accumulators, series_needed
from duyen.rules.compare import NUMBER_OPERATORS
from duyen.rules.series import leaves as leaves_of

Told = tuple[str, int, dict[str, Any]]
"""An event's name, time and properties."""

START = 1_300_000_000_000
TICKS = [START + DAY * i + extra for i in range(4) for extra in (-1, 0, 1)]
WINDOWS = [1, DAY, 2 * DAY, 2 * DAY + 1, 10 * DAY]
EVENTS = ["Order Completed", "Product Viewed"]
PATHS = ["total", "city", "address.city", "address.deep.er", "vip", "0", 'a"b\\c']
TEXTS = ["Hà Nội", "ha noi", "HÀ NỘI", "Đà Lạt", "đ", "", "x", "ß", "ﬁ", "İ", "🙂"]
NUMERIC_TEXTS = ["100", "99.9999995", "99.9999985", " 1 ", "1e2", "-0.5", "1_00", "NaN", "٣"]
DATES = ["2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31T09:00:00+07:00", "2026-02-30"]
NUMBERS = [0, 1, -1, 100, 100.0, 99.999999, 0.1, 0.3, 1e-6, 10**12, 10**20, 1e300, -0.0]

texts = st.sampled_from(TEXTS + NUMERIC_TEXTS + DATES) | st.text(max_size=3)
numbers = st.sampled_from(NUMBERS) | st.integers(-3, 200) | st.floats(-100, 100)
odd_values: st.SearchStrategy[Any] = st.sampled_from(
    [None, float("nan"), float("inf"), [], ["x"], {}]
)
scalars = texts | numbers | st.booleans()
values = (scalars | odd_values | st.builds(lambda v: [v], scalars)).map(canonical)
properties = st.fixed_dictionaries(
    {},
    optional={
        "total": values,
        "city": values,
        "vip": values,
        "0": values,
        'a"b\\c': values,
        "address": values
        | st.fixed_dictionaries({}, optional={"city": values, "deep": values | st.just({"er": 5})}),
    },
)
events = st.tuples(st.sampled_from(EVENTS), st.sampled_from(TICKS), properties)
histories = st.lists(events, max_size=6)

usable_numbers = st.sampled_from([n for n in NUMBERS if abs(n) < 10**12]) | st.integers(-3, 200)
usable_texts = texts.filter(lambda t: "\0" not in t).map(canonical)
operands = usable_texts | usable_numbers.map(canonical) | st.booleans()
bounds = usable_numbers.map(canonical) | st.sampled_from(["100", "99.9999985", "-0.5", "1e2"])
tests = st.one_of(
    st.builds(Test, st.sampled_from(["is", "is_not"]), operands),
    st.builds(Test, st.just("in"), st.lists(operands, min_size=1, max_size=3).map(tuple)),
    st.builds(Test, st.just("exists"), st.booleans()),
    st.builds(Test, st.sampled_from(["gt", "gte", "lt", "lte"]), bounds),
    st.builds(Test, st.sampled_from(["contains", "starts_with"]), usable_texts.filter(bool)),
    st.builds(Test, st.sampled_from(["before", "after"]), st.sampled_from(DATES[:3])),
)
sum_tests = st.builds(Test, st.sampled_from(NUMBER_OPERATORS), bounds)
wheres = st.lists(
    st.builds(Where, st.sampled_from(PATHS), tests), max_size=2, unique_by=lambda w: w.property
).map(lambda several: tuple(sorted(several, key=lambda w: w.property)))
windows = st.none() | st.sampled_from(WINDOWS)


@st.composite
def dids(draw: st.DrawFn) -> Did:
    """How often, at least and at most."""
    least = draw(st.integers(0, 3))
    most = draw(st.none() | st.integers(least, 4))
    if least == 0 and most is None:
        least = 1
    return Did(draw(st.sampled_from(EVENTS)), draw(wheres), draw(windows), least, most)


sums = st.builds(
    SumIs,
    st.sampled_from(EVENTS),
    st.sampled_from(PATHS),
    sum_tests,
    wheres,
    windows,
    average=st.booleans(),
)
timed = dids() | sums


def has_words(rule: Rule) -> bool:
    """Whether the rule can be written: an average is only what a test of a computed trait means."""
    return not any(isinstance(leaf, SumIs) and leaf.average for leaf in leaves_of(rule))


consents = st.builds(
    ConsentIs, st.sampled_from(["marketing", "service"]), st.sampled_from(["email", "sms"])
)
group_wheres = st.lists(
    st.builds(Where, st.sampled_from([*PATHS, "id"]), tests),
    max_size=2,
    unique_by=lambda w: w.property,
).map(lambda several: tuple(sorted(several, key=lambda w: w.property)))
in_groups = st.builds(InGroup, group_wheres)
leaves = st.builds(TraitIs, st.sampled_from(PATHS), tests) | timed | consents | in_groups
rules: st.SearchStrategy[Rule] = st.recursive(
    leaves,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(All, st.lists(inner, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=5,
)
statements = st.dictionaries(
    st.builds(
        consent_key,
        st.sampled_from(["marketing", "*", "service"]),
        st.sampled_from(["email", "*"]),
        st.sampled_from(["default", "*", "other"]),
    ),
    st.builds(Statement, st.sampled_from(["granted", "denied"]), st.just(0), st.just("m")),
    max_size=3,
)


class Life:
    """A person's traits, consent, history and groups, from which a document is folded."""

    def __init__(
        self,
        traits: dict[str, Any],
        consent: dict[str, Statement],
        history: list[Told],
        groups: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        self.traits, self.consent, self.history = traits, consent, history
        self.groups = {id: {**values, "id": id} for id, values in (groups or {}).items()}

    def __repr__(self) -> str:
        return f"Life({self.traits!r}, {self.consent!r}, {self.history!r}, {self.groups!r})"

    def person(self, name: str, specs: dict[str, SeriesSpec]) -> Person:
        """The document with the accumulators that the specs ask for."""
        person = Person(name, traits={k: Trait(v, 0, "m") for k, v in self.traits.items()})
        person.consent = dict(self.consent)
        person.groups, person.group_traits = dict.fromkeys(self.groups, START), self.groups
        feed = Accumulators(specs)
        for event, time, told in self.history:
            feed.add(person, event, told, time)
        return person

    def needed(self, *needing: Rule) -> Person:
        """The document with just what the rules need."""
        return self.person("p", series_needed(needing))

    def whole(self, *needing: Rule) -> Person:
        """The document with every point kept, so that any as_of can be asked for."""
        return self.person("p", everything(*needing))


def everything(*needing: Rule) -> dict[str, SeriesSpec]:
    """The specs of the rules, trimming nothing."""
    return {
        key: msgspec.structs.replace(spec, keep=10**6, horizon=10**15)
        for key, spec in series_needed(needing).items()
    }


groups = st.dictionaries(st.sampled_from(["x", "Hà Nội", "100"]), properties, max_size=2)
lives = st.builds(Life, properties, statements, histories, groups)
instants = st.sampled_from(
    [tick + shift + extra for tick in TICKS for shift in (0, *WINDOWS) for extra in (-1, 0, 1)]
)


def edges(rule: Rule, history: list[Told]) -> list[int]:
    """Every instant at which a window of the rule could turn, and its neighbours."""
    windows = {leaf.within or 0 for leaf in leaves_of(rule) if isinstance(leaf, Did | SumIs)}
    times = {time for _, time, _ in history} or {START}
    turns = {time + within for time in times for within in {0, *windows}}
    return sorted({turn + shift for turn in turns for shift in (-1, 0, 1)})
