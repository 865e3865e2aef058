"""The world: customers with tastes, prices and hours, and what being spoken to changes for each of them.

Everything follows from a seed. The truth is stated, so that an estimate can be held against it:

    a visit      happens by itself: Poisson, `rate` a day, around the customer's `hour`
    match        of a category = its share of the customer's taste / the largest share, in (0, 1]
    p plain      `base`, the probability of an order in a visit to the plain shop (what a held-out person sees)
    p spoken to  base * (1 + responds * (PLACED * match of what was shown + MAILED * match of the mail))
    responds     0 for UNMOVED of the customers, -0.3 for ANNOYED of them, else uniform in 0.5 to 1.5
    a mail       acts only by being opened (`opens`) and clicked (`clicks` * match of what fits best in it):
                 one more visit, met with the category of the link that was followed
    an order     that would have happened anyway has the same basket as without us; one that was caused
                 is of the promoted category

Both potential outcomes of a visit use the same random numbers (`Visit.luck`, `Visit.seed`), so that
"all treated minus all held out" is computed, not estimated.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from duyen.model.values import fold
from duyen.simulate.shop import CATEGORY_IDS, OFFERS, Item, catalogue

PLACED = 0.8
MAILED = 0.8
UNMOVED = 0.20
ANNOYED = 0.05
COMPANION = 0.35
"""Probability that what goes with the first good is bought too."""
SECOND = 0.25
"""Probability of taking two."""
DIMENSIONS = 4
THRIFT_UNIT = 400_000

_SURNAMES = (
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Phan",
    "Vũ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
)
_MIDDLE = ("Thị", "Văn", "Minh", "Thị Ánh", "Đức", "Ngọc", "Quang", "Thanh", "Thu", "Hữu")
_GIVEN = (
    "Tuyết", "Hương", "Nam", "Lan", "Dũng", "Mai", "Phượng", "Quỳnh", "Sơn", "Trang", "Việt", "Yến",
    "Bình", "Châu", "Hải", "Khánh", "Long", "Nhung", "Oanh", "Phúc", "Thảo", "Tùng", "Vân", "Xuân",
)  # fmt: skip
_CITIES = (
    ("Thành phố Hồ Chí Minh", 30), ("Hà Nội", 28), ("Đà Nẵng", 12), ("Cần Thơ", 9), ("Hải Phòng", 9),
    ("Huế", 6), ("Đà Lạt", 6),
)  # fmt: skip


class Customer(NamedTuple):
    """One simulated person; nothing of `base` to `agrees` is ever told to the server."""

    number: int
    user_id: str
    name: str
    email: str
    city: str
    rate: float
    hour: float
    base: float
    taste: tuple[float, ...]
    thrift: float
    responds: float
    opens: float
    clicks: float
    signs_up: float
    agrees: bool
    devices: int
    language: str

    def match(self, category: str) -> float:
        """How well a category fits, 1 for the favourite one."""
        return self.taste[_PLACE[category]] / max(self.taste)


class Exposure(NamedTuple):
    """What a visit was met with: category and match of what was shown, and of the mail that caused it."""

    shown: str = ""
    placed: float = 0.0
    mail: str = ""
    mailed: float = 0.0
    by_mail: bool = False


PLAIN = Exposure()


class Visit(NamedTuple):
    """One visit: when in the day (0 to 1, local), on which device, and the luck it comes with."""

    customer: Customer
    key: str
    moment: float
    device: int
    luck: float
    seed: str


class Line(NamedTuple):
    """A line of an order."""

    item: Item
    quantity: int


class Order(NamedTuple):
    """What is bought in one visit."""

    lines: tuple[Line, ...]

    @property
    def total(self) -> int:
        """In whole đồng."""
        return sum(line.item.price * line.quantity for line in self.lines)


class Policy(NamedTuple):
    """A way of speaking to people, for computing its truth: how likely it shows each category, and mails a day."""

    weights: Callable[[Customer], dict[str, float]]
    mails: float = 0.0


def uniform(customer: Customer) -> dict[str, float]:
    """Every offer equally often."""
    return {category: 1 / len(OFFERS) for category in OFFERS.values()}


def best(customer: Customer) -> dict[str, float]:
    """Always the offer that fits best."""
    return {max(OFFERS.values(), key=customer.match): 1.0}


class Effect(NamedTuple):
    """All treated minus all held out, per customer: share who ever ordered, orders, revenue in đồng."""

    customers: int
    conversion: float
    orders: float
    revenue: float
    held_conversion: float
    held_revenue: float


class World:
    """The shop's customers. The same seed gives the same people, visits and luck."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.items = catalogue()
        self.by_id = {item.id: item for item in self.items}
        fashion = random.Random(f"{seed}:appeal")
        self._appeal = {item.id: math.exp(fashion.gauss(0, 0.6)) for item in self.items}
        self._axes = [[fashion.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in CATEGORY_IDS]
        self._shelf = lru_cache(maxsize=2_000)(self._make_shelf)
        self.customer = lru_cache(maxsize=20_000)(self._make_customer)

    def rng(self, *keys: object) -> random.Random:
        """Random numbers that belong to something."""
        return random.Random(":".join(map(str, (self.seed, *keys))))

    # People

    def _make_customer(self, index: int) -> Customer:
        draw = self.rng("customer", index)
        inner = [draw.gauss(0, 1) for _ in range(DIMENSIONS)]
        pulls = [
            math.exp(0.9 * sum(a * b for a, b in zip(inner, axis, strict=True)))
            for axis in self._axes
        ]
        taste = tuple(pull / sum(pulls) for pull in pulls)
        name = f"{draw.choice(_SURNAMES)} {draw.choice(_MIDDLE)} {draw.choice(_GIVEN)}"
        parts = fold(name).split()
        kind = draw.random()
        moved = (
            0.0 if kind < UNMOVED else -0.3 if kind < UNMOVED + ANNOYED else draw.uniform(0.5, 1.5)
        )
        return Customer(
            number=index,
            user_id=f"demo-{self.seed}-{index:05d}",
            name=name,
            email=f"{parts[-1]}.{parts[0]}.{self.seed}.{index}@example.test",
            city=_drawn(draw, _CITIES),
            rate=min(1.5, draw.lognormvariate(-1.6, 0.6)),
            hour=draw.choice((8.0, 12.0, 15.0, 20.0, 21.5)) + draw.uniform(-1, 1),
            base=draw.uniform(0.04, 0.14),
            taste=taste,
            thrift=draw.uniform(0.2, 1.5),
            responds=moved,
            opens=draw.betavariate(4, 4),
            clicks=draw.uniform(0.3, 0.8),
            signs_up=draw.uniform(0.1, 0.5),
            agrees=draw.random() < 0.85,
            devices=1 + (draw.random() < 0.35),
            language="en" if draw.random() < 0.08 else "vi",
        )

    def visits(self, customer: Customer, day: int) -> list[Visit]:
        """The visits that happen by themselves on one day, in order of time."""
        draw = self.rng("day", customer.number, day)
        count = poisson(draw, customer.rate)
        moments = sorted((customer.hour + draw.gauss(0, 1.5)) % 24 / 24 for _ in range(count))
        return [
            self._visit(customer, f"{customer.number}-{day}-{number}", moment, draw)
            for number, moment in enumerate(moments)
        ]

    def extra_visit(self, customer: Customer, key: str, moment: float = 0.5) -> Visit:
        """A visit that is not of a day's plan: one caused by a mail, or one of the living demo."""
        full = f"{customer.number}-{key}"
        return self._visit(customer, full, moment, self.rng("visit", full))

    def _visit(self, customer: Customer, key: str, moment: float, draw: random.Random) -> Visit:
        device = draw.randrange(customer.devices)
        return Visit(customer, key, moment, device, draw.random(), f"{self.seed}:basket:{key}")

    # What happens in a visit

    def probability(self, customer: Customer, exposure: Exposure) -> float:
        """The probability of an order in a visit that was met with this."""
        moved = PLACED * exposure.placed + MAILED * exposure.mailed
        return min(1.0, max(0.0, customer.base * (1 + customer.responds * moved)))

    def order(self, visit: Visit, exposure: Exposure) -> Order | None:
        """What is bought in this visit as it was met, or nothing."""
        own = not exposure.by_mail and visit.luck < visit.customer.base
        if visit.luck >= self.probability(visit.customer, exposure):
            return None
        promoted = "" if own else exposure.mail or exposure.shown
        return self._basket(visit, promoted)

    def plain_order(self, visit: Visit, exposure: Exposure = PLAIN) -> Order | None:
        """What the same visit would have brought had nobody spoken: a visit by mail would not have been."""
        return None if exposure.by_mail else self.order(visit, PLAIN)

    def looked_at(self, visit: Visit, exposure: Exposure = PLAIN) -> list[Item]:
        """The goods looked at in a visit: of one's taste, the first one perhaps of what was shown."""
        draw = random.Random(f"{visit.seed}:looks")
        count = 1 + poisson(draw, 1.2)
        shown = exposure.mail or exposure.shown
        lured = bool(shown) and draw.random() < 0.5 * max(exposure.placed, exposure.mailed)
        return [
            self._pick(visit.customer, shown if lured and n == 0 else "", draw.random())
            for n in range(count)
        ]

    def _basket(self, visit: Visit, category: str) -> Order:
        draw = random.Random(visit.seed)
        first = self._pick(visit.customer, category, draw.random())
        lines = [Line(first, 1 + (draw.random() < SECOND))]
        if draw.random() < COMPANION:
            lines.append(Line(self.by_id[first.goes_with], 1))
        return Order(tuple(lines))

    def _pick(self, customer: Customer, category: str, luck: float) -> Item:
        items, sums = self._shelf(customer.number, category)
        return items[min(bisect(sums, luck * sums[-1]), len(items) - 1)]

    def _make_shelf(self, index: int, category: str) -> tuple[list[Item], list[float]]:
        """The goods of a category ("" = all) with the running sums of how much a customer wants each."""
        customer = self.customer(index)
        items = [item for item in self.items if category in ("", item.category)]
        wants = (
            customer.taste[_PLACE[item.category]]
            * self._appeal[item.id]
            * math.exp(-customer.thrift * item.price / THRIFT_UNIT)
            for item in items
        )
        return items, list(accumulate(wants))

    def basket_value(self, customer: Customer, category: str = "") -> float:
        """The expected total of an order, of all goods or of a promoted category."""
        items, sums = self._shelf(customer.number, category)
        value, before = 0.0, 0.0
        for item, total in zip(items, sums, strict=True):
            companion = COMPANION * self.by_id[item.goes_with].price
            value += (total - before) / sums[-1] * ((1 + SECOND) * item.price + companion)
            before = total
        return value

    # The truth

    def truth(
        self, customers: Iterable[int], days: int, policy: Policy, replication: int = 0
    ) -> Effect:
        """All treated minus all held out under common random numbers, over these customers and days."""
        pairs = [
            self._lived(self.customer(index), days, policy, replication) for index in customers
        ]
        return effect_of(pairs)

    def _lived(self, customer: Customer, days: int, policy: Policy, replication: int) -> Potential:
        draw = self.rng("policy", replication, customer.number)
        weights = list(policy.weights(customer).items())
        potential = Potential()
        for day in range(days):
            for visit in self.visits(customer, replication * 10_000 + day):
                potential.add(self, visit, _shown(customer, _drawn(draw, weights)))
            for number in range(poisson(draw, policy.mails)):
                mail = _drawn(draw, weights)
                match = customer.match(mail)
                if draw.random() < customer.opens * customer.clicks * match:
                    shown = _shown(customer, _drawn(draw, weights))
                    exposure = shown._replace(mail=mail, mailed=match, by_mail=True)
                    key = f"mail-{replication}-{day}-{number}"
                    potential.add(self, self.extra_visit(customer, key), exposure)
        return potential

    def expected(self, customers: Iterable[int], days: int, policy: Policy) -> Effect:
        """The same by formula: the expectation of `truth` over all luck."""
        rows = [self._expected(self.customer(index), days, policy) for index in customers]
        count = len(rows)
        sums = [sum(column) / count for column in zip(*rows, strict=True)]
        conversion, orders, revenue, held_conversion, held_revenue = sums
        return Effect(count, conversion, orders, revenue, held_conversion, held_revenue)

    def _expected(
        self, who: Customer, days: int, policy: Policy
    ) -> tuple[float, float, float, float, float]:
        weights = policy.weights(who)
        match = sum(share * who.match(category) for category, share in weights.items())
        visits, worth = who.rate * days, self.basket_value(who)
        held = visits * who.base
        placed = held * who.responds * PLACED
        caused = [(c, share * who.match(c)) for c, share in weights.items()]
        revenue = sum(
            placed * part * (self.basket_value(who, c) if placed > 0 else worth)
            for c, part in caused
        )
        mails = policy.mails * days * who.opens * who.clicks
        by_mail = [
            (c, mails * part * self._by_mail(who, match, who.match(c))) for c, part in caused
        ]
        revenue += sum(orders * self.basket_value(who, c) for c, orders in by_mail)
        treated = held + placed * match + sum(orders for _, orders in by_mail)
        conversion = math.exp(-held) - math.exp(-treated)
        return conversion, treated - held, revenue, 1 - math.exp(-held), held * worth

    def _by_mail(self, who: Customer, placed: float, mailed: float) -> float:
        return self.probability(who, Exposure("", placed, "", mailed, by_mail=True))


class Potential:
    """Both lives of one customer: as they were spoken to, and as they would have been without."""

    __slots__ = ("held_orders", "held_revenue", "treated_orders", "treated_revenue", "visits")

    def __init__(self) -> None:
        self.visits = 0
        self.treated_orders = self.held_orders = 0
        self.treated_revenue = self.held_revenue = 0

    def add(self, world: World, visit: Visit, exposure: Exposure) -> Order | None:
        """Live one visit in both worlds; gives what was bought in the one where we spoke."""
        self.visits += 1
        order, plain = world.order(visit, exposure), world.plain_order(visit, exposure)
        if order:
            self.treated_orders += 1
            self.treated_revenue += order.total
        if plain:
            self.held_orders += 1
            self.held_revenue += plain.total
        return order


def effect_of(pairs: Iterable[Potential]) -> Effect:
    """The effect over some customers, both lives of each being known."""
    lives = list(pairs)
    count = max(1, len(lives))
    held = sum(one.held_orders > 0 for one in lives)
    return Effect(
        customers=len(lives),
        conversion=(sum(one.treated_orders > 0 for one in lives) - held) / count,
        orders=sum(one.treated_orders - one.held_orders for one in lives) / count,
        revenue=sum(one.treated_revenue - one.held_revenue for one in lives) / count,
        held_conversion=held / count,
        held_revenue=sum(one.held_revenue for one in lives) / count,
    )


def poisson(draw: random.Random, mean: float) -> int:
    """A Poisson number (Knuth's product of uniforms; for small means)."""
    limit, product, count = math.exp(-mean), draw.random(), 0
    while product > limit:
        product *= draw.random()
        count += 1
    return count


def _shown(customer: Customer, category: str) -> Exposure:
    return Exposure(category, customer.match(category))


def _drawn(draw: random.Random, weighted: Iterable[tuple[str, float]]) -> str:
    pairs = list(weighted)
    luck = draw.random() * sum(weight for _, weight in pairs)
    for name, weight in pairs:
        luck -= weight
        if luck < 0:
            return name
    return pairs[-1][0]


_PLACE = {category: place for place, category in enumerate(CATEGORY_IDS)}
