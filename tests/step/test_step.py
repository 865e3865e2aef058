"""The step as a whole: stories of one customer, and a batch that says the same as one at a time."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from duyen.journeys.parse import parse_journey
from duyen.model.effect import Add, Cancel, Enqueue
from duyen.model.event import Event
from duyen.model.happening import Due, Happened, Happening, Nudged
from duyen.model.message import Message
from duyen.model.person import Person
from duyen.model.program import Program, Segment
from duyen.model.times import DAY, HOUR
from duyen.rules import parse_rule
from duyen.step import Plan, Work, step, step_batch
from duyen.testing.story import LENIENT, PLAIN, Story

HELLO = Message("hello", "Hello", "Xin chào", PLAIN)
FOND = {"did": "Order Completed", "at_least": 2, "within": "90d"}
QUIET = {"all": [FOND, {"did_not": "Order Completed", "within": "30d"}]}


def test_membership_ends_by_itself_at_its_instant() -> None:
    story = Story(segments={"fond": FOND})
    story.event("Order Completed").passes("1d").event("Order Completed")
    assert story.segments == {"fond"}
    story.passes("89d")
    assert story.segments == set()


def test_quiet_customers_are_noticed_by_the_passing_of_time_alone() -> None:
    story = Story(
        segments={"quiet": QUIET},
        journeys={"win-back": {"entry": {"segment": "quiet"}, "steps": [{"send": "hello"}]}},
        messages={"hello": HELLO},
    )
    story.identify(email="lan@example.test").consents()
    story.event("Order Completed").passes("2d").event("Order Completed").passes("29d")
    assert story.contacts == []
    story.passes("1d")
    assert story.segments == {"quiet"}
    assert story.contacts == ["hello"]


def test_late_events_correct_knowledge_but_start_nothing_twice() -> None:
    story = Story(
        segments={"fond": FOND},
        journeys={
            "thanks": {
                "entry": {"event": "Order Completed"},
                "steps": [{"send": "hello"}],
                "reentry": "always",
            }
        },
        messages={"hello": HELLO},
    )
    story.identify(email="lan@example.test").consents()
    story.event("Order Completed", id="o1").event("Order Completed", id="o1")
    assert story.contacts == ["hello"]
    late = story.person.recent[-1]
    older = msgspec.structs.replace(late, id="o0")
    story.step(Happened(older, reacts=False))
    assert story.segments == {"fond"}
    assert story.contacts == ["hello"]


def test_a_refusal_takes_the_waiting_contact_back() -> None:
    story = Story(
        journeys={"hi": {"entry": {"event": "Signed Up"}, "steps": [{"send": "hello"}]}},
        messages={"hello": HELLO},
    )
    story.identify(email="lan@example.test").consents().event("Signed Up")
    story.consents(state="denied")
    assert [type(e) for e in story.effects if isinstance(e, Enqueue | Cancel)] == [Enqueue, Cancel]
    assert story.person.ledger[-1].state == "cancelled"


def test_a_held_out_customer_walks_the_journey_unspoken_to_and_is_counted() -> None:
    settings = msgspec.structs.replace(LENIENT, hold_out=0.5)
    arms = set()
    for n in range(12):
        story = Story(
            journeys={"hi": {"entry": {"event": "Signed Up"}, "steps": [{"send": "hello"}]}},
            messages={"hello": HELLO},
            settings=msgspec.structs.replace(settings, hold_out_salt=f"salt{n}"),
        )
        story.identify(email="lan@example.test").consents().event("Signed Up").passes("1h")
        story.event("Order Completed", total="250000", currency="VND")
        arm = story.person.cells["global"].arm
        arms.add(arm)
        assert (story.contacts == ["hello"]) == (arm == "treated")
        assert story.refusals == ([] if arm == "treated" else ["hold_out"])
        added = [
            e.amounts
            for e in story.effects
            if isinstance(e, Add) and e.counter == f"effect:global:{arm}"
        ]
        assert added[0] == {"n": 1}
        assert added[1]["orders"] == 1
    assert arms == {"treated", "held_out"}


def test_time_brings_people_in_whatever_the_occasion() -> None:
    story = Story(
        segments={"quiet": QUIET},
        journeys={"win-back": {"entry": {"segment": "quiet"}, "steps": [{"send": "hello"}]}},
        messages={"hello": HELLO},
    )
    story.identify(email="lan@example.test").consents()
    story.event("Order Completed").passes("1h").event("Order Completed", id="again")
    story.now += 31 * DAY
    story.event("Order Completed", id="again")  # a duplicate, and the timer still queues
    assert story.contacts == ["hello"]


SEGMENTS = {
    "fond": FOND,
    "quiet": QUIET,
    "big": {"sum": "Order Completed", "of": "total", "within": "7d", "gte": "100"},
    "hanoi": {"trait": "city", "is": "Hà Nội"},
}
PLAN = Plan(
    Program(
        segments={id: Segment(id, id, parse_rule(raw)) for id, raw in SEGMENTS.items()},
        journeys={
            "thanks": parse_journey(
                {
                    "id": "thanks",
                    "name": "Thanks",
                    "entry": {"event": "Order Completed"},
                    "steps": [{"wait": "1h"}, {"send": "hello"}],
                    "reentry": "always",
                }
            )
        },
        messages={"hello": HELLO},
        message_versions={"hello": 1},
        settings=LENIENT,
    )
)
NOW = 1_790_000_000_000


@st.composite
def happenings(draw: st.DrawFn) -> list[Happening]:
    told: list[Happening] = []
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(["order", "view", "city", "due", "nudge"]))
        if kind == "due":
            told.append(Due())
        elif kind == "nudge":
            told.append(Nudged("program"))
        else:
            time = NOW - draw(st.integers(0, 100)) * DAY // 7
            name = {"order": "Order Completed", "view": "Product Viewed", "city": "Identified"}[
                kind
            ]
            traits = {"city": draw(st.sampled_from(["Hà Nội", "Huế"]))} if kind == "city" else {}
            total = {"total": str(draw(st.integers(0, 120)))} if kind == "order" else {}
            id = f"e{draw(st.integers(0, 6))}"
            ids = (("email", "lan@example.test"),)
            told.append(
                Happened(
                    Event(id, "track", name, time, time, "s", True, ids, total, traits, {}),
                    draw(st.booleans()),
                )
            )
    return told


@given(st.lists(happenings(), max_size=6))
def test_a_batch_says_what_one_at_a_time_says(lives: list[list[Happening]]) -> None:
    batch = [Work(Person(f"p{n}"), list(life)) for n, life in enumerate(lives)]
    step_batch(batch, PLAN, NOW)
    alone = [Work(Person(f"p{n}"), list(life)) for n, life in enumerate(lives)]
    for work in alone:
        step_batch([work], PLAN, NOW)
    for one, other in zip(batch, alone, strict=True):
        assert msgspec.msgpack.encode(one.person) == msgspec.msgpack.encode(other.person)
        assert (one.standing, one.wake, one.effects) == (other.standing, other.wake, other.effects)


@given(happenings())
def test_the_timer_is_where_time_alone_changes_something(life: list[Happening]) -> None:
    work = Work(Person("p"), life)
    step_batch([work], PLAN, NOW)
    if work.wake > NOW + HOUR:
        later = Work(work.person, [], dict(work.standing))
        step_batch([later], PLAN, work.wake - 1)
        assert set(later.standing) == set(work.standing)


def test_step_is_the_batch_of_one() -> None:
    event = Event(
        "e", "track", "Order Completed", NOW, NOW, "s", True, (("user_id", "u"),), {}, {}, {}
    )
    person, effects = step(Person("p"), Happened(event), PLAN, NOW)
    assert person.events == 1
    assert effects


@given(st.permutations(range(3)))
def test_of_one_id_told_three_ways_at_once_the_earliest_counts(order: list[int]) -> None:
    """Whichever comes first in the batch."""
    told = [
        Happened(Event("same", "track", "Visit", t, NOW, "s", True, (), {"n": t}, {}, {}))
        for t in (NOW - 2, NOW - 1, NOW)
    ]
    work = Work(Person("p"), [told[n] for n in order])
    step_batch([work], Plan(Program()), NOW)
    assert [e.properties for e in work.person.recent] == [{"n": NOW - 2}]
    assert work.kept == [told[0].event]
