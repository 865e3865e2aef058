"""Events out of files: whose they are, what they are called, and ids that last."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duyen.connectors.events import Events, named
from duyen.connectors.guess import guess_mapping
from duyen.connectors.mapping import Mapping, from_yaml
from duyen.connectors.report import Report
from duyen.connectors.tables import open_table
from duyen.model.errors import InvalidRule
from duyen.model.event import Collected, Rejected
from duyen.model.times import parse_time

NOW = parse_time("2026-11-22")


def convert(
    path: Path, text: str, mapping: Mapping | None = None, **told: Any
) -> tuple[list[Collected], list[Rejected], Report]:
    path.write_text(text, encoding="utf-8")
    table = open_table(path)
    mapping = mapping or guess_mapping(table.columns, table.sample(), kind="events", **told).mapping
    conversion = Events(table, mapping, now=NOW, timezone="Asia/Ho_Chi_Minh", currency="VND")
    entries = [one.entry for one in conversion]
    events = [one for one in entries if isinstance(one, Collected)]
    return events, [one for one in entries if isinstance(one, Rejected)], conversion.report


def properties(event: Collected) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(bytes(event.properties) or b"{}")
    return told


def test_a_log_of_behaviour_is_read_without_a_word(tmp_path: Path) -> None:
    text = (
        "user_id,item_id,category_id,behavior,event_time_utc\n"
        "1,77,5,pv,2026-05-01 10:00:00\n1,77,5,cart,2026-05-01 10:01:00\n1,77,5,buy,2026-05-01 10:02:00\n"
        "2,78,5,fav,2026-05-01 10:03:00\n2,78,5,swim,2026-05-01 10:04:00\n"
    )
    events, _, report = convert(tmp_path / "log.csv", text)
    assert [e.name for e in events] == [
        "Product Viewed", "Product Added", "Order Completed", "Product Added to Wishlist", "swim",
    ]  # fmt: skip
    assert events[0].time == parse_time("2026-05-01T10:00:00Z")  # the column's name says UTC
    assert properties(events[0]) == {"product_id": "77", "category": "5"}
    assert properties(events[2])["products"] == [
        {"product_id": "77", "category": "5", "quantity": 1}
    ]
    assert (report.customers, report.items, report.accepted) == (2, 2, 5)


def test_an_order_of_one_line_has_its_exact_total(tmp_path: Path) -> None:
    text = "customer id,event,product id,price,quantity,date\nk,buy,a,0.1,3,2026-05-01\n"
    events, _, _ = convert(tmp_path / "buys.csv", text)
    told = properties(events[0])
    assert (told["total"], told["currency"]) == ("0.30", "VND")
    assert told["products"] == [{"product_id": "a", "price": "0.10", "quantity": 3}]


def test_reviews_are_known_as_such_and_other_columns_are_kept(tmp_path: Path) -> None:
    text = "Mã khách hàng;Mã sản phẩm;Số sao;Nhận xét;Ngày;Mã cửa hàng;Điểm cộng\nk1;p1;5;Rất tốt;31/12/2025;007;1,5\n"
    events, _, _ = convert(tmp_path / "reviews.csv", text)
    assert events[0].name == "Product Reviewed"
    assert properties(events[0]) == {
        "product_id": "p1", "rating": 5, "review": "Rất tốt", "ma_cua_hang": "007", "diem_cong": 1.5,
    }  # fmt: skip


def test_a_row_that_cannot_be_one_is_told_and_the_others_are_taken(tmp_path: Path) -> None:
    text = (
        "customer id,event,date,price\nk,Seen,2026-05-01,1\n,Seen,2026-05-01,1\nk,,2026-05-01,1\n"
        "k,Seen,tomorrow,1\nk,Seen,2027-05-01,1\nk,Seen,2026-05-01,dear\n"
        + "x" * 300
        + ",Seen,2026-05-01,1\n"
    )
    events, bad, report = convert(tmp_path / "e.csv", text)
    assert [one.reasons for one in bad] == [
        ("nobody is named",),
        ("the event is empty",),
        ("the time “tomorrow” cannot be read",),
        ("the time lies in the future; look at the time zone and the date order",),
        ("the price “dear” cannot be read",),
        ("the customer_id is longer than 200 characters",),
    ]
    assert (len(events), report.rows, report.accepted, report.rejected) == (1, 7, 1, 6)


def test_further_identifiers_and_addresses_say_who_it_was(tmp_path: Path) -> None:
    text = "card,email,event,date\nC-1,An@X.vn,Stamped,2026-05-01\nC-2,,Stamped,2026-05-01\n"
    events, _, _ = convert(tmp_path / "e.csv", text, ids={"loyalty_card": "card"})
    assert json.loads(bytes(events[0].context)) == {
        "traits": {"email": "an@x.vn"},
        "externalIds": [{"type": "loyalty_card", "id": "C-1"}],
    }
    assert "traits" not in json.loads(bytes(events[1].context))


def test_a_mapping_without_an_event_or_a_person_is_refused() -> None:
    for text in (
        "kind: events\nsource: s\ncolumns: {time: t, customer_id: c}",
        "kind: events\nsource: s\nevent: E\ncolumns: {time: t}",
        "kind: events\nsource: s\nevent: E\ncolumns: {time: t, customer_id: c}\nmore: {x: gone}",
        "kind: events\nsource: s\nevent: E\ncolumns: {time: t, customer_id: c}\ntypes: {x: number}",
    ):
        from duyen.connectors.mapping import check

        with pytest.raises(InvalidRule):
            check(from_yaml(text), ["t", "c"])


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("add_to_cart", "Product Added"),
        ("Mua hàng", "Order Completed"),
        ("PV", "Product Viewed"),
        ("nap", ""),
    ],
)
def test_words_of_foreign_columns(word: str, name: str) -> None:
    assert named(word) == name


_rows = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(1, 3)), max_size=20
)


@settings(max_examples=60)
@given(_rows, st.randoms(use_true_random=False))
def test_ids_last_however_a_file_is_sorted_and_called(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int]], random: Any
) -> None:
    """Equal rows are so many events; the same rows in any order have the same ids, and so has a part of them."""
    folder = tmp_path_factory.mktemp("events")

    def ids(some: list[tuple[str, str, int]], name: str) -> list[str]:
        mapping = from_yaml("kind: events\nsource: s\ncolumns: {time: t, customer_id: c, event: e}")
        text = "c,e,t\n" + "".join(f"{c},{e},2026-05-0{day}\n" for c, e, day in some)
        return [event.id for event in convert(folder / name, text, mapping)[0]]

    if not rows:
        return
    whole = ids(rows, "one.csv")
    assert max(Counter(whole).values()) == 1
    shuffled = random.sample(rows, len(rows))
    assert set(ids(shuffled, "two.csv")) == set(whole)
    assert set(ids(rows[: len(rows) // 2 + 1], "three.csv")) <= set(whole)
