"""A customer's company in stories: what it is brings people into segments and journeys."""

from __future__ import annotations

from duyen.model.happening import Nudged
from duyen.testing.story import Story

BUSINESS = {"group": {"plan": "business", "employees": {"gte": 100}}}
JOURNEY = {"name": "Hello", "entry": {"segment": "business"}, "steps": [{"wait": "1d"}]}


def told() -> Story:
    """A customer whose company is large, and not on the plan."""
    story = Story(segments={"business": BUSINESS}, journeys={"hello": JOURNEY})
    return story.group("acme", plan="free", employees=120)


def test_a_company_that_takes_the_plan_brings_its_customer_in_and_out() -> None:
    story = told()
    assert story.segments == set()
    story.passes("1h").group("acme", plan="business")
    assert story.segments == {"business"}
    assert [place.journey for place in story.person.places.values()] == ["hello"]
    story.passes("1h").group("acme", employees=99)
    assert story.segments == set()


def test_two_companies_are_not_one() -> None:
    story = told().group("zeta", plan="business", employees=3)
    assert story.segments == set()


def test_a_colleague_told_it() -> None:
    """The customer is only looked at again, and sets out; where it was history, they are in and stay where they are."""
    for reacts in (True, False):
        story = told()
        story.knows("acme", plan="business")
        story.step(Nudged("group", reacts=reacts))
        assert story.segments == {"business"}
        assert bool(story.person.places) is reacts
