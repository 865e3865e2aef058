"""Quiet hours by the person's own clock, on days with 23, 24 and 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.model.event import Event
from duyen.model.person import Person, Trait
from duyen.model.program import WorkspaceSettings
from duyen.model.times import DAY, HOUR, Millis, parse_time
from duyen.rules.quiet import clock, quiet_for, quiet_until, zone_named, zone_of

ZONES = (
    "Asia/Ho_Chi_Minh",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",  # its clock moves by half an hour
    "Pacific/Apia",  # it skipped a whole day in 2011
    "Asia/Kathmandu",
    "America/St_Johns",
    "Africa/Casablanca",
    "UTC",
)


def local(instant: Millis, zone: tzinfo) -> time:
    """The wall clock at an instant."""
    return (
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)).astimezone(zone).time()
    )


def is_quiet(at: time, start: str, end: str) -> bool:
    """Said once more, in other words: minutes counted from the start of the span."""
    first, last = (int(x[:2]) * 60 + int(x[3:]) for x in (start, end))
    minute = at.hour * 60 + at.minute
    return (minute - first) % 1440 < (last - first) % 1440


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        ("2026-11-20T12:00:00+07:00", "Asia/Ho_Chi_Minh", None),
        ("2026-11-20T20:59:59+07:00", "Asia/Ho_Chi_Minh", None),
        ("2026-11-20T21:00:00+07:00", "Asia/Ho_Chi_Minh", "2026-11-21T08:00:00+07:00"),
        ("2026-11-21T07:59:59+07:00", "Asia/Ho_Chi_Minh", "2026-11-21T08:00:00+07:00"),
        ("2026-11-21T08:00:00+07:00", "Asia/Ho_Chi_Minh", None),
        # the night in which New York's clocks go forward is an hour shorter, and back an hour longer
        ("2026-03-07T22:00:00-05:00", "America/New_York", "2026-03-08T08:00:00-04:00"),
        ("2026-10-31T22:00:00-04:00", "America/New_York", "2026-11-01T08:00:00-05:00"),
    ],
)
def test_over_midnight(now: str, zone: str, expected: str | None) -> None:
    found = quiet_until(parse_time(now), ZoneInfo(zone), "21:00", "08:00")
    assert found == (parse_time(expected) if expected else None)


def test_an_end_that_the_clock_shows_twice_or_not_at_all() -> None:
    york = ZoneInfo("America/New_York")
    first_pass = parse_time("2026-11-01T01:10:00-04:00")
    assert quiet_until(first_pass, york, "21:00", "01:30") == parse_time(
        "2026-11-01T01:30:00-04:00"
    )
    second_pass = parse_time("2026-11-01T01:10:00-05:00")
    assert quiet_until(second_pass, york, "21:00", "01:30") == parse_time(
        "2026-11-01T01:30:00-05:00"
    )
    skipped = quiet_until(parse_time("2026-03-08T01:00:00-05:00"), york, "21:00", "02:30")
    assert skipped == parse_time("2026-03-08T03:30:00-04:00")


def test_equal_times_mean_no_quiet_hours() -> None:
    assert quiet_until(parse_time("2026-11-20T00:00:00Z"), UTC, "00:00", "00:00") is None


@given(
    st.integers(parse_time("2010-01-01"), parse_time("2037-01-01")),
    st.sampled_from(ZONES),
    st.integers(0, 1439),
    st.integers(0, 1439),
)
def test_it_is_quiet_until_the_answer_and_not_at_it(
    now: Millis, name: str, first: int, last: int
) -> None:
    zone = ZoneInfo(name)
    start, end = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in (first, last))
    until = quiet_until(now, zone, start, end)
    assert (until is not None) == is_quiet(local(now, zone), start, end)
    if until is None:
        return
    assert now < until <= now + 2 * DAY
    assert not is_quiet(local(until, zone), start, end)


@given(st.integers(parse_time("2026-03-06"), parse_time("2026-03-10")))
def test_the_answer_does_not_move_while_it_is_quiet(now: Millis) -> None:
    york = ZoneInfo("America/New_York")
    until = quiet_until(now, york, "21:00", "08:00")
    if until is not None:
        between = now + (until - now) // 2
        assert quiet_until(between, york, "21:00", "08:00") == until
        assert until - now <= 11 * HOUR


def event(timezone: object) -> Event:
    """An event whose context names a time zone."""
    return Event("e", "track", "x", 1, 1, "s", True, (), {}, {}, {"timezone": timezone})


def test_the_person_s_time_zone() -> None:
    settings = WorkspaceSettings(timezone="Asia/Ho_Chi_Minh")
    person = Person(id="p")
    assert zone_of(person, settings) == ZoneInfo("Asia/Ho_Chi_Minh")
    person.recent = [event("Europe/Paris"), event("Asia/Tokyo")]
    assert zone_of(person, settings) == ZoneInfo("Asia/Tokyo")
    person.traits["timezone"] = Trait("America/Lima", 1, "t")
    assert zone_of(person, settings) == ZoneInfo("America/Lima")
    person.traits["timezone"] = Trait("../../etc/passwd", 1, "t")
    assert zone_of(person, settings) == ZoneInfo("Asia/Tokyo")
    person.recent = [event(7)]
    assert zone_of(person, settings) == ZoneInfo("Asia/Ho_Chi_Minh")
    assert zone_of(person, WorkspaceSettings(timezone="Nowhere/Land")) == UTC


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "a\0b", "Asia", "Asia/Nowhere", "+99:00", "+x"]
)
def test_what_is_no_time_zone(name: str) -> None:
    assert zone_named(name) is None


def test_an_offset_is_a_time_zone() -> None:
    zone = zone_named("+05:30")
    assert zone is not None
    assert zone.utcoffset(None) == timedelta(hours=5, minutes=30)
    assert zone_named("-03:00") is not None


@pytest.mark.parametrize("text", ["24:00", "9:00", "21", "21:60", "21:00:00", ""])
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match="21:00"):
        clock(text)


def test_the_zone_of_the_device_that_asks_comes_after_what_the_person_said() -> None:
    hours = WorkspaceSettings(timezone="UTC", quiet_from="21:00", quiet_to="08:00")
    night_in_hanoi = parse_time("2024-05-01T15:00:00Z")
    nobody = Person("p1")
    assert quiet_for(nobody, hours, night_in_hanoi) is None
    end = quiet_for(nobody, hours, night_in_hanoi, "Asia/Ho_Chi_Minh")
    assert end == parse_time("2024-05-02T01:00:00Z")
    said = Person("p1", traits={"timezone": Trait("UTC", 0, "e")})
    assert quiet_for(said, hours, night_in_hanoi, "Asia/Ho_Chi_Minh") is None
    assert quiet_for(nobody, hours, night_in_hanoi, ["no zone"]) is None


def test_hours_that_cannot_be_read_are_the_usual_ones() -> None:
    odd = WorkspaceSettings(timezone="UTC", quiet_from="soon", quiet_to="later")
    assert quiet_for(Person("p1"), odd, parse_time("2024-05-01T22:00:00Z")) is not None
    assert quiet_for(Person("p1"), odd, parse_time("2024-05-01T12:00:00Z")) is None
