"""Stories of machines that read mails before people do: what they do counts for nothing, also in hindsight."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import msgspec
import pytest

from duyen.measure import get_large, message_counter
from duyen.model.effect import Add
from duyen.model.event import EMAIL_LINK_CLICKED, EMAIL_OPENED, Event, Quality
from duyen.model.happening import Happened, Nudged
from duyen.model.person import Contact, Pending
from duyen.model.times import HOUR, SECOND
from duyen.profiles import whole_history
from duyen.step import Plan, Work, step_batch
from duyen.testing.story import Story

SEGMENTS = {
    "clicked": {"did": "Email Link Clicked"},
    "any_clicked": {"did": "Email Link Clicked", "quality": "any"},
}
CLICKS = {
    "thanks": {
        "entry": {"event": "Email Link Clicked"},
        "reentry": "always",
        "steps": [{"wait": "1d"}],
    }
}


def told(name: str, id: str, at: int, quality: Quality = "", **properties: Any) -> Happened:
    return Happened(
        Event(id, "track", name, at, at, "email", True, (), properties, {}, {}, False, quality)
    )


def click(
    story: Story, id: str, after: int, url: str, key: str = "k1", quality: Quality = ""
) -> Happened:
    return told(EMAIL_LINK_CLICKED, id, story.now + after, quality, key=key, url=url)


def mailed(**more: Any) -> Story:
    """Somebody to whom two mails went out."""
    story = Story(segments=SEGMENTS, **more)
    for key, message in (("k1", "spring"), ("k0", "winter")):
        line = Contact(
            key, story.now, "email", "marketing", message, "default", "journey:j", "sent"
        )
        story.person.ledger.append(line)
    return story


def counted(story: Story, message: str = "spring") -> dict[str, int]:
    """The message's counter, without what is 0."""
    sums: dict[str, int] = {}
    for effect in story.effects:
        if isinstance(effect, Add) and effect.counter == message_counter(message):
            for field, amount in effect.amounts.items():
                sums[field] = sums.get(field, 0) + amount
    return {field: amount for field, amount in sums.items() if amount}


def test_a_scanner_clicks_all_links_at_once_and_the_person_two_hours_later() -> None:
    story = mailed()
    story.step(told(EMAIL_OPENED, "o", story.now, key="k1"))
    for n in range(3):
        story.step(click(story, f"s{n}", 200 * n, f"/{n}"))
    assert counted(story) == {"bot_opened": 1, "bot_clicked": 1}
    assert story.segments == {"any_clicked"}
    story.passes("2h")
    story.step(click(story, "p", 0, "/1"))
    assert counted(story) == {"bot_opened": 1, "bot_clicked": 1, "clicked": 1}
    assert story.segments == {"clicked", "any_clicked"}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_whatever_comes_first(order: tuple[int, ...]) -> None:
    story = mailed()
    happenings = [click(story, f"s{n}", 200 * n, f"/{n}") for n in range(3)]
    happenings.append(click(story, "p", 2 * HOUR, "/1"))
    for place in order:
        story.step(happenings[place])
    assert counted(story) == {"bot_clicked": 1, "clicked": 1}
    assert dict(story.person.ledger[0].touched) == {
        "bot_clicked": tuple(story.now + 200 * n for n in (2, 1, 0)),
        "clicked": (story.now + 2 * HOUR,),
    }
    (series,) = [s for s in story.person.series.values() if s.count == 1]
    assert [time for time, _ in series.points] == [story.now + 2 * HOUR]


def test_an_order_goes_back_to_the_mail_that_a_person_clicked() -> None:
    story = mailed()
    story.step(click(story, "w", -HOUR, "/w", key="k0"))
    story.step(click(story, "s0", 0, "/0"))
    story.step(told("Order Completed", "order", story.now + 100, total="250000", currency="VND"))
    assert counted(story)["orders"] == 1
    story.step(click(story, "s1", 200, "/1"))
    story.step(click(story, "s2", 300, "/2"))
    assert counted(story) == {"bot_clicked": 1}
    winter = counted(story, "winter")
    assert (winter["orders"], get_large(winter, "revenue")) == (1, 250_000_000_000)


