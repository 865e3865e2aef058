"""What is appended is there once, in order, on the disk, until it is erased."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duyen.model.catalogue import Item
from duyen.model.consent import Statement
from duyen.model.errors import InvalidInput, Unavailable
from duyen.model.person import Person, Trait
from duyen.model.times import DAY
from duyen.model.values import canonical
from duyen.rules import parse_rule
from duyen.rules.columns import twins
from duyen.stores.lake import CHECKPOINT_EVERY, MANY_FILES, Lake
from duyen.stores.lake_rows import EventRow, group_batch, item_batch, people_batch, redirect_batch
from duyen.stores.query import Query
from tests.lake.rows import NOON, event, fact, row


def ids(query: Query) -> list[str]:
    return [id for (id,) in query.sql("SELECT id FROM events ORDER BY seq, idx").rows]


def test_an_event_comes_back_as_it_was(lake: Lake, query: Query) -> None:
    told = event("m1", "Order Completed", NOON, total="12.50", city="Đà Nẵng", nested={"a": [1]})
    lake.append_events([EventRow("p1", told, 7, 3)], "live", 7)
    answer = query.sql("SELECT * FROM events")
    found = dict(zip(answer.columns, answer.rows[0], strict=True))
    derived = twins(told.properties)
    assert found == {
        "person": "p1",
        "person_then": "p1",
        "id": "m1",
        "name": "Order Completed",
        "type": "track",
        "time": NOON,
        "happened": "2023-11-14T22:13:20Z",
        "received": NOON,
        "source": "web",
        "imported": False,
        "trusted": True,
        "quality": "",
        "properties": '{"total":"12.50","city":"Đà Nẵng","nested":{"a":[1]}}',
        "folded": derived.folded,
        "numbers": derived.numbers,
        "instants": derived.instants,
        "traits": "{}",
        "identifiers": '[["user_id","user of m1"]]',
        "context": "{}",
        "seq": 7,
        "idx": 3,
    }


def test_the_position_of_each_lane_is_remembered(lake: Lake) -> None:
    assert lake.position("events", "live") == -1
    lake.append_events([row(5)], "live", 5)
    lake.append_events([row(3)], "bulk", 4)
    lake.append_events([], "live", 9)
    again = Lake(lake.folder)
    assert (again.position("events", "live"), again.position("events", "bulk")) == (9, 4)
    assert again.position("events", "control") == -1
    assert again.position("facts", "live") == -1


def test_positions_outlive_compaction_and_cleaning(lake: Lake) -> None:
    for seq in range(45):
        lake.append_events([row(seq)], "live", seq)
    lake.compact()
    lake.vacuum(hours=0)
    assert Lake(lake.folder).position("events", "live") == 44


def test_the_same_append_again_writes_nothing(lake: Lake, query: Query) -> None:
    rows = [row(1), row(2), row(2, 1)]
    assert lake.append_events(rows, "live", 2) == 3
    assert lake.append_events(rows, "live", 2) == 0
    assert Lake(lake.folder).append_events(rows, "live", 2) == 0
    assert ids(query) == ["m1.0", "m2.0", "m2.1"]


def test_a_wider_batch_again_writes_only_what_is_new(lake: Lake, query: Query) -> None:
    lake.append_events([row(1), row(2)], "live", 2)
    assert lake.append_events([row(1), row(2), row(3)], "live", 3) == 1
    assert ids(query) == ["m1.0", "m2.0", "m3.0"]


def test_lanes_do_not_hide_each_other(lake: Lake, query: Query) -> None:
    lake.append_events([row(9)], "live", 9)
    assert lake.append_events([row(4), row(8)], "bulk", 8) == 2
    assert ids(query) == ["m4.0", "m8.0", "m9.0"]


def test_a_second_telling_of_an_event_is_left_out(lake: Lake, query: Query) -> None:
    lake.append_events(
        [row(1, id="m"), row(1, 1, id="m"), row(1, 2, id="m", person="p2")], "live", 1
    )
    lake.append_events([row(2, id="m", time=NOON + DAY)], "bulk", 2)
    assert query.sql("SELECT person, id, seq, idx FROM events ORDER BY idx").rows == [
        ("p1", "m", 1, 0),
        ("p2", "m", 1, 2),
    ]


def test_a_second_telling_is_known_after_a_merge(lake: Lake, query: Query) -> None:
    lake.append_events([row(1, id="m", person="loser")], "live", 1)
    lake.write_snapshot("owners", redirect_batch({"loser": "winner"}))
    assert lake.append_events([row(2, id="m", person="winner")], "live", 2) == 0
    assert lake.append_events([row(3, id="m", person="other")], "live", 3) == 1


def test_facts_are_kept_once(lake: Lake, query: Query) -> None:
    assert lake.append_facts([fact(1), fact(2, "p2")], "facts", 2) == 2
    assert lake.append_facts([fact(1), fact(2, "p2"), fact(3)], "facts", 3) == 1
    assert query.sql("SELECT person, name, properties, happened FROM facts ORDER BY seq").rows == [
        (person, "Journey Entered", '{"journey":"welcome"}', "2023-11-14T22:13:20Z")
        for person in ("p1", "p2", "p1")
    ]


def test_compaction_keeps_every_row_sorted_in_one_file(lake: Lake, query: Query) -> None:
    for seq in range(30):
        rows = [
            row(seq, n, person=f"p{(seq * 7 + n) % 5}", name=f"n{(seq + n) % 3}", time=NOON - seq)
            for n in range(10)
        ]
        lake.append_events(rows, "live", seq)
    everything = "SELECT * FROM events ORDER BY seq, idx"
    before = query.sql(everything)
    assert len(lake.files("events")[1]) == 30
    assert lake.compact() == 1
    assert lake.compact() == 0, "nothing is left to do"
    _, files = lake.files("events")
    assert len(files) == 1
    assert query.sql(everything) == before
    table = pq.ParquetFile(files[0]).read()
    keys = list(zip(*(table[c].to_pylist() for c in ("name", "person", "time")), strict=True))
    assert keys == sorted(keys)


def test_runs_are_closed_at_their_size(tmp_path: Path) -> None:
    lake = Lake(tmp_path, run_rows=20)
    for seq in range(12):
        lake.append_events([row(seq, n) for n in range(5)], "live", seq)
    assert lake.compact() == 3
    _, files = lake.files("events")
    assert [Path(file).parent.name for file in files] == ["part=0", "part=1", "part=2"]
    assert lake.sizes()[0].rows == 60
    lake.append_events([row(99)], "live", 99)
    assert lake.compact() == 0, "closed runs stay as they are"


def data_files(lake: Lake, table: str) -> list[str]:
    found = (lake.folder / table).rglob("*.parquet")
    return sorted(str(path) for path in found if "_delta_log" not in path.parts)


def test_maintenance_sorts_what_has_grown(lake: Lake) -> None:
    for seq in range(MANY_FILES - 1):
        lake.append_events([row(seq)], "live", seq)
    version = lake.files("events")[0]
    lake.maintain()
    assert lake.files("events")[0] == version, "there was nothing to do"
    lake.append_events([row(99)], "live", 99)
    lake.maintain()
    assert len(lake.files("events")[1]) == 1


def test_maintenance_leaves_to_readers_what_they_may_still_read(lake: Lake) -> None:
    for seq in range(MANY_FILES + 1):
        lake.append_events([row(seq)], "live", seq)
    before = data_files(lake, "events")
    lake.maintain()
    assert set(before) < set(data_files(lake, "events"))


def test_vacuum_removes_what_no_table_names(lake: Lake) -> None:
    lake.append_events([row(1)], "live", 1)
    orphan = lake.folder / "events" / "part=0" / "part-left-by-a-crash.parquet"
    orphan.write_bytes(b"half a file")
    lake.vacuum(hours=0)
    assert data_files(lake, "events") == lake.files("events")[1]


def test_the_log_of_a_table_does_not_grow_for_ever(lake: Lake, query: Query) -> None:
    for _ in range(5 * CHECKPOINT_EVERY + 1):
        lake.write_snapshot("people", people_batch([Person(id="p1")]))
    assert len(data_files(lake, "people")) == 2, "the newest snapshot and the one before"
    lake.maintain()
    assert len(list((lake.folder / "people" / "_delta_log").glob("*.json"))) < CHECKPOINT_EVERY
    assert query.sql("SELECT person FROM people").rows == [("p1",)]
    assert Lake(lake.folder).sizes()[2].rows == 1


@pytest.mark.parametrize("compacted", [False, True])
def test_an_erased_person_is_nowhere_on_the_disk(lake: Lake, query: Query, compacted: bool) -> None:
    lake.append_events([row(1, person="gone-person", secret="mật khẩu-xyz"), row(2)], "live", 2)
    lake.append_events([row(3, person="gone-alias", secret="mật khẩu-xyz")], "live", 3)
    lake.append_facts([fact(1, "gone-person"), fact(2)], "facts", 2)
    people = [Person(id="gone-person"), Person(id="p1")]
    lake.write_snapshot("people", people_batch(people))
    lake.write_snapshot("owners", redirect_batch({"gone-alias": "gone-person", "x": "p1"}))
    if compacted:
        lake.compact()
    assert lake.delete_person("gone-person") == 5
    assert query.sql("SELECT person FROM events").rows == [("p1",)]
    assert query.sql("SELECT person FROM facts").rows == [("p1",)]
    assert query.sql("SELECT person FROM people").rows == [("p1",)]
    assert query.sql("SELECT * FROM redirects").rows == [("x", "p1")]
    assert lake.position("events", "live") == 3
    assert _found_on_disk(lake.folder, b"gone-") == []
    assert _found_in_values(lake.folder, "mật khẩu-xyz") == []


def _found_on_disk(folder: Path, needle: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()]


def _found_in_values(folder: Path, needle: str) -> list[Path]:
    """Files of data that still hold a text, decompressed."""
    data = [path for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts]
    return [path for path in data if needle in str(pq.ParquetFile(path).read().to_pylist())]


def test_deleting_nobody_deletes_nothing(lake: Lake, query: Query) -> None:
    lake.append_events([row(1)], "live", 1)
    assert lake.delete_person() == 0
    assert lake.delete_person("nobody", "it's; DROP TABLE events --") == 0
    assert ids(query) == ["m1.0"]


def test_a_snapshot_takes_the_place_of_the_last_one(lake: Lake, query: Query) -> None:
    said = Statement("granted", NOON, "m1")
    people = [
        Person(
            id="p1",
            traits={"city": Trait("Huế", NOON, "m1"), "age": Trait(31, NOON, "m1")},
            consent={"default/marketing/email": said},
            identifiers={"email": {"b@example.test": NOON, "a@example.test": NOON}},
            groups={"acme": NOON},
            first=NOON,
            last=NOON + 5,
            events=2,
        )
    ]
    lake.write_snapshot("people", people_batch([Person(id="old")]))
    lake.write_snapshot("people", (people_batch([one]) for one in people))
    answer = query.sql("SELECT * FROM people")
    found = [dict(zip(answer.columns, one, strict=True)) for one in answer.rows]
    assert found == [
        {
            "person": "p1",
            "traits": '{"city":"Huế","age":31}',
            "folded": '{"city":"hue"}',
            "numbers": '{"age":31000000}',
            "instants": "{}",
            "consent": '{"default/marketing/email":"granted"}',
            "identifiers": '{"email":["a@example.test","b@example.test"]}',
            "groups": f'{{"acme":{NOON}}}',
            "first": NOON,
            "last": NOON + 5,
            "events": 2,
        }
    ]
    lake.write_snapshot("people", iter(()))
    assert query.sql("SELECT * FROM people").rows == []


def test_items_and_redirects_are_snapshots_too(lake: Lake, query: Query) -> None:
    lake.write_snapshot(
        "items", item_batch([Item(id="A", name="Đèn", price="2.00", tags=("new",))])
    )
    assert query.sql("SELECT id, name, price, stock, sellable, tags FROM items").rows == [
        ("A", "Đèn", "2.00", None, True, '["new"]')
    ]
    lake.write_snapshot("owners", redirect_batch({"a": "b", "b": "c", "x": "y", "y": "x"}))
    answer = dict(query.sql("SELECT * FROM redirects WHERE person < 'x'").rows)
    assert answer == {"a": "c", "b": "c"}


def test_who_is_in_which_group(lake: Lake, query: Query) -> None:
    people = [Person("p1", groups={"acme": 1_000, "zeta": 5}), Person("p2", groups={"acme": 7})]
    lake.write_snapshot("people", people_batch([*people, Person("p3")]))
    acme = {"id": "acme", "name": "Ánh Dương", "plan": "pro", "size": 120}
    lake.write_snapshot("groups", group_batch([("acme", acme), ("zeta", {"id": "zeta"})]))
    asked = "SELECT person, group_id, since, happened FROM group_members ORDER BY ALL"
    assert query.sql(asked).rows == [
        ("p1", "acme", 1_000, "1970-01-01T00:00:01Z"),
        ("p1", "zeta", 5, "1970-01-01T00:00:00.005000Z"),
        ("p2", "acme", 7, "1970-01-01T00:00:00.007000Z"),
    ]
    asked = "SELECT id, name, traits ->> '$.plan', numbers ->> '$.size' FROM groups ORDER BY id"
    assert query.sql(asked).rows == [
        ("acme", "Ánh Dương", "pro", "120000000"),
        ("zeta", "zeta", None, None),
    ]
    large = parse_rule({"group": {"plan": "pro", "size": {"gte": 100}}})
    assert query.members(large, 0) == ["p1", "p2"]
    assert query.members(parse_rule({"not": {"group": {"id": "acme"}}}), 0) == ["p3"]
    lake.delete_person("p1")
    assert query.members(large, 0) == ["p2"]


def test_only_known_snapshots_can_be_written(lake: Lake) -> None:
    for name in ("events", "facts", "attic"):
        with pytest.raises(InvalidInput):
            lake.write_snapshot(name, people_batch([]))
    with pytest.raises(InvalidInput):
        lake.files("attic")


def test_a_lost_file_is_named(lake: Lake, query: Query) -> None:
    lake.append_events([row(1)], "live", 1)
    lake.append_events([row(2)], "live", 2)
    assert lake.damage() == []
    first, second = lake.files("events")[1]
    Path(first).unlink()
    Path(second).write_bytes(Path(second).read_bytes()[:-10])
    assert lake.damage() == [first, second] or lake.damage() == [second, first]
    with pytest.raises(Unavailable) as caught:
        query.sql("SELECT * FROM events")
    assert "cannot be read" in caught.value.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(width=64) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.text(), json_values, max_size=4), min_size=1, max_size=8))
def test_any_properties_come_back_from_their_text(
    lake: Lake, query: Query, told: list[dict[str, object]]
) -> None:
    kept = [canonical(one) for one in told]
    seq = lake.position("events", "live") + 1
    rows = [row(seq, n, properties=one) for n, one in enumerate(kept)]
    lake.append_events(rows, "live", seq)
    found = query.sql(f"SELECT properties FROM events WHERE seq = {seq} ORDER BY idx").rows
    assert [json.loads(text)["properties"] for (text,) in found] == kept
