"""Expressions mean what Python's mean, and none takes long over any value."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.identity import Rules, parse_blocked
from duyen.identity.expressions import MAX_PLACES, Expression, Unreadable

ATOMS = st.sampled_from(
    [
        "a",
        "B",
        "-",
        ".",
        "[ab]",
        "[^a]",
        "[]a]",
        r"\d",
        r"\w",
        r"\.",
        r"\x61",
        "^",
        "$",
        r"\b",
        r"\B",
    ]
)
COUNTS = st.sampled_from(
    ["", "", "*", "+", "?", "{2}", "{1,2}", "{0,1}", "{1,}", "{,2}", "*?", "??"]
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.builds("({}{}){}".format, st.sampled_from(["", "?:", "?P<n>"]), inner, COUNTS)
    # A name may stand once only.
    return st.one_of(
        group,
        st.builds("{}{}".format, inner, inner).filter(lambda text: text.count("?P<") < 2),
        st.builds("{}|{}".format, inner, inner).filter(lambda text: text.count("?P<") < 2),
    )


REPEATED = st.builds(
    lambda atom, count: atom if atom in ("^", "$", r"\b", r"\B") else atom + count, ATOMS, COUNTS
)
EXPRESSIONS = st.recursive(REPEATED, _grown, max_leaves=8)


@given(EXPRESSIONS, st.lists(st.text("abAB-1.é ", max_size=8), min_size=1, max_size=6))
def test_it_means_what_it_means_in_python(text: str, values: list[str]) -> None:
    try:
        expected = re.compile(text, re.IGNORECASE)
    except re.error:
        with pytest.raises(Unreadable):
            Expression(text)
        return
    read = Expression(text)
    for value in values:
        assert read.fullmatch(value) == (expected.fullmatch(value) is not None), value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(?i)GUEST", "guest"),
        ("(?a)\\w+", "ê"),
        ("x{,}", "xx"),
        ("x{}", "x{}"),
        ("a{1", "a{1"),
        ("{1}", "{1}"),
        ("đ+", "ĐĐ"),
        ("ß", "ẞ"),
        ("[]a]+", "]A"),
    ],
)
def test_the_odd_ones_too(text: str, value: str) -> None:
    test_it_means_what_it_means_in_python.hypothesis.inner_test(text, [value])  # type: ignore[attr-defined]


HOSTILE = [
    "/(a+)+b/",
    "/(a|aa)*b/",
    "/(a|a)*b/",
    "/(?:a?){40}a{40}b/",
    "/.*.*.*.*.*.*b/",
    "/(((a*)*)*)*b/",
    "/([a-z]*|x)*[0-9]{0,99}b/",
    "*a*a*a*a*a*b",
]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_what_would_take_a_search_years_is_answered(pattern: str) -> None:
    held = Rules.of({}, parse_blocked([pattern]))
    for value in ("a" * 200, "x" * 200, "aaab" * 50 + "a"):
        assert not held.blocks(("user_id", value))
    assert held.blocks(("user_id", "a" * 80 + "b"))


@given(EXPRESSIONS, st.text("ab", min_size=150, max_size=200))
def test_the_work_is_bounded_by_the_graph(text: str, value: str) -> None:
    try:
        read = Expression(text)
    except Unreadable:
        return
    looked = 0

    def counted(fits: Callable[[str], bool]) -> Callable[[str], bool]:
        def look(character: str) -> bool:
            nonlocal looked
            looked += 1
            return bool(fits(character))

        return look

    places = read._places
    for place in places:
        place.reads = [(counted(fits), to) for fits, to in place.reads]
    read.fullmatch(value)
    assert len(places) <= MAX_PLACES
    assert looked <= len(value) * sum(len(place.reads) for place in places)
