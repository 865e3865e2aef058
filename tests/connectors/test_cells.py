"""Numbers, times and identifiers as people export them."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.connectors.cells import (
    DateOrder,
    DecimalMark,
    decimal_text,
    read_email,
    read_id,
    read_number,
    read_phone,
    read_time,
)

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.mark.parametrize(
    ("cell", "mark", "micros"),
    [
        ("2.55", ".", 2_550_000),
        ("-6", ".", -6_000_000),
        ("1,234.50", ".", 1_234_500_000),
        ("1.234,50", ",", 1_234_500_000),
        ("120.000 ₫", ",", 120_000_000_000),
        ("120.000đ", ",", 120_000_000_000),
        ("1.250.000 VND", ",", 1_250_000_000_000),
        ("120.000 VNĐ", ",", 120_000_000_000),
        ("vnđ 120.000", ",", 120_000_000_000),
        ("120.000 đồng", ",", 120_000_000_000),
        ("R$ 39,95", ",", 39_950_000),
        ("£2.55", ".", 2_550_000),
        ("(12.00)", ".", -12_000_000),
        ("1e3", ".", 1_000_000_000),
        (2.55, ".", 2_550_000),
        (7, ".", 7_000_000),
        ("1,2", ".", None),
        ("12,34,567", ".", None),
        ("1.2.3", ".", None),
        ("damaged", ".", None),
        ("", ".", None),
        ("1 2 x", ".", None),
        (True, ".", None),
        (None, ".", None),
        (float("inf"), ".", None),
    ],
)
def test_numbers(cell: Any, mark: DecimalMark, micros: int | None) -> None:
    """Written any way, a number is exact or none."""
    assert read_number(cell, mark) == micros


@given(st.integers(-(10**17), 10**17))
def test_a_written_number_reads_back(micros: int) -> None:
    """decimal_text and read_number are inverse."""
    assert read_number(decimal_text(micros, 6)) == micros


@pytest.mark.parametrize(
    ("cell", "order", "expected"),
    [
        ("2026-11-21 14:05", "ymd", "2026-11-21T14:05:00+07:00"),
        ("2026-11-21T14:05:09.25Z", "ymd", "2026-11-21T14:05:09.250+00:00"),
        ("2026-11-21T14:05:09+09:00", "dmy", "2026-11-21T14:05:09+09:00"),
        ("21/11/2026", "dmy", "2026-11-21T00:00:00+07:00"),
        ("12/1/2010 8:26", "mdy", "2010-12-01T08:26:00+07:00"),
        ("12/1/2010 8:26", "dmy", "2010-01-12T08:26:00+07:00"),
        ("12/1/10 8:26 PM", "mdy", "2010-12-01T20:26:00+07:00"),
        ("21/11/2026 02:05:00 CH", "dmy", "2026-11-21T14:05:00+07:00"),
        ("20261121", "ymd", "2026-11-21T00:00:00+07:00"),
        ("1763708700", "ymd", "2025-11-21T07:05:00+00:00"),
        (1763708700000, "ymd", "2025-11-21T07:05:00+00:00"),
        (date(2026, 11, 21), "ymd", "2026-11-21T00:00:00+07:00"),
        (datetime(2026, 11, 21, 7, tzinfo=UTC), "ymd", "2026-11-21T07:00:00+00:00"),
        ("2026-02-30", "ymd", None),
        ("soon", "ymd", None),
        ("7", "ymd", None),
        (7, "ymd", None),
        (None, "ymd", None),
    ],
)
def test_times(cell: Any, order: DateOrder, expected: str | None) -> None:
    """A time without an offset is local; one with an offset is what it says."""
    instant = None if expected is None else datetime.fromisoformat(expected).timestamp() * 1000
    assert read_time(cell, order, HANOI) == instant


def test_the_hour_a_clock_change_repeats_is_the_first() -> None:
    """London, 31 October 2010: 01:30 happened twice."""
    first = datetime(2010, 10, 31, 0, 30, tzinfo=UTC).timestamp() * 1000
    assert read_time("2010-10-31 01:30", "ymd", ZoneInfo("Europe/London")) == first


def test_identifiers() -> None:
    """Ids that spreadsheets turned into decimals are mended; what is no address is empty."""
    assert [read_id(v) for v in ("17850.0", 17850, 17850.0, " a1 ", None, "1.50")] == [
        "17850", "17850", "17850", "a1", "", "1.50",
    ]  # fmt: skip
    assert read_email(" An.Nguyen@Example.VN ") == "an.nguyen@example.vn"
    assert [read_email(v) for v in ("a@b", "a b@c.vn", None, "x")] == ["", "", "", ""]
    assert [read_phone(v) for v in ("0901 234 567", "+84 90-123-4567", "12345678", "hello")] == [
        "0901234567", "+84901234567", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "cell",
    [
        "21-Nov-2025 14:05", "21 November 2025 14:05", "Nov 21, 2025 14:05", "November 21st, 2025, 2:05 PM",
        "Fri, 21 Nov 2025 14:05:00", "21Nov25 14:05", "14:05 21/11/2025", "2:05 CH 21/11/2025", "14:05, 2025-11-21",
        "21 tháng 11, 2025 14:05", "ngày 21 tháng 11 năm 2025 14:05", "21 thg 11, 2025, 14:05",
    ],
)  # fmt: skip
def test_times_in_words(cell: str) -> None:
    """Months by their names, and the hour before the day, as Vietnamese shops write it."""
    written = int(datetime(2025, 11, 21, 14, 5, tzinfo=HANOI).timestamp() * 1000)
    assert read_time(cell, "dmy", HANOI) == written


@pytest.mark.parametrize(
    "cell",
    [
        "21-Nov",
        "12 march of dimes 20",
        "5 Maybe 2025",
        "31 Feb 2025",
        "Monday",
        "14:05",
        "21 tháng 13, 2025",
    ],
)
def test_words_that_are_no_time(cell: str) -> None:
    """What only looks like a month is none."""
    assert read_time(cell, "dmy", HANOI) is None
