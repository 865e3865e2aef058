"""The simulated customers at work: they visit, look, sign up, buy, read their mails and follow the links.

    run(url, write_key, secret_key, customers=300)                              the living demo, until stopped
    run(url, write_key, secret_key, customers=300, days=14, clock="simulated")  a fortnight, tick by tick

All they do goes over HTTP to a running server: the page's calls with a browser's write key and a visitor token,
the shop server's calls with a secret key, the mails out of the catcher. What they do depends on what they were
shown and mailed, by the truth stated in `world`.
"""

from __future__ import annotations

import asyncio
import random
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from itertools import accumulate
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

from duyen.model.errors import Unavailable
from duyen.model.times import DAY, HOUR, Millis, format_time, parse_time
from duyen.simulate import starter
from duyen.simulate.calls import Scene, agreed, bought, looked, saw, visited, who_they_are
from duyen.simulate.client import Api, Mail, Refused
from duyen.simulate.history import past_days
from duyen.simulate.shop import OFFERS, as_catalogue_items
from duyen.simulate.world import (
    Customer,
    Effect,
    Exposure,
    Potential,
    Visit,
    World,
    effect_of,
)

Say = Callable[[str], None]
VISITS_PER_SECOND = 0.6
"""Of the living demo: about four events a second."""
NEW_SHARE = 0.03
MOST_GROWTH = 20
CALLS_A_BATCH = 400
AT_ONCE = 6
MAIL_PAUSE = 5.0
SIMULATED_START = parse_time("2026-01-05T00:00:00+07:00")
HOME, SIDE = "home-hero", "product-side"
_CLICK, _CLICK_BY_MATCH = 0.10, 0.35
_UNKNOWN_MAIL = 0.3


class Shopper:
    """What the simulation remembers of one customer."""

    __slots__ = ("busy", "devices", "known", "logged_in", "mails", "potential", "visits")

    def __init__(self) -> None:
        self.devices: dict[int, tuple[str, str]] = {}
        self.logged_in: set[int] = set()
        self.known = self.busy = False
        self.mails = self.visits = 0
        self.potential = Potential()


class Counts:
    """What has been done so far."""

    def __init__(self) -> None:
        self.visits = self.orders = self.revenue = self.sign_ups = 0
        self.mails = self.opens = self.clicks = self.unsubscribes = self.refused = 0

    def as_data(self) -> dict[str, int]:
        """All counts by name."""
        return dict(vars(self))


class Led(NamedTuple):
    """A visit that a mail's link leads to, with the category the link was of and how well it fits."""

    visit: Visit
    mail: tuple[str, float]


class Outcome(NamedTuple):
    """What a run did, and both potential lives of everybody it met, by user id."""

    counts: dict[str, int]
    lives: dict[str, Potential]

    def effect(self, users: Iterable[str] | None = None) -> Effect:
        """The true effect on these customers (all where none are named): spoken to minus not spoken to."""
        chosen = (
            self.lives
            if users is None
            else {user: self.lives[user] for user in users if user in self.lives}
        )
        return effect_of(chosen.values())

    def as_data(self) -> dict[str, Any]:
        """One JSON object."""
        return {**self.counts, "customers": len(self.lives), "true_effect": self.effect()._asdict()}


