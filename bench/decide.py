"""How long a decision takes, and what it earns.

    python -m bench.decide [REQUESTS]

A request asks for three placements, each with the same 1,000 offers: 60 distinct rules, caps, items with stock. Every
150 requests (half a second at 300 a second) the counters have changed. Baseline of the same run: plain epsilon-greedy
over the same offers, one after the other. What is earned is clicks x value over a simulated day with known rates.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.figures import Figure
from duyen.decide import Scored, Truths, choose, item_problem, prepare
from duyen.decide.policy import Arms, FloatArray
from duyen.decide.thompson import Thompson
from duyen.model.catalogue import Item, Offer, Placement
from duyen.model.decision import Decision
from duyen.model.log import encode_entry
from duyen.model.person import Person, Trait
from duyen.model.program import Program, Segment, WorkspaceSettings
from duyen.model.rule import All, InSegment, Rule, Test, TraitIs
from duyen.rules import evaluate, inline

REQUESTS = 3_000
OFFERS = 1_000
PLACEMENTS = ("hero", "aside", "cart")
EPSILON = 0.1
NOW = 1_750_000_000_000
CITIES = ("Hà Nội", "Huế", "Đà Nẵng", "Cần Thơ", "Hải Phòng", "TP. Hồ Chí Minh")


class View:
    """Counters and items in memory, as a door has them."""

    code_version = "bench"

    def __init__(self, program: Program, chance: random.Random) -> None:
        self.counters_version = 0
        self.items_version = 0
        self.items = {f"i{n}": Item(f"i{n}", f"Item {n}", stock=n % 9) for n in range(300)}
        self.counters: dict[str, dict[str, int]] = {}
        for place in PLACEMENTS:
            for id in program.offers:
                views = chance.randrange(3_000)
                successes = sum(chance.random() < 0.03 for _ in range(views // 10))
                self.counters[f"arm:{place}:{id}"] = {"views": views, "successes": successes}

    def learn(self, chance: random.Random) -> None:
        """Half a second of views and clicks."""
        for name in chance.sample(sorted(self.counters), 400):
            self.counters[name]["views"] += 1
            self.counters[name]["successes"] += chance.random() < 0.03
        self.counters_version += 1

    def counter(self, name: str, /) -> Mapping[str, int]:
        return self.counters.get(name, {})

    def item(self, id: str, /) -> Item | None:
        return self.items.get(id)

    def snapshot(self, recommender: str, /) -> str:
        return ""

    def recommend(
        self, recommender: str, /, seeds: Sequence[str], exclude: frozenset[str], limit: int
    ) -> Sequence[Scored]:
        return ()


def make_program(chance: random.Random) -> Program:
    """A thousand offers at three placements."""
    segments = {f"s{n}": Segment(f"s{n}", f"S{n}", _rule(chance)) for n in range(40)}  # a rule each
    rules: list[Rule] = [
        All(()),
        *(InSegment(id) for id in segments),
        *(_rule(chance) for _ in "a" * 20),
    ]
    offers = {}
    for n in range(OFFERS):
        offers[f"o{n:03}"] = Offer(
            f"o{n:03}",
            f"Offer {n}",
            PLACEMENTS,
            {"title": f"Offer {n}", "url": f"https://shop.test/{n}"},
            eligible=chance.choice(rules),
            value=chance.choice(["1", "1", "2.5"]),
            item=f"i{chance.randrange(300)}" if n % 3 == 0 else "",
            cap=3 if n % 4 == 0 else None,
        )
    places = {id: Placement(id) for id in PLACEMENTS}
    settings = WorkspaceSettings(hold_out=0.0)
    return Program(1, segments=segments, offers=offers, placements=places, settings=settings)


def _rule(chance: random.Random) -> Rule:
    city = TraitIs("city", Test("in", tuple(chance.sample(CITIES, 4))))
    age = TraitIs("age", Test(chance.choice(("gte", "lt")), chance.randrange(18, 70)))
    return chance.choice((city, age, All((city, age))))


def make_person(chance: random.Random, n: int) -> Person:
    """Somebody with two traits who has seen some offers too often."""
    traits = {
        "city": Trait(chance.choice(CITIES), NOW, "e"),
        "age": Trait(chance.randrange(16, 80), NOW, "e"),
    }
    shown = {f"o{chance.randrange(OFFERS):03}": [NOW - 5, NOW - 9, NOW - 99] for _ in range(12)}
    return Person(f"p{n}", traits=traits, shown=shown)


def decide(program: Program, view: View, person: Person, chance: random.Random) -> list[Decision]:
    """What the door does for one request, without HTTP and log."""
    truths = Truths(person, NOW)
    return [
        choose(place, person, ("user_id", person.id), program, view, NOW, chance, truths=truths)
        for place in program.placements.values()
    ]


class EpsilonGreedy:
    """The plain way: look at each offer in turn, take the best rate, now and then any."""

    def __init__(self, program: Program) -> None:
        rules = {id: segment.rule for id, segment in program.segments.items()}
        self.offers = [(o, inline(o.eligible, rules)) for o in program.offers.values()]

    def decide(
        self, program: Program, view: View, person: Person, chance: random.Random
    ) -> list[str]:
        """One offer for each placement."""
        return [self.choose(place, view, person, chance) for place in program.placements]

    def choose(self, place: str, view: View, person: Person, chance: random.Random) -> str:
        """One offer for one placement."""
        scores = {}
        for offer, rule in self.offers:
            if offer.cap is not None and len(person.shown.get(offer.id, ())) >= offer.cap:
                continue
            if offer.item and item_problem(view.item(offer.item)):
                continue
            if not evaluate(rule, person, NOW).truth:
                continue
            counts = view.counter(f"arm:{place}:{offer.id}")
            scores[offer.id] = (
                float(offer.value) * (counts["successes"] + 1) / (counts["views"] + 2)
            )
        if chance.random() < EPSILON:
            return chance.choice(sorted(scores))
        return max(scores, key=lambda id: scores[id])


def latencies(
    work: Callable[[Person], object],
    view: View,
    people: list[Person],
    requests: int,
    learned: Callable[[], None] = lambda: None,
) -> tuple[FloatArray, float]:
    """Milliseconds of each request, and of processor time on average; the counters change every 150 of them.

    What is `learned` from them is worked out by another thread of a door, beside its requests.
    """
    chance, took, processor = random.Random(5), [], 0.0
    for n in range(requests):
        if n % 150 == 0:
            view.learn(chance)
            learned()
        start, begun = time.perf_counter(), time.process_time()
        work(people[n % len(people)])
        processor += time.process_time() - begun
        took.append((time.perf_counter() - start) * 1_000)
    return np.array(took[requests // 10 :]), processor * 1_000 / requests


def earned(greedy: bool, seed: int, rounds: int = 400, batch: int = 500) -> float:
    """Mean value per view over a simulated day: 200,000 views of 1,000 new offers whose true rates are known."""
    rng = np.random.default_rng(seed)
    rates, values = rng.beta(2, 60, OFFERS), rng.choice([1.0, 1.0, 2.5], OFFERS)
    views, successes, total = np.zeros(OFFERS), np.zeros(OFFERS), 0.0
    everyone, policy = np.ones(OFFERS, np.bool_), Thompson()
    for _ in range(rounds):
        if greedy:
            best = int(np.argmax(values * (successes + 1) / (views + 2)))
            chances = np.full(OFFERS, EPSILON / OFFERS)
            chances[best] += 1 - EPSILON
        else:
            arms = Arms(views.copy(), successes.copy(), values)
            chances = policy.weigh(arms, everyone).propensities
        shown = rng.multinomial(batch, chances / chances.sum())
        won = rng.binomial(shown, rates)
        views += shown
        successes += won
        total += float(won @ values)
    return total / (rounds * batch)


def measure(requests: int = REQUESTS) -> list[dict[str, Any]]:
    """The rows of the table."""
    chance = random.Random(1)
    program = make_program(chance)
    people = [make_person(chance, n) for n in range(2_000)]
    view, plain = View(program, chance), EpsilonGreedy(program)
    rng = random.Random(2)
    digests: list[float] = []

    def digest() -> None:
        begun = time.process_time()
        prepare(program, view)
        digests.append((time.process_time() - begun) * 1_000)

    ours, processor = latencies(
        lambda who: decide(program, view, who, rng), view, people, requests, digest
    )
    theirs, plain_processor = latencies(
        lambda who: plain.decide(program, view, who, rng), view, people, max(200, requests // 10)
    )
    sizes = [len(encode_entry(d)) for who in people[:100] for d in decide(program, view, who, rng)]
    thompson = [earned(False, seed) for seed in range(3)]
    greedy = [earned(True, seed) for seed in range(3)]
    return [
        {
            "name": f"decide: {OFFERS:,} offers, {len(PLACEMENTS)} placements, one request",
            "milliseconds": round(float(np.median(ours)), 2),
            "p99_milliseconds": round(float(np.percentile(ours, 99)), 2),
            "processor_milliseconds": round(processor, 2),
            "baseline": "plain epsilon-greedy, offer by offer",
            "baseline_milliseconds": round(float(np.median(theirs)), 2),
            "baseline_p99_milliseconds": round(float(np.percentile(theirs, 99)), 2),
            "baseline_processor_milliseconds": round(plain_processor, 2),
            "logged_bytes": round(float(np.mean(sizes))),
            "digest_milliseconds": round(float(np.median(digests)), 2),
        },
        {
            "name": "decide: value per view, 200,000 views of 1,000 new offers (simulated)",
            "value": round(float(np.mean(thompson)), 4),
            "baseline": f"epsilon-greedy, epsilon {EPSILON}",
            "baseline_value": round(float(np.mean(greedy)), 4),
        },
    ]


def run() -> list[Figure]:
    """In process: time of the processor, which other work on the machine does not blur; and what is earned."""
    asked, earned_ = measure()
    return [
        Figure(
            f"{asked['name']}, processor",
            asked["processor_milliseconds"],
            "ms",
            asked["baseline_processor_milliseconds"],
            asked["baseline"],
        ),
        Figure(
            "decide: counters that changed, digested for 3 placements beside the requests, processor",
            asked["digest_milliseconds"],
            "ms",
            None,
            "twice a second at most, by a thread of its own",
        ),
        Figure(
            earned_["name"],
            earned_["value"],
            "value",
            earned_["baseline_value"],
            earned_["baseline"],
        ),
    ]


def main(requests: int) -> None:
    """Print the table."""
    for row in measure(requests):
        print("  ".join(f"{name}: {value}" for name, value in row.items()))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS)
