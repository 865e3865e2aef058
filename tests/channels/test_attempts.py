"""What a sender does next, told as stories and proved over random ones."""

from __future__ import annotations

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from duyen.channels.attempts import (
    AskProvider,
    Attempt,
    Move,
    Patience,
    Send,
    Settle,
    Wait,
    backoff,
    next_move,
)
from duyen.channels.interface import Capabilities
from duyen.model.message import Certainty
from duyen.model.times import DAY, HOUR, MINUTE, Millis

SMTP = Capabilities("email")
CLEVER = Capabilities("api", idempotent=True)
ASKABLE = Capabilities("api", lookup=True)


def move(
    *attempts: Attempt,
    now: Millis = 0,
    certainty: Certainty = "at_most_once",
    capabilities: Capabilities = SMTP,
    expires: Millis = DAY,
) -> Move:
    """The next move."""
    return next_move("key", expires, certainty, attempts, now, capabilities)


def test_the_first_attempt_is_made_at_once() -> None:
    assert move() == Send(1)
    assert move(now=DAY) == Settle("expired")


def test_what_is_over_is_over() -> None:
    assert move(Attempt(1, 0, "sent", 1)) == Settle("sent")
    assert move(Attempt(1, 0, "failed", 1, "550 no")) == Settle("failed", "550 no")
    assert move(Attempt(1, 0, "sent", 1), now=2 * DAY) == Settle("sent")


def test_a_temporary_refusal_is_tried_again_later_and_later() -> None:
    refused = Attempt(1, 0, "retry", 100)
    at = 100 + backoff("key", 1)
    assert move(refused, now=100) == Wait(at)
    assert move(refused, now=at - 1) == Wait(at)
    assert move(refused, now=at) == Send(2)
    assert MINUTE <= backoff("key", 1) <= MINUTE * 11 // 10
    assert 4 * MINUTE <= backoff("key", 2) <= 5 * MINUTE
    assert 4 * HOUR <= backoff("key", 40) <= 5 * HOUR


def test_patience_ends() -> None:
    assert move(Attempt(8, 0, "retry", 0, "451 busy")) == Settle(
        "failed", "gave up after 8 attempts: 451 busy"
    )
    assert move(Attempt(1, 0, "retry", 0, "451"), expires=MINUTE) == Settle("expired", "451")


def test_an_attempt_under_way_is_waited_for() -> None:
    assert move(Attempt(1, 0), now=MINUTE) == Wait(5 * MINUTE)


def test_after_a_crash_the_message_decides() -> None:
    lost = Attempt(1, 0)
    assert move(lost, now=HOUR) == Settle("failed", "uncertain")
    assert move(lost, now=HOUR, certainty="at_least_once") == Send(2)
    unknown = Attempt(1, 0, "unknown", 10, "connection lost")
    assert move(unknown, now=HOUR) == Settle("failed", "uncertain")
    assert move(unknown, now=HOUR, certainty="at_least_once") == Send(2)


def test_a_provider_that_knows_better_is_used() -> None:
    lost = Attempt(1, 0)
    assert move(lost, now=HOUR, capabilities=CLEVER) == Send(2)
    assert move(lost, now=HOUR, capabilities=ASKABLE) == AskProvider(1)


Step = Literal["sent", "retry", "failed", "unknown", "crash_before", "crash_after"]


@given(
    st.lists(
        st.sampled_from(("sent", "retry", "failed", "unknown", "crash_before", "crash_after")),
        max_size=12,
    ),
    st.sampled_from(("at_most_once", "at_least_once")),
    st.sampled_from((SMTP, CLEVER)),
    st.integers(MINUTE, 3 * DAY),
)
def test_what_certainty_promises(
    steps: list[Step], certainty: Certainty, capabilities: Capabilities, expires: Millis
) -> None:
    """At most once: never two deliveries. At least once: none is given up while its fate is unknown.

    `unknown` and `crash_after` are the worst case: the provider did take the contact.
    """
    deliveries, now = 0, 0
    history: list[Attempt] = []
    script = iter([*steps, *["sent"] * 20])
    for _ in range(200):
        found = next_move("k", expires, certainty, history, now, capabilities, Patience())
        if isinstance(found, Wait):
            assert found.until > now
            now = found.until
        elif isinstance(found, Send):
            assert found.number == len(history) + 1
            happened = next(script)
            deliveries += happened in ("sent", "unknown", "crash_after")
            fate = "started" if happened.startswith("crash") else happened
            done = 0 if fate == "started" else now + 1
            history.append(Attempt(found.number, now, fate, done))  # type: ignore[arg-type]
        else:
            break
    else:
        raise AssertionError("the sender never comes to an end")
    assert isinstance(found, Settle)
    if certainty == "at_most_once" and not capabilities.idempotent:
        assert deliveries <= 1
    if found.state == "sent":
        assert deliveries >= 1
    if certainty == "at_least_once" and found.state == "failed":
        assert found.reason != "uncertain"
    assert len(history) <= Patience().most
