"""Numbers and text in the one form in which they are kept, whichever way they are read."""

from __future__ import annotations

import unicodedata
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from duyen.model.values import canonical, to_micros


def by_decimal(text: str) -> int | None:
    """What a text says, by exact arithmetic alone."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) >= 10**12:
        return None
    return int(number.quantize(Decimal("0.000001"), ROUND_HALF_EVEN).scaleb(6))


@given(st.text("0123456789.-+eE_ ٣", min_size=1, max_size=16))
@example("19.90")
@example("-0.5")
@example("-.5")
@example("5.")
@example("--5")
@example("999999999999.9999995")
@example("-999999999999")
@example("1000000000000")
@example("0.0000005")
def test_a_number_in_text_is_exact(text: str) -> None:
    assert to_micros(text) == by_decimal(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(0.1)
@example(1e-7)
@example(-0.0)
@example(999999999999.9)
def test_a_float_is_what_it_is_written_as(value: float) -> None:
    assert to_micros(value) == by_decimal(repr(value))


@pytest.mark.parametrize("value", [True, None, [], {}, float("nan"), float("inf"), "", "x" * 41])
def test_what_is_no_number(value: object) -> None:
    assert to_micros(value) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=10,
    )
)  # fmt: skip
def test_what_is_kept_is_kept_again_as_it_is(value: object) -> None:
    kept = canonical(value)
    assert canonical(kept) == kept
    if isinstance(value, dict):
        assert set(kept) == {unicodedata.normalize("NFC", key) for key in value}


@pytest.mark.parametrize(
    "text", ["1e999999999999999999", "-1e999999999999999999", "1e+99999999999999"]
)
def test_an_exponent_beyond_all_bounds_is_no_number_and_stops_nobody(text: str) -> None:
    assert to_micros(text) is None
    assert to_micros(Decimal(text)) is None
