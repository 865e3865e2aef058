"""What every channel must keep to, whoever wrote it.

A channel is checked against a provider that a test can script: `Provider` takes contacts over, refuses them for
now or for good, breaks off before or after the content, or does not answer. Write one for your channel's
protocol, then

    @pytest.mark.parametrize("check", CHECKS, ids=lambda one: one.__name__)
    async def test_my_channel(check): await check(make_channel, provider)

A broken promise is an AssertionError that names it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol

from duyen.channels.interface import Channel, Outgoing, Result

Behaviour = Literal["take", "later", "never", "break_before", "break_after", "silent"]
"""take it; 'try later'; 'never'; hang up before the content; hang up after it; say nothing at all."""


class Provider(Protocol):
    """The other end, scripted by contact: what happens to the contact of each key."""

    def script(self, key: str, behaviour: Behaviour) -> None:
        """Say what happens to a contact the next time it comes; unscripted ones are taken."""
        ...

    def taken(self, key: str) -> int:
        """How often the provider holds a contact."""
        ...


Make = Callable[[], Channel]
Check = Callable[[Make, Provider, Callable[[str], Outgoing]], Awaitable[None]]


async def takes_a_batch_in_order(
    make: Make, provider: Provider, outgoing: Callable[[str], Outgoing]
) -> None:
    """One result for each contact, in order, all of them sent once."""
    keys = [f"order-{number}" for number in range(40)]
    results = await _send(make, [outgoing(key) for key in keys])
    assert [result.key for result in results] == keys, "results are in another order"
    assert {result.fate for result in results} == {"sent"}, results
    assert [provider.taken(key) for key in keys] == [1] * len(keys), "not each was taken once"


async def an_empty_batch_is_nothing(
    make: Make, provider: Provider, outgoing: Callable[[str], Outgoing]
) -> None:
    """No contacts, no results, no error."""
    assert await _send(make, []) == []


async def tells_fates_apart(
    make: Make, provider: Provider, outgoing: Callable[[str], Outgoing]
) -> None:
    """Later, never and taken are told apart, and one contact's fate is not another's."""
    provider.script("fates-later", "later")
    provider.script("fates-never", "never")
    keys = ["fates-a", "fates-later", "fates-b", "fates-never", "fates-c"]
    results = {r.key: r for r in await _send(make, [outgoing(key) for key in keys])}
    assert results["fates-later"].fate == "retry", results["fates-later"]
    assert results["fates-never"].fate == "failed", results["fates-never"]
    assert all(results[key].fate == "sent" for key in ("fates-a", "fates-b", "fates-c")), results
    assert results["fates-never"].detail, "a refusal comes with the provider's words"


async def does_not_retry_by_itself(
    make: Make, provider: Provider, outgoing: Callable[[str], Outgoing]
) -> None:
    """A contact that was put off is not sent until it is handed over again."""
    provider.script("again", "later")
    [first] = await _send(make, [outgoing("again")])
    assert (first.fate, provider.taken("again")) == ("retry", 0)
    [second] = await _send(make, [outgoing("again")])
    assert (second.fate, provider.taken("again")) == ("sent", 1)


async def a_break_before_the_content_is_surely_not_sent(
    make: Make, provider: Provider, outgoing: Callable[[str], Outgoing]
) -> None:
    """Broken off before the content: retry; and the next contact goes through."""
    provider.script("before", "break_before")
    first, second = await _send(make, [outgoing("before"), outgoing("before-next")])
    assert (first.fate, provider.taken("before")) == ("retry", 0), first
    assert second.fate == "sent", second


async def a_break_after_the_content_is_unknown(
    make: Make, provider: Provider, outgoing: Callable[[str], Outgoing]
) -> None:
    """Broken off after the content: unknown, unless the provider can say; never `sent`, never `retry`."""
    provider.script("after", "break_after")
    first, second = await _send(make, [outgoing("after"), outgoing("after-next")])
    assert first.fate == "unknown" or (first.fate == "sent" and provider.taken("after")), first
    assert second.fate == "sent", second


async def silence_ends(make: Make, provider: Provider, outgoing: Callable[[str], Outgoing]) -> None:
    """A provider that says nothing is not waited for without end, and nobody knows what it did."""
    provider.script("silent", "silent")
    [result] = await asyncio.wait_for(_send(make, [outgoing("silent")]), 30)
    assert result.fate in ("unknown", "retry"), result


async def goes_on_after_close(
    make: Make, provider: Provider, outgoing: Callable[[str], Outgoing]
) -> None:
    """Closed twice and used again."""
    channel = make()
    await channel.send([outgoing("close-1")])
    await channel.close()
    await channel.close()
    [result] = await channel.send([outgoing("close-2")])
    await channel.close()
    assert result.fate == "sent", result


async def says_what_it_is(
    make: Make, provider: Provider, outgoing: Callable[[str], Outgoing]
) -> None:
    """Settings and capabilities are there, and a provider that answers is probed without complaint."""
    channel = make()
    assert isinstance(channel.Settings, type), "Settings is a class"
    assert channel.capabilities.channel, "capabilities name the channel"
    assert channel.capabilities.batch >= 1
    assert await channel.probe() == "", "the provider answers, but probe complains"
    await channel.close()


CHECKS: tuple[Check, ...] = (
    takes_a_batch_in_order,
    an_empty_batch_is_nothing,
    tells_fates_apart,
    does_not_retry_by_itself,
    a_break_before_the_content_is_surely_not_sent,
    a_break_after_the_content_is_unknown,
    silence_ends,
    goes_on_after_close,
    says_what_it_is,
)


async def check_channel(
    make: Make, provider: Provider, outgoing: Callable[[str], Outgoing]
) -> None:
    """All checks, one after the other."""
    for check in CHECKS:
        await check(make, provider, outgoing)


async def _send(make: Make, batch: Sequence[Outgoing]) -> list[Result]:
    channel = make()
    try:
        return await channel.send(batch)
    finally:
        await channel.close()
