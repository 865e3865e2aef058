"""A key that floods is told when to come again, and nobody else notices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.api.limits import BURST, Limits
from duyen.model.errors import TooMany


def test_a_burst_then_the_steady_rate() -> None:
    limits = Limits()
    limits.take("a", 10 * BURST, 10, 100.0)
    with pytest.raises(TooMany) as told:
        limits.take("a", 1, 10, 100.0)
    assert told.value.retry_after == 1
    limits.take("b", 1, 10, 100.0)
    limits.take("a", 1, 10, 100.0 + told.value.retry_after)


def test_a_batch_goes_through_whole_and_is_paid_off_later() -> None:
    limits = Limits()
    limits.take("a", 1_000, 10, 0.0)
    with pytest.raises(TooMany) as told:
        limits.take("a", 1, 10, 1.0)
    assert told.value.retry_after == 90
    limits.take("a", 1, 10, 1.0 + 90)


def test_no_rate_is_no_limit() -> None:
    limits = Limits()
    for _ in range(100):
        limits.take("a", 1_000_000, 0, 0.0)


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(1, 200), st.floats(0, 20)), max_size=40),
)
def test_no_key_sends_more_than_its_rate_and_whoever_waits_as_told_is_let_in(
    rate: int, calls: list[tuple[int, float]]
) -> None:
    limits, now, sent, largest = Limits(), 0.0, 0, 0
    for events, pause in calls:
        now += pause
        try:
            limits.take("a", events, rate, now)
        except TooMany as told:
            now += told.retry_after
            limits.take("a", events, rate, now)
        sent += events
        largest = max(largest, events)
        assert sent <= rate * (now + BURST) + largest + 1e-6