def test_it_is_seen_through_old_history() -> None:
    story = mailed()
    story.step(click(story, "s0", 0, "/0"))
    story.step(click(story, "s1", 100, "/1"))
    older = story.person.recent
    story.person.recent, story.person.chunks = [], 1
    work = Work(story.person, [click(story, "s2", 200, "/2")], {"clicked": 1, "any_clicked": 1})
    work.history = older
    moves = step_batch([work], story.plan, story.now)
    assert [segment for segment, _ in moves.left] == ["clicked"]
    assert {e.id for e in whole_history(work.person, older)} == {"s0", "s1", "s2"}


def test_a_crawler_enters_nothing_and_teaches_nobody() -> None:
    story = mailed(journeys=CLICKS)
    story.person.pending["d1"] = Pending("d1", story.now, story.now + HOUR, "home", "offer")
    story.step(click(story, "b", 0, "/0", quality="bot"))
    story.step(told("Decision Clicked", "c", story.now, "bot", decision_id="d1"))
    assert not story.person.places
    assert not story.person.pending["d1"].clicked
    assert counted(story) == {"bot_clicked": 1}
    assert story.person.events == 2  # kept, all the same
    story.step(click(story, "p", 5 * SECOND, "/0"))
    assert len(story.person.places) == 1


def test_clicks_that_one_batch_shows_to_be_a_scanners_enter_nothing() -> None:
    story = mailed(journeys=CLICKS)
    work = Work(story.person, [click(story, f"s{n}", n, f"/{n}") for n in range(3)])
    step_batch([work], story.plan, story.now)
    assert not work.person.places


def test_what_was_begun_for_a_click_that_could_be_a_persons_is_not_taken_back() -> None:
    story = mailed(journeys=CLICKS)
    for n in range(3):
        story.step(click(story, f"s{n}", n, f"/{n}"))
    assert len(story.person.places) == 2


def judge(story: Story, **settings: Any) -> None:
    """The company says otherwise what a burst is, and everybody is looked at again."""
    program = story.plan.program
    changed = msgspec.structs.replace(program.settings, **settings)
    story.plan = Plan(msgspec.structs.replace(program, settings=changed))
    work = Work(story.person, [Nudged("evaluate")], dict.fromkeys(story.segments, 0))
    work.history = story.person.recent
    step_batch([work], story.plan, story.now)
    story.effects += work.effects
    story.person, story._standing = work.person, work.standing


def test_what_was_counted_follows_what_the_company_takes_for_a_burst() -> None:
    story = mailed()
    story.step(click(story, "w", -HOUR, "/w", key="k0"))
    for n in range(3):
        story.step(click(story, f"s{n}", 5 * SECOND * n, f"/{n}"))
    story.step(told("Order Completed", "o", story.now + HOUR, total="250000", currency="VND"))
    usual = counted(story)
    assert (usual["clicked"], usual["orders"]) == (1, 1)
    judge(story, burst_within=10 * SECOND)
    assert counted(story) == {"bot_clicked": 1}
    assert counted(story, "winter")["orders"] == 1
    story.step(click(story, "s3", 12 * SECOND, "/3"))
    assert counted(story) == {"bot_clicked": 1}
    assert story.person.series
    assert {s.count for s in story.person.series.values()} == {1, 5}
    judge(story, burst_links=0)
    assert counted(story) == usual
    assert "orders" not in counted(story, "winter")
    assert {s.count for s in story.person.series.values()} == {5}


def test_another_mailers_burst_counts_for_nothing() -> None:
    story = Story(segments=SEGMENTS, journeys=CLICKS)
    for n in range(3):
        link: dict[str, Any] = {"email_id": "e1", "link_url": f"/{n}"}
        story.step(told(EMAIL_LINK_CLICKED, f"s{n}", story.now + n, **link))
    assert story.segments == {"any_clicked"}
    assert counted(story) == {}