class Simulation:
    """The customers of one run; `now` is the simulated instant, None where the wall's clock is used."""

    def __init__(
        self, api: Api, world: World, *, customers: int, say: Say = print, now: Millis | None = None
    ) -> None:
        self.api, self.world, self.customers, self.say, self.now = api, world, customers, say, now
        self.counts = Counts()
        self.shoppers: dict[int, Shopper] = {}
        self._by_email: dict[str, int] = {}
        self._last_mail = ""
        self._run = f"{world.seed}-{int(time.time()):x}" if now is None else f"{world.seed}"
        self._draw = world.rng("run", self._run)
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._complained: set[str] = set()

    @property
    def outcome(self) -> Outcome:
        """What has been done so far, with the potential lives of everybody who was met."""
        lives = {self.world.customer(n).user_id: s.potential for n, s in self.shoppers.items()}
        return Outcome(self.counts.as_data(), lives)

    def shopper(self, number: int) -> Shopper:
        """What is remembered of a customer."""
        found = self.shoppers.get(number)
        if found is None:
            found = self.shoppers[number] = Shopper()
            self._by_email[self.world.customer(number).email] = number
        return found

    # Before the first visit

    async def set_up(self) -> None:
        """Put the starter program and the catalogue, unless they are there: what was changed since stays."""
        if await self.api.knows(f"/v1/placements/{SIDE}"):
            return
        await self.api.put("/v1/settings", starter.settings())
        for kind, id, body in starter.definitions():
            await self.api.put(f"/v1/{kind}/{id}", body)
        await self.api.put("/v1/catalog/items", as_catalogue_items(self.api.base_url))

    async def tell_history(self, days: int, end: Millis) -> int:
        """Send the customers' past, unless the server knows it; returns how many calls were sent."""
        known: dict[int, None] = {}
        for _ in past_days(self.world, self.customers, days, end, known):
            pass
        for number in known:
            self.shopper(number).known = True
        last = next(reversed(known), None)
        if last is not None and await self.api.knows(
            f"/v1/profiles/user_id:{self.world.customer(last).user_id}"
        ):
            return 0
        return await self._send_past(days, end)

    async def _send_past(self, days: int, end: Millis) -> int:
        sent = 0
        for calls in past_days(self.world, self.customers, days, end, {}):
            for start in range(0, len(calls), CALLS_A_BATCH):
                await self.api.tell(calls[start : start + CALLS_A_BATCH])
            sent += len(calls)
        return sent

    # A visit

    async def visit(self, visit: Visit, mail: tuple[str, float] | None = None) -> None:
        """One visit from the first page to the order, met with what the server decides."""
        shopper = self.shopper(visit.customer.number)
        if shopper.busy:
            return
        shopper.busy = True
        try:
            async with self._gate:
                await self._visit(visit, shopper, mail)
        except Refused as refused:
            self._complain(refused)
        finally:
            shopper.busy = False

    async def _visit(self, visit: Visit, shopper: Shopper, mail: tuple[str, float] | None) -> None:
        who, api = visit.customer, self.api
        token, scene = await self._arrive(visit, shopper)
        self.counts.visits += 1
        shopper.visits += 1
        await self._maybe_log_in(visit, shopper, scene)
        offset = await api.say([visited(scene, "/shop")])
        shown = await self._ask(token, [HOME], {}, offset)
        exposure = self._met_with(who, shown, mail)
        await self._pause(1.5)
        draw = random.Random(f"{visit.seed}:clicks")
        calls = [saw(scene, decision) for decision in shown]
        if shown and draw.random() < _CLICK + _CLICK_BY_MATCH * exposure.placed:
            calls.append(saw(scene, shown[0], clicked=True))
        items = self.world.looked_at(visit, exposure)
        offset = await api.say([*calls, looked(scene, items[0])])
        beside = await self._ask(token, [SIDE], {"item": items[0].id}, offset)
        await self._pause(2.0)
        await api.say(
            [saw(scene, one) for one in beside] + [looked(scene, item) for item in items[1:]]
        )
        await self._decide_to_buy(visit, shopper, scene, exposure)

    async def _arrive(self, visit: Visit, shopper: Shopper) -> tuple[str, Scene]:
        """The browser with its visitor token."""
        if visit.device not in shopper.devices:
            shopper.devices[visit.device] = await self.api.visitor()
        token, anonymous = shopper.devices[visit.device]
        stamp = "" if self.now is None else format_time(self.now)
        return token, Scene(f"sim-{self._run}-{visit.key}", anonymous, stamp)

    async def _maybe_log_in(self, visit: Visit, shopper: Shopper, scene: Scene) -> None:
        """A known customer logs in on a browser that does not know them yet, more often than not."""
        if not shopper.known or visit.device in shopper.logged_in:
            return
        if random.Random(f"{visit.seed}:login").random() < 0.7:
            shopper.logged_in.add(visit.device)
            await self.api.tell([who_they_are(scene, visit.customer)])

    async def _ask(
        self, token: str, placements: list[str], context: dict[str, Any], offset: str
    ) -> list[dict[str, Any]]:
        """The decisions for a page; on a simulated clock nothing goes on before the server has caught up."""
        for _ in range(100):
            decisions, stale = await self.api.decide(token, placements, context, offset)
            if not stale or self.now is None:
                break
        return decisions

    def _met_with(
        self, who: Customer, shown: list[dict[str, Any]], mail: tuple[str, float] | None
    ) -> Exposure:
        """What the visit was met with: the offer shown, the mail that brought it."""
        category = next((OFFERS[d["offer"]] for d in shown if d.get("offer") in OFFERS), "")
        placed = who.match(category) if category else 0.0
        if mail is None:
            return Exposure(category, placed)
        return Exposure(category, placed, mail[0], mail[1], by_mail=True)

    async def _decide_to_buy(
        self, visit: Visit, shopper: Shopper, scene: Scene, exposure: Exposure
    ) -> None:
        """Sign up, buy, or leave; both potential outcomes are noted."""
        who = visit.customer
        order = shopper.potential.add(self.world, visit, exposure)
        signs_up = self.world.rng("signs up", visit.key).random() < who.signs_up
        calls: list[dict[str, Any]] = []
        if not shopper.known and (order or signs_up):
            calls += [who_they_are(scene, who), *agreed(scene, who)]
            shopper.known = True
            shopper.logged_in.add(visit.device)
            self.counts.sign_ups += 1
        if order:
            calls.append(bought(scene, who, order, f"S{self._run}-{visit.key}"))
            self.counts.orders += 1
            self.counts.revenue += order.total
        if calls:
            await self.api.tell(calls)

    # Mails

    async def read_mails(self) -> list[Led]:
        """Take what the catcher has caught since; returns the visits that clicks lead to."""
        led: list[Led] = []
        for id, address in await self.api.mails_since(self._last_mail):
            self._last_mail = id
            number = self._by_email.get(address.rpartition("<")[2].rstrip("> ").lower())
            if number is None:
                continue
            try:
                visit = await self._read(self.world.customer(number), id)
            except Refused as refused:
                self._complain(refused)
                continue
            if visit is not None:
                led.append(visit)
        return led

    async def _read(self, who: Customer, id: str) -> Led | None:
        """Leave a mail unread, or open it, and perhaps follow a link or unsubscribe."""
        shopper = self.shopper(who.number)
        shopper.mails += 1
        self.counts.mails += 1
        draw = self.world.rng("mail", who.number, shopper.mails)
        if draw.random() >= who.opens:
            return None
        mail = await self.api.mail(id)
        for link in mail.opens:
            await self.api.follow(link)
        self.counts.opens += 1
        match = self._mail_match(who, mail)
        if mail.unsubscribes and draw.random() < 0.002 + 0.02 * (1 - match) ** 2:
            await self.api.follow(mail.unsubscribes[0], post=True)
            self.counts.unsubscribes += 1
            return None
        if not mail.clicks or draw.random() >= who.clicks * match:
            return None
        target = await self.api.follow(draw.choice(mail.clicks))
        self.counts.clicks += 1
        category = self._category(target)
        visit = self.world.extra_visit(who, f"mail-{self._run}-{shopper.mails}")
        return Led(visit, (category, who.match(category) if category else match))

    def _mail_match(self, who: Customer, mail: Mail) -> float:
        """How well the good that fits best fits, of those a mail names."""
        text = " ".join(mail.text.split())
        matches = (who.match(item.category) for item in self.world.items if item.name in text)
        return max(matches, default=_UNKNOWN_MAIL)

    def _category(self, url: str) -> str:
        """The category that a link of the shop leads to, or nothing."""
        query = parse_qs(urlsplit(url).query)
        item = self.world.by_id.get(query.get("item", [""])[0])
        return item.category if item else ""

    # Two ways of passing time

    async def simulate(self, days: int, tick: Millis = HOUR) -> None:
        """Live through simulated days: each tick moves the server's clock, then people act."""
        start = self.now if self.now is not None else SIMULATED_START
        for day in range(days):
            date = (start + day * DAY) // DAY
            plan = sorted(
                (visit for n in range(self.customers) for visit in self._planned(n, date)),
                key=lambda visit: visit.moment,
            )
            for offset in range(0, DAY, tick):
                self.now = start + day * DAY + offset
                await self.api.set_clock(format_time(self.now))
                led = await self.read_mails()
                begun = [v for v in plan if offset <= v.moment * DAY < offset + tick]
                await asyncio.gather(
                    *(self.visit(visit, mail) for visit, mail in led),
                    *(self.visit(visit) for visit in begun),
                )
        self.now = start + days * DAY
        await self.api.set_clock(format_time(self.now))

    def _planned(self, number: int, date: int) -> list[Visit]:
        """The visits of a date; the days of the past have small numbers of their own."""
        return self.world.visits(self.world.customer(number), 1_000_000 + date)

    async def live(
        self, stop: asyncio.Event, *, visits_per_second: float = VISITS_PER_SECOND
    ) -> None:
        """Visits without end at a steady rate, until told to stop; those under way are finished."""
        going: set[asyncio.Task[None]] = set()
        rates = list(accumulate(self.world.customer(n).rate for n in range(self.customers)))
        most = self.customers * MOST_GROWTH
        mails = asyncio.create_task(self._keep_reading(stop, going))
        count = 0
        while not await _stopped(stop, self._draw.expovariate(visits_per_second)):
            if self._draw.random() < NEW_SHARE and len(rates) < most:
                rates.append(rates[-1] + self.world.customer(len(rates)).rate)
                number = len(rates) - 1
            else:
                number = self._draw.choices(range(len(rates)), cum_weights=rates)[0]
            count += 1
            visit = self.world.extra_visit(self.world.customer(number), f"live-{self._run}-{count}")
            if len(going) < 4 * AT_ONCE:
                self._start(self.visit(visit), going)
        mails.cancel()
        with suppress(asyncio.CancelledError):
            await mails
        if going:
            _, late = await asyncio.wait(going, timeout=10)
            for task in late:
                task.cancel()

    async def _keep_reading(self, stop: asyncio.Event, going: set[asyncio.Task[None]]) -> None:
        while not await _stopped(stop, MAIL_PAUSE):
            try:
                for visit, mail in await self.read_mails():
                    self._start(self._later(visit, mail), going)
            except (Refused, Unavailable) as error:
                self._complain(error)

    async def _later(self, visit: Visit, mail: tuple[str, float]) -> None:
        """Come by some seconds after the click."""
        await self._pause(10.0)
        await self.visit(visit, mail)

    def _start(self, work: Coroutine[Any, Any, None], going: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(self._patiently(work))
        going.add(task)
        task.add_done_callback(going.discard)

    async def _patiently(self, work: Coroutine[Any, Any, None]) -> None:
        """A server that is away for a while ends a visit, not the simulation."""
        try:
            await work
        except Unavailable as error:
            self._complain(error)

    async def _pause(self, mean: float) -> None:
        """Think for a moment, where time is real."""
        if self.now is None:
            await asyncio.sleep(min(mean * 3, self._draw.expovariate(1 / mean)))

    def _complain(self, error: Refused | Unavailable) -> None:
        """Count an answer that refused us; each kind is said once."""
        self.counts.refused += 1
        if error.code not in self._complained:
            self._complained.add(error.code)
            self.say(f"A simulated customer was refused: {error}")


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Wait; True as soon as the stop is asked for."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


def run(
    base_url: str,
    write_key: str,
    secret_key: str,
    *,
    seed: int = 1,
    customers: int = 300,
    days: int | None = None,
    clock: Literal["real", "simulated"] = "real",
    start: Millis = SIMULATED_START,
    history_days: int = 60,
    set_up: bool = True,
    visits_per_second: float = VISITS_PER_SECOND,
    seconds: float | None = None,
    say: Say = print,
) -> Outcome:
    """Run the simulated shop against a running server; see the module's docstring.

    `write_key` is a browser's with the origin `base_url`. clock="simulated" needs a server started with
    DUYEN_CLOCK=simulated, and `days`. clock="real" runs until SIGTERM or SIGINT, or for `seconds`.
    """
    if clock == "simulated" and days is None:
        raise ValueError("a simulated clock needs a number of days")
    return asyncio.run(
        _run(
            Api(base_url, write_key, secret_key),
            World(seed),
            customers=customers,
            days=days if clock == "simulated" else None,
            start=start if clock == "simulated" else None,
            history_days=history_days,
            set_up=set_up,
            visits_per_second=visits_per_second,
            seconds=seconds,
            say=say,
        )
    )


async def _run(
    api: Api,
    world: World,
    *,
    customers: int,
    days: int | None,
    start: Millis | None,
    history_days: int,
    set_up: bool,
    visits_per_second: float,
    seconds: float | None,
    say: Say,
) -> Outcome:
    simulation = Simulation(api, world, customers=customers, say=say, now=start)
    stop = _stop_on_signals(seconds)
    try:
        if start is not None:
            await api.set_clock(format_time(start))
        if set_up:
            await simulation.set_up()
        now = start if start is not None else time.time_ns() // 1_000_000
        sent = await simulation.tell_history(history_days, now)
        say(
            f"{customers} simulated customers with {history_days} days of history ({sent} calls sent)."
        )
        if days is None:
            await simulation.live(stop, visits_per_second=visits_per_second)
        else:
            await simulation.simulate(days)
    finally:
        await api.close()
    return simulation.outcome


def _stop_on_signals(seconds: float | None) -> asyncio.Event:
    """An event that SIGTERM, SIGINT or the end of the time sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    return stop
